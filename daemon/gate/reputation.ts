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
import { decode, type Fingerprint } from './fingerprint.ts';
import type { Load, Send, Waiting } from './known-texts.ts';
import type { LocalLedger } from './ledger.ts';
import { LivedTime } from './lived-time.ts';
import type { KnownText } from './near-index.ts';
import type { Policy } from './policy.ts';
import type { GateOutcome, Refusal, TextAnswer } from './requests.ts';
import { Sender } from './sender.ts';
import { type Found, SuspectedTexts } from './suspicion.ts';
import { Undelivered } from './undelivered.ts';
import type { Words } from './words.ts';

/** Sends that are looked at one after the other for a text that many got, and how long of that the event loop may bear. */
const SWEEP_AT_ONCE = 5;
const SWEEP_MS = 8;
const SWEEP = 'suspicion_sweep';
const RULE = 'suspected_text';
/** Who may be tried is looked for so often at the most. */
const LOOK_FOR_PROBE_MS = 30_000;

/** What is asked of the rest of the gate. */
export interface AroundTexts {
  near(print: Fingerprint): KnownText<Load>[];
  /** May this one go now, apart from the sender's health? */
  mayGo(waiting: Waiting): boolean;
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
  #probe: { message: string | null; mono: number } | null = null;

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
    if (address?.startsWith('group:')) return this.#judge(message, address, send, outcome);
    const news = this.#undelivered.heard(message, address, outcome);
    if (news?.noLonger) this.sender.noLongerLate(news.address);
    const settled = outcome.state === 'unknown' || outcome.state === 'failed';
    const to = news?.address ?? (settled ? address : null);
    if (to !== null) this.#judge(message, to, send, outcome);
  }

  /** In the transaction of a dispatch. */
  dispatched({ message, reply }: Pick<Waiting, 'message' | 'reply'>): void {
    if (!reply && this.sender.suspicious) this.sender.probing(message);
    this.#probe = null;
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

  blockText(print: Fingerprint, reason: string | undefined): TextAnswer {
    const blocked = this.texts.block(print, reason);
    if (blocked.ok) return { ok: true, detail: { until: blocked.until } };
    const { code, words } = blocked;
    return { ok: false, refusal: { code, rule: RULE, words, retryable: code === 'overloaded' } };
  }

  clearText(print: Fingerprint, source: 'command' | 'person'): TextAnswer {
    const cleared = this.texts.clear(print, source);
    if (cleared.ok) return { ok: true, detail: { cleared: cleared.cleared } };
    const { words, retryAfterMs } = cleared;
    return { ok: false, refusal: { code: 'text_suspected_junk', rule: RULE, words, retryable: true, retryAfterMs } };
  }

  /** The one message that may go out of a suspicious sender now, or null. */
  probe(): Waiting | null {
    if (!this.sender.probeDue) return null;
    const mono = this.#clock.mono();
    const before = this.#probe;
    if (before && before.message === null && mono - before.mono < LOOK_FOR_PROBE_MS) return null;
    const reached = new Set(this.#contacts.deliveredSince(this.#clock.now() - this.#policy.health.probe_known_ms));
    let first: Waiting | null = null;
    for (const waiting of this.#around.waiting())
      if ((!first || waiting.order < first.order) && this.#isProbe(waiting, reached)) first = waiting;
    this.#probe = { message: first?.message ?? null, mono };
    return first;
  }

  /** Something new waits: perhaps it can be tried. */
  added(): void {
    this.#probe = null;
  }

  #isProbe(waiting: Waiting, reached: Set<string>): boolean {
    const { recipient, category, reply, notBefore, text } = waiting;
    if (reply || category === 'marketing' || recipient.kind !== 'handle' || !reached.has(recipient.handle))
      return false;
    if (notBefore !== null && notBefore > this.#clock.now()) return false;
    // What many get is marketing, whatever it is called.
    const { count } = this.#ledger.around(this.#around.near(text.print), waiting.people);
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
