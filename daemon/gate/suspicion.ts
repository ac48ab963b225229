/**
 * Texts that seem to be taken for junk, whoever sends them: refused for 30 days, told upstream, and known from other Macs (`text.block`).
 *
 *   two recipients of near texts not reached, while another text got through ─▶ suspected ── 30 days, or text.clear ──▶ forgotten
 *   more than ten got it as the sender turned suspicious ──────────────────────────┘
 *
 * And a text that two new contacts in a row could not be reached with waits, until anything is delivered to anybody: whether their addresses
 * or the sender is at fault, no third has to find out. No text is kept, only keyed fingerprints; at most some hundreds, in an
 * index of their own, since the other one forgets after a day.
 *
 * The caller owes: `load` first and after a rolled-back transaction; a transaction around all that changes something.
 */
import type { TextSuspected } from '../../protocol/events.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Facts } from './facts.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { LivedTime } from './lived-time.ts';
import { likeness } from './near.ts';
import { NearIndex } from './near-index.ts';
import type { Policy } from './policy.ts';
import { nameAll } from './sender-words.ts';
import { decode, encode } from './stored-print.ts';
import { percent, type Words } from './words.ts';

/** Of each source: the controller's list does not push out what was found here. */
const MOST_TEXTS = 200;
const MOST_FAILURES = 100;
const CLEARED = 'suspicion_cleared';

export type Source = 'relay' | 'command' | 'person';

interface Suspected {
  id: number;
  print: Fingerprint;
  source: Source;
  reason: string;
  at: number;
  until: number;
}

interface Failure {
  message: string;
  address: string;
  print: Fingerprint;
  stranger: boolean;
  others: boolean;
  lived: number;
  at: number;
}

/** As a person sees it. Times are Unix ms. */
export interface RefusedText {
  number: number;
  source: Source;
  reason: string;
  since: number;
  until: number;
}

export interface Found {
  at: number;
  words: string;
  retryAfterMs: number;
}

export class SuspectedTexts {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #lived: LivedTime;
  readonly #policy: Policy['suspicion'];
  readonly #near: Policy['near'];
  readonly #words: Words;
  readonly #tell: (event: TextSuspected) => void;
  #texts: Suspected[] = [];
  #index: NearIndex<Suspected[]>;
  #failures: Failure[] = [];

  constructor(o: {
    db: Db;
    clock: Clock;
    facts: Facts;
    lived: LivedTime;
    policy: Policy;
    words: Words;
    /** In the transaction in which a text was found to be suspected. */
    tell: (event: TextSuspected) => void;
  }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#facts = o.facts;
    this.#lived = o.lived;
    this.#policy = o.policy.suspicion;
    this.#near = o.policy.near;
    this.#index = new NearIndex(this.#near, () => []);
    this.#words = o.words;
    this.#tell = o.tell;
  }

  load(): void {
    const texts = this.#db.sql<Omit<Suspected, 'print'> & { fingerprint: Uint8Array }>(
      'SELECT id, fingerprint, source, reason, at, until FROM gate_suspected ORDER BY id',
    );
    this.#texts = [];
    this.#index = new NearIndex(this.#near, () => []);
    for (const { fingerprint, ...row } of texts.all()) {
      const print = decode(fingerprint);
      if (print) this.#enlist({ ...row, print });
    }
    const failures = this.#db.sql<
      Omit<Failure, 'print' | 'stranger' | 'others'> & { fingerprint: Uint8Array; stranger: number; others: number }
    >('SELECT message, address, fingerprint, stranger, others, lived, at FROM gate_text_failure ORDER BY lived, rowid');
    this.#failures = failures.all().flatMap(({ fingerprint, stranger, others, ...row }) => {
      const print = decode(fingerprint);
      return print ? [{ ...row, print, stranger: stranger === 1, others: others === 1 }] : [];
    });
  }

  /** Is this text, or one near it, refused now? */
  find(print: Fingerprint): Found | null {
    const hit = this.#hit(print);
    if (!hit) return null;
    const { text, leftMs } = hit;
    const alike = likeness(print, text.print, this.#near);
    const now = this.#clock.now();
    const how = alike.verdict === 'same' ? 'This text' : `A text near to this one (${percent(alike.jaccard)} alike)`;
    const words =
      `${how} seems to be taken for junk since ${this.#words.clock(text.at, now)}: ${text.reason}. ` +
      `It is refused until about ${this.#words.clock(now + leftMs, now)}; write another, or ` +
      (text.source === 'person' ? 'let a person at this Mac lift it.' : 'lift it with text.clear.');
    return { at: text.at, words, retryAfterMs: leftMs };
  }

  /** All that is refused now, the oldest first. */
  list(): RefusedText[] {
    const [now, lived] = [this.#clock.now(), this.#lived.now()];
    return this.#texts
      .filter(({ until }) => until > lived)
      .map(({ id, source, reason, at, until }) => {
        return { number: id, source, reason, since: at, until: Math.round(now + until - lived) };
      });
  }

  /** The fingerprint of the text of that number in the list, or null. */
  numbered(number: number): Fingerprint | null {
    return this.#texts.find(({ id }) => id === number)?.print ?? null;
  }

  has(print: Fingerprint): boolean {
    return this.#hit(print) !== null;
  }

  /** Its text waits since new contacts in a row could not be reached with it; null if it does not. */
  waits(print: Fingerprint): { leftMs: number; words: string } | null {
    const strangers = this.#failures.filter((failure) => failure.stranger);
    if (strangers.length < this.#policy.strangers) return null;
    const kin = strangers.filter((failure) => this.#isNear(print, failure.print));
    const people = [...new Set(kin.map(({ address }) => address))].reverse();
    const last = kin.at(-1);
    const leftMs = last ? last.lived + this.#policy.strangers_wait_ms - this.#lived.now() : 0;
    if (!last || people.length < this.#policy.strangers || leftMs <= 0) return null;
    const now = this.#clock.now();
    const words =
      `Waits until about ${this.#words.clock(now + leftMs, now)}, or until anything is delivered to anybody: ` +
      `${nameAll(people)}, new contacts, could not be reached with a near-same text, the last at ${this.#words.clock(last.at, now)}.`;
    return { leftMs, words };
  }

  /** Somebody was not reached with this text. `stranger`: which says nothing of the sender yet. */
  failed(o: { message: string; address: string; print: Fingerprint; stranger: boolean }): void {
    if (o.print.grams.length < this.#near.min_grams) return;
    const failure = { ...o, others: false, lived: this.#lived.begin(), at: Math.round(this.#clock.now()) };
    this.#failures = [...this.#failures.filter(({ message }) => message !== o.message), failure];
    this.#db
      .sql(
        `INSERT OR REPLACE INTO gate_text_failure (message, address, fingerprint, stranger, others, lived, at)
         VALUES (?, ?, ?, ?, 0, ?, ?)`,
      )
      .run(o.message, o.address, encode(o.print), o.stranger ? 1 : 0, failure.lived, failure.at);
    this.#forget(this.#failures.slice(0, Math.max(0, this.#failures.length - MOST_FAILURES)));
    this.#judge();
  }

  /** Something was delivered. `print` null: which text is not known any more. */
  delivered(print: Fingerprint | null): void {
    if (this.#failures.length === 0) return;
    this.#forget(this.#failures.filter(({ stranger }) => stranger));
    if (!print) return;
    for (const failure of this.#failures) {
      if (failure.others || this.#isNear(print, failure.print)) continue;
      failure.others = true;
      this.#db.sql('UPDATE gate_text_failure SET others = 1 WHERE message = ?').run(failure.message);
    }
    this.#judge();
  }

  /** So many got a near text as the sender turned suspicious. */
  blasted(print: Fingerprint, people: number, message: string): void {
    const many = people > 50 ? 'more than 50' : String(people);
    const reason = `${many} people got it or one near it within a day, as messages of this sender ceased to be delivered`;
    this.#suspect(print, { reason, kind: 'volume', people, messages: message.startsWith('row:') ? [] : [message] });
  }

  /** From another Mac, by way of the controller; or by a person. */
  block(
    print: Fingerprint,
    reason: string | undefined,
    by: 'command' | 'person',
  ): { ok: true; until: number } | { ok: false; code: 'bad_request' | 'overloaded'; words: string } {
    if (print.grams.length < this.#near.min_grams)
      return { ok: false, code: 'bad_request', words: 'The text is too short to be told from others.' };
    if (this.#texts.filter(({ source }) => source === by).length >= MOST_TEXTS)
      return { ok: false, code: 'overloaded', words: `${MOST_TEXTS} texts are blocked already; clear some first.` };
    const known = this.#texts.find((text) => text.source === by && text.print.exact === print.exact);
    if (known) this.#drop([known]);
    const unsaid = by === 'command' ? 'the controller heard so of another sender' : 'a person at this Mac blocked it';
    const who = by === 'command' ? 'the controller' : 'a person at this Mac';
    this.#put(print, by, reason === undefined ? unsaid : `${who} says: ${reason}`);
    return { ok: true, until: Math.round(this.#clock.now() + this.#policy.refuse_ms) };
  }

  /** The controller lifts what it put at any time, what was found here once a day, what a person put never. A person lifts all. */
  clear(
    print: Fingerprint,
    by: 'command' | 'person',
  ): { ok: true; cleared: number } | { ok: false; words: string; retryAfterMs?: number } {
    const near = this.#texts.filter((text) => this.#isNear(print, text.print));
    if (by === 'command' && near.some(({ source }) => source === 'person'))
      return { ok: false, words: 'A person at this Mac blocked the text; only a person there lifts that.' };
    const ownFound = near.some(({ source }) => source === 'relay');
    if (by === 'command' && ownFound) {
      const before = this.#facts.get(CLEARED) as number | undefined;
      const leftMs = before === undefined ? 0 : before + this.#policy.clear_every_ms - this.#lived.now();
      if (leftMs > 0) {
        const words =
          'This relay itself found the text suspected, and the controller may lift that once in 24 hours; a text that it blocked, at any time.';
        return { ok: false, words, retryAfterMs: leftMs };
      }
      this.#facts.put(CLEARED, this.#lived.begin());
    }
    this.#drop(near);
    // Were they forgotten without that limit, no text of the controller's would ever be found.
    if (by === 'person' || ownFound)
      this.#forget(this.#failures.filter((failure) => this.#isNear(print, failure.print)));
    return { ok: true, cleared: near.length };
  }

  /** What is over. In a transaction, now and then. */
  tend(): void {
    if (this.#texts.length + this.#failures.length === 0) return;
    const now = this.#lived.now();
    this.#drop(this.#texts.filter(({ until }) => until <= now));
    this.#forget(this.#failures.filter(({ lived }) => lived + this.#policy.window_ms <= now));
  }

  #judge(): void {
    const now = this.#lived.now();
    const live = this.#failures.filter(({ stranger, lived }) => !stranger && lived + this.#policy.window_ms > now);
    for (const failure of live.toReversed()) {
      const kin = live.filter((other) => this.#isNear(failure.print, other.print));
      const people = [...new Set(kin.map(({ address }) => address))];
      if (people.length < this.#policy.recipients || !kin.some(({ others }) => others) || this.has(failure.print))
        continue;
      const reason = `messages with it to ${nameAll(people.toReversed())} were not delivered, while another text got through`;
      this.#suspect(failure.print, {
        reason,
        kind: 'errors',
        people: people.length,
        messages: kin.map(({ message }) => message),
      });
    }
  }

  #suspect(
    print: Fingerprint,
    o: { reason: string; kind: TextSuspected['cause']; people: number; messages: string[] },
  ): void {
    const own = this.#texts.filter(({ source }) => source === 'relay');
    this.#drop(own.slice(0, Math.max(0, own.length + 1 - MOST_TEXTS)));
    const { at } = this.#put(print, 'relay', o.reason);
    const until = Math.round(at + this.#policy.refuse_ms);
    const words =
      `A text seems to be taken for junk since ${this.#words.clock(at, 0)}: ${o.reason}. ` +
      `It and texts near it are refused here until about ${this.#words.clock(until, 0)}.`;
    const remedy = 'Send this text from no other Mac (text.block); write another, or lift it with text.clear.';
    this.#tell({ messages: o.messages.slice(0, 20), cause: o.kind, people: o.people, since: at, until, words, remedy });
  }

  #put(print: Fingerprint, source: Source, reason: string): Suspected {
    const at = Math.round(this.#clock.now());
    const until = this.#lived.begin() + this.#policy.refuse_ms;
    const { lastId } = this.#db
      .sql('INSERT INTO gate_suspected (fingerprint, source, reason, at, until) VALUES (?, ?, ?, ?, ?)')
      .run(encode(print), source, reason, at, until);
    const text = { id: lastId, print, source, reason, at, until };
    this.#enlist(text);
    return text;
  }

  #hit(print: Fingerprint): { text: Suspected; leftMs: number } | null {
    if (this.#texts.length === 0) return null;
    const now = this.#lived.now();
    for (const known of this.#index.near(print))
      for (const text of known.load) if (text.until > now) return { text, leftMs: text.until - now };
    return null;
  }

  #enlist(text: Suspected): void {
    this.#texts.push(text);
    this.#index.keep(text.print).load.push(text);
  }

  #isNear(a: Fingerprint, b: Fingerprint): boolean {
    return likeness(a, b, this.#near).verdict !== 'apart';
  }

  #drop(texts: Suspected[]): void {
    if (texts.length === 0) return;
    this.#texts = this.#texts.filter((text) => !texts.includes(text));
    for (const text of texts) {
      this.#db.sql('DELETE FROM gate_suspected WHERE id = ?').run(text.id);
      const known = this.#index.find(text.print);
      known?.load.splice(known.load.indexOf(text), 1);
      if (known?.load.length === 0) this.#index.drop(known);
    }
  }

  #forget(failures: Failure[]): void {
    if (failures.length === 0) return;
    this.#failures = this.#failures.filter((failure) => !failures.includes(failure));
    for (const { message } of failures) this.#db.sql('DELETE FROM gate_text_failure WHERE message = ?').run(message);
  }
}
