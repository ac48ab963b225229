/** Small facts of the gate in the store: the key of its fingerprints, when it was made, the sender's state. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';

export class Facts {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** 32 random bytes, made with the store. */
  key(): Uint8Array {
    return this.#once('key', randomBytes(32)) as Uint8Array;
  }

  get createdAt(): number {
    return Number(this.#once('created_at', String(Math.round(this.#clock.now()))));
  }

  get(name: string): unknown {
    const row = this.#db.sql<{ value: string }>('SELECT value FROM gate_fact WHERE name = ?').get(name);
    return row === undefined ? undefined : JSON.parse(row.value);
  }

  put(name: string, value: unknown): void {
    this.#db
      .sql('INSERT INTO gate_fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, JSON.stringify(value));
  }

  #once(name: string, value: string | Uint8Array): string | Uint8Array {
    this.#db.sql('INSERT OR IGNORE INTO gate_fact (name, value) VALUES (?, ?)').run(name, value);
    return (
      this.#db.sql<{ value: string | Uint8Array }>('SELECT value FROM gate_fact WHERE name = ?').get(name)?.value ??
      value
    );
  }
}
