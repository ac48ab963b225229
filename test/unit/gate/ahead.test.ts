/** How many go before a message: counted together, against going through all of them one by one. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Before } from '../../../daemon/gate/ahead.ts';
import { FingerprintMaker } from '../../../daemon/gate/fingerprint.ts';
import { type Kind, Kinds } from '../../../daemon/gate/kinds.ts';
import { emptyLoad, type Load } from '../../../daemon/gate/known-texts.ts';
import { type KnownText, NearIndex } from '../../../daemon/gate/near-index.ts';
import { DEFAULT_POLICY } from '../../../daemon/gate/policy.ts';
import { Queue } from '../../../daemon/gate/queue.ts';
import { TimedRow } from '../../../daemon/gate/rows.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;
const ZONES = [null, 'Europe/Berlin', 'Asia/Tokyo'];
const CATEGORIES = ['conversational', 'transactional', 'marketing'] as const;
const TEXTS = 4;
const PEOPLE = 5;

interface Spec {
  text: number;
  to: number;
  category: number;
  zone: number;
  fresh: boolean;
  bulk: boolean;
  reply: boolean;
  inMinutes: number | null;
}

type Step =
  | { do: 'add'; spec: Spec; times: number }
  | { do: 'remove' | 'fresh' | 'bulk'; which: number }
  | { do: 'pass'; ms: number }
  | { do: 'rules'; seed: number }
  | { do: 'clear' };

const number = (max: number) => fc.nat(max);
const spec: fc.Arbitrary<Spec> = fc.record({
  text: number(TEXTS - 1),
  to: number(PEOPLE - 1),
  category: number(2),
  zone: number(ZONES.length - 1),
  fresh: fc.boolean(),
  bulk: fc.boolean(),
  reply: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  inMinutes: fc.option(fc.integer({ min: -2, max: 12 }), { freq: 2 }),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  // Some rows are long, of one kind at first.
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('add' as const), spec, times: fc.constantFrom(1, 1, 1, 3, 30) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('remove' as const, 'fresh' as const, 'bulk' as const),
      which: number(200),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 4 * MINUTE }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rules' as const), seed: number(1_000_000) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
);

class Stage {
  // A monotonic clock with fractions, as a real one.
  readonly clock = new FakeClock(Date.UTC(2026, 10, 24, 9), 1_234_567.891);
  readonly texts = Array.from({ length: TEXTS }, textOf);
  readonly queue: Queue;
  #seed = 0;
  #order = 0;

  constructor() {
    this.queue = new Queue(this.clock, {
      near: () => this.texts,
      earliest: () => 0,
      isClosed: () => false,
      openAt: (waiting, now) => {
        const kind = new Kinds().join(waiting);
        const pair = this.#fullAt(waiting.address);
        return Math.max(waiting.reply ? 0 : this.#openAt(kind), pair !== null && pair > now ? pair : 0);
      },
      kindOpenAt: (kind) => this.#openAt(kind),
      fullPairs: (now) =>
        Array.from({ length: PEOPLE }, (_, n): [string, number] => [`p${n}`, this.#fullAt(`p${n}`) ?? 0]).filter(
          ([, at]) => at > now,
        ),
      isTrue: () => true,
      review: () => {},
      scarce: () => ({ all: false, fresh: false }),
      changed: (text) => {
        text.awaited = text.load.waiting !== null;
      },
      release: () => {},
    });
  }

  take(one: Step): void {
    const { queue, clock } = this;
    if (one.do === 'add') for (let n = 0; n < one.times; n += 1) this.#add(one.spec);
    else if (one.do === 'pass') clock.advance(one.ms);
    else if (one.do === 'rules') this.#seed = one.seed;
    else if (one.do === 'clear') queue.clear();
    else {
      const all = [...queue.all()];
      const waiting = all[one.which % Math.max(1, all.length)];
      if (!waiting) return;
      if (one.do === 'remove') queue.remove(waiting.message);
      else if (one.do === 'fresh') queue.setFresh(waiting, !waiting.fresh);
      else queue.setBulk(waiting, !waiting.bulk);
    }
  }

  compare(near: KnownText<Load>[], order: number, dueBy: number): void {
    const { spread, ...counts } = this.queue.ahead(near, order, dueBy);
    const { times, ...slow } = this.slow(near, order, dueBy);
    expect(counts).toEqual(slow);
    // Of each span all that become due by its end, and nobody who does before its beginning.
    let sum = 0;
    for (const { from, to, count } of spread) {
      expect(times.filter((time) => time < from - 0.001).length).toBeLessThanOrEqual(sum);
      sum += count;
      expect(times.filter((time) => time <= to + 0.001).length).toBe(sum);
    }
    expect(sum).toBe(times.length);
  }

  /** By going through all. */
  slow(near: KnownText<Load>[], order: number, dueBy: number): Omit<Before, 'spread'> & { times: number[] } {
    const now = this.clock.mono();
    const count = { now: 0, timed: 0, beyond: 0, times: [] as number[] };
    for (const one of this.queue.all()) {
      if (one.reply || one.order >= order || !near.includes(one.text)) continue;
      const pair = this.#fullAt(one.address) ?? 0;
      const own = one.notBefore === null ? 0 : now + (one.notBefore - this.clock.now());
      const dueAt = Math.max(this.#openAt(new Kinds().join(one)), pair, own);
      if (dueAt <= now) count.now += 1;
      else if (Math.round(dueAt - now) <= Math.round(dueBy - now)) {
        count.timed += 1;
        count.times.push(dueAt);
      } else count.beyond += 1;
    }
    return count;
  }

  #add({ text, to, category, zone, inMinutes, ...rest }: Spec): void {
    this.#order += 1;
    const known = this.texts[text];
    if (!known) return;
    this.queue.add({
      ...{ message: `m${this.#order}`, command: 'c', order: this.#order, ...rest, text: known },
      ...{ recipient: { kind: 'handle', handle: `p${to}` }, address: `p${to}` },
      category: CATEGORIES[category] ?? 'conversational',
      timeZone: ZONES[zone] ?? null,
      notBefore: inMinutes === null ? null : this.clock.now() + Math.round(inMinutes * MINUTE),
      ...{ expiresAt: Number.MAX_SAFE_INTEGER, kind: null, toldUntil: null, toldAt: 0, lookAt: 0, since: 0 },
    });
  }

  /** As far as anybody can tell at random: each kind is open, or opens in some minutes. */
  #openAt({ fresh, hours, timeZone }: Kind): number {
    return this.#random(`${fresh} ${hours} ${timeZone}`);
  }

  #fullAt(address: string): number | null {
    return address === 'p0' || address === 'p1' ? this.#random(address) : null;
  }

  #random(of: string): number {
    let state = this.#seed + 7;
    for (const sign of of) state = (Math.imul(state, 31) + sign.charCodeAt(0)) % 1_000_003;
    const minutes = Math.abs(state) % 9;
    return minutes < 4 ? 0 : 1_234_567.891 + minutes * MINUTE;
  }
}

function textOf(): KnownText<Load> {
  const index = new NearIndex(DEFAULT_POLICY.near, emptyLoad);
  return index.keep(new FingerprintMaker(new Uint8Array(32), { same: 6, variables: 8 }).make('Hello'));
}

describe('how many go before a message', () => {
  it('is what going through all that waits would say, whatever comes, goes and changes', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        const stage = new Stage();
        for (const one of steps) {
          stage.take(one);
          const orders = [Number.POSITIVE_INFINITY, stage.queue.size / 2, stage.queue.size / 3];
          for (const near of [stage.texts, stage.texts.slice(1)])
            for (const order of orders)
              for (const dueIn of [0, 5 * MINUTE, 60 * MINUTE]) {
                const dueBy = stage.clock.mono() + dueIn;
                stage.compare(near, order, dueBy);
              }
        }
      }),
      { numRuns: 60, endOnFailure: true },
    );
  }, 60_000);

  it('by times of their own, over more than stand together', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(99_999)), (numbers) => {
        const row = new TimedRow<{ order: number; notBefore: number }>();
        const all: { order: number; notBefore: number }[] = [];
        const draw = () => numbers.next().value ?? 0;
        // Nearly in the order of time, of a few times only, or in none.
        const spread = [1, 7, 100_000][draw() % 3] ?? 1;
        for (let order = 1; order <= 2_500; order += 1) {
          const one = { order, notBefore: spread === 1 ? order - (draw() % 20) : draw() % spread };
          row.add(one);
          all.push(one);
          if (draw() % 5 === 0) for (const gone of all.splice(draw() % all.length, 1)) row.remove(gone);
        }
        expect(row.size).toBe(all.length);
        for (let n = 0; n < 20; n += 1) {
          const [order, until] = [draw() % 2_600, draw() % (spread === 1 ? 2_600 : spread)];
          const older = all.filter((one) => one.order < order && one.notBefore <= until).length;
          expect(row.olderBy(order, until)).toBe(older);
        }
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });

  it('costs no more where all have a time of their own, or are of several kinds', () => {
    const stage = new Stage();
    const add = (n: number, inMinutes: number | null) =>
      stage.take({
        do: 'add',
        times: 1,
        spec: {
          text: 0,
          to: 2,
          category: n % 3,
          zone: n % 3,
          fresh: n % 2 === 0,
          bulk: false,
          reply: false,
          inMinutes,
        },
      });
    for (let n = 0; n < 20_000; n += 1) add(n, n % 2 === 0 ? n / 100 : null);
    const dueBy = stage.clock.mono() + 50 * MINUTE;
    const asked = () => stage.queue.ahead(stage.texts, Number.POSITIVE_INFINITY, dueBy);
    stage.compare(stage.texts, Number.POSITIVE_INFINITY, dueBy);
    const cost = (times: number, work: () => unknown) => {
      const began = process.cpuUsage();
      for (let n = 0; n < times; n += 1) work();
      return process.cpuUsage(began).user / times;
    };
    const slow = cost(10, () => stage.slow(stage.texts, Number.POSITIVE_INFINITY, dueBy));
    expect(cost(200, asked)).toBeLessThan(slow / 5);
  });
});
