/** What was accepted for or sent to whom within the last minutes, so that the same text under another id is noticed. */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { decode } from './fingerprint.ts';

interface Entry {
  message: string;
  command: string | null;
  mono: number;
  at: number;
}

const PRUNE_EVERY_MS = 60_000;

export class RecentTexts {
  readonly #clock: Clock;
  readonly #windowMs: () => number;
  readonly #entries = new Map<string, Entry>();
  #pruneAt = 0;

  /** `windowMs` is asked each time: the policy may change it. */
  constructor(clock: Clock, windowMs: () => number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
  }

  /** Begins anew, with what the store says was sent; what waits is noted as it is added. */
  load(db: Db, minGrams: number): void {
    this.#entries.clear();
    const now = { at: Math.round(this.#clock.now()), mono: this.#clock.mono() };
    // Within one boot both clocks have to agree that it is over.
    const rows = db
      .sql<{ name: string; address: string; fingerprint: Uint8Array; at: number; passed: number }>(
        `SELECT name, address, fingerprint, at, passed FROM (
           SELECT *, CASE WHEN mono <= ?2 THEN min(?1 - at, ?2 - mono) ELSE ?1 - at END AS passed FROM gate_send
         ) WHERE passed <= ?3 AND name NOT LIKE 'row:%'`,
      )
      .all(now.at, now.mono, this.#windowMs());
    for (const { name, address, fingerprint, at, passed } of rows) {
      const print = decode(fingerprint);
      if (!print || print.grams.length < minGrams) continue;
      const mono = now.mono - Math.max(0, passed);
      this.note({ exact: print.exact, address, message: name, command: null, mono, at });
    }
  }

  /** `mono`: when it was accepted or sent. `command` null: not known any more. */
  note(o: { exact: string; address: string; message: string; command: string | null; mono: number; at: number }): void {
    const key = `${o.exact}${o.address}`;
    const before = this.#entries.get(key);
    if (before && before.mono > o.mono) return;
    const command = o.command ?? (before?.message === o.message ? before.command : null);
    this.#entries.set(key, { message: o.message, command, mono: o.mono, at: o.at });
    this.#prune();
  }

  /** It did not go after all. */
  forget(exact: string, address: string, message: string): void {
    const key = `${exact}${address}`;
    if (this.#entries.get(key)?.message === message) this.#entries.delete(key);
  }

  /** When (Unix ms) the same was accepted or sent under another id, or null. */
  find(exact: string, address: string, command: string): number | null {
    const entry = this.#entries.get(`${exact}${address}`);
    if (!entry || entry.command === command || this.#clock.mono() - entry.mono > this.#windowMs()) return null;
    return entry.at;
  }

  #prune(): void {
    const now = this.#clock.mono();
    if (now < this.#pruneAt) return;
    this.#pruneAt = now + PRUNE_EVERY_MS;
    for (const [key, { mono }] of this.#entries) if (now - mono > this.#windowMs()) this.#entries.delete(key);
  }
}
