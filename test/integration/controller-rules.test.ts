/** What the controller library does with a relay that breaks the rules, or is merely strange. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Controller, ControllerError, MemoryStore, typedEvent } from '../../protocol/controller.ts';
import { MAX_FRAME_BYTES } from '../../protocol/limits.ts';
import { type ControllerEnd, controllerEnd } from '../support/controller-end.ts';
import { FakeClock, settle, until } from '../support/fake-clock.ts';
import { event, IDENTIFY, type Loose, RawPeer, rawRelay } from '../support/raw-peer.ts';
import { DEVICE } from '../support/relay-end.ts';

let cloud: ControllerEnd;
let clock: FakeClock;
const peers: RawPeer[] = [];

beforeEach(async () => {
  clock = new FakeClock();
  cloud = await controllerEnd({ clock });
});
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.terminate();
  await cloud.close();
});

async function dial(): Promise<RawPeer> {
  const peer = await rawRelay(cloud.server.url);
  if (!(peer instanceof RawPeer)) throw new Error(`HTTP ${peer.status}`);
  peers.push(peer);
  await peer.next('hello');
  return peer;
}

async function open(identify: Partial<Loose> = {}): Promise<{ peer: RawPeer; welcome: Loose }> {
  const peer = await dial();
  peer.say({ ...IDENTIFY, ...identify });
  return { peer, welcome: await peer.next('welcome') };
}

async function ended(peer: RawPeer): Promise<Loose> {
  const bye = await peer.next('bye');
  expect((await peer.end()).code).toBe(bye.code);
  return bye;
}

const send = (controller: Controller, id: string) => controller.send(DEVICE, 'sender.pause', {}, { id });
const pauseResult = (seq: number, id: string, ok = true) =>
  event(seq, { id: `cr_${id}`, name: 'command.result', data: { command: id, name: 'sender.pause', ok } });

describe('who may speak', () => {
  test.each([
    ['no token', ''],
    ['a wrong token', 'b-token-for-tests'],
  ])('%s: HTTP 401, nothing else', async (_what, token) => {
    expect(await rawRelay(cloud.server.url, token)).toEqual({ status: 401 });
    expect(cloud.lines).toEqual([]);
  });

  test('another device than the token’s is closed with 4403', async () => {
    const peer = await dial();
    peer.say({ ...IDENTIFY, device: 'mac-2' });
    expect((await ended(peer)).code).toBe(4403);
  });

  test('a version that is not spoken here is closed with 4406', async () => {
    const peer = await dial();
    peer.say({ ...IDENTIFY, protocol: 2 });
    expect(await ended(peer)).toMatchObject({ code: 4406, reconnect: false });
  });

  test('a relay that says nothing for 10 s is closed with 4408', async () => {
    const peer = await dial();
    clock.advance(10_000);
    expect((await ended(peer)).code).toBe(4408);
  });

  test('two openings within 5 s: 4429 with the time to wait, unless the event stream was renewed', async () => {
    await cloud.close();
    cloud = await controllerEnd({ clock, identifyIntervalMs: undefined });
    await open();
    clock.advance(2_000);
    const hasty = await dial();
    hasty.say(IDENTIFY);
    expect(await ended(hasty)).toMatchObject({ code: 4429, retry_after_ms: 3_000, reconnect: true });
    await open({ stream: 'e_renewed' });
    clock.advance(5_000);
    await open({ stream: 'e_renewed' });
  });

  test('a newer connection fences the older with 4409, and carries a higher epoch (invariant 5)', async () => {
    const first = await open();
    const second = await open();
    expect(await ended(first.peer)).toMatchObject({ code: 4409, reconnect: false });
    expect(second.welcome.epoch).toBe(Number(first.welcome.epoch) + 1);
    await send(cloud.controller, 'c1');
    expect(await second.peer.next('command')).toMatchObject({ seq: 1, id: 'c1' });
  });

  test('another process on the same store takes the device: writes under the old epoch fail, the line ends with 4409', async () => {
    const { peer } = await open();
    const { epoch } = await cloud.store.state(DEVICE);
    expect(await cloud.store.takeEpoch(DEVICE, epoch, epoch + 1)).not.toBeNull();
    peer.say(event(1));
    expect((await ended(peer)).code).toBe(4409);
    expect(cloud.events).toEqual([]);
    expect(cloud.errors).toMatchObject([{ code: 'stale_epoch' }]);
  });

  test('the epoch goes beyond what the relay has seen, though the store was set back', async () => {
    const { welcome } = await open({ epoch: 41 });
    expect(welcome.epoch).toBe(42);
  });
});

describe('events', () => {
  test('are stored, handed on once by id, and acked after that; a double is acked again (invariants 1, 3)', async () => {
    const { peer } = await open();
    peer.say(event(1, { id: 'same' }));
    peer.say(event(2, { id: 'same' }));
    peer.say(event(3));
    await until(() => cloud.events.length === 2, 'two events');
    expect(cloud.events.map((e) => [e.n, e.id])).toEqual([
      [1, 'same'],
      [2, 'e3'],
    ]);
    clock.advance(250);
    expect(await peer.next('ack')).toMatchObject({ seq: 3 });
    peer.say(event(2));
    expect(await peer.next('ack')).toMatchObject({ seq: 3 });
    peer.terminate();
    const { welcome } = await open();
    expect(welcome.received).toEqual({ stream: 'e_raw', seq: 3, id: 'e3' });
  });

  test('32 events are acked without waiting for the timer', async () => {
    const { peer } = await open();
    for (let seq = 1; seq <= 32; seq += 1) peer.say(event(seq));
    expect(await peer.next('ack')).toMatchObject({ seq: 32 });
  });

  test('a hole is closed with 4410; a gap that covers it is not (invariant 7)', async () => {
    const { peer } = await open();
    peer.say(event(1));
    peer.say(event(5, { name: 'gap', data: { from: 2, to: 5, dropped: 4, reason: 'away too long' } }));
    peer.say(event(6));
    await until(() => cloud.events.length === 3, 'all three');
    peer.say(event(8, { name: 'gap', data: { from: 8, to: 8, dropped: 1, reason: 'x' } }));
    expect((await ended(peer)).code).toBe(4410);
  });

  test('a stream that is not known here is received from its beginning', async () => {
    const { peer } = await open();
    peer.say(event(1));
    await until(() => cloud.events.length === 1, 'the event');
    const { peer: again, welcome } = await open({ stream: 'e_other' });
    expect(welcome.received).toBeNull();
    again.say(event(1, { id: 'other' }));
    await until(() => cloud.events.length === 2, 'the first of the other stream');
  });

  test('an unknown frame type with a number is stored and acked (invariant 8)', async () => {
    const { peer } = await open();
    peer.say({ type: 'prophecy', seq: 1, id: 'p' });
    let stored: unknown = null;
    await until(() => {
      void cloud.store.state(DEVICE).then((state) => {
        stored = state.received;
      });
      return stored !== null;
    }, 'the number is stored');
    clock.advance(250);
    expect(await peer.next('ack')).toMatchObject({ seq: 1 });
    expect((await cloud.store.state(DEVICE)).received).toEqual({ stream: 'e_raw', seq: 1, id: 'p' });
    expect(cloud.events).toEqual([]);
  });

  test('typed: data of a known event is checked, that of a later version is not guessed', async () => {
    const { peer } = await open();
    peer.say(event(1, { name: 'sender.health', data: { state: 'healthy', since: 1, reason: 'new', extra: 1 } }));
    peer.say(event(2, { name: 'sender.health', data: { state: 'sleepy' } }));
    peer.say(event(3, { name: 'moon.phase', data: {} }));
    await until(() => cloud.events.length === 3, 'all three');
    const [first, second, third] = cloud.events.map(typedEvent);
    expect(first).toMatchObject({ name: 'sender.health', data: { state: 'healthy' } });
    expect([second, third]).toEqual([undefined, undefined]);
  });

  test.each([
    ['an ack above what was sent', { type: 'ack', seq: 1 }, 4410],
    ['a riding ack above what was sent', event(1, { ack: 1 }), 4410],
    ['a command from the relay', { type: 'command', seq: 1, id: 'x', name: 'y', version: 1, data: {} }, 4400],
    ['a second identify', IDENTIFY, 4400],
    ['a bad event', event(1, { at: 'noon' }), 4400],
    ['a frame too large', event(1, { data: { text: 'x'.repeat(MAX_FRAME_BYTES) } }), 4413],
  ])('%s is closed with its code', async (_what, frame, code) => {
    const { peer } = await open();
    peer.say(frame as Loose);
    expect((await ended(peer)).code).toBe(code);
  });
});

describe('commands', () => {
  test('are kept until their final event, not until the ack', async () => {
    await send(cloud.controller, 'c1');
    await send(cloud.controller, 'c2');
    const { peer } = await open();
    await peer.next('command');
    await peer.next('command');
    peer.say({ type: 'ack', seq: 2 });
    peer.say(pauseResult(1, 'c1'));
    await until(() => cloud.events.length === 1, 'the first answer');
    await settle();
    expect(cloud.errors).toEqual([]);
    peer.terminate();
    // The relay has lost its store: only what has no final event comes again.
    const { peer: again, welcome } = await open({ stream: 'e_2', received: null });
    expect(await again.next('command')).toMatchObject({ seq: 1, id: 'c2' });
    await settle(20);
    expect(again.frames.filter((f) => f.type === 'command')).toHaveLength(1);
    expect(welcome.stream).not.toBe('c_raw');
  });

  test('the same id and content is stored once; other content is a conflict (invariant 2)', async () => {
    expect(await send(cloud.controller, 'c1')).toEqual({ id: 'c1', duplicate: false });
    expect(await send(cloud.controller, 'c1')).toEqual({ id: 'c1', duplicate: true });
    const other = cloud.controller.send(DEVICE, 'sender.resume', {}, { id: 'c1' });
    await expect(other).rejects.toMatchObject({ code: 'idempotency_conflict' });
    const { peer } = await open();
    await peer.next('command');
    await settle(20);
    expect(peer.frames.filter((f) => f.type === 'command')).toHaveLength(1);
  });

  test('the window of the relay is kept (invariant 6)', async () => {
    for (let i = 1; i <= 5; i += 1) await send(cloud.controller, `c${i}`);
    const { peer } = await open({ window: { frames: 2, bytes: 100_000 } });
    const commands = () => peer.frames.filter((f) => f.type === 'command').length;
    await until(() => commands() === 2, 'two');
    await settle(20);
    expect(commands()).toBe(2);
    peer.say({ type: 'ack', seq: 1 });
    await until(() => commands() === 3, 'the third');
    peer.say({ type: 'window', frames: 0, bytes: 0 });
    peer.say({ type: 'ack', seq: 3 });
    await settle(20);
    expect(commands()).toBe(3);
    peer.say({ type: 'window', frames: 9, bytes: 100_000 });
    await until(() => commands() === 5, 'all');
  });

  test('what the relay has goes on where it stopped; what does not fit begins a new stream', async () => {
    for (let i = 1; i <= 3; i += 1) await send(cloud.controller, `c${i}`);
    const first = await open();
    for (let i = 1; i <= 3; i += 1) await first.peer.next('command');
    const stream = String(first.welcome.stream);
    const fits = await open({ received: { stream, seq: 2, id: 'c2' } });
    expect(fits.welcome.stream).toBe(stream);
    expect(await fits.peer.next('command')).toMatchObject({ seq: 3, id: 'c3' });
    for (const received of [
      { stream, seq: 2, id: 'other' },
      { stream, seq: 9, id: 'c9' },
      { stream: 'c_other', seq: 1, id: 'c1' },
      null,
    ]) {
      const { peer, welcome } = await open({ received });
      expect(welcome.stream).not.toBe(stream);
      expect(await peer.next('command')).toMatchObject({ seq: 1, id: 'c1' });
    }
  });

  test('an id or a size that no frame can carry is refused before it is stored', async () => {
    const big = cloud.controller.sendAny(DEVICE, 'x', { text: 'x'.repeat(MAX_FRAME_BYTES) });
    await expect(big).rejects.toMatchObject({ code: 'frame_too_large' });
    const odd = cloud.controller.sendAny(DEVICE, 'x', {}, { id: 'with space' });
    await expect(odd).rejects.toMatchObject({ code: 'bad_id' });
    expect((await cloud.store.state(DEVICE)).lastSeq).toBe(0);
  });
});

describe('store and end', () => {
  test('a store that forgets is refused unless that is said', () => {
    const make = () => controllerEnd({ store: new MemoryStore(), allow_volatile: false });
    return expect(make()).rejects.toBeInstanceOf(ControllerError);
  });

  test('a store that fails closes the line with 4500 and acks nothing', async () => {
    const { peer } = await open();
    cloud.store.saveEvents = () => Promise.reject(new Error('disk full'));
    peer.say(event(1));
    expect((await ended(peer)).code).toBe(4500);
    expect(peer.frames.filter((f) => f.type === 'ack' || f.ack !== undefined)).toEqual([]);
  });

  test('two pings without an answer end the line with 4408', async () => {
    const { peer } = await open();
    peer.freeze();
    clock.advance(90_000);
    await until(() => cloud.lines.some((l) => l.kind === 'closed'), 'given up');
    expect(cloud.lines.at(-1)).toMatchObject({ kind: 'closed', code: 4408 });
  });

  test('after the relay’s bye all that came is stored and acked, then the line closes', async () => {
    const { peer } = await open();
    peer.say(event(1));
    peer.say(event(2));
    peer.say({ type: 'bye', code: 4503, reason: 'stopping', reconnect: true });
    expect((await peer.end()).code).toBe(4503);
    expect(peer.frames.at(-1)).toEqual({ type: 'ack', seq: 2 });
    expect(cloud.events).toHaveLength(2);
  });

  test('a command is stored though another process took the device at that moment', async () => {
    const { peer } = await open();
    const state = cloud.store.state.bind(cloud.store);
    const { epoch } = await state(DEVICE);
    let looks = 0;
    cloud.store.state = async (device) => {
      const seen = await state(device);
      looks += 1;
      // Between the look and the append.
      if (looks === 1) await cloud.store.takeEpoch(device, epoch, epoch + 1);
      return seen;
    };
    expect(await send(cloud.controller, 'c1')).toEqual({ id: 'c1', duplicate: false });
    expect((await ended(peer)).code).toBe(4409);
    expect(await cloud.store.commandsAfter(DEVICE, 0, 9)).toMatchObject([{ seq: 1, id: 'c1' }]);
  });

  test('close says bye and takes what still comes for 5 s', async () => {
    const { peer } = await open();
    const closed = cloud.controller.close();
    expect(await peer.next('bye')).toMatchObject({ code: 4503, reconnect: true });
    peer.say(event(1));
    await until(() => cloud.events.length === 1, 'the late event');
    clock.advance(5_000);
    expect((await peer.end()).code).toBe(4503);
    await closed;
    await expect(send(cloud.controller, 'c1')).rejects.toMatchObject({ code: 'closed' });
  });
});
