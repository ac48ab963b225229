/**
 * How many go before a message: of all that are near it and older, those that are due now, and those that are due by the time that it is.
 *
 * Exact, and asked for each message that is taken in, when many thousands may wait. So messages of one kind (kinds.ts) are added up and asked
 * about together; a long row of different kinds or times is counted by kind and time once, and that is kept up to date. Whoever gets so much
 * that the rate to one person holds it back is looked at by themselves.
 */
import type { Clock } from '../host/clock.ts';
import type { Kind } from './kinds.ts';
import type { Load, Waiting, WaitingText } from './known-texts.ts';
import type { KnownText } from './near-index.ts';
import { RowCounts } from './row-counts.ts';
import { position } from './rows.ts';

/** A row of no more is gone through one by one. */
const SHORT = 16;

export interface AheadRules {
  /** From when on (monotonic) caps and hours let this kind go; 0 if they do now. */
  kindOpenAt(kind: Kind, now: number): number;
  /** To whom so much went within a minute that more has to wait, and until when (monotonic). */
  fullPairs(now: number): Iterable<[key: string, at: number]>;
  /** Those that wait for this handle or group. */
  of(key: string): Iterable<Waiting>;
}

export interface Before {
  now: number;
  timed: number;
}

export class Ahead {
  readonly #clock: Clock;
  readonly #rules: AheadRules;
  #round = 0;

  constructor(clock: Clock, rules: AheadRules) {
    this.#clock = clock;
    this.#rules = rules;
  }

  /** `dueBy`: monotonic. */
  count(near: KnownText<Load>[], order: number, dueBy: number): Before {
    const now = this.#clock.mono();
    const wall = this.#clock.now();
    this.#round += 1;
    const round = new Round(this.#rules, this.#round, now, wall, dueBy);
    for (const text of near) {
      const row = text.awaited ? text.load.waiting : null;
      if (!row) continue;
      const { kind } = row;
      if (kind !== null) round.meet(kind, row.last < order ? row.count : position(row.members, order));
      else if (row.count <= SHORT) round.meetEach(row.members, order);
      else round.meetRow(row, order);
    }
    const count = round.total();
    let known: Set<KnownText<Load>> | null = null;
    for (const [key, at] of this.#rules.fullPairs(now))
      for (const one of this.#rules.of(key)) {
        if (one.address !== key || one.reply || one.order >= order) continue;
        known ??= new Set(near);
        if (known.has(one.text)) round.correct(count, one, at);
      }
    return count;
  }
}

/** One count, at one moment. */
class Round {
  readonly #rules: AheadRules;
  readonly #number: number;
  readonly #now: number;
  readonly #wall: number;
  readonly #dueBy: number;
  readonly #kinds: Kind[] = [];
  readonly #count: Before = { now: 0, timed: 0 };

  constructor(rules: AheadRules, number: number, now: number, wall: number, dueBy: number) {
    this.#rules = rules;
    this.#number = number;
    this.#now = now;
    this.#wall = wall;
    this.#dueBy = dueBy;
  }

  meet(kind: Kind, count: number): void {
    if (kind.round !== this.#number) this.#begin(kind);
    kind.met += count;
  }

  meetEach(members: Waiting[], order: number): void {
    for (const one of members) {
      if (one.order >= order) break;
      if (!one.kind) continue;
      if (one.notBefore === null) this.meet(one.kind, 1);
      else this.#add(this.#count, this.#dueAt(one), 1);
    }
  }

  meetRow(row: WaitingText, order: number): void {
    row.counts ??= new RowCounts(row.members);
    for (const { kind, anytime, timedBy } of row.counts.older(order)) {
      this.meet(kind, anytime);
      if (kind.openAt > this.#dueBy) continue;
      const now = kind.openAt > this.#now ? 0 : timedBy(this.#wall);
      this.#count.now += now;
      this.#count.timed += timedBy(this.#wall + wholeMs(this.#dueBy - this.#now)) - now;
    }
  }

  total(): Before {
    for (const { openAt, met } of this.#kinds) this.#add(this.#count, openAt, met);
    return this.#count;
  }

  /** This one is held back until `at` besides. */
  correct(count: Before, one: Waiting, at: number): void {
    const dueAt = this.#dueAt(one);
    this.#add(count, dueAt, -1);
    this.#add(count, Math.max(dueAt, at), 1);
  }

  #begin(kind: Kind): void {
    kind.round = this.#number;
    kind.met = 0;
    kind.openAt = this.#rules.kindOpenAt(kind, this.#now);
    this.#kinds.push(kind);
  }

  #dueAt({ kind, notBefore }: Waiting): number {
    if (!kind) return Number.POSITIVE_INFINITY;
    if (kind.round !== this.#number) this.#begin(kind);
    return notBefore === null ? kind.openAt : Math.max(kind.openAt, this.#now + (notBefore - this.#wall));
  }

  #add(count: Before, dueAt: number, by: number): void {
    if (dueAt <= this.#now) count.now += by;
    else if (wholeMs(dueAt - this.#now) <= wholeMs(this.#dueBy - this.#now)) count.timed += by;
  }
}

/** `notBefore` is in whole ms: what is due with it is not to be missed for the last digit of a sum. */
function wholeMs(ms: number): number {
  return Math.round(ms);
}
