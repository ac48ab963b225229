/** What the relay does with a controller that breaks the rules, or is merely strange. */
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RelayError } from '../../daemon/host/errors.ts';
import type { LinkState } from '../../daemon/link/link.ts';
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts';
import { FakeClock, settle, until } from '../support/fake-clock.ts';
import { command, HELLO, type Loose, RawController, type RawPeer, WELCOME } from '../support/raw-peer.ts';
import { type RelayEnd, type RelayEndOptions, relayEnd, TOKEN } from '../support/relay-end.ts';

let cloud: RawController;
let clock: FakeClock;
let relay: RelayEnd | undefined;
let states: LinkState[];
const relays: RelayEnd[] = [];

beforeEach(async () => {
  cloud = await RawController.listen();
  clock = new FakeClock();
  states = [];
});
afterEach(async () => {
  await cloud.close();
  for (const started of relays.splice(0)) {
    await started.stop();
    rmSync(started.store.folder, { recursive: true, force: true });
  }
  relay = undefined;
});

function startRelay(o: Partial<RelayEndOptions> = {}): RelayEnd {
  relay = relayEnd({ clock, random: () => 0, onState: (s) => states.push(s), ...o, url: o.url ?? cloud.url });
  relays.push(relay);
  return relay;
}

/** Opens up to and including `welcome`. */
async function open(number = 1, welcome: Partial<Loose> = {}): Promise<{ peer: RawPeer; identify: Loose }> {
  const peer = await cloud.peer(number);
  peer.say(HELLO);
  const identify = await peer.next('identify');
  peer.say({ ...WELCOME, ...welcome });
  return { peer, identify };
}

async function ended(peer: RawPeer): Promise<{ code: number; bye: Loose }> {
  const bye = await peer.next('bye');
  const { code } = await peer.end();
  expect(bye.code).toBe(code);
  return { code, bye };
}

const say = (id: string, data: Record<string, unknown> = {}) =>
  startedRelay().store.commit.run(() => startedRelay().journal.append('message.inbound', data, { id }));

function startedRelay(): RelayEnd {
  if (!relay) throw new Error('no relay');
  return relay;
}

/** What the relay has taken is on its disk, and it knows. */
async function onDisk(): Promise<void> {
  await startedRelay().store.commit.run(() => undefined);
  await settle();
}

/** Comes back after a pause that the fake clock has to make. */
async function comeBack(number: number): Promise<RawPeer> {
  await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
  clock.advance(10);
  return cloud.peer(number);
}

describe('opening', () => {
  test('identify says who this is, and what is on disk', async () => {
    startRelay();
    const { identify } = await open();
    expect(identify).toMatchObject({
      protocol: 1,
      device: 'mac-1',
      agent: 'test/1',
      received: null,
      epoch: 0,
      stream: startedRelay().journal.stream,
      window: { frames: 256, bytes: 1_048_576 },
      policy_version: 'p1',
    });
    expect(startedRelay().times).toEqual([1_000]);
  });

  test('no common version is closed with 4406, and met slowly, with a condition', async () => {
    startRelay();
    const peer = await cloud.peer();
    peer.say({ ...HELLO, protocols: [2, 3] });
    peer.terminate();
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    expect(states.at(-1)?.last?.code).toBe(4406);
    expect(startedRelay().health.list()).toMatchObject([{ name: 'controller_refuses', severity: 'error' }]);
  });

  test('an opening that takes more than 10 s is closed with 4408', async () => {
    startRelay();
    const peer = await cloud.peer();
    peer.say(HELLO);
    await peer.next('identify');
    clock.advance(9_999);
    expect(peer.frames).toHaveLength(1);
    clock.advance(1);
    expect((await ended(peer)).code).toBe(4408);
  });

  test.each([
    ['a command before welcome', command(1)],
    ['a second hello', HELLO],
    ['an ack before welcome', { type: 'ack', seq: 0 }],
    ['an identify from the controller', { ...HELLO, type: 'identify' }],
  ])('%s is closed with 4400', async (_what, frame) => {
    startRelay();
    const peer = await cloud.peer();
    peer.say(HELLO);
    await peer.next('identify');
    peer.say(frame as Loose);
    expect((await ended(peer)).code).toBe(4400);
  });

  test('an unknown frame without a number is ignored, even in the opening (invariant 8)', async () => {
    startRelay();
    const peer = await cloud.peer();
    peer.say({ type: 'weather', sunny: true });
    await open();
    await until(() => startedRelay().link.state.phase === 'open', 'open');
  });

  test('a lower epoch than one seen before is refused with 4409; a higher one is kept (invariant 5)', async () => {
    startRelay();
    const first = await open(1, { epoch: 7 });
    first.peer.terminate();
    await comeBack(2);
    const second = await open(2, { epoch: 6 });
    expect(second.identify.epoch).toBe(7);
    expect((await ended(second.peer)).code).toBe(4409);
    await comeBack(3);
    const third = await open(3, { epoch: 8 });
    third.peer.say(command(1));
    await until(() => startedRelay().effects().length === 1, 'the third connection works');
  });
});

describe('numbers', () => {
  test('what was received is dropped and acked again (invariant 1)', async () => {
    startRelay();
    const { peer } = await open();
    peer.say(command(1));
    peer.say(command(2));
    await until(() => startedRelay().effects().length === 2, 'both');
    await peer.next('event');
    const acks = () => peer.frames.filter((f) => f.ack === 2 || (f.type === 'ack' && f.seq === 2)).length;
    await onDisk();
    clock.advance(250);
    await until(() => acks() > 0, 'the ack');
    const before = acks();
    peer.say(command(1));
    await until(() => acks() > before, 'the ack again');
    expect(startedRelay().effects()).toEqual(['c1', 'c2']);
  });

  test('a hole is closed with 4410 (invariant 1)', async () => {
    startRelay();
    const { peer } = await open();
    peer.say(command(1));
    peer.say(command(3));
    expect((await ended(peer)).code).toBe(4410);
    await comeBack(2);
    const { identify } = await open(2);
    expect(identify.received).toEqual({ stream: 'c_raw', seq: 1, id: 'c1' });
  });

  test('an ack above what was sent is closed with 4410', async () => {
    startRelay();
    const { peer } = await open();
    await say('in1');
    await peer.next('event');
    peer.say({ type: 'ack', seq: 2 });
    expect((await ended(peer)).code).toBe(4410);
  });

  test('an unknown frame type with a number is stored and acked (invariant 8)', async () => {
    startRelay();
    const { peer } = await open();
    peer.say({ type: 'prophecy', seq: 1, id: 'p1', words: 'rain' });
    peer.say({ type: 'prophecy', seq: 2 });
    peer.say(command(3));
    await until(() => startedRelay().effects().length === 1, 'the command behind them');
    peer.terminate();
    await comeBack(2);
    const { identify } = await open(2);
    expect(identify.received).toEqual({ stream: 'c_raw', seq: 3, id: 'c3' });
  });

  test('a new command stream begins at number 1; the old position is forgotten', async () => {
    startRelay();
    const { peer } = await open();
    peer.say(command(1));
    peer.say(command(2));
    await until(() => startedRelay().effects().length === 2, 'both');
    peer.terminate();
    await comeBack(2);
    const second = await open(2, { stream: 'c_new', epoch: 2 });
    second.peer.say(command(1, { id: 'c9' }));
    await until(() => startedRelay().effects().includes('c9'), 'the first of the new stream');
  });

  test('events that do not fit make a new stream: bye 4410, and at once an identify that names it', async () => {
    startRelay({ pace: { identifyMs: 5_000 } });
    await say('in1');
    const { peer, identify } = await open(1, { received: { stream: 'e_other', seq: 9, id: 'x' } });
    expect((await ended(peer)).code).toBe(4410);
    const second = await open(2);
    expect(second.identify.stream).not.toBe(identify.stream);
    expect((await second.peer.next('event')).name).toBe('snapshot');
    expect(await second.peer.next('event')).toMatchObject({ seq: 2, id: 'in1' });
  });

  test('numbers that the journal never gave out are told as a gap, not left as a hole (invariant 7)', async () => {
    startRelay();
    await say('in1');
    // The same id again: SQLite may burn a number for it.
    await startedRelay().store.commit.run(() => {
      startedRelay().store.db.exec("UPDATE sqlite_sequence SET seq = 4 WHERE name = 'journal_event'");
    });
    await say('in5');
    const { peer } = await open();
    expect(await peer.next('event')).toMatchObject({ seq: 1 });
    expect(await peer.next('event')).toMatchObject({ seq: 4, name: 'gap', data: { from: 2, to: 4, dropped: 0 } });
    expect(await peer.next('event')).toMatchObject({ seq: 5, id: 'in5' });
  });

  test('an event that is too large for a frame becomes a gap, and the line goes on (invariant 8)', async () => {
    startRelay();
    await say('in1', { text: 'x'.repeat(MAX_FRAME_BYTES) });
    await say('in2');
    const { peer } = await open();
    expect(await peer.next('event')).toMatchObject({ seq: 1, id: 'in1', name: 'gap', data: { dropped: 1 } });
    expect(await peer.next('event')).toMatchObject({ seq: 2, id: 'in2' });
  });
});

describe('frames', () => {
  test.each([
    ['not JSON', '{"type":'],
    ['not an object', '[1]'],
    ['no type', '{}'],
    ['a command without an id', JSON.stringify({ ...command(1), id: undefined })],
    ['a command numbered 0', JSON.stringify(command(0))],
    ['an event from the controller', '{"type":"event","seq":1,"id":"x","name":"gap","version":1,"at":1,"data":{}}'],
  ])('%s is closed with 4400', async (_what, text) => {
    startRelay();
    const { peer } = await open();
    peer.say(text);
    expect((await ended(peer)).code).toBe(4400);
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    expect(startedRelay().health.has('controller_refuses')).toBe(true);
  });

  test('a binary message and text that is not UTF-8 are closed with 4400', async () => {
    startRelay({ pace: { minMs: 1, maxMs: 1, identifyMs: 0, slowMinMs: 1, slowMaxMs: 1 } });
    const first = await open();
    first.peer.say(new Uint8Array([123, 125]));
    expect((await ended(first.peer)).code).toBe(4400);
    await comeBack(2);
    const second = await open(2);
    second.peer.sayText(new Uint8Array([0x22, 0xff, 0xfe, 0x22]));
    expect((await ended(second.peer)).code).toBe(4400);
  });

  test('a frame of one byte too many is closed with 4413; one of just the size is taken', async () => {
    startRelay();
    const { peer } = await open();
    const padded = (bytes: number, seq: number) => {
      const bare = JSON.stringify(command(seq, { data: { pad: '' } })).length;
      return JSON.stringify(command(seq, { data: { pad: 'x'.repeat(bytes - bare) } }));
    };
    peer.say(padded(MAX_FRAME_BYTES, 1));
    await until(() => startedRelay().effects().length === 1, 'the largest frame');
    peer.say(padded(MAX_FRAME_BYTES + 1, 2));
    expect((await ended(peer)).code).toBe(4413);
    expect(startedRelay().effects()).toEqual(['c1']);
  });

  test('unknown fields are ignored (invariant 8)', async () => {
    startRelay();
    const { peer } = await open();
    peer.say(command(1, { mood: 'good' }));
    await until(() => startedRelay().effects().length === 1, 'the command');
  });

  test('more than twice the window without waiting for acks is closed with 4429', async () => {
    startRelay({ window: { frames: 2, bytes: 10_000 } });
    const { peer } = await open();
    for (let seq = 1; seq <= 6; seq += 1) peer.say(command(seq));
    expect((await ended(peer)).code).toBe(4429);
  });
});

describe('the store breaks', () => {
  test('a command that cannot be stored closes with 4500, and nothing behind it is skipped or acked (invariant 3)', async () => {
    let broken = true;
    startRelay({
      receive: (frame) => {
        if (frame.id === 'c2' && broken) throw new Error('disk full');
      },
    });
    const { peer } = await open();
    for (const seq of [1, 2, 3]) peer.say(command(seq));
    expect((await ended(peer)).code).toBe(4500);
    expect(startedRelay().effects()).toEqual(['c1']);
    broken = false;
    await comeBack(2);
    const { peer: again, identify } = await open(2);
    expect(identify.received).toEqual({ stream: 'c_raw', seq: 1, id: 'c1' });
    for (const seq of [2, 3]) again.say(command(seq));
    await until(() => startedRelay().effects().length === 3, 'all are stored now');
  });
});

describe('heartbeat', () => {
  test('two pings without an answer end the line with 4408; an answer keeps it', async () => {
    await cloud.close();
    cloud = await RawController.listen({ autoPong: false });
    startRelay();
    const { peer } = await open();
    await until(() => startedRelay().link.state.phase === 'open', 'open');
    clock.advance(30_000);
    await until(() => peer.pings.length === 1, 'the first ping');
    clock.advance(30_000);
    await until(() => peer.pings.length === 2, 'the second ping');
    peer.say({ type: 'window', frames: 1, bytes: 1 });
    await settle(20);
    clock.advance(60_000);
    expect(peer.closed).toBeUndefined();
    clock.advance(30_000);
    expect((await ended(peer)).code).toBe(4408);
  });
});

describe('window (invariant 6)', () => {
  test('events wait for acks, a window of 0 pauses, a frame larger than the window goes alone', async () => {
    startRelay();
    for (let i = 1; i <= 6; i += 1) await say(`in${i}`);
    const { peer } = await open(1, { window: { frames: 2, bytes: 100_000 } });
    const events = () => peer.frames.filter((f) => f.type === 'event').length;
    await until(() => events() === 2, 'two events');
    await settle(20);
    expect(events()).toBe(2);
    peer.say({ type: 'window', frames: 0, bytes: 0 });
    peer.say({ type: 'ack', seq: 2 });
    await settle(20);
    expect(events()).toBe(2);
    peer.say({ type: 'window', frames: 5, bytes: 1 });
    await until(() => events() === 3, 'one event, though it is larger than the window');
    await settle(20);
    expect(events()).toBe(3);
    peer.say({ type: 'window', frames: 5, bytes: 100_000 });
    await until(() => events() === 6, 'the rest');
  });
});

describe('leaving', () => {
  test('stop says bye, still stores and acks what comes within 5 s, then closes', async () => {
    startRelay();
    const { peer } = await open();
    await until(() => startedRelay().link.state.phase === 'open', 'open');
    const stopped = startedRelay().link.stop();
    expect(await peer.next('bye')).toMatchObject({ code: 4503, reconnect: true });
    peer.say(command(1));
    await until(() => startedRelay().effects().length === 1, 'the late command');
    await onDisk();
    clock.advance(250);
    expect(await peer.next('ack')).toMatchObject({ seq: 1 });
    await say('in1');
    clock.advance(4_749);
    await settle(20);
    expect(peer.closed).toBeUndefined();
    clock.advance(1);
    expect((await peer.end()).code).toBe(4503);
    await stopped;
    expect(peer.frames.filter((f) => f.type === 'event' && f.id === 'in1')).toHaveLength(0);
    expect(startedRelay().link.state.phase).toBe('idle');
  });

  test('after the controller’s bye all that came is committed and acked, then the line closes; retry_after is honoured', async () => {
    startRelay();
    const { peer } = await open();
    peer.say(command(1));
    peer.say(command(2));
    peer.say({ type: 'bye', code: 4503, reason: 'new release', reconnect: true, retry_after_ms: 7_000 });
    expect((await peer.end()).code).toBe(4503);
    const acks = peer.frames.map((f) => (f.type === 'ack' ? f.seq : f.ack));
    expect(acks).toContain(2);
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    clock.advance(6_999);
    await settle(20);
    expect(cloud.peers).toHaveLength(1);
    clock.advance(1);
    await cloud.peer(2);
  });

  test('fenced once: back soon; fenced twice within 10 minutes: slowly, with `device_cloned`', async () => {
    startRelay();
    for (const number of [1, 2]) {
      const { peer } = await open(number, { epoch: number });
      await until(() => startedRelay().link.state.phase === 'open', 'open');
      peer.say({ type: 'bye', code: 4409, reason: 'a newer connection', reconnect: false });
      await peer.end();
      await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
      expect(startedRelay().health.has('device_cloned')).toBe(number === 2);
      clock.advance(59_000);
    }
    await settle(20);
    expect(cloud.peers).toHaveLength(2);
    clock.advance(1_000);
    await open(3, { epoch: 3 });
    await until(() => startedRelay().link.state.phase === 'open', 'open');
    const tenMinutes = 20;
    for (let half = 1; half <= tenMinutes; half += 1) {
      expect(startedRelay().health.has('device_cloned')).toBe(true);
      clock.advance(30_000);
      await until(() => cloud.peers.at(2)?.pings.length === half, 'the heartbeat');
      await settle(20);
    }
    expect(startedRelay().health.has('device_cloned')).toBe(false);
    expect(startedRelay().link.state.phase).toBe('open');
  });
});

describe('no connection', () => {
  async function http(status: number, headers: Record<string, string> = {}) {
    const server = createServer();
    let calls = 0;
    server.on('upgrade', (_request, socket) => {
      calls += 1;
      socket.on('error', () => {});
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.end(`HTTP/1.1 ${status} No\r\n${lines.join('')}Content-Length: 0\r\nConnection: close\r\n\r\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return {
      url: `ws://127.0.0.1:${port}/`,
      calls: () => calls,
      close: () => new Promise<void>((resolve) => server.close(() => resolve())),
    };
  }

  test('HTTP 401 is not authenticated: slowly, with a condition that says what to do', async () => {
    const server = await http(401);
    startRelay({ url: server.url });
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    expect(startedRelay().link.state.last).toMatchObject({ code: 4401, words: 'the server answered with HTTP 401' });
    expect(startedRelay().health.list()[0]).toMatchObject({ name: 'controller_refuses' });
    clock.advance(59_999);
    await settle(20);
    expect(server.calls()).toBe(1);
    clock.advance(1);
    await until(() => server.calls() === 2, 'the next try');
    await startedRelay().link.stop();
    await server.close();
  });

  test('a redirect is not followed', async () => {
    const server = await http(302, { Location: cloud.url });
    startRelay({ url: server.url });
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    expect(startedRelay().link.state.last?.words).toBe('the server answered with HTTP 302');
    expect(cloud.peers).toHaveLength(0);
    await server.close();
  });

  test('a controller that is not there is called a condition after three tries, and cleared once it is', async () => {
    const port = Number(new URL(cloud.url).port);
    await cloud.close();
    startRelay({ url: `ws://127.0.0.1:${port}/` });
    for (let tries = 1; tries <= 3; tries += 1) {
      await until(() => states.filter((s) => s.phase === 'waiting').length === tries, 'waiting');
      expect(startedRelay().health.has('controller_unreachable')).toBe(tries === 3);
      if (tries === 3) cloud = await RawController.listen({ port });
      clock.advance(10);
    }
    await open();
    await until(() => startedRelay().link.state.phase === 'open', 'open');
    expect(startedRelay().health.list()).toEqual([]);
  });

  test('a token that is missing is a condition at once, with the remedy, and clears itself', async () => {
    let token: string | null = null;
    startRelay({
      readToken: () => {
        if (token === null)
          throw new RelayError('token_missing', 'there is no device token at /x/token', { hint: 'Write it there.' });
        return token;
      },
    });
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    expect(startedRelay().health.list()).toMatchObject([
      {
        name: 'token_missing',
        severity: 'error',
        words: 'There is no device token at /x/token.',
        remedy: 'Write it there.',
      },
    ]);
    token = TOKEN;
    clock.advance(10);
    await open();
    await until(() => startedRelay().link.state.phase === 'open', 'open');
    expect(startedRelay().health.list()).toEqual([]);
  });

  test('stop ends a dial, an opening and a pause', async () => {
    startRelay();
    await startedRelay().link.stop();
    expect(startedRelay().link.state.phase).toBe('idle');
    startRelay();
    const peer = await cloud.peer(1);
    await until(() => startedRelay().link.state.phase === 'opening', 'opening');
    await startedRelay().link.stop();
    expect((await peer.end()).code).toBe(4503);
    startRelay();
    (await cloud.peer(2)).terminate();
    await until(() => states.at(-1)?.phase === 'waiting', 'waiting');
    await startedRelay().link.stop();
    expect(clock.timers).toBe(0);
  });
});
