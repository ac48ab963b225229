/** Small facts of the gate in the store: the key of its fingerprints, when it was made, the sender's state. */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';

export class Facts {
  readonly #db: Db;
  readonly #clock: Clock;
  /** As JSON, since who asks may change what it gets. Asked several times for each message, so not from the store each time. */
  readonly #known = new Map<string, string | null>();
  #createdAt: number | null = null;

  constructor(db: Db, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** 32 random bytes, made with the store. */
  key(): Uint8Array {
    return this.#once('key', randomBytes(32)) as Uint8Array;
  }

  get createdAt(): number {
    this.#createdAt ??= Number(this.#once('created_at', String(Math.round(this.#clock.now()))));
    return this.#createdAt;
  }

  /** After a transaction was rolled back: what is known may never have come to the disk. */
  forget(): void {
    this.#known.clear();
    this.#createdAt = null;
  }

  get(name: string): unknown {
    let json = this.#known.get(name);
    if (json === undefined) {
      json = this.#db.sql<{ value: string }>('SELECT value FROM gate_fact WHERE name = ?').get(name)?.value ?? null;
      this.#known.set(name, json);
    }
    return json === null ? undefined : JSON.parse(json);
  }

  put(name: string, value: unknown): void {
    const json = JSON.stringify(value);
    this.#db
      .sql('INSERT INTO gate_fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value')
      .run(name, json);
    this.#known.set(name, json);
  }

  #once(name: string, value: string | Uint8Array): string | Uint8Array {
    this.#db.sql('INSERT OR IGNORE INTO gate_fact (name, value) VALUES (?, ?)').run(name, value);
    return (
      this.#db.sql<{ value: string | Uint8Array }>('SELECT value FROM gate_fact WHERE name = ?').get(name)?.value ??
      value
    );
  }
}
