/**
 * The one text to whoever said STOP: that nothing more will come. Only if the policy has one, within 5 minutes of the STOP, once in a day,
 * to the conversation that they see; never to a group, nor for a STOP that was found late. Lives in the store alone.
 *
 * The caller owes: `expect` in the transaction that stores the message, before the gate is given it.
 */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Policy } from './policy.ts';
import type { Confirmation, Inbound, OptEffect } from './requests.ts';

const WITHIN_MS = 5 * 60_000;
const ONCE_IN_MS = 86_400_000;

export class Confirmations {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #policy: Policy['opt_out'];

  constructor(o: { db: Db; clock: Clock; policy: Policy['opt_out'] }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#policy = o.policy;
  }

  /** What is to be said to them, if anything; noted as said. In the transaction of the row. */
  owed({ group, late, at, guid, handle, alias }: Inbound, effects: OptEffect[]): Confirmation | null {
    const text = this.#policy.confirmation;
    if (text === null || group || late || !effects.some(({ kind }) => kind === 'opted_out')) return null;
    const now = this.#clock.now();
    const expiresAt = Math.min(at, now) + WITHIN_MS;
    const to = alias ?? handle;
    const before = this.#db
      .sql<{ at: number | null }>(
        'SELECT max(confirm_at) AS at FROM gate_contact WHERE key IN (?, ?) AND confirm_at IS NOT NULL',
      )
      .get(to, handle)?.at;
    const again = before != null && Math.abs(now - before) < ONCE_IN_MS;
    if (again || expiresAt <= now) return null;
    this.#db.sql('UPDATE gate_contact SET confirm_at = ? WHERE key IN (?, ?)').run(Math.round(now), to, handle);
    return { to, text, guid, expiresAt };
  }

  /** This message is the one. */
  expect(to: string, message: string): void {
    this.#db.sql('UPDATE gate_contact SET confirm_message = ? WHERE key = ?').run(message, to);
  }

  /** May this one go although they have opted out? */
  is(to: string, message: string): boolean {
    return (
      this.#db.sql('SELECT 1 FROM gate_contact WHERE key = ? AND confirm_message = ?').get(to, message) !== undefined
    );
  }
}
