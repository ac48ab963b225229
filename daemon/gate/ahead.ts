/**
 * How many go before a message: of all that are near it and older, those that are due now, and those that are due by some time.
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

/** Into so many spans of time those are put that are due later than now. */
const SPANS = 64;

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

/** So many become due within a span of time (monotonic). */
export interface DueThen {
  from: number;
  to: number;
  count: number;
}

export interface Before {
  now: number;
  timed: number;
  /** When those that are due later become so, in their order, some together. */
  spread: DueThen[];
  /** Due only after that: they go before it only if it has to wait longer. */
  beyond: number;
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
    round.sumUp();
    let known: Set<KnownText<Load>> | null = null;
    for (const [key, at] of this.#rules.fullPairs(now))
      for (const one of this.#rules.of(key)) {
        if (one.address !== key || one.reply || one.order >= order) continue;
        known ??= new Set(near);
        if (known.has(one.text)) round.correct(one, at);
      }
    return round.count();
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
  readonly #count: Before = { now: 0, timed: 0, spread: [], beyond: 0 };
  readonly #spans: DueThen[] = [];

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
      else this.#add(this.#dueAt(one), 1);
    }
  }

  meetRow(row: WaitingText, order: number): void {
    row.counts ??= new RowCounts(row.members);
    for (const { kind, anytime, timedBy } of row.counts.older(order)) {
      this.meet(kind, anytime);
      const all = timedBy(Number.POSITIVE_INFINITY);
      if (all === 0) continue;
      const now = kind.openAt > this.#now ? 0 : timedBy(this.#wall);
      this.#count.now += now;
      let before = now;
      for (let span = 0; span < SPANS && before < all && this.#isBy(kind.openAt); span += 1) {
        const end = this.#endOf(span);
        const due = kind.openAt > end ? 0 : timedBy(this.#wall + wholeMs(end - this.#now));
        if (due > before) this.#put(span, Math.max(kind.openAt, this.#endOf(span - 1)), end, due - before);
        before = Math.max(before, due);
      }
      this.#count.beyond += all - before;
    }
  }

  sumUp(): void {
    for (const { openAt, met } of this.#kinds) if (met > 0) this.#add(openAt, met);
  }

  /** This one is held back until `at` besides. */
  correct(one: Waiting, at: number): void {
    const dueAt = this.#dueAt(one);
    this.#add(dueAt, -1);
    this.#add(Math.max(dueAt, at), 1);
  }

  count(): Before {
    this.#count.spread = this.#spans.filter((span) => span !== undefined && span.count > 0);
    return this.#count;
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

  #add(dueAt: number, by: number): void {
    if (dueAt <= this.#now) this.#count.now += by;
    else if (this.#isBy(dueAt)) this.#put(this.#spanOf(dueAt), dueAt, dueAt, by);
    else this.#count.beyond += by;
  }

  #put(span: number, from: number, to: number, by: number): void {
    this.#count.timed += by;
    const known = this.#spans[span];
    if (!known) this.#spans[span] = { from, to, count: by };
    else {
      known.from = Math.min(known.from, from);
      known.to = Math.max(known.to, to);
      known.count += by;
    }
  }

  /** By whole ms, as all times that are compared here. */
  #spanOf(dueAt: number): number {
    const share = wholeMs(dueAt - this.#now) / Math.max(1, wholeMs(this.#dueBy - this.#now));
    return Math.min(SPANS - 1, Math.max(0, Math.ceil(share * SPANS) - 1));
  }

  #endOf(span: number): number {
    return this.#now + Math.floor((wholeMs(this.#dueBy - this.#now) * (span + 1)) / SPANS);
  }

  #isBy(dueAt: number): boolean {
    return wholeMs(dueAt - this.#now) <= wholeMs(this.#dueBy - this.#now);
  }
}

/** `notBefore` is in whole ms: what is due with it is not to be missed for the last digit of a sum. */
function wholeMs(ms: number): number {
  return Math.round(ms);
}
