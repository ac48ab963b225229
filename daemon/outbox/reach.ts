/**
 * Who cannot be reached by iMessage just now: a message to them went out as SMS or RCS.
 *
 *   reachable ── a row says downgraded ──▶ not reachable ── an iMessage from them, or one delivered; or a week ──▶ reachable
 *
 * Messages with `service: any` do not ask. All that writes must be called inside a transaction.
 */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Recipient, Refusal } from './ports.ts';

/** A phone that is off for a day is no reason for ever. */
const LASTS_MS = 7 * 86_400_000;

export class Reach {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(o: { db: Db; clock: Clock }) {
    this.#db = o.db;
    this.#clock = o.clock;
  }

  /** Null if it may go. */
  refusal(recipient: Recipient, service: 'imessage' | 'any'): Refusal | null {
    if (recipient.kind === 'group' || service === 'any') return null;
    const row = this.#db
      .sql<{ since: number }>('SELECT since FROM not_on_imessage WHERE handle = ?')
      .get(recipient.handle);
    if (!row || this.#clock.now() - row.since > LASTS_MS) return null;
    return {
      code: 'recipient_not_imessage',
      rule: 'service',
      words: 'An earlier message went out as SMS or RCS, not as iMessage. Send with service "any" if that is wanted.',
      retryable: false,
    };
  }

  downgraded(recipient: Recipient): void {
    if (recipient.kind === 'group') return;
    this.#db
      .sql(
        'INSERT INTO not_on_imessage (handle, since) VALUES (?, ?) ON CONFLICT (handle) DO UPDATE SET since = excluded.since',
      )
      .run(recipient.handle, Math.round(this.#clock.now()));
  }

  /** They wrote by iMessage, or one reached them. */
  reached(handle: string): void {
    this.#db.sql('DELETE FROM not_on_imessage WHERE handle = ?').run(handle);
  }
}
