/**
 * A store that begins while chat.db shows that this Mac has sent lately: a relay before it, or the owner by hand. If it was a relay, its
 * store was lost, and with it what no chat.db tells: the sender's health, the texts that were refused. That is said for a week.
 */
import type { Clock, Timer } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Health } from '../host/health.ts';
import type { ChatDb } from './chat-db.ts';

const WEEK_MS = 7 * 86_400_000;
const FACT = 'began_after_sends';

export class EarlierLife {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #health: Health;
  #end: Timer | undefined;

  constructor({ db, clock, health }: { db: Db; clock: Clock; health: Health }) {
    this.#db = db;
    this.#clock = clock;
    this.#health = health;
  }

  /** In the transaction in which this store begins to read, before it made any attempt: all own rows are of others. */
  began(chatDb: ChatDb): void {
    const now = this.#clock.now();
    if (chatDb.ownRowsSince(now - WEEK_MS, 1).length === 0) return;
    this.#db.sql('INSERT OR REPLACE INTO store_fact (name, value) VALUES (?, ?)').run(FACT, String(Math.round(now)));
  }

  /** Says it, if it is to be said (again, after a new start). */
  tell(): void {
    const fact = this.#db.sql<{ value: string }>('SELECT value FROM store_fact WHERE name = ?').get(FACT);
    const leftMs = fact ? Number(fact.value) + WEEK_MS - this.#clock.now() : 0;
    if (leftMs <= 0) return;
    this.#health.raise(
      'store_began_anew',
      'warning',
      'This store began anew although messages were sent from here in the week before. If a relay sent them, its store was lost: its sender health and its list of refused texts begin anew.',
      'If a relay ran here before, put its relay.db back from a backup, or block the refused texts again with relayctl text block; if somebody wrote by hand, nothing is to be done.',
    );
    this.#end?.cancel();
    this.#end = this.#clock.after(Math.min(leftMs, WEEK_MS), () => this.#health.clear('store_began_anew'));
  }

  stop(): void {
    this.#end?.cancel();
  }
}
