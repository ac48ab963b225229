/** When may this go? The distance that a text keeps now, and when a waiting message may expect its turn. */
import type { Clock } from '../host/clock.ts';
import { NOBODY } from './caps.ts';
import type { Contacts } from './contacts.ts';
import type { Fingerprint } from './fingerprint.ts';
import { COUNT_LIMIT, intervalFor, rowOfIntervals, senderTimes } from './interval.ts';
import type { Load, Waiting } from './known-texts.ts';
import { type LocalLedger, MOST_LEFT_OUT, type Spacing, type Surroundings } from './ledger.ts';
import { type Likeness, likeness } from './near.ts';
import type { KnownText, NearIndex } from './near-index.ts';
import type { NearRules, Policy } from './policy.ts';
import type { Queue } from './queue.ts';
import { type Hold, peopleOf } from './requests.ts';
import type { Opening, Ruled, Rules } from './rules.ts';
import type { Sender } from './sender.ts';
import type { SuspectedTexts } from './suspicion.ts';
import type { Words } from './words.ts';

/** An answer may leave out what is not needed; what it counts instead must not leave the window before it is asked again. */
const ANSWER_LASTS_MS = 10_000;

const NOTHING_NEAR: Surroundings = { count: 0, last: null, inFlight: null };

/** Who goes before is asked so often at the most; more only in a queue of which nearly all have times of their own, in a row. */
const MOST_LOOKS = 8;

/** So many of those before a message are named. */
const NAMED = 5;

/** What is asked about: a message that waits, or one that is about to. */
export interface Asked extends Omit<Ruled, 'bulk'> {
  print: Fingerprint;
  people: string[];
  order: number;
  notBefore: number | null;
  expiresAt: number;
  /** Recipients of the same request that go before it. */
  before: number;
}

interface Turn {
  at: number;
  ahead: number;
}

export class Estimates {
  readonly #clock: Clock;
  readonly #index: NearIndex<Load>;
  readonly #ledger: LocalLedger;
  readonly #queue: Queue;
  readonly #contacts: Contacts;
  readonly #sender: Sender;
  readonly #texts: SuspectedTexts;
  readonly #rules: Rules;
  readonly #since: number | null;
  readonly #policy: Policy['interval'];
  readonly #nearRules: NearRules;
  readonly #words: Words;
  /** The wall clock at the start, less the monotonic one: a wall clock that is set forward makes no sender older. */
  readonly #offset: number;
  #asked: { print: Fingerprint; generation: number; until: number; near: KnownText<Load>[] } | null = null;

  constructor(o: {
    clock: Clock;
    index: NearIndex<Load>;
    ledger: LocalLedger;
    queue: Queue;
    contacts: Contacts;
    sender: Sender;
    texts: SuspectedTexts;
    rules: Rules;
    since: number | null;
    policy: Policy;
    words: Words;
  }) {
    this.#clock = o.clock;
    this.#index = o.index;
    this.#ledger = o.ledger;
    this.#queue = o.queue;
    this.#contacts = o.contacts;
    this.#sender = o.sender;
    this.#texts = o.texts;
    this.#rules = o.rules;
    this.#since = o.since;
    this.#policy = o.policy.interval;
    this.#nearRules = o.policy.near;
    this.#words = o.words;
    this.#offset = o.clock.now() - o.clock.mono();
  }

  /** All near texts that anything waits with, or that are in flight; of the others as many as decide. */
  near(print: Fingerprint): KnownText<Load>[] {
    const { generation } = this.#index;
    const now = this.#clock.mono();
    const known = this.#asked;
    if (known?.print === print && known.generation === generation && known.until > now) return known.near;
    const near = this.#index.near(print, this.#ledger.search(ANSWER_LASTS_MS));
    this.#asked = { print, generation, until: now + ANSWER_LASTS_MS, near };
    return near;
  }

  /** What lies near a text that is for these people: they are not counted. */
  around(print: Fingerprint, people: string[]): Surroundings {
    return this.#ledger.around(people.length > MOST_LEFT_OUT ? this.#index.near(print) : this.near(print), people);
  }

  /** The interval with `count` people in the window, for this sender as it is now. */
  intervalFor(count: number): number {
    return intervalFor(count, this.#times(), this.#policy.steps);
  }

  /** When this one may go for its distance, monotonic; null while a near text is in flight. */
  earliest({ text, recipient }: Pick<Waiting, 'text' | 'recipient'>): number | null {
    const around = this.around(text.print, peopleOf(recipient));
    if (around.inFlight) return null;
    const unreached = this.#texts.waits(text.print);
    const first = unreached ? this.#clock.mono() + unreached.leftMs : 0;
    return around.last ? Math.max(first, around.last.mono + this.intervalFor(around.count)) : first;
  }

  /** The distance that a text which goes now has to keep, and the one that it keeps. */
  spacing({ text, recipient }: Pick<Waiting, 'text' | 'recipient'>): Spacing {
    const { count, last, inFlight } = this.around(text.print, peopleOf(recipient));
    const sinceLast = last ? this.#clock.mono() - last.mono : null;
    return { intervalMs: this.intervalFor(count), gapMs: inFlight ? 0 : sinceLast };
  }

  /** Why it waits and until when, or null if it may go now. */
  holdOf(waiting: Waiting): Hold | null {
    return this.hold({ ...waiting, print: waiting.text.print, people: peopleOf(waiting.recipient), before: 0 });
  }

  /** Is this text bulk to them? */
  isBulk(print: Fingerprint, people: string[]): boolean {
    return this.#rules.isBulk(this.around(print, people).count);
  }

  /** Sets right which of these, that wait with one text, are bulk. */
  reviewBulk(waiting: Waiting[]): void {
    const text = waiting[0]?.text;
    if (!text) return;
    const got = this.#ledger.recipients(this.near(text.print));
    for (const one of waiting) {
      const people = peopleOf(one.recipient);
      this.#queue.setBulk(
        one,
        people.length > MOST_LEFT_OUT
          ? this.isBulk(text.print, people)
          : this.#rules.isBulk(got.size - people.filter((person) => got.has(person)).length),
      );
    }
  }

  /** Which near messages go before a waiting one. */
  before(waiting: Waiting): { count: number; first: string[] } {
    const { text, order, notBefore, reply, recipient } = waiting;
    if (reply) return { count: 0, first: [] };
    const now = this.#clock.mono();
    const dueAt = now + Math.max(0, (notBefore ?? 0) - this.#clock.now());
    const around = this.around(text.print, peopleOf(recipient));
    const { at, ahead } = this.#turn(around, { print: text.print, order, before: 0 }, dueAt, now);
    const first = this.#queue.firstAhead(this.near(text.print), order, at, NAMED);
    return { count: ahead, first: first.map(({ message }) => message) };
  }

  /** `surroundings`, if they were asked for already. */
  hold(asked: Asked, surroundings: Surroundings | null = null): Hold | null {
    const { state, reason } = this.#sender.health();
    const { expiresAt, reply } = asked;
    if (state === 'paused')
      return { until: expiresAt, rule: 'sender_paused', evidence: { words: this.#words.paused(reason) } };
    if (state === 'suspicious' && !reply)
      return { until: expiresAt, rule: 'sender_suspicious', evidence: { words: this.#words.suspicious(reason) } };
    if (!reply) {
      const unreached = this.#texts.waits(asked.print);
      if (unreached) {
        const until = this.#clock.now() + unreached.leftMs;
        return { until, rule: 'new_contacts_unreached', evidence: { words: unreached.words } };
      }
    }
    const wall = this.#clock.now();
    const now = this.#clock.mono();
    const around = reply ? NOTHING_NEAR : (surroundings ?? this.around(asked.print, asked.people));
    const ruled = { ...asked, bulk: !reply && this.#rules.isBulk(around.count + asked.before) };
    const askedAt = now + Math.max(0, (asked.notBefore ?? wall) - wall);
    const others = this.#rules.isCapped(ruled) ? this.#queue.before(asked.category, asked.order) : NOBODY;
    const opening = this.#rules.opening(ruled, others, askedAt);
    const dueAt = opening?.at ?? askedAt;
    const alone = opening ? held(opening, wall - now) : this.#later(asked);
    if (reply) return alone;
    const { at, ahead } = this.#turn(around, asked, dueAt, now);
    // Those before it draw from the caps too, and its turn may come at night.
    const drawing = { all: ahead, fresh: asked.fresh ? ahead : 0 };
    const later = at > dueAt ? this.#rules.opening(ruled, drawing, at) : null;
    if (later) return held(later, wall - now);
    if (at <= now) return null;
    if (at === dueAt && alone) return alone;
    const until = wall + at - now;
    const intervalMs = this.intervalFor(Math.min(COUNT_LIMIT, around.count + ahead));
    const shown = around.last ?? around.inFlight;
    const alike = shown?.text ? likeness(asked.print, shown.text.print, this.#nearRules) : null;
    const words = { until, now: wall, around, alike, ahead, intervalMs };
    const evidence: Hold['evidence'] = {
      near_count: around.count,
      interval_ms: intervalMs,
      words: this.#words.interval(words),
    };
    if (shown && alike) {
      evidence.alike = shareOf(alike);
      evidence.last_message = shown.name;
      evidence.last_at = Math.round(shown.at);
    }
    return { until, rule: 'interval', evidence };
  }

  /** How long so many people take, one after the other, with nothing near before them. */
  timeFor(people: number): number {
    return this.#row(0, Math.max(0, people - 1));
  }

  /**
   * When its turn comes, monotonic, and how many go before it. Older ones with a later time of their own go before it if that comes first, and
   * make it later yet: so it is asked again until nobody more is found. `now`: monotonic, one moment for the whole question, since the clock
   * goes on meanwhile.
   */
  #turn(around: Surroundings, asked: Pick<Asked, 'print' | 'order' | 'before'>, dueAt: number, now: number): Turn {
    const near = this.near(asked.print);
    const turn: Turn = { at: dueAt, ahead: 0 };
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const by = turn.at;
      const older = this.#queue.ahead(near, asked.order, by);
      // Of the same request: due when it is.
      turn.ahead = older.now + (dueAt > now ? 0 : asked.before);
      turn.at = this.#free(around, turn.ahead, now);
      const goes = (count: number, from: number) => {
        const row = this.#row(Math.min(COUNT_LIMIT, around.count + turn.ahead), count);
        turn.at = Math.max(turn.at, from) + row;
        turn.ahead += count;
      };
      for (const { from, to, count } of older.spread) if (from <= Math.max(turn.at, dueAt)) goes(count, to);
      if (dueAt > now) goes(asked.before, dueAt);
      turn.at = Math.max(turn.at, dueAt);
      if (older.beyond === 0 || turn.at <= by) break;
    }
    return turn;
  }

  /** When one with so many before it is far enough from them all, monotonic. */
  #free(around: Surroundings, ahead: number, now: number): number {
    let first = now;
    if (around.inFlight) first = now + this.intervalFor(around.count);
    else if (around.last) first = Math.max(now, around.last.mono + this.intervalFor(around.count));
    return first + this.#row(around.count, ahead);
  }

  #row(count: number, following: number): number {
    return rowOfIntervals(count, following, this.#times(), this.#policy.steps);
  }

  #later({ notBefore }: Asked): Hold | null {
    const now = this.#clock.now();
    if (notBefore === null || notBefore <= now) return null;
    return { until: notBefore, rule: 'not_before', evidence: { words: this.#words.notBefore(notBefore, now) } };
  }

  #times(): number {
    const now = Math.min(this.#clock.now(), this.#offset + this.#clock.mono());
    const facts = { since: this.#since, now, atRisk: this.#sender.atRisk };
    return senderTimes({ ...facts, activeConversations: this.#contacts.activeConversations() }, this.#policy);
  }
}

function held({ at, rule, evidence }: Opening, toWall: number): Hold {
  const until = at + toWall;
  return { until, rule, evidence: evidence(until) };
}

function shareOf({ verdict, jaccard }: Likeness): number {
  return verdict === 'same' ? 1 : Math.round(jaccard * 100) / 100;
}
