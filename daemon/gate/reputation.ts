/**
 * What becomes of messages, and what follows for the sender and for the texts: joins sender.ts (its health), undelivered.ts (who is late),
 * suspicion.ts (which texts) and the one message that a suspicious sender may try.
 *
 * The caller owes: `load` first and after a rolled-back transaction; a transaction around `outcome`, `dispatched` and `tend`.
 */
import type { SenderHealth, TextSuspected } from '../../protocol/events.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Health } from '../host/health.ts';
import type { Contacts } from './contacts.ts';
import type { Facts } from './facts.ts';
import type { Fingerprint } from './fingerprint.ts';
import type { Load, Send, Waiting } from './known-texts.ts';
import type { LocalLedger } from './ledger.ts';
import { LivedTime } from './lived-time.ts';
import type { KnownText } from './near-index.ts';
import type { Policy } from './policy.ts';
import { type GateOutcome, peopleOf, type Refusal, type TextAnswer } from './requests.ts';
import { Sender } from './sender.ts';
import { decode } from './stored-print.ts';
import { type Found, SuspectedTexts } from './suspicion.ts';
import { Undelivered } from './undelivered.ts';
import type { Words } from './words.ts';

/** Sends that are looked at one after the other for a text that many got, and how long of that the event loop may bear. */
const SWEEP_AT_ONCE = 5;
const SWEEP_MS = 8;
const SWEEP = 'suspicion_sweep';
const RULE = 'suspected_text';
/** Who may be tried is looked for so often at the most, and so long at once. */
const LOOK_FOR_PROBE_MS = 30_000;
const LOOK_MS = 8;

/** What is asked of the rest of the gate. */
export interface AroundTexts {
  near(print: Fingerprint): KnownText<Load>[];
  /** May this one go now, apart from the sender's health? */
  mayGo(waiting: Waiting): boolean;
  /** May it, apart from what is near it too? Costs little. */
  mayGoBut(waiting: Waiting): boolean;
  /** Does it wait still? */
  waits(waiting: Waiting): boolean;
  waiting(): Iterable<Waiting>;
}

export class Reputation {
  readonly sender: Sender;
  readonly texts: SuspectedTexts;
  readonly #undelivered: Undelivered;
  readonly #lived: LivedTime;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #contacts: Contacts;
  readonly #ledger: LocalLedger;
  readonly #policy: Policy;
  readonly #around: AroundTexts;
  /** Those that are still to be looked at for a probe, and since when that look goes on. */
  #look: { left: Waiting[]; mono: number } | null = null;

  constructor(o: {
    db: Db;
    clock: Clock;
    health: Health;
    facts: Facts;
    contacts: Contacts;
    ledger: LocalLedger;
    policy: Policy;
    words: Words;
    around: AroundTexts;
    watching: () => boolean;
    onChange: (health: SenderHealth) => void;
    onSuspected: (event: TextSuspected) => void;
  }) {
    const { db, clock, health, facts, contacts, policy, words, onChange } = o;
    this.#db = db;
    this.#clock = clock;
    this.#facts = facts;
    this.#contacts = contacts;
    this.#ledger = o.ledger;
    this.#policy = policy;
    this.#around = o.around;
    const lived = new LivedTime(facts, clock);
    this.#lived = lived;
    this.sender = new Sender({ db, clock, lived, health, facts, contacts, policy: policy.health, words, onChange });
    this.texts = new SuspectedTexts({ db, clock, facts, lived, policy, words, tell: o.onSuspected });
    this.#undelivered = new Undelivered({ db, clock, facts, policy: policy.health, watching: o.watching });
  }

  load(): void {
    this.texts.load();
    this.#undelivered.load();
    this.sender.tell();
  }

  /** What a row says of a message. `send`: as the ledger has it; null for one of more than a day ago. */
  outcome(message: string, send: Send | null, outcome: GateOutcome): void {
    const address = send?.address ?? null;
    const news = this.#undelivered.heard(message, address, outcome);
    if (news?.noLonger) this.sender.noLongerLate(news.address);
    const settled = outcome.state === 'unknown' || outcome.state === 'failed';
    const to = news?.address ?? (settled ? address : null);
    if (to !== null) this.#judge(message, to, send, outcome);
  }

  /** In the transaction of a dispatch. */
  dispatched({ message, reply }: Pick<Waiting, 'message' | 'reply'>): void {
    if (!reply && this.sender.suspicious) this.sender.probing(message);
    this.#look = null;
  }

  /** In a transaction, from time to time: who is late, what is over, which texts many got. */
  tend(): void {
    this.#lived.keep();
    this.sender.late(this.#undelivered.tend());
    this.texts.tend();
    this.#sweep();
  }

  /** Is this text refused to all but replies? */
  refusal(print: Fingerprint): Refusal | null {
    const found = this.texts.find(print);
    return found ? refusalOf(found) : null;
  }

  resume(source: 'command' | 'person'): { ok: true; health: SenderHealth } | { ok: false; refusal: Refusal } {
    const result = this.sender.resume(source);
    if (result.ok) return result;
    const words = 'The controller may resume a suspicious sender once in 24 hours; a person at the Mac at any time.';
    const { retryAfterMs } = result;
    const code = 'sender_suspicious';
    return { ok: false, refusal: { code, rule: 'sender_health', words, retryable: true, retryAfterMs } };
  }

  blockText(print: Fingerprint, reason: string | undefined, source: 'command' | 'person'): TextAnswer {
    const blocked = this.texts.block(print, reason, source);
    if (blocked.ok) return { ok: true, detail: { until: blocked.until } };
    const { code, words } = blocked;
    return { ok: false, refusal: { code, rule: RULE, words, retryable: code === 'overloaded' } };
  }

  clearText(print: Fingerprint, source: 'command' | 'person'): TextAnswer {
    const cleared = this.texts.clear(print, source);
    if (cleared.ok) return { ok: true, detail: { cleared: cleared.cleared } };
    const { words, retryAfterMs } = cleared;
    const retryable = retryAfterMs !== undefined;
    return { ok: false, refusal: { code: 'text_suspected_junk', rule: RULE, words, retryable, retryAfterMs } };
  }

  /** By a person, who saw the list. */
  clearNumbered(number: number): TextAnswer {
    const print = this.texts.numbered(number);
    if (print) return this.clearText(print, 'person');
    const words = `No refused text has the number ${number}.`;
    return { ok: false, refusal: { code: 'not_found', rule: RULE, words, retryable: false } };
  }

  /** The one message that may go out of a suspicious sender now, or null: there is none, or the look for it goes on at the next call. */
  probe(): Waiting | null {
    if (!this.sender.probeDue) {
      this.#look = null;
      return null;
    }
    const mono = this.#clock.mono();
    let look = this.#look;
    if (!look || (look.left.length === 0 && mono - look.mono >= LOOK_FOR_PROBE_MS)) {
      look = { left: this.#tryable(), mono };
      this.#look = look;
    }
    const until = mono + LOOK_MS;
    let looked = 0;
    for (const waiting of look.left) {
      if (this.#clock.mono() > until) break;
      looked += 1;
      if (!this.#isProbe(waiting)) continue;
      // Asked again, it is looked for again: what stands before it may be free by then.
      this.#look = null;
      return waiting;
    }
    look.left.splice(0, looked);
    return null;
  }

  /** Is a probe still looked for? Then the next call is worth making soon. */
  get lookingForProbe(): boolean {
    return this.#look !== null && this.#look.left.length > 0 && this.sender.probeDue;
  }

  /** Something new waits: perhaps it can be tried. */
  added(waiting: Waiting): void {
    this.#look?.left.push(waiting);
  }

  /** Those that might be tried, by what costs nothing to ask; in the order of acceptance. */
  #tryable(): Waiting[] {
    const reached = new Set(this.#contacts.deliveredSince(this.#clock.now() - this.#policy.health.probe_known_ms));
    const tryable: Waiting[] = [];
    for (const waiting of this.#around.waiting())
      if (reached.has(waiting.address) && this.#isTryable(waiting)) tryable.push(waiting);
    return tryable.sort((a, b) => a.order - b.order);
  }

  #isTryable({ recipient, category, reply, notBefore }: Waiting): boolean {
    if (reply || category === 'marketing' || recipient.kind !== 'handle') return false;
    return notBefore === null || notBefore <= this.#clock.now();
  }

  /** What costs most to ask comes last: near texts are searched only for what nothing else holds back. */
  #isProbe(waiting: Waiting): boolean {
    const { text, recipient, address } = waiting;
    if (!this.#around.waits(waiting) || !this.#isTryable(waiting)) return false;
    if (!this.#contacts.deliveredWithin(address, this.#policy.health.probe_known_ms)) return false;
    if (!this.#around.mayGoBut(waiting)) return false;
    // What many get is marketing, whatever it is called.
    const { count } = this.#ledger.around(this.#around.near(text.print), peopleOf(recipient));
    return count <= this.#policy.blast.recipients && this.#around.mayGo(waiting);
  }

  #judge(message: string, address: string, send: Send | null, outcome: GateOutcome): void {
    const was = this.sender.suspicious;
    const verdict = this.sender.outcome(message, address, outcome);
    if (verdict === 'delivered') this.texts.delivered(send?.text?.print ?? this.#storedPrint(message));
    else if (verdict !== null && send?.text)
      this.texts.failed({ message, address, print: send.text.print, stranger: verdict === 'stranger' });
    if (was || !this.sender.suspicious) return;
    this.#facts.put(SWEEP, Number.MAX_SAFE_INTEGER);
    this.#sweep();
  }

  /** A reply's text is not among the known ones. */
  #storedPrint(message: string): Fingerprint | null {
    const row = this.#db
      .sql<{ fingerprint: Uint8Array }>('SELECT fingerprint FROM gate_send WHERE name = ?')
      .get(message);
    return row ? decode(row.fingerprint) : null;
  }

  /** Which texts did more than ten get, as the sender turned suspicious? From the newest send back, some in each round. */
  #sweep(): void {
    const until = this.#clock.mono() + SWEEP_MS;
    let below = (this.#facts.get(SWEEP) as number | null | undefined) ?? null;
    if (below === null) return;
    while (below !== null && this.#clock.mono() <= until) {
      const rows: { id: number; name: string }[] = this.#db
        .sql<{ id: number; name: string }>(
          'SELECT id, name FROM gate_send WHERE id < ? AND reply = 0 ORDER BY id DESC LIMIT ?',
        )
        .all(below, SWEEP_AT_ONCE);
      for (const { name } of rows) this.#lookAtText(name);
      below = rows.length < SWEEP_AT_ONCE ? null : (rows.at(-1)?.id ?? null);
    }
    this.#facts.put(SWEEP, below);
  }

  #lookAtText(name: string): void {
    const print = this.#ledger.get(name)?.text?.print;
    if (!print || print.grams.length < this.#policy.near.min_grams || this.texts.has(print)) return;
    const { count } = this.#ledger.around(this.#around.near(print), []);
    if (count > this.#policy.suspicion.people) this.texts.blasted(print, count, name);
  }
}

function refusalOf({ at, words, retryAfterMs }: Found): Refusal {
  return {
    code: 'text_suspected_junk',
    rule: RULE,
    words,
    retryable: false,
    retryAfterMs,
    evidence: { last_at: at, words },
  };
}
