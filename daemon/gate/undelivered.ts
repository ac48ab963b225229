/**
 * Who was sent an iMessage and has not got it for an hour.
 *
 *   sent ── an hour of watching ──▶ late ──▶ delivered · failed
 *
 * An hour counts only while a receipt would have been seen: this process ran, the Mac was awake, chat.db could be read and the network was
 * there; and after each gap receipts get some minutes to come in. A recipient whose phone was off is late for as long as it is.
 *
 * The caller owes a transaction around `heard` and `tend`.
 */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Facts } from './facts.ts';
import type { Policy } from './policy.ts';
import type { GateOutcome } from './requests.ts';

const DAY = 86_400_000;
/** Messages are watched for 7 days; what is older has nothing more to tell. */
const KEPT_MS = 8 * DAY;
/** A longer pause between two looks is sleep, or a process that was stopped. */
const GAP_MS = 2 * 60_000;
/** Both clocks agree to this, or one of them was set, or did not count sleep. */
const AGREE_MS = 60_000;
/** As long as nearly all receipts take: so long nobody is late after a gap. */
const CALM_MS = 10 * 60_000;
const KEEP_EVERY_MS = 5 * 60_000;
const PER_LOOK = 20;
const FACT = 'watched';

type State = 'sent' | 'late' | 'delivered' | 'failed';

export interface DeliveryNews {
  kind: 'delivered' | 'failed';
  address: string;
  /** Nothing of this recipient is late any more. */
  noLonger: boolean;
}

export class Undelivered {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #policy: Policy['health'];
  readonly #watching: () => boolean;
  #last: { at: number; mono: number } | null = null;
  #watched: number | null = null;
  #kept = 0;
  #calm = 0;
  #pruneAt = 0;

  constructor(o: {
    db: Db;
    clock: Clock;
    facts: Facts;
    policy: Policy['health'];
    /** Would a receipt be seen now? */
    watching: () => boolean;
  }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#facts = o.facts;
    this.#policy = o.policy;
    this.#watching = o.watching;
  }

  /** After a start or a rolled-back transaction. */
  load(): void {
    this.#watched = null;
  }

  /** What a row says of a message; null if that is no news. `address` may be left out for a message known here. */
  heard(message: string, address: string | null, outcome: GateOutcome): DeliveryNews | null {
    const row = this.#db
      .sql<{ address: string; state: State }>('SELECT address, state FROM gate_receipt WHERE message = ?')
      .get(message);
    const to = row?.address ?? address;
    if (to === null) return null;
    if (outcome.state === 'sent') {
      // Groups show no receipt of each: none of them is late.
      if (!row && !to.startsWith('group:') && /^imessage/i.test(outcome.service ?? '')) this.#put(message, to, 'sent');
      return null;
    }
    if (outcome.state === 'failed') {
      this.#db.sql('DELETE FROM gate_receipt WHERE message = ?').run(message);
      return null;
    }
    if (outcome.state === 'unknown') return null;
    const kind = outcome.state === 'not_delivered' ? 'failed' : 'delivered';
    if (row?.state === kind) return null;
    this.#put(message, to, kind);
    const late = this.#db.sql("SELECT 1 FROM gate_receipt WHERE address = ? AND state = 'late'").get(to);
    return { kind, address: to, noLonger: row?.state === 'late' && late === undefined };
  }

  /** Counts the time; those who are late since this look. Cheap, for each round of upkeep. */
  tend(): string[] {
    const passed = this.#passed();
    this.#calm = passed === null ? 0 : this.#calm + passed;
    const watched = this.#now() + (passed ?? 0);
    this.#watched = watched;
    if (watched - this.#kept >= KEEP_EVERY_MS) {
      this.#kept = watched;
      this.#facts.put(FACT, watched);
    }
    this.#prune();
    if (this.#calm < CALM_MS) return [];
    const rows = this.#db
      .sql<{ message: string; address: string }>(
        "SELECT message, address FROM gate_receipt WHERE state = 'sent' AND watched <= ? ORDER BY watched LIMIT ?",
      )
      .all(watched - this.#policy.late_after_ms, PER_LOOK);
    for (const { message } of rows)
      this.#db.sql("UPDATE gate_receipt SET state = 'late' WHERE message = ?").run(message);
    return rows.map(({ address }) => address);
  }

  /** Ms since the last look in which a receipt would have been seen; null after a gap. */
  #passed(): number | null {
    const before = this.#last;
    const now = { at: this.#clock.now(), mono: this.#clock.mono() };
    this.#last = now;
    if (!before || !this.#watching()) return null;
    const byMono = now.mono - before.mono;
    const byWall = now.at - before.at;
    return byMono >= 0 && byMono <= GAP_MS && Math.abs(byWall - byMono) <= AGREE_MS ? byMono : null;
  }

  #now(): number {
    if (this.#watched === null) {
      this.#watched = (this.#facts.get(FACT) as number | undefined) ?? 0;
      this.#kept = this.#watched;
    }
    return this.#watched;
  }

  #put(message: string, address: string, state: State): void {
    this.#db
      .sql(
        `INSERT INTO gate_receipt (message, address, state, watched, at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (message) DO UPDATE SET state = excluded.state`,
      )
      .run(message, address, state, Math.round(this.#now()), Math.round(this.#clock.now()));
  }

  #prune(): void {
    const mono = this.#clock.mono();
    if (mono < this.#pruneAt) return;
    this.#pruneAt = mono + KEEP_EVERY_MS;
    this.#db
      .sql(
        'DELETE FROM gate_receipt WHERE message IN (SELECT message FROM gate_receipt WHERE at < ? ORDER BY at LIMIT 500)',
      )
      .run(Math.round(this.#clock.now() - KEPT_MS));
  }
}
