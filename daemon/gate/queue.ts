/**
 * What waits, and which of it goes next.
 *
 * Messages with one text wait together, in the order of acceptance; only the oldest that is due can go. Of texts near one another the oldest
 * due message goes first: any younger one would make it later. So a text that may not go yet holds back all younger ones near it, and is
 * looked at again at `readyAt`, or when something near it changed.
 *
 * The caller owes: `block` when a near text goes out, `unblock` when one has gone, never left, or waits no longer.
 */
import type { Clock } from '../host/clock.ts';
import type { Load, Waiting, WaitingText } from './known-texts.ts';
import type { KnownText } from './near-index.ts';

/** However long a text seems to be held back, it is looked at again after this. */
const LOOK_AGAIN_MS = 60_000;

export type Next = { kind: 'go' | 'closed'; waiting: Waiting } | { kind: 'idle'; wakeInMs: number | null };

export interface QueueRules {
  /** All that is known to be near this text. */
  near(text: KnownText<Load>): KnownText<Load>[];
  /** When this one may go for its distance, monotonic; null while a near text is in flight. */
  earliest(waiting: Waiting): number | null;
  /** May it never go any more? */
  isClosed(waiting: Waiting): boolean;
  /** Somebody waits with this text now, or nobody any more. */
  changed(text: KnownText<Load>): void;
  /** Nobody waits with this text any more: after `changed`. */
  release(text: KnownText<Load>): void;
}

export class Queue {
  readonly #clock: Clock;
  readonly #rules: QueueRules;
  readonly #all = new Map<string, Waiting>();
  readonly #texts = new Set<WaitingText>();
  readonly #byPerson = new Map<string, Waiting[]>();
  #replies: Waiting[] = [];

  constructor(clock: Clock, rules: QueueRules) {
    this.#clock = clock;
    this.#rules = rules;
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
    return this.#byPerson.get(key) ?? [];
  }

  add(waiting: Waiting): void {
    this.#all.set(waiting.message, waiting);
    for (const key of keysOf(waiting)) {
      const list = this.#byPerson.get(key);
      if (list) list.push(waiting);
      else this.#byPerson.set(key, [waiting]);
    }
    const { load } = waiting.text;
    if (!load.waiting) {
      load.waiting = { text: waiting.text, members: [], timed: 0, readyAt: 0 };
      this.#rules.changed(waiting.text);
    }
    const group = load.waiting;
    if (waiting.reply) {
      insert(this.#replies, waiting);
      group.replies = (group.replies ?? 0) + 1;
      return;
    }
    const first = group.members[0];
    insert(group.members, waiting);
    if (waiting.notBefore !== null) group.timed += 1;
    if (!first || waiting.order < first.order || waiting.notBefore !== null || group.timed > 0) group.readyAt = 0;
    this.#texts.add(group);
  }

  /** Takes one out; null if it does not wait. */
  remove(message: string): Waiting | null {
    const waiting = this.#all.get(message);
    if (!waiting) return null;
    this.#all.delete(message);
    for (const key of keysOf(waiting)) {
      const left = (this.#byPerson.get(key) ?? []).filter((other) => other !== waiting);
      if (left.length > 0) this.#byPerson.set(key, left);
      else this.#byPerson.delete(key);
    }
    const group = waiting.text.load.waiting;
    if (!group) return waiting;
    if (waiting.reply) {
      this.#replies = this.#replies.filter((other) => other !== waiting);
      group.replies = (group.replies ?? 1) - 1;
    } else {
      group.members.splice(position(group.members, waiting.order), 1);
      if (waiting.notBefore !== null) group.timed -= 1;
      if (group.members.length === 0) this.#texts.delete(group);
    }
    if (group.members.length === 0 && !group.replies) {
      waiting.text.load.waiting = null;
      this.#rules.changed(waiting.text);
      this.#rules.release(waiting.text);
    }
    return waiting;
  }

  /** Nothing near this may go before then. */
  block(near: KnownText<Load>[], until: number): void {
    for (const { load } of near) if (load.waiting) load.waiting.readyAt = Math.max(load.waiting.readyAt, until);
  }

  /** Looks at everything near this again, from then on. */
  unblock(near: KnownText<Load>[], from = 0): void {
    for (const text of near) if (text.load.waiting) text.load.waiting.readyAt = from;
  }

  /** Changes nothing that could be seen. `onlyReplies`: the rest is held for another reason. */
  next(onlyReplies: boolean): Next {
    const now = this.#clock.mono();
    const wall = this.#clock.now();
    let wakeAt = Number.POSITIVE_INFINITY;
    for (const reply of this.#replies) {
      if (this.#rules.isClosed(reply)) return { kind: 'closed', waiting: reply };
      if (reply.notBefore === null || reply.notBefore <= wall) return { kind: 'go', waiting: reply };
      wakeAt = Math.min(wakeAt, now + reply.notBefore - wall);
    }
    if (!onlyReplies) {
      // The oldest alone, as a rule; all of them in their order only if that one may not go yet.
      const oldest = this.#oldest(now, wall);
      const found = oldest && (this.#judge(oldest, now) ?? this.#judgeInOrder(now, wall));
      if (found) return found;
      for (const group of this.#texts) wakeAt = Math.min(wakeAt, group.readyAt);
    }
    return {
      kind: 'idle',
      wakeInMs: wakeAt === Number.POSITIVE_INFINITY ? null : Math.max(1, Math.ceil(wakeAt - now)),
    };
  }

  /** How many that are near and older wait: due now, and due by `dueAt` (Unix ms). */
  ahead(near: KnownText<Load>[], order: number, dueAt: number): { now: number; timed: number } {
    const wall = this.#clock.now();
    const count = { now: 0, timed: 0 };
    for (const text of near) {
      const group = text.load.waiting;
      if (!group) continue;
      const older = position(group.members, order);
      if (group.timed === 0) count.now += older;
      else
        for (const { notBefore } of group.members.slice(0, older)) {
          if (notBefore === null || notBefore <= wall) count.now += 1;
          else if (notBefore <= dueAt) count.timed += 1;
        }
    }
    return count;
  }

  /** The first of those that `ahead` counts, in the order of acceptance. */
  firstAhead(near: KnownText<Load>[], order: number, dueAt: number, limit: number): Waiting[] {
    const first: Waiting[] = [];
    for (const text of near) {
      let found = 0;
      for (const waiting of text.load.waiting?.members ?? []) {
        if (waiting.order >= order || found === limit) break;
        if (waiting.notBefore !== null && waiting.notBefore > dueAt) continue;
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
      if (first && oldest && first.order > oldest.order) continue;
      const head = this.#head(group, now, wall);
      if (head && (!oldest || head.order < oldest.order)) oldest = head;
    }
    return oldest;
  }

  #judgeInOrder(now: number, wall: number): Next | null {
    const heads: Waiting[] = [];
    for (const group of this.#texts) {
      const head = group.readyAt > now ? null : this.#head(group, now, wall);
      if (head) heads.push(head);
    }
    heads.sort((a, b) => a.order - b.order);
    for (const head of heads) {
      if ((head.text.load.waiting?.readyAt ?? 0) > now) continue;
      const found = this.#judge(head, now);
      if (found) return found;
    }
    return null;
  }

  #judge(head: Waiting, now: number): Next | null {
    if (this.#rules.isClosed(head)) return { kind: 'closed', waiting: head };
    const near = this.#rules.near(head.text);
    const older = this.#olderGroup(near, head);
    const earliest = older ? Math.max(older.readyAt, now + 1) : this.#rules.earliest(head);
    if (earliest !== null && earliest <= now) return { kind: 'go', waiting: head };
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
    const wall = this.#clock.now();
    const isOlder = ({ order, notBefore }: Waiting) => order < head.order && (notBefore === null || notBefore <= wall);
    for (const text of near) {
      const group = text.load.waiting;
      const first = group?.members[0];
      if (!group || !first || text === head.text || first.order > head.order) continue;
      if (group.timed === 0 || group.members.some(isOlder)) return group;
    }
    return null;
  }

  /** The oldest that is due. */
  #head(group: WaitingText, now: number, wall: number): Waiting | null {
    let nextAt = Number.POSITIVE_INFINITY;
    for (const waiting of group.members) {
      if (waiting.notBefore === null || waiting.notBefore <= wall) return waiting;
      nextAt = Math.min(nextAt, waiting.notBefore);
    }
    group.readyAt = now + Math.min(nextAt - wall, LOOK_AGAIN_MS);
    return null;
  }
}

function keysOf({ address, people }: Waiting): string[] {
  return people.includes(address) ? people : [address, ...people];
}

function position(members: Waiting[], order: number): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((members[middle]?.order ?? 0) < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(members: Waiting[], waiting: Waiting): void {
  const last = members.at(-1);
  if (!last || last.order < waiting.order) members.push(waiting);
  else members.splice(position(members, waiting.order), 0, waiting);
}
