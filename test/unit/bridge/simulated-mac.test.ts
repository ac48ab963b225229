/** The bridge against the simulated Mac: what its modes and people do, and what is told of it. Time runs 10 times as fast. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptRequest } from '../../../daemon/bridge/attempts.ts';
import { MessagesBridge } from '../../../daemon/bridge/bridge.ts';
import type { SendOutcome } from '../../../daemon/bridge/outcome.ts';
import type { AttemptState, RowSighting } from '../../../daemon/bridge/sightings.ts';
import { assetFolder } from '../../../daemon/host/assets.ts';
import type { Clock } from '../../../daemon/host/clock.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { type Sim, startSim } from '../../sim/sim.ts';
import { until } from '../../support/fake-clock.ts';
import { makeFolder, openStore, type TestStore } from '../../support/store.ts';

const FACTOR = 10;
let sim: Sim;
let store: TestStore;
let work: string;
let clock: Clock;
let health: Health;
let bridge: MessagesBridge;
let told: (AttemptState & { message: string })[];
let ownHand: RowSighting[];
let people = 0;
let made = 0;

beforeAll(async () => {
  sim = await startSim({ folder: makeFolder(), factor: FACTOR });
  clock = {
    now: () => sim.now(),
    mono: () => performance.now() * FACTOR,
    after(delayMs, work) {
      const timer = setTimeout(work, delayMs / FACTOR);
      return { cancel: () => clearTimeout(timer) };
    },
  };
});
afterAll(() => sim.stop());

beforeEach(async () => {
  store = openStore();
  work = join(store.folder, 'work');
  mkdirSync(work, { mode: 0o700 });
  told = [];
  ownHand = [];
  open();
  expect(await bridge.recover()).toEqual([]);
});
afterEach(async () => {
  await sim.messages('normal');
  await sim.apple({ ghosts: 0, junk: false });
  await sim.release('end');
  await bridge.stop();
  await store.remove();
});

function open(): void {
  health = new Health(clock);
  bridge = new MessagesBridge({
    config: { chat_db: sim.chatDb, osascript: sim.osascript, ps: sim.ps, send_limit_ms: 20_000 },
    workFolder: work,
    scripts: assetFolder('scripts'),
    db: store.db,
    commit: store.commit,
    clock,
    health,
    log: silentLog,
    sightings: {
      attempt: (message, _attempt, seen) => told.push({ message, ...seen }),
      inbound: () => {},
      // A new store reads the last day again.
      ownHand: (row) => void (row.recovering || ownHand.push(row)),
      generation: () => {},
    },
  });
  bridge.start();
}

const person = () => `+1415555${String(1000 + people++)}`;

async function begun(to: string, text: string, more: Partial<AttemptRequest> = {}): Promise<string> {
  const attempt = `a_${++made}`;
  const recipient = { kind: 'handle', handle: to } as const;
  const request: AttemptRequest = { attempt, message: `m_${to}`, recipient, text, service: 'imessage', ...more };
  for (;;) {
    const ready = await bridge.ready();
    if (!ready.ok) throw new Error(`not ready: ${ready.condition}`);
    if (await store.commit.run(() => bridge.begin(request))) return attempt;
  }
}

async function send(to: string, text: string, more: Partial<AttemptRequest> = {}): Promise<SendOutcome> {
  return bridge.run(await begun(to, text, more));
}

const states = () => told.map((t) => t.state);
const becomes = (wanted: AttemptState['state']) =>
  until(() => states().includes(wanted), `it becomes ${wanted}`, 10_000);
const sentTo = async (to: string) => (await sim.rows()).filter((row) => row.is_from_me === 1 && row.handle === to);

describe('a message', () => {
  it('to somebody new, then to the chat that is there, is delivered and read', async () => {
    const to = person();
    await sim.contact(to, { readAfterMs: 2_000 });
    expect(await send(to, 'Hello,\n"you" 👋🏽')).toEqual({ kind: 'accepted' });
    await becomes('read');
    expect(await send(to, 'Good day')).toEqual({ kind: 'accepted' });
    await until(() => states().filter((s) => s === 'read').length === 2, 'the second is read');
    expect(
      sim.events
        .filter((e) => e.kind === 'osascript' && e.script !== 'probe' && e.handle?.includes(to))
        .map((e) => e.kind === 'osascript' && e.script),
    ).toEqual(['send-to-participant', 'send-to-chat']);
    expect(sim.events.filter((e) => e.kind === 'complaint')).toEqual([]);
    expect(ownHand).toEqual([]);
  });

  it('to a group ends at sent', async () => {
    const [a, b] = [person(), person()];
    const { chat } = await sim.group({ members: [a, b], name: 'Two' });
    await until(() => bridge.groupMembers(chat) !== null, 'the group is known');
    expect(bridge.groupMembers(chat)).toEqual([a, b]);
    expect(await send(a, 'hello both', { recipient: { kind: 'group', chat, members: [a, b] } })).toEqual({
      kind: 'accepted',
    });
    await becomes('sent');
    expect(ownHand).toEqual([]);
  });

  it('that the owner types is the owner’s', async () => {
    const to = person();
    await bridge.ready();
    await sim.type({ to, text: 'by hand' });
    await until(() => ownHand.length === 1, 'the row');
    expect(ownHand[0]).toMatchObject({ text: 'by hand', chat: { id: to, participants: [to] } });
  });

  it('to a number that is not on iMessage is not delivered', async () => {
    const to = person();
    await sim.contact(to, { notOnIMessage: true });
    expect(await send(to, 'hello')).toEqual({ kind: 'accepted' });
    await becomes('not_delivered');
    expect(told).toMatchObject([{ appleError: { number: 22, meaning: 'recipient' } }]);
  });

  it('that fails first and goes by itself in a clean row is delivered', async () => {
    const to = person();
    await sim.contact(to, { notDelivered: { error: 4, afterMs: 500 }, cleanRowAfterMs: 1_000 });
    await send(to, 'hello');
    await becomes('delivered');
    expect(states()).not.toContain('not_delivered');
    expect(ownHand).toEqual([]);
  });

  it('that goes as SMS is reported as such', async () => {
    const to = person();
    await sim.contact(to, { downgraded: { afterMs: 1_000, service: 'SMS' } });
    await send(to, 'hello');
    await until(() => told.some((t) => t.downgraded === true && t.service === 'SMS'), 'the downgrade');
  });

  it('whose error comes after sent is told as not delivered', async () => {
    const to = person();
    await sim.contact(to, { lateError: { error: 22, afterMs: 5_000 } });
    await send(to, 'hello');
    await becomes('not_delivered');
  });

  it('that leaves a ghost was not sent', async () => {
    const to = person();
    await sim.apple({ ghosts: 1 });
    await send(to, 'hello');
    await becomes('not_delivered');
    expect(ownHand).toEqual([]);
  });
});

describe('when Messages', () => {
  it('may not be controlled, nothing starts until it may', async () => {
    await bridge.ready();
    await sim.messages('denied');
    expect(await send(person(), 'hello')).toMatchObject({
      kind: 'not_started',
      code: 'permission_missing',
      again: true,
    });
    expect(await bridge.ready()).toEqual({ ok: false, condition: 'automation_denied' });
    await sim.messages('normal');
    await until(() => health.ready, 'the condition clears by itself');
    expect(await bridge.ready()).toEqual({ ok: true });
  });

  it('does not have the chat, the participant is written to', async () => {
    const to = person();
    await sim.inbound({ from: to, text: 'hi' });
    await sim.messages('no_such_chat', { count: 1 });
    expect(await send(to, 'hello')).toEqual({ kind: 'accepted' });
    await becomes('delivered');
    expect(await sentTo(to)).toHaveLength(1);
  });

  it.each([
    ['times out after it has sent', 'timed_out', 1_000],
    ['dies after it has sent', 'died', 100],
  ] as const)('%s, the row settles the doubt', async (_what, mode, delayMs) => {
    const to = person();
    await sim.messages(mode, { count: 1, delayMs });
    expect((await send(to, 'hello')).kind).toBe('may_have_gone');
    await becomes('delivered');
    expect(await sentTo(to)).toHaveLength(1);
  });

  it('quits in the middle, it is a doubt, and stays one', async () => {
    const to = person();
    await sim.messages('connection_lost', { count: 1 });
    expect((await send(to, 'hello')).kind).toBe('may_have_gone');
    expect(await sentTo(to)).toEqual([]);
    expect(told).toEqual([]);
  });

  it('hangs behind the mark, the child is ended and the lane opens by the probe', async () => {
    const to = person();
    await sim.messages('hung_after_mark', { count: 1 });
    expect((await send(to, 'hello')).kind).toBe('may_have_gone');
    await until(() => health.ready, 'the probe is good');
    expect(await send(to, 'another')).toEqual({ kind: 'accepted' });
  });

  it('loses what it accepted, nobody knows', async () => {
    await sim.messages('lost', { count: 1 });
    expect(await send(person(), 'hello')).toEqual({ kind: 'accepted' });
    await becomes('unknown');
  });
});

describe('the daemon is killed while osascript runs', () => {
  it.each([
    ['which sends later', 'slow', 'accepted'],
    ['which comes to the mark later', 'slow_before_mark', 'accepted'],
    ['which dies behind the mark', 'died', 'may_have_gone'],
  ] as const)('%s: it went out once and is known', async (_what, mode, kind) => {
    const to = person();
    await sim.messages(mode, { count: 1, delayMs: 3_000 });
    const attempt = await begun(to, 'hello');
    bridge.run(attempt).catch(() => {});
    await sim.waitFor((e) => e?.kind === 'osascript' && e.attempt === attempt, 'osascript runs');
    await bridge.stop();
    await store.reopen();
    open();
    expect(await bridge.recover()).toMatchObject([{ attempt, outcome: { kind } }]);
    await becomes('delivered');
    expect(await sentTo(to)).toHaveLength(1);
    expect(ownHand).toEqual([]);
  });
});
