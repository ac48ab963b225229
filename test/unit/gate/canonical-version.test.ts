/** A new version of the canonical text: what was sent under the old one cannot be compared, and yet never opens the gate. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CANONICAL_VERSION } from '../../../daemon/gate/canonical.ts';
import { reread } from '../../../daemon/gate/rereading.ts';
import { GateWorld, person } from './gate-world.ts';

const TEXT = 'Your table for two is ready, please come to the counter';
const OTHER = 'The blue folder lies on the desk in the room behind the kitchen';
const DAY = 86_400_000;

let world: GateWorld;
beforeEach(() => {
  world = new GateWorld();
});
afterEach(() => world.close());

/** The store, as a relay of the version before has left it. */
function asOfBefore(): void {
  const { db } = world.store;
  const rows = db.sql<{ id: number; fingerprint: Uint8Array }>('SELECT id, fingerprint FROM gate_send').all();
  for (const { id, fingerprint } of rows) {
    expect(fingerprint[0]).toBe(CANONICAL_VERSION);
    db.sql('UPDATE gate_send SET fingerprint = ? WHERE id = ?').run(
      Uint8Array.from([CANONICAL_VERSION - 1, ...fingerprint.subarray(1)]),
      id,
    );
  }
}

async function sentThenUpdated(people: number): Promise<string[]> {
  const sent: string[] = [];
  for (let n = 0; n < people; n += 1) {
    world.one(person(n), TEXT);
    sent.push(...world.drain());
    world.clock.advance(n + 1 < people ? 120_000 : 20_000);
  }
  asOfBefore();
  await world.restart();
  return sent;
}

const waitMs = () => {
  const pick = world.gate.pick();
  return pick.kind === 'idle' ? pick.wakeInMs : 0;
};

describe('after an update of the canonical text', () => {
  it('what went before holds back a near text for the rest of its interval', async () => {
    await sentThenUpdated(1);
    world.one(person(50), TEXT);
    expect(waitMs()).toBe(40_000);
  });

  it('every other text too, for nobody can tell what it is near to, and the wait says so', async () => {
    const [sent] = await sentThenUpdated(1);
    expect(world.gate.unread()).toEqual([{ name: sent, at: world.clock.now() - 20_000 }]);
    expect(world.admit(person(50), OTHER)).toMatchObject({
      verdicts: [
        { kind: 'hold', hold: { rule: 'interval', evidence: { words: expect.stringMatching(/before this version/) } } },
      ],
    });
    world.one(person(50), OTHER);
    expect(waitMs()).toBe(40_000);
    world.clock.advance(40_000);
    expect(world.gate.pick().kind).toBe('go');
  });

  it('the people who got something are still counted, so that the interval gets no shorter', async () => {
    await sentThenUpdated(12);
    const late = world.one(person(50), TEXT);
    expect(world.gate.holdOf(late)).toMatchObject({ evidence: { near_count: 12, interval_ms: 90_000 } });
    world.clock.advance(69_999);
    expect(world.gate.pick().kind).toBe('idle');
    world.clock.advance(1);
    expect(world.gate.pick().kind).toBe('go');
  });

  it('once its text was read again it counts as before, over further restarts too', async () => {
    const [sent = ''] = await sentThenUpdated(1);
    world.store.db.transaction(() => world.gate.reread(sent, TEXT));
    expect(world.gate.unread()).toEqual([]);
    for (const restarts of [0, 1]) {
      for (let n = 0; n < restarts; n += 1) await world.restart();
      expect(world.gate.unread()).toEqual([]);
      expect(world.admit(person(50), OTHER)).toMatchObject({ verdicts: [{ kind: 'go' }] });
      expect(world.admit(person(50), TEXT)).toMatchObject({ verdicts: [{ kind: 'hold' }] });
    }
    expect(() => world.store.db.transaction(() => world.gate.reread('nobody', TEXT))).not.toThrow();
  });

  it('what is found is read again, some at a time; what nobody has stays near everything', async () => {
    for (let n = 0; n < 230; n += 1) world.ownHand([person(n)], n === 0 ? TEXT : OTHER, world.clock.now() - 3_600_000);
    asOfBefore();
    await world.restart();
    const { gate } = world;
    const lost = gate.unread()[0]?.name;
    const find = (name: string) => (name === lost ? null : { text: OTHER, variables: [] });
    expect(await reread({ gate, commit: world.store.commit, find })).toBe(229);
    expect(gate.unread().map(({ name }) => name)).toEqual([lost]);
    const alike = (text: string) => gate.holdOf(world.one(person(900), text))?.evidence.near_count ?? 0;
    world.clock.advance(1_000);
    world.one(person(901), TEXT);
    world.drain();
    expect(alike(TEXT)).toBe(2);
  });

  it('what was in flight still holds back everything until it is known what became of it', async () => {
    const sent = world.one(person(1), TEXT);
    world.dispatch(sent);
    asOfBefore();
    await world.restart();
    world.one(person(50), OTHER);
    world.clock.advance(5 * 60_000);
    expect(world.gate.pick().kind).toBe('idle');
    world.settle(sent);
    world.clock.advance(60_000);
    expect(world.gate.pick().kind).toBe('go');
  });

  it('a day later it counts no longer', async () => {
    await sentThenUpdated(12);
    world.clock.advance(DAY);
    expect(world.admit(person(50), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
  });

  it('what was bulk because of it is none any more once it counts no longer', async () => {
    await world.close();
    const policy = { quiet_hours: { from: 24, to: 0 }, caps: { new_contacts_hour: 100 } };
    world = new GateWorld({ kind: 'dedicated', rules: 'default', policy });
    const heard = (n: number) => {
      world.inbound(person(n), 'hi');
      world.clock.advance(6 * 60_000);
    };
    for (let n = 0; n < 12; n += 1) {
      heard(n);
      world.one(person(n), TEXT);
      world.drain();
    }
    asOfBefore();
    await world.restart();
    heard(50);
    const bulk = { category: 'transactional' } as const;
    const later = world.one(person(50), TEXT, { ...bulk, notBefore: world.clock.now() + 25 * 3_600_000 });
    heard(51);
    const now = world.one(person(51), TEXT, bulk);
    expect(world.gate.pick()).toEqual({ kind: 'go', message: now });
    world.gate.remove(now);
    world.clock.advance(25 * 3_600_000);
    expect(world.gate.pick()).toEqual({ kind: 'go', message: later });
  });

  it('a reply that went before holds back nothing, as ever', async () => {
    world.inbound(person(1), 'hello?');
    world.one(person(1), TEXT);
    world.drain();
    asOfBefore();
    await world.restart();
    expect(world.gate.unread()).toEqual([]);
    expect(world.admit(person(50), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
  });
});
