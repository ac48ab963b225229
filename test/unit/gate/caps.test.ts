/** The caps: new contacts, unanswered messages, the rate to one, the volume of a day. Each with attempts to get round it. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { Caps } from '../../../daemon/gate/caps.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeQuickFolder, openStore } from '../../support/store.ts';
import { WIDE_RULES } from '../../support/wide-rules.ts';
import { GateWorld, person } from './gate-world.ts';
import { loner } from './letters.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

let world: GateWorld;
let texts = 0;

function fresh(o: ConstructorParameters<typeof GateWorld>[0] = {}): GateWorld {
  world = new GateWorld({ rules: 'default', ...o });
  texts = 0;
  return world;
}

/** A text of its own to this one, at once or when its turn comes. */
function write(to: string, o: Parameters<GateWorld['one']>[2] = {}): string {
  texts += 1;
  return world.one(to, loner(texts), o);
}

function verdictFor(to: string, o: Parameters<GateWorld['one']>[2] = {}) {
  const admission = world.admit(to, loner(9_000 + texts), o);
  return admission.ok ? admission.verdicts[0] : admission;
}

function cap(name: string) {
  return world.gate.describe().caps.find((one) => one.name === name);
}

/** So many new contacts are written to, from the n-th on. */
function meet(count: number, from = 1): void {
  for (let n = from; n < from + count; n += 1) {
    write(person(n));
    expect(world.drain()).toHaveLength(1);
  }
}

afterEach(() => world.close());

describe('new contacts', () => {
  it('are 15 in 60 minutes: the next is held until the first of them is an hour ago, and then goes', () => {
    fresh();
    meet(1);
    world.clock.advance(10 * MINUTE);
    meet(14, 2);
    const until = world.clock.now() + 50 * MINUTE;
    expect(verdictFor(person(16))).toEqual({
      kind: 'hold',
      reply: false,
      hold: {
        until,
        rule: 'new_contact_limit',
        evidence: {
          used: 15,
          limit: 15,
          words:
            'Waits until about 10:00:00: 15 people without talk in 30 days were written to in 60 minutes, the most is 15.',
        },
      },
    });
    const held = write(person(16));
    expect(world.drain()).toEqual([]);
    expect(world.gate.holdOf(held)?.until).toBe(until);
    world.clock.advance(50 * MINUTE - 1);
    expect(world.drain()).toEqual([]);
    world.clock.advance(1);
    expect(world.drain()).toEqual([held]);
  });

  it('are 50 in 24 hours', () => {
    fresh({ policy: { caps: { new_contacts_hour: 1_000 } } });
    meet(50);
    const verdict = verdictFor(person(51));
    expect(verdict).toMatchObject({
      kind: 'hold',
      hold: { rule: 'new_contact_limit', until: world.clock.now() + DAY },
    });
    write(person(51));
    world.clock.advance(DAY - 1);
    expect(world.drain()).toEqual([]);
    world.clock.advance(1);
    expect(world.drain()).toHaveLength(1);
  });

  it('with pacing "reject" are refused with the code, the numbers and when to come again', () => {
    fresh();
    meet(15);
    expect(verdictFor(person(16), { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'new_contact_limit', retryable: true, retryAfterMs: HOUR, evidence: { used: 15, limit: 15 } },
    });
  });

  it('go on a clock that never stands still', () => {
    fresh();
    const mono = world.clock.mono.bind(world.clock);
    let ticks = 0;
    world.clock.mono = () => {
      ticks += 0.001;
      return mono() + ticks;
    };
    for (let n = 1; n <= 20; n += 1) write(person(n), { category: n % 2 === 0 ? 'transactional' : 'conversational' });
    expect(world.drain()).toHaveLength(15);
    world.clock.advance(HOUR);
    expect(world.drain()).toHaveLength(5);
  });

  it('hold up nobody who is known, nor anybody whom the relay answers', () => {
    fresh();
    world.inbound(person(20), 'is the shop open?');
    world.clock.advance(6 * MINUTE);
    meet(15);
    expect(verdictFor(person(1)), 'somebody written to before').toEqual({ kind: 'go', reply: false });
    expect(verdictFor(person(20)), 'somebody who wrote').toEqual({ kind: 'go', reply: false });
    world.inbound(person(21), 'and today?');
    expect(verdictFor(person(21))).toEqual({ kind: 'go', reply: true });
  });

  it('do not keep a near text to somebody known behind a held one', () => {
    fresh({ policy: { bulk_transactional: 'allow' } });
    world.inbound(person(20), 'is the shop open?');
    world.clock.advance(6 * MINUTE);
    meet(15);
    const text = 'Your table for two is ready, please come to the counter';
    world.one(person(16), text);
    const known = world.one(person(20), text);
    expect(world.drain()).toEqual([known]);
  });

  it('who write meanwhile are no new contacts any more: what waited for them goes', () => {
    fresh();
    meet(15);
    const held = write(person(16));
    expect(world.drain()).toEqual([]);
    world.inbound(person(16), 'hello?');
    expect(world.drain()).toEqual([held]);
    expect(cap('new_contacts_hour')?.used).toBe(15);
  });

  it('are none by whatever address of theirs the conversation goes on', () => {
    fresh();
    meet(15);
    const held = write(person(16));
    world.inbound('ann@example.com', 'hello?', { alias: person(16) });
    expect(world.drain()).toEqual([held]);
    expect(verdictFor('ann@example.com')).toMatchObject({ kind: 'go' });
  });

  it('become new again after 30 days without talk', () => {
    fresh({ policy: { caps: { new_contacts_hour: 1 } } });
    meet(1);
    world.clock.advance(30 * DAY - MINUTE);
    meet(1, 2);
    write(person(1));
    expect(world.drain()).toHaveLength(1);
    world.clock.advance(30 * DAY + 2 * HOUR);
    meet(1, 3);
    expect(verdictFor(person(1))).toMatchObject({ kind: 'hold', hold: { rule: 'new_contact_limit' } });
  });

  it('of the owner’s own hand count as well', () => {
    fresh();
    for (let n = 1; n <= 15; n += 1) world.ownHand([person(n)], loner(500 + n));
    expect(verdictFor(person(16))).toMatchObject({ kind: 'hold', hold: { rule: 'new_contact_limit' } });
  });

  it('are counted once a message went, not while it waits: a cancelled one draws nothing', () => {
    fresh();
    for (let n = 1; n <= 40; n += 1) world.gate.remove(write(person(n), { notBefore: world.clock.now() + HOUR }));
    expect(cap('new_contacts_hour')).toMatchObject({ used: 0, remaining: 15 });
    meet(15);
  });
});

describe('attempts to get round the cap of new contacts', () => {
  it('a restart, a reboot, a wall clock set forward or back: none frees a slot', async () => {
    fresh();
    meet(15);
    const held = write(person(16));
    const is = () => expect(world.gate.pick()).toMatchObject({ kind: 'idle' });
    await world.restart();
    is();
    world.clock.jumpWall(26 * HOUR);
    is();
    await world.restart();
    is();
    world.clock.jumpWall(-50 * HOUR);
    await world.restart();
    is();
    world.clock.reboot();
    await world.restart();
    is();
    world.clock.advance(HOUR - 1);
    is();
    world.clock.advance(1);
    expect(world.drain()).toEqual([held]);
  });

  it('a clock set forward with a reboot shortens a day by no more than what surely passed, down to an hour', async () => {
    fresh({ policy: { caps: { new_contacts_hour: 1_000, new_contacts_day: 3 } } });
    meet(3);
    write(person(4));
    world.clock.jumpWall(3 * DAY);
    world.clock.reboot();
    await world.restart();
    expect(world.gate.pick()).toMatchObject({ kind: 'idle' });
    world.clock.advance(HOUR - 1);
    expect(world.gate.pick()).toMatchObject({ kind: 'idle' });
  });

  it('a reboot does not make a day of two', async () => {
    fresh({ policy: { caps: { new_contacts_hour: 1_000, new_contacts_day: 3 } } });
    meet(3);
    write(person(4));
    world.clock.advance(20 * HOUR);
    world.clock.jumpWall(MINUTE);
    world.clock.reboot();
    await world.restart();
    world.clock.advance(4 * HOUR);
    expect(world.drain()).toHaveLength(1);
  });

  it('a failed attempt gives its draw back, and the next one to the same contact draws again', () => {
    fresh();
    meet(14);
    const message = write(person(15));
    world.dispatch(message);
    expect(cap('new_contacts_hour')?.used).toBe(15);
    world.settle(message, 'failed');
    expect(cap('new_contacts_hour')?.used).toBe(14);
    meet(1, 15);
    expect(cap('new_contacts_hour')?.used).toBe(15);
    expect(verdictFor(person(16))).toMatchObject({ kind: 'hold' });
  });

  it('what is not delivered, or of which nobody knows, counts', () => {
    fresh();
    for (const state of ['unknown', 'not_delivered'] as const) {
      const message = write(person(texts + 1));
      world.dispatch(message);
      world.settle(message, state);
    }
    expect(cap('new_contacts_hour')?.used).toBe(2);
  });

  it('a dispatch that was rolled back draws nothing', () => {
    fresh();
    write(person(1));
    const failing = () =>
      world.store.db.transaction(() => {
        const pick = world.gate.pick();
        if (pick.kind === 'go') world.gate.dispatched(pick.message);
        throw new Error('the disk is full');
      });
    expect(failing).toThrow('the disk is full');
    expect(world.gate.pick()).toMatchObject({ kind: 'go' });
    expect(cap('new_contacts_hour')?.used).toBe(0);
    expect(cap('daily_volume')?.used).toBe(0);
    expect(world.drain()).toHaveLength(1);
    expect(cap('new_contacts_hour')?.used).toBe(1);
  });

  it('many recipients of one request are no way round', () => {
    fresh({ policy: { bulk_transactional: 'allow' } });
    const people = Array.from({ length: 40 }, (_, n) => person(n + 1));
    world.send(people, loner(1));
    let gone = 0;
    for (let minute = 0; minute < 59; minute += 1) {
      gone += world.drain().length;
      world.clock.advance(MINUTE);
    }
    expect(gone).toBe(15);
  });
});

describe('the order in which a scarce cap is drawn', () => {
  it('is conversational, transactional, marketing, whatever came first; by order of acceptance within each', () => {
    fresh({ kind: 'dedicated', policy: { consent: 'wrote_first', caps: { new_contacts_hour: 1 } } });
    meet(1);
    // Marketing only to whom wrote first: long enough ago to be new again.
    world.inbound(person(50), 'hello, do you have an offer?');
    world.clock.advance(31 * DAY);
    meet(1, 2);
    const marketing = write(person(50), { category: 'marketing' });
    const transactional = [
      write(person(11), { category: 'transactional' }),
      write(person(12), { category: 'transactional' }),
    ];
    const conversational = [write(person(13)), write(person(14))];
    const gone: string[] = [];
    for (let hour = 0; hour < 6; hour += 1) {
      world.clock.advance(HOUR);
      const now = world.drain();
      expect(now.length, 'a slot an hour').toBeLessThanOrEqual(1);
      gone.push(...now);
    }
    expect(gone).toEqual([...conversational, ...transactional, marketing]);
  });

  it('is the order of acceptance while there are slots for all', () => {
    fresh();
    const first = write(person(1), { category: 'transactional' });
    const second = write(person(2));
    expect(world.drain()).toEqual([first, second]);
  });

  it('nothing is reserved: what comes first takes the slot, and what could not go anyway keeps none back', () => {
    fresh({ policy: { caps: { new_contacts_hour: 1 } } });
    write(person(1), { notBefore: world.clock.now() + MINUTE });
    const transactional = write(person(2), { category: 'transactional' });
    expect(world.drain()).toEqual([transactional]);
  });
});

describe('messages without an answer', () => {
  it('are 5: the next is refused, also with pacing "queue", until they write', () => {
    fresh();
    world.inbound(person(1), 'hello');
    world.clock.advance(6 * MINUTE);
    for (let n = 0; n < 5; n += 1) write(person(1));
    expect(world.drain()).toHaveLength(5);
    expect(verdictFor(person(1))).toEqual({
      kind: 'refuse',
      refusal: {
        code: 'unanswered_limit',
        rule: 'unanswered',
        words: '…1001 has not answered the last 5 messages; nothing more goes until they write.',
        retryable: false,
        evidence: {
          used: 5,
          limit: 5,
          words: '…1001 has not answered the last 5 messages; nothing more goes until they write.',
        },
      },
    });
    world.clock.advance(60 * DAY);
    expect(verdictFor(person(1))).toMatchObject({ kind: 'refuse', refusal: { code: 'unanswered_limit' } });
    world.inbound(person(1), 'now I have time');
    world.clock.advance(6 * MINUTE);
    expect(verdictFor(person(1))).toMatchObject({ kind: 'go' });
  });

  it('cannot be more by accepting them all before the first goes: the sixth is refused when its turn comes', () => {
    fresh();
    const messages = Array.from({ length: 6 }, () => write(person(1)));
    expect(world.drain()).toEqual(messages.slice(0, 5));
    expect(world.gate.pick()).toMatchObject({
      kind: 'refuse',
      message: messages[5],
      refusal: { code: 'unanswered_limit' },
    });
  });

  it('are not answered by a tapback, nor by STOP, nor by what was written before and told late', () => {
    fresh();
    const before = world.clock.now() - HOUR;
    for (let n = 0; n < 5; n += 1) write(person(1));
    world.drain();
    world.inbound(person(1), 'Loved “…”', { kind: 'tapback' });
    world.inbound(person(1), 'hello', { at: before, late: true });
    expect(verdictFor(person(1))).toMatchObject({ kind: 'refuse', refusal: { code: 'unanswered_limit' } });
    world.inbound(person(1), 'STOP');
    world.inbound(person(1), 'START', { at: world.clock.now() + 1 });
    expect(verdictFor(person(1)), 'START is a word of theirs').toMatchObject({ kind: 'go' });
  });

  it('are counted as well while the clock is behind what they wrote', () => {
    fresh();
    world.inbound(person(1), 'hello');
    world.clock.advance(6 * MINUTE);
    world.clock.jumpWall(-3 * DAY);
    for (let n = 0; n < 5; n += 1) write(person(1), { expiresAt: world.clock.now() + DAY });
    world.drain();
    world.clock.advance(6 * MINUTE);
    expect(verdictFor(person(1))).toMatchObject({ kind: 'refuse', refusal: { code: 'unanswered_limit' } });
  });

  it('by the owner’s own hand count, unless they are older than the newest word', () => {
    fresh();
    world.inbound(person(1), 'hello');
    for (let n = 0; n < 5; n += 1) world.ownHand([person(1)], loner(700 + n), world.clock.now() - HOUR);
    expect(world.gate.people.contact(person(1)).unanswered).toBe(0);
    for (let n = 0; n < 5; n += 1) world.ownHand([person(1)], loner(800 + n));
    expect(world.gate.people.contact(person(1)).unanswered).toBe(5);
  });

  it('are answered from another address of theirs in the same conversation', () => {
    fresh();
    for (let n = 0; n < 5; n += 1) write(person(1));
    world.drain();
    world.inbound('ann@example.com', 'thanks', { alias: person(1) });
    expect(verdictFor(person(1))).toMatchObject({ kind: 'go' });
  });

  it('replies are none, and a failed one does not count; the count outlives a restart', async () => {
    fresh();
    for (let n = 0; n < 4; n += 1) write(person(1));
    world.drain();
    const message = write(person(1));
    world.dispatch(message);
    world.settle(message, 'failed');
    await world.restart();
    expect(cap('unanswered')).toMatchObject({ used: 4, limit: 5, remaining: 1 });
    write(person(1));
    expect(world.drain()).toHaveLength(1);
    expect(cap('unanswered')).toMatchObject({ used: 5, remaining: 0, next_slot_at: null });
    expect(verdictFor(person(1))).toMatchObject({ kind: 'refuse' });
  });
});

describe('the rate to one', () => {
  it('is 30 in 60 seconds, also for replies; others go meanwhile', () => {
    fresh({ policy: { reply: { per_inbound: 10 }, caps: { unanswered: 1_000 } } });
    for (let n = 0; n < 3; n += 1) {
      world.inbound(person(1), 'and what about this?');
      for (let m = 0; m < 10; m += 1) write(person(1));
    }
    expect(world.drain()).toHaveLength(30);
    world.inbound(person(1), 'and this?');
    world.inbound(person(2), 'hello');
    const reply = write(person(1));
    const until = world.clock.now() + MINUTE;
    expect(world.gate.holdOf(reply)).toEqual({
      until,
      rule: 'pair_rate',
      evidence: {
        used: 30,
        limit: 30,
        words: 'Waits until about 09:01:00: 30 messages went to …1001 in 60 seconds, the most is 30.',
      },
    });
    const other = write(person(2));
    expect(world.drain()).toEqual([other]);
    expect(verdictFor(person(1), { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'pair_rate', retryAfterMs: MINUTE },
    });
    world.clock.advance(MINUTE);
    expect(world.drain()).toEqual([reply]);
  });
});

describe('the volume of a day', () => {
  const policy = { caps: { daily_volume: 20, new_contacts_hour: 1_000, new_contacts_day: 1_000 } };

  it('holds all but replies', () => {
    fresh({ policy });
    meet(20);
    world.inbound(person(1), 'thanks');
    expect(verdictFor(person(1))).toEqual({ kind: 'go', reply: true });
    expect(verdictFor(person(2))).toEqual({
      kind: 'hold',
      reply: false,
      hold: {
        until: world.clock.now() + DAY,
        rule: 'daily_volume',
        evidence: {
          used: 20,
          limit: 20,
          words: 'Waits until about 2026-11-25 09:00:00: 20 messages went in 24 hours, the most is 20.',
        },
      },
    });
    expect(verdictFor(person(2), { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'daily_volume', retryAfterMs: DAY },
    });
  });

  it('replies draw nothing from it', () => {
    fresh({ policy });
    world.inbound(person(1), 'hello');
    write(person(1));
    expect(world.drain()).toHaveLength(1);
    expect(cap('daily_volume')?.used).toBe(0);
  });

  it('is told in sender.get, with the next slot of each cap', () => {
    fresh({ policy: { caps: { daily_volume: 2, new_contacts_hour: 3 } } });
    meet(2);
    world.clock.advance(MINUTE);
    const now = world.clock.now();
    expect(world.gate.describe().caps).toEqual([
      { name: 'new_contacts_day', used: 2, limit: 50, remaining: 48, next_slot_at: now },
      { name: 'new_contacts_hour', used: 2, limit: 3, remaining: 1, next_slot_at: now },
      { name: 'unanswered', used: 1, limit: 5, remaining: 4, next_slot_at: now },
      { name: 'pair_rate', used: 0, limit: 30, remaining: 30, next_slot_at: now },
      { name: 'daily_volume', used: 2, limit: 2, remaining: 0, next_slot_at: now + DAY - MINUTE },
    ]);
  });

  it('what would wait beyond its end or a week is refused at once', () => {
    fresh({ policy });
    meet(20);
    expect(verdictFor(person(30), { expiresAt: world.clock.now() + DAY - 1 })).toMatchObject({
      kind: 'refuse',
      refusal: { code: 'daily_volume', retryable: true, retryAfterMs: DAY },
    });
  });
});

describe('those whose rate is used up', () => {
  it('are all of them and nobody else, whatever goes, never left, or is allowed from now on', async () => {
    fresh();
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            to: fc.nat(3),
            ms: fc.integer({ min: 0, max: 9_000 }),
            limit: fc.option(fc.integer({ min: 1, max: 4 })),
          }),
          { minLength: 10, maxLength: 60 },
        ),
        async (steps) => {
          const store = openStore(makeQuickFolder());
          const clock = new FakeClock();
          let limits = { ...WIDE_RULES.caps, pair_rate: 3 };
          const caps = new Caps({ db: store.db, clock, limits: () => limits });
          for (const [n, { to, ms, limit }] of steps.entries()) {
            const before = { lastInAt: null, lastOutAt: null };
            caps.draw({ name: `m${n}`, key: `p${to}`, fresh: false, reply: n % 2 === 0 }, before);
            if (n % 7 === 6) caps.giveBack(`m${n - 2}`);
            if (limit !== null) limits = { ...limits, pair_rate: limit };
            const now = clock.mono();
            const full = [0, 1, 2, 3].map((one): [string, number] => [
              `p${one}`,
              caps.openAt(`p${one}`, false, true, now),
            ]);
            expect(new Map(caps.fullPairs(now))).toEqual(new Map(full.filter(([, at]) => at > 0)));
            clock.advance(ms);
          }
          await store.remove();
        },
      ),
      { numRuns: 40, endOnFailure: true },
    );
  });
});
