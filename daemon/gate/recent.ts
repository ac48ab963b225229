/**
 * What was accepted for or sent to whom within the last minutes, so that the same text under another id is noticed. What still waits is
 * asked of the queue; what was sent is noted here.
 */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Waiting } from './known-texts.ts';
import { EXACT_AT } from './print-head.ts';
import { decode } from './stored-print.ts';

interface Entry {
  message: string;
  command: string | null;
  mono: number;
  at: number;
}

/** Messages takes none faster than this: of a window no more can be known. */
const FASTEST_MS = 60;
const PRUNE_EVERY_MS = 60_000;

export class RecentTexts {
  readonly #clock: Clock;
  readonly #windowMs: () => number;
  readonly #waitingFor: (address: string) => Iterable<Waiting>;
  readonly #entries = new Map<string, Entry>();
  #pruneAt = 0;

  /** `windowMs` is asked each time: the policy may change it. `waitingFor`: what waits for a handle or group, and maybe more. */
  constructor(o: { clock: Clock; windowMs: () => number; waitingFor: (address: string) => Iterable<Waiting> }) {
    this.#clock = o.clock;
    this.#windowMs = o.windowMs;
    this.#waitingFor = o.waitingFor;
  }

  /** Begins anew, with what the store says was sent. */
  load(db: Db, minGrams: number): void {
    this.#entries.clear();
    const now = { at: Math.round(this.#clock.now()), mono: this.#clock.mono() };
    // Within one boot both clocks have to agree that it is over.
    const rows = db
      .sql<{ name: string; address: string; fingerprint: Uint8Array; at: number; passed: number }>(
        `SELECT name, address, fingerprint, at, passed FROM (
           SELECT *, CASE WHEN mono <= ?2 THEN min(?1 - at, ?2 - mono) ELSE ?1 - at END AS passed FROM gate_send
             WHERE id > ifnull((SELECT id FROM gate_send WHERE name NOT LIKE 'row:%' ORDER BY id DESC LIMIT 1 OFFSET ?4), 0)
         ) WHERE passed <= ?3 AND name NOT LIKE 'row:%'`,
      )
      .all(now.at, now.mono, this.#windowMs(), Math.ceil(this.#windowMs() / FASTEST_MS));
    for (const { name, address, fingerprint, at, passed } of rows) {
      const print = decode(fingerprint);
      if (!print || print.grams.length < minGrams) continue;
      const mono = now.mono - Math.max(0, passed);
      this.note({ exact: print.exact, address, message: name, command: null, mono, at });
    }
  }

  /** `mono`: when it was sent. `command` null: not known any more. */
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

  /** When (Unix ms) the same was accepted or sent under another id, or null. The newest of them is what counts. */
  find(exact: string, address: string, command: string): number | null {
    const now = this.#clock.mono();
    let newest: Pick<Entry, 'command' | 'mono' | 'at'> | null = this.#entries.get(`${exact}${address}`) ?? null;
    for (const waiting of this.#waitingFor(address)) {
      const { reply, text, since } = waiting;
      if (reply || waiting.address !== address || since < (newest?.mono ?? since)) continue;
      if (text.head.startsWith(exact, EXACT_AT))
        newest = { command: waiting.command, mono: since, at: this.#clock.now() - (now - since) };
    }
    if (!newest || newest.command === command || now - newest.mono > this.#windowMs()) return null;
    return newest.at;
  }

  #prune(): void {
    const now = this.#clock.mono();
    if (now < this.#pruneAt) return;
    this.#pruneAt = now + PRUNE_EVERY_MS;
    for (const [key, { mono }] of this.#entries) if (now - mono > this.#windowMs()) this.#entries.delete(key);
  }
}
