/**
 * What waits, and which of it goes next.
 *
 * Messages with one text wait together, in the order of acceptance; only the oldest that is due (`not_before`, hours and caps let it go) can go.
 * Of texts near one another the oldest due message goes first: any younger one would make it later. So a text that may not go yet holds back
 * all younger ones near it, and is looked at again at `readyAt`, or when something near it changed. Only where more wait for a cap than it has
 * slots, the category comes before the order.
 *
 * The caller owes: `block` when a near text goes out, `unblock` when one has gone, never left, or waits no longer.
 */
import type { Clock } from '../host/clock.ts';
import { Ahead, type Before } from './ahead.ts';
import { type Before as Drawing, rankOf } from './caps.ts';
import { type Kind, Kinds } from './kinds.ts';
import type { Load, Waiting, WaitingText } from './known-texts.ts';
import type { KnownText } from './near-index.ts';
import { Ranks } from './ranks.ts';
import { peopleOf } from './requests.ts';
import { insert, take } from './rows.ts';

/** However long a text seems to be held back, it is looked at again after this. */
const LOOK_AGAIN_MS = 60_000;

export type Next = { kind: 'go' | 'closed'; waiting: Waiting } | { kind: 'idle'; wakeInMs: number | null };

export interface QueueRules {
  /** All that is known to be near this text. */
  near(text: KnownText<Load>): KnownText<Load>[];
  /** When this one may go for its distance, monotonic; null while a near text is in flight. */
  earliest(waiting: Waiting): number | null;
  /** The same as `openAt` for a whole kind, the rate to each one aside; and to whom that is used up, until when. */
  kindOpenAt(kind: Kind, now: number): number;
  fullPairs(now: number): Iterable<[key: string, at: number]>;
  /** May it not go to them at all? */
  isClosed(waiting: Waiting): boolean;
  /** From when on hours and caps let it go, monotonic; 0 if they do now. Asked very often. */
  openAt(waiting: Waiting, now: number): number;
  /** Asked once, right before it goes: is what `openAt` goes by true? If not, it is set right. */
  isTrue(waiting: Waiting): boolean;
  /** All of these wait beyond now for hours or caps: is what that goes by still true? */
  review(waiting: Waiting[]): void;
  /** Of which caps there are fewer slots than messages that wait for them. */
  scarce(waiting: Drawing): { all: boolean; fresh: boolean };
  /** Somebody waits with this text now, or nobody any more. */
  changed(text: KnownText<Load>): void;
  /** Nobody waits with this text any more: after `changed`. */
  release(text: KnownText<Load>): void;
}

const NONE: readonly never[] = [];

export class Queue {
  readonly #clock: Clock;
  readonly #rules: QueueRules;
  readonly #all = new Map<string, Waiting>();
  readonly #texts = new Set<WaitingText>();
  /** Of most people one waits. */
  readonly #byPerson = new Map<string, Waiting | Waiting[]>();
  #replies: Waiting[] = [];
  readonly #ranks = new Ranks();
  #scarce = { all: false, fresh: false };
  readonly #kinds = new Kinds();
  readonly #ahead: Ahead;

  constructor(clock: Clock, rules: QueueRules) {
    this.#clock = clock;
    this.#rules = rules;
    this.#ahead = new Ahead(clock, {
      kindOpenAt: (kind, now) => rules.kindOpenAt(kind, now),
      fullPairs: (now) => rules.fullPairs(now),
      of: (key) => this.of(key),
    });
  }

  get size(): number {
    return this.#all.size;
  }

  get(message: string): Waiting | undefined {
    return this.#all.get(message);
  }

  all(): Iterable<Waiting> {
    return this.#all.values();
  }

  /** Those that wait for this handle or group, or for a group with this member. */
  of(key: string): Iterable<Waiting> {
    const list = this.#byPerson.get(key);
    if (list === undefined) return NONE;
    return Array.isArray(list) ? list : [list];
  }

  add(waiting: Waiting): void {
    this.#all.set(waiting.message, waiting);
    for (const key of keysOf(waiting)) {
      const list = this.#byPerson.get(key);
      if (list === undefined) this.#byPerson.set(key, waiting);
      else if (Array.isArray(list)) list.push(waiting);
      else this.#byPerson.set(key, [list, waiting]);
    }
    const { load } = waiting.text;
    if (!load.waiting) {
      load.waiting = emptyRow(waiting.text);
      this.#rules.changed(waiting.text);
    }
    const group = load.waiting;
    if (waiting.reply) {
      insert(this.#replies, waiting);
      group.replies = (group.replies ?? 0) + 1;
      return;
    }
    const first = group.members[0];
    // As a rule it is the only one, and an array that grows takes room for many.
    if (first) insert(group.members, waiting);
    else group.members = [waiting];
    waiting.kind = this.#kinds.join(waiting);
    group.counts?.add(waiting);
    this.#ranks.add(waiting);
    if (waiting.notBefore !== null) group.timed += 1;
    sumUp(group, waiting.kind);
    const now = this.#clock.mono();
    const dueAt = this.#dueAt(waiting, now, this.#clock.now());
    if (!first || waiting.order < first.order || waiting.notBefore !== null || group.timed > 0) group.readyAt = 0;
    else if (dueAt > now || !this.#isDue(first)) group.readyAt = Math.min(group.readyAt, dueAt);
    this.#texts.add(group);
  }

  /** Takes one out; null if it does not wait. */
  remove(message: string): Waiting | null {
    const waiting = this.#all.get(message);
    if (!waiting) return null;
    this.#all.delete(message);
    for (const key of keysOf(waiting)) {
      const list = this.#byPerson.get(key);
      const left = Array.isArray(list) ? list.filter((other) => other !== waiting) : [];
      if (left.length > 0) this.#byPerson.set(key, left);
      else this.#byPerson.delete(key);
    }
    const group = waiting.text.load.waiting;
    if (!group) return waiting;
    if (waiting.reply) {
      this.#replies = this.#replies.filter((other) => other !== waiting);
      group.replies = (group.replies ?? 1) - 1;
    } else {
      take(group.members, waiting);
      group.counts?.remove(waiting);
      if (waiting.kind) this.#kinds.leave(waiting.kind);
      waiting.kind = null;
      this.#ranks.remove(waiting);
      if (waiting.notBefore !== null) group.timed -= 1;
      sumUp(group, group.kind);
      if (group.members.length === 0) this.#texts.delete(group);
    }
    if (group.members.length === 0 && !group.replies) {
      waiting.text.load.waiting = null;
      this.#rules.changed(waiting.text);
      this.#rules.release(waiting.text);
    }
    return waiting;
  }

  /** Takes all out at once: one by one would cost more the more there are. */
  clear(): void {
    const texts = new Set([...this.#all.values()].map(({ text }) => text));
    this.#all.clear();
    this.#byPerson.clear();
    this.#texts.clear();
    this.#replies = [];
    this.#kinds.clear();
    this.#ranks.clear();
    for (const text of texts) {
      text.load.waiting = null;
      this.#rules.changed(text);
      this.#rules.release(text);
    }
  }

  /** Nothing near this may go before then. */
  block(near: KnownText<Load>[], until: number): void {
    for (const { load } of near) if (load.waiting) load.waiting.readyAt = Math.max(load.waiting.readyAt, until);
  }

  /** Looks at everything near this again, from then on. */
  unblock(near: KnownText<Load>[], from = 0): void {
    for (const text of near) if (text.load.waiting) text.load.waiting.readyAt = from;
  }

  /** It is to a new contact, or not any more; nothing near it needs to wait for that. */
  setFresh(waiting: Waiting, fresh: boolean): void {
    if (waiting.fresh === fresh) return;
    waiting.fresh = fresh;
    if (waiting.reply) return;
    this.#ranks.freshened(waiting);
    const counts = waiting.text.load.waiting?.counts;
    counts?.remove(waiting);
    this.#changeKind(waiting);
    counts?.add(waiting);
    this.unblock([waiting.text]);
  }

  /** More people than a blast got its text, or that is not so after all. */
  setBulk(waiting: Waiting, bulk: boolean): void {
    if (waiting.bulk === bulk) return;
    waiting.bulk = bulk;
    // As a rule all that wait with the text, one after the other.
    const row = waiting.text.load.waiting;
    if (row) row.counts = null;
    this.#changeKind(waiting);
  }

  #changeKind(waiting: Waiting): void {
    const { kind: before } = waiting;
    const row = waiting.text.load.waiting;
    if (!before || !row) return;
    waiting.kind = this.#kinds.join(waiting);
    this.#kinds.leave(before);
    sumUp(row, waiting.kind);
  }

  /** Looks at everything again: the rules changed. */
  lookAgain(): void {
    for (const group of this.#texts) group.readyAt = 0;
  }

  /** How many wait that would draw from the caps before one of this category and order. */
  before(category: Waiting['category'], order: number): Drawing {
    return this.#ranks.before(category, order);
  }

  /** Changes nothing that could be seen. `onlyReplies`: the rest is held for another reason. */
  next(onlyReplies: boolean): Next {
    const now = this.#clock.mono();
    const wall = this.#clock.now();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const reply of this.#replies) {
      if (this.#rules.isClosed(reply)) return { kind: 'closed', waiting: reply };
      const dueAt = this.#dueAt(reply, now, wall);
      if (dueAt <= now) return { kind: 'go', waiting: reply };
      wakeAt = Math.min(wakeAt, dueAt);
    }
    if (!onlyReplies) {
      this.#scarce = this.#rules.scarce(this.#ranks.count());
      // The oldest alone, as a rule; all of them in their order only if that one may not go yet.
      const oldest = this.#oldest(now, wall);
      const first = oldest && this.#judge(oldest, now);
      const found = first === 'untrue' || first === null ? oldest && this.#judgeInOrder(now, wall) : first;
      if (found) return found;
      for (const group of this.#texts) wakeAt = Math.min(wakeAt, group.readyAt);
    }
    return {
      kind: 'idle',
      wakeInMs: wakeAt === Number.POSITIVE_INFINITY ? null : Math.max(1, Math.ceil(wakeAt - now)),
    };
  }

  /** How many that are near and older wait: due now, and due by `dueBy` (monotonic). */
  ahead(near: KnownText<Load>[], order: number, dueBy: number): Before {
    return this.#ahead.count(near, order, dueBy);
  }

  #isDue(waiting: Waiting): boolean {
    const now = this.#clock.mono();
    return this.#dueAt(waiting, now, this.#clock.now()) <= now;
  }

  #dueAt(waiting: Waiting, now: number, wall: number): number {
    const opensAt = this.#rules.openAt(waiting, now);
    return waiting.notBefore === null ? opensAt : Math.max(opensAt, now + (waiting.notBefore - wall));
  }

  /** 0 for whatever needs no slot that others want too. */
  #rank({ category, fresh }: Waiting): number {
    return this.#scarce.all || (fresh && this.#scarce.fresh) ? rankOf(category) : 0;
  }

  #precedes(a: Waiting, b: Waiting): boolean {
    const ranks = this.#rank(a) - this.#rank(b);
    return ranks < 0 || (ranks === 0 && a.order < b.order);
  }

  /** The first of those that `ahead` counts, in the order of acceptance. */
  firstAhead(near: KnownText<Load>[], order: number, dueBy: number, limit: number): Waiting[] {
    const now = this.#clock.mono();
    const wall = this.#clock.now();
    const first: Waiting[] = [];
    for (const text of near) {
      let found = 0;
      for (const waiting of text.load.waiting?.members ?? []) {
        if (waiting.order >= order || found === limit) break;
        if (this.#dueAt(waiting, now, wall) > dueBy) continue;
        first.push(waiting);
        found += 1;
      }
    }
    return first.sort((a, b) => a.order - b.order).slice(0, limit);
  }

  #oldest(now: number, wall: number): Waiting | null {
    let oldest: Waiting | null = null;
    for (const group of this.#texts) {
      if (group.readyAt > now) continue;
      const first = group.members[0];
      if (first && oldest && first.order > oldest.order && this.#rank(oldest) === 0) continue;
      const head = this.#head(group, now, wall);
      if (head && (!oldest || this.#precedes(head, oldest))) oldest = head;
    }
    return oldest;
  }

  #judgeInOrder(now: number, wall: number): Next | null {
    const heads: Waiting[] = [];
    for (const group of this.#texts) {
      const head = group.readyAt > now ? null : this.#head(group, now, wall);
      if (head) heads.push(head);
    }
    heads.sort((a, b) => (this.#precedes(a, b) ? -1 : 1));
    for (let next = heads.shift(); next; next = heads.shift()) {
      const group = next.text.load.waiting;
      if (!group || group.readyAt > now) continue;
      const found = this.#judge(next, now);
      if (found !== null && found !== 'untrue') return found;
      // What it was chosen by was not true: another of the same text may be due, or it has to stand further back.
      const other = found === 'untrue' ? this.#head(group, now, wall) : null;
      if (!other) continue;
      const before = heads.findIndex((head) => this.#precedes(other, head));
      heads.splice(before === -1 ? heads.length : before, 0, other);
    }
    return null;
  }

  #judge(head: Waiting, now: number): Next | 'untrue' | null {
    if (this.#rules.isClosed(head)) return { kind: 'closed', waiting: head };
    const near = this.#rules.near(head.text);
    const older = this.#olderGroup(near, head);
    const earliest = older ? Math.max(older.readyAt, now + 1) : this.#rules.earliest(head);
    if (earliest !== null && earliest <= now) {
      if (!this.#rules.isTrue(head)) return 'untrue';
      return { kind: 'go', waiting: head };
    }
    const until = Math.min(earliest ?? Number.POSITIVE_INFINITY, now + LOOK_AGAIN_MS);
    for (const text of near) {
      const group = text.load.waiting;
      const first = group?.members[0];
      if (group && first && (group.text === head.text || group.timed > 0 || first.order > head.order))
        group.readyAt = Math.max(group.readyAt, until);
    }
    return null;
  }

  /** A near text with an older message that is due: it goes first. */
  #olderGroup(near: KnownText<Load>[], head: Waiting): WaitingText | null {
    const byOrder = this.#rank(head) === 0;
    for (const text of near) {
      const group = text.load.waiting;
      if (!group || text === head.text) continue;
      for (const member of group.members) {
        if (byOrder && member.order > head.order) break;
        if (this.#precedes(member, head) && this.#isDue(member)) return group;
      }
    }
    return null;
  }

  /** The first that is due. */
  #head(group: WaitingText, now: number, wall: number): Waiting | null {
    let best = this.#firstDue(group, now, wall);
    if (best === null && group.members.some(({ bulk }) => bulk)) {
      this.#rules.review(group.members);
      best = this.#firstDue(group, now, wall);
    }
    return best;
  }

  #firstDue(group: WaitingText, now: number, wall: number): Waiting | null {
    let best: Waiting | null = null;
    let nextAt = now + LOOK_AGAIN_MS;
    for (const waiting of group.members) {
      const dueAt = this.#dueAt(waiting, now, wall);
      if (dueAt > now) nextAt = Math.min(nextAt, dueAt);
      else if (best === null || this.#precedes(waiting, best)) best = waiting;
      if (best && this.#rank(best) === 0) return best;
    }
    if (best === null) group.readyAt = nextAt;
    return best;
  }
}

function keysOf({ address, recipient }: Waiting): string[] {
  const people = peopleOf(recipient);
  return people.includes(address) ? people : [address, ...people];
}

function emptyRow(text: KnownText<Load>): WaitingText {
  return { kind: null, count: 0, last: 0, text, members: [], timed: 0, counts: null, readyAt: 0 };
}

/** After one of this kind came, or turned into it; or one has left. */
function sumUp(row: WaitingText, kind: Kind | null): void {
  const { members, timed } = row;
  if (row.count === 0 || members.length <= 1) row.kind = members[0]?.kind ?? null;
  else if (row.kind !== kind) row.kind = null;
  if (timed > 0) row.kind = null;
  row.count = members.length;
  row.last = members.at(-1)?.order ?? 0;
}
