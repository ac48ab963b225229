/**
 * Which rows of chat.db were told, by guid. The newest of them are remembered, by number and not by time, so that no wrong clock can forget
 * them. All are in memory, since guids are random: on the disk each would be looked for in another place. The disk has them one after the other.
 *
 * The caller owes: `add` in the transaction of what the rows caused, `reload` after a rollback.
 */
import type { Db } from '../host/db.ts';

/** At least so many are remembered, and at most twice as many: what the gate lets go in 20 days. */
const REMEMBERED_TOLD = 100_000;
/** In no guid. */
const BETWEEN = '\n';

export class ToldGuids {
  readonly #db: Db;
  readonly #most: number;
  /** What is remembered: when the newer one has so many as must be, it takes the place of the older one. */
  #older = new Set<string>();
  #newer = new Set<string>();
  /** How many were told ever. */
  #count = 0;

  /** `most`: how many are remembered in any case. */
  constructor(db: Db, most = REMEMBERED_TOLD) {
    this.#db = db;
    this.#most = most;
    this.reload();
  }

  reload(): void {
    this.#older = new Set();
    this.#newer = new Set();
    // One value for all is far less work than one for each.
    const stored = this.#db
      .sql<{ first: number | null; guids: string | null }>(
        `SELECT min(n) AS first, group_concat(guids, char(10)) AS guids FROM (SELECT n, guids FROM chat_told ORDER BY n)`,
      )
      .get();
    this.#count = stored?.first ?? 0;
    if (typeof stored?.guids === 'string') this.#take(stored.guids.split(BETWEEN));
  }

  has(guid: string): boolean {
    return this.#newer.has(guid) || this.#older.has(guid);
  }

  /** These, of which none was told before, are told now. */
  add(guids: readonly string[]): void {
    if (guids.length === 0) return;
    this.#db.sql('INSERT INTO chat_told (n, guids) VALUES (?, ?)').run(this.#count, guids.join(BETWEEN));
    const before = this.#count;
    this.#take(guids);
    // Now and then, in whole pieces: what was forgotten in memory.
    if (Math.floor(this.#count / this.#most) > Math.floor(before / this.#most))
      this.#db
        .sql('DELETE FROM chat_told WHERE n < (SELECT max(n) FROM chat_told WHERE n <= ?)')
        .run(this.#count - 2 * this.#most);
  }

  #take(guids: readonly string[]): void {
    for (const guid of guids) {
      if (this.#newer.size >= this.#most) {
        this.#older = this.#newer;
        this.#newer = new Set();
      }
      this.#newer.add(guid);
      this.#count += 1;
    }
  }
}
