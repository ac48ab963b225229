/**
 * Consent to marketing: they wrote first, or (only where the policy says so) the controller recorded it. A consent that was withdrawn holds
 * over both. Lives in the store alone. The caller owes a transaction around `put`.
 */
import type { Db } from '../host/db.ts';
import type { Talk } from './contacts.ts';

export interface ConsentRecord {
  givenAt: number | null;
  withdrawnAt: number | null;
  /** Where they said so, in the controller's words. */
  source: string;
}

export interface ConsentPut {
  handle: string;
  state: 'given' | 'withdrawn';
  at: number;
  source: string;
}

export class Consents {
  readonly wroteFirst: (handle: string, talk: Talk) => boolean;
  readonly #db: Db;

  /** `wroteFirst`: is the oldest known 1:1 row theirs, and no opt-out word? */
  constructor(db: Db, wroteFirst: (handle: string, talk: Talk) => boolean) {
    this.#db = db;
    this.wroteFirst = wroteFirst;
  }

  record(handle: string): ConsentRecord | null {
    return (
      this.#db
        .sql<{ givenAt: number | null; withdrawnAt: number | null; source: string }>(
          'SELECT given_at AS givenAt, withdrawn_at AS withdrawnAt, source FROM gate_consent WHERE handle = ?',
        )
        .get(handle) ?? null
    );
  }

  /** May they get marketing? */
  holds(handle: string, talk: Talk, rule: 'wrote_first' | 'recorded'): boolean {
    const record = this.record(handle);
    const isGiven = record?.givenAt != null && record.givenAt > (record.withdrawnAt ?? -1);
    if (record?.withdrawnAt != null && !isGiven) return false;
    return (rule === 'recorded' && isGiven) || this.wroteFirst(handle, talk);
  }

  /** The newest of each kind counts, in whatever order they come. False if this one is no news. */
  put({ handle, state, at, source }: ConsentPut): boolean {
    const before = this.record(handle);
    const known = state === 'given' ? before?.givenAt : before?.withdrawnAt;
    if (known != null && known >= at) return false;
    const column = state === 'given' ? 'given_at' : 'withdrawn_at';
    this.#db
      .sql(
        `INSERT INTO gate_consent (handle, ${column}, source) VALUES (?, ?, ?)
         ON CONFLICT (handle) DO UPDATE SET ${column} = excluded.${column}, source = excluded.source`,
      )
      .run(handle, Math.round(at), source);
    return true;
  }
}
