/**
 * Weeks of a gate with tight caps and a night, in random order: texts like no other, so that no distance is at work; failures, restarts, reboots,
 * a wall clock set both ways, rolled-back dispatches, inbound rows, STOPs. What went out is judged by the true time, which no clock of the Mac shows.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CATEGORIES, type Category } from '../../../protocol/names.ts';
import { GateWorld, person } from './gate-world.ts';
import { loner } from './letters.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const PEOPLE = 14;
const LIMITS = { new_contacts_hour: 3, new_contacts_day: 6, unanswered: 3, pair_rate: 2, daily_volume: 12 };
const ZONES = ['UTC', 'America/New_York', 'Asia/Tokyo', 'Asia/Kathmandu'];

type Step =
  | { do: 'ask'; to: number; category: Category; zone: number; soon: boolean }
  | { do: 'pass'; ms: number }
  | { do: 'pump'; as: 'sent' | 'failed' | 'unknown' | 'not_delivered' }
  | { do: 'cancel'; which: number }
  | { do: 'restart' }
  | { do: 'wall'; ms: number }
  | { do: 'reboot'; lastsMs: number }
  | { do: 'hand'; to: number }
  | { do: 'inbound'; from: number; what: 'text' | 'tapback' | 'STOP' }
  | { do: 'rollback' };

const who = fc.nat(PEOPLE - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('ask' as const),
      to: who,
      category: fc.constantFrom(...CATEGORIES),
      zone: fc.nat(ZONES.length - 1),
      soon: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 20 * MINUTE }), fc.integer({ min: HOUR, max: 9 * HOUR })),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('pump' as const),
      as: fc.constantFrom(
        'sent' as const,
        'sent' as const,
        'failed' as const,
        'unknown' as const,
        'not_delivered' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(10) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wall' as const), ms: fc.integer({ min: -DAY, max: DAY }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('reboot' as const), lastsMs: fc.integer({ min: 1_000, max: 5 * MINUTE }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hand' as const), to: who }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('inbound' as const),
      from: who,
      what: fc.constantFrom('text' as const, 'text' as const, 'tapback' as const, 'STOP' as const),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'rollback' as const }) },
);

interface Sent {
  to: string;
  fresh: boolean;
  reply: boolean;
  /** True time. */
  at: number;
  freed: boolean;
}

class Weeks {
  readonly world = new GateWorld({
    rules: 'default',
    kind: 'dedicated',
    policy: { caps: LIMITS, consent: 'recorded' },
  });
  readonly sent: Sent[] = [];
  readonly out = new Set<string>();
  /** Who has been talked with, either way. */
  readonly known = new Set<string>();
  readonly unanswered = new Map<string, number>();
  /** False once a clock or the process was disturbed: then a slot may come later than it could, never sooner. */
  calm = true;
  /** A day may be cut to an hour only by a clock set forward together with a reboot. */
  #walls = 0;
  #reboots = 0;
  #true = 0;
  #texts = 0;

  constructor() {
    const { world } = this;
    world.store.db.transaction(() => {
      for (let n = 0; n < PEOPLE; n += 1)
        world.gate.people.consentPut({ handle: person(n), state: 'given', at: world.clock.now() - 1, source: 'form' });
    });
  }

  pass(ms: number): void {
    this.world.clock.advance(ms);
    this.#true += ms;
  }

  async take(one: Step): Promise<void> {
    const { world } = this;
    switch (one.do) {
      case 'ask':
        this.#ask(one);
        break;
      case 'pass':
        this.pass(one.ms);
        break;
      case 'pump':
        this.pump(one.as);
        break;
      case 'cancel': {
        const id = [...world.waiting.keys()][one.which];
        if (id) this.#drop(id);
        break;
      }
      case 'restart':
        this.calm = false;
        await world.restart();
        break;
      case 'wall':
        this.calm = false;
        this.#walls += 1;
        world.clock.jumpWall(one.ms);
        break;
      case 'reboot':
        this.calm = false;
        this.#reboots += 1;
        this.#true += one.lastsMs;
        world.clock.jumpWall(one.lastsMs);
        world.clock.reboot(Math.floor(one.lastsMs / 2));
        await world.restart();
        break;
      case 'hand':
        this.#texts += 1;
        world.ownHand([person(one.to)], loner(this.#texts));
        // Nobody keeps the owner's hand from it; from then on it counts.
        this.#went(person(one.to), !this.known.has(person(one.to)), false);
        break;
      case 'inbound':
        this.#inbound(person(one.from), one.what);
        break;
      case 'rollback': {
        const pick = world.gate.pick();
        if (pick.kind !== 'go') break;
        const failing = () =>
          world.store.db.transaction(() => {
            world.gate.dispatched(pick.message);
            throw new Error('the disk is full');
          });
        expect(failing).toThrow('the disk is full');
        expect(world.gate.pick()).toEqual(pick);
        break;
      }
    }
  }

  #ask({ to, category, zone, soon }: Extract<Step, { do: 'ask' }>): void {
    const { world } = this;
    this.#texts += 1;
    const asking = {
      category,
      timeZone: ZONES[zone] ?? 'UTC',
      ...(soon ? {} : { notBefore: world.clock.now() + 10 * MINUTE }),
    };
    const text = loner(this.#texts);
    const admission = world.admit(person(to), text, asking);
    const verdict = admission.ok ? admission.verdicts[0] : null;
    if (this.calm && soon && verdict?.kind === 'hold') this.#justified(verdict.hold.rule, person(to), asking);
    world.send(person(to), text, asking);
  }

  /** Nothing waits for a rule that does not hold it. */
  #justified(rule: string, to: string, o: { category: Category; timeZone: string }): void {
    const within = (ms: number, of: (sent: Sent) => boolean) =>
      this.sent.filter((one) => !one.freed && one.at > this.#true - ms && of(one)).length;
    const fresh = (one: Sent) => one.fresh;
    if (rule === 'quiet_hours') {
      expect(o.category).toBe('marketing');
      return;
    }
    const full = {
      new_contact_limit:
        within(HOUR, fresh) >= LIMITS.new_contacts_hour || within(DAY, fresh) >= LIMITS.new_contacts_day,
      daily_volume: within(DAY, (one) => !one.reply) >= LIMITS.daily_volume,
      pair_rate: within(MINUTE, (one) => one.to === to) >= LIMITS.pair_rate,
    }[rule];
    expect(full, `held by ${rule}`).toBe(true);
  }

  #inbound(from: string, what: 'text' | 'tapback' | 'STOP'): void {
    const { world } = this;
    if (what === 'STOP') {
      world.inbound(from, 'STOP');
      this.out.add(from);
      for (const { message } of world.gate.sweep()) this.#drop(message);
    } else if (!this.out.has(from)) {
      world.inbound(from, 'hello, is anybody there?', { kind: what });
      if (what === 'text') this.unanswered.set(from, 0);
    }
    this.known.add(from);
  }

  #went(to: string, fresh: boolean, reply: boolean): Sent {
    const sent = { to, fresh, reply, at: this.#true, freed: false };
    this.sent.push(sent);
    this.known.add(to);
    if (!reply) this.unanswered.set(to, (this.unanswered.get(to) ?? 0) + 1);
    return sent;
  }

  #drop(id: string): void {
    this.world.waiting.delete(id);
    this.world.gate.remove(id);
  }

  pump(as: 'sent' | 'failed' | 'unknown' | 'not_delivered'): boolean {
    const { world } = this;
    const pick = world.gate.pick();
    if (pick.kind === 'refuse') {
      const to = world.waiting.get(pick.message)?.recipient;
      expect(pick.refusal.code).toBe('unanswered_limit');
      if (to?.kind === 'handle') expect(this.unanswered.get(to.handle)).toBeGreaterThanOrEqual(LIMITS.unanswered);
      this.#drop(pick.message);
      return true;
    }
    if (pick.kind !== 'go') return false;
    const message = world.waiting.get(pick.message);
    if (message?.recipient.kind !== 'handle') throw new Error('it was never accepted');
    const { handle: to } = message.recipient;
    const { reply, category, timeZone } = message;
    expect(this.out.has(to), 'nothing goes after an opt-out').toBe(false);
    const fresh = !reply && !this.known.has(to);
    if (!reply) {
      expect(this.unanswered.get(to) ?? 0).toBeLessThan(LIMITS.unanswered);
      if (category === 'marketing') expect(this.#isQuiet(timeZone ?? 'UTC'), 'marketing at night').toBe(false);
    }
    this.#bounded(to, fresh, reply);
    const wasKnown = this.known.has(to);
    world.dispatch(pick.message);
    const sent = this.#went(to, fresh, reply);
    if (fresh && this.calm) this.#inOrder(category);
    // Of the network, so that the sender's health stays out of it.
    world.store.db.transaction(() => world.gate.outcome(pick.message, { state: as, meaning: 'network' }));
    if (as === 'failed') {
      sent.freed = true;
      if (!wasKnown) this.known.delete(to);
      if (!reply) this.unanswered.set(to, (this.unanswered.get(to) ?? 1) - 1);
    }
    return true;
  }

  #isQuiet(zone: string): boolean {
    const time = new Date(this.world.clock.now()).toLocaleTimeString('en-GB', { timeZone: zone });
    return Number(time.slice(0, 2)) >= 21 || Number(time.slice(0, 2)) < 8;
  }

  /** By the true time there is a slot for this one. */
  #bounded(to: string, fresh: boolean, reply: boolean): void {
    const within = (ms: number, of: (sent: Sent) => boolean) =>
      this.sent.filter((one) => !one.freed && one.at > this.#true - ms && of(one)).length;
    expect(
      within(MINUTE, (one) => one.to === to),
      'the rate to one',
    ).toBeLessThan(LIMITS.pair_rate);
    if (reply) return;
    if (fresh)
      expect(
        within(HOUR, (one) => one.fresh),
        'new in an hour',
      ).toBeLessThan(LIMITS.new_contacts_hour);
    if (this.#walls > 0 && this.#reboots > 0) return;
    expect(
      within(DAY, (one) => !one.reply),
      'volume',
    ).toBeLessThan(LIMITS.daily_volume);
    if (fresh)
      expect(
        within(DAY, (one) => one.fresh),
        'new in a day',
      ).toBeLessThan(LIMITS.new_contacts_day);
  }

  /** The last slot for a new contact went to the first category that could have taken it. */
  #inOrder(category: Category): void {
    const hour = this.world.gate.describe().caps.find(({ name }) => name === 'new_contacts_hour');
    if (hour?.remaining !== 0) return;
    const better = [...this.world.waiting.values()].filter(
      ({ category: other, notBefore, recipient, reply }) =>
        !reply &&
        CATEGORIES.indexOf(other) < CATEGORIES.indexOf(category) &&
        (notBefore === null || notBefore <= this.world.clock.now()) &&
        recipient.kind === 'handle' &&
        !this.known.has(recipient.handle),
    );
    expect(better.map(({ message }) => message)).toEqual([]);
  }

  /** All that waits goes in the end, or is refused for good. */
  finish(): void {
    const waiting = this.world.waiting.size;
    for (let round = 0; this.world.waiting.size > 0 && round < 40 * 24 * 4 + waiting; round += 1) {
      while (this.pump('sent'));
      this.pass(15 * MINUTE);
    }
    expect([...this.world.waiting.keys()], 'nothing starves').toEqual([]);
  }
}

describe('weeks in random order', () => {
  it('keep every cap, send no marketing at night, keep to the order, hold nothing without a reason, and starve nothing', async () => {
    const sent = { all: 0, fresh: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), async (steps) => {
        const weeks = new Weeks();
        try {
          for (const one of steps) await weeks.take(one);
          weeks.finish();
          sent.all += weeks.sent.length;
          sent.fresh += weeks.sent.filter(({ fresh }) => fresh).length;
        } finally {
          await weeks.world.close();
        }
      }),
      { numRuns: 100 },
    );
    expect(sent.all).toBeGreaterThan(250);
    expect(sent.fresh).toBeGreaterThan(100);
  }, 120_000);
});
