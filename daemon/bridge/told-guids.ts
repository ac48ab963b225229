/**
 * Which rows of chat.db were told, by guid. The newest of them are remembered, by number and not by time, so that no wrong clock can forget
 * them. All is in memory, since guids are random: on the disk each would be looked for in another place. The disk has them one after the other.
 *
 * The caller owes: `add` in the transaction of what the rows caused, `reload` after a rollback.
 */
import { hash } from 'node:crypto';
import type { Db } from '../host/db.ts';

/** At least so many are remembered, and at most twice as many: what the gate lets go in 20 days. */
export const REMEMBERED_TOLD = 100_000;
const GUID_BYTES = 16;
const WORDS = GUID_BYTES / 4;
const FIRST_BITS = 8;
/** As Apple writes them. */
const UUID = /^[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;

export class ToldGuids {
  readonly #db: Db;
  readonly #most: number;
  /** What is remembered: when the newer one has so many as must be, it takes the place of the older one. */
  #older = new GuidSet();
  #newer = new GuidSet();
  /** How many were told ever. */
  #count = 0;

  /** `most`: how many are remembered in any case. */
  constructor(db: Db, most = REMEMBERED_TOLD) {
    this.#db = db;
    this.#most = most;
    this.reload();
  }

  reload(): void {
    this.#older = new GuidSet();
    this.#newer = new GuidSet();
    const first = this.#db.sql<{ n: number | null }>('SELECT min(n) AS n FROM chat_told').get()?.n ?? 0;
    // Bytes stay what they are when they are taken for text and back (SQLite, CAST). One value for all is far less work than one for each.
    const all = this.#db
      .sql<{ guids: Uint8Array | null }>(
        `SELECT CAST(group_concat(guids, '') AS BLOB) AS guids FROM (SELECT guids FROM chat_told ORDER BY n)`,
      )
      .get()?.guids;
    this.#count = first;
    if (all) this.#take(Buffer.from(all.buffer, all.byteOffset, all.byteLength));
  }

  has(guid: string): boolean {
    const key = keyOf(guid);
    return this.#newer.has(key) || this.#older.has(key);
  }

  /** These, of which none was told before, are told now. */
  add(guids: readonly string[]): void {
    if (guids.length === 0) return;
    const keys = Buffer.concat(guids.map(keyOf));
    this.#db.sql('INSERT INTO chat_told (n, guids) VALUES (?, ?)').run(this.#count, keys);
    const before = this.#count;
    this.#take(keys);
    // What was just forgotten in memory, in whole pieces.
    if (Math.floor(this.#count / this.#most) > Math.floor(before / this.#most))
      this.#db
        .sql('DELETE FROM chat_told WHERE n + length(guids) / ? <= ?')
        .run(GUID_BYTES, this.#count - 2 * this.#most);
  }

  #take(keys: Buffer): void {
    for (let at = 0; at < keys.length; at += GUID_BYTES) {
      if (this.#newer.size >= this.#most) {
        this.#older = this.#newer;
        this.#newer = new GuidSet();
      }
      this.#newer.add(keys.subarray(at, at + GUID_BYTES));
      this.#count += 1;
    }
  }
}

/** The bytes of a guid; of one that is written otherwise as many of its SHA-256. */
function keyOf(guid: string): Buffer {
  if (UUID.test(guid)) return Buffer.from(guid.replaceAll('-', ''), 'hex');
  return hash('sha256', guid, 'buffer').subarray(0, GUID_BYTES);
}

/** A hash table in one flat array, which takes 32 bytes for a guid. */
class GuidSet {
  /** The words of a guid side by side; four times 0: nothing here. */
  #table = new Int32Array(WORDS << FIRST_BITS);
  #shift = 32 - FIRST_BITS;
  #holdsZero = false;
  size = 0;

  has(key: Buffer): boolean {
    const [a, b, c, d] = wordsOf(key);
    if ((a | b | c | d) === 0) return this.#holdsZero;
    const at = this.#place(a, b, c, d);
    return !this.#isFree(at);
  }

  add(key: Buffer): void {
    const [a, b, c, d] = wordsOf(key);
    this.size += 1;
    if ((a | b | c | d) === 0) {
      this.#holdsZero = true;
      return;
    }
    if (2 * this.size * WORDS > this.#table.length) this.#grow();
    this.#put(a, b, c, d);
  }

  #put(a: number, b: number, c: number, d: number): void {
    const at = this.#place(a, b, c, d);
    this.#table[at] = a;
    this.#table[at + 1] = b;
    this.#table[at + 2] = c;
    this.#table[at + 3] = d;
  }

  /** Where it is, or would be. */
  #place(a: number, b: number, c: number, d: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    const mixed = Math.imul(a ^ Math.imul(d, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35) ^ c, 0x9e3779b1);
    let at = (mixed >>> this.#shift) * WORDS;
    while (!this.#isFree(at)) {
      if (table[at] === a && table[at + 1] === b && table[at + 2] === c && table[at + 3] === d) break;
      at = (at + WORDS) & mask;
    }
    return at;
  }

  #isFree(at: number): boolean {
    const table = this.#table;
    return table[at] === 0 && table[at + 1] === 0 && table[at + 2] === 0 && table[at + 3] === 0;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(2 * before.length);
    this.#shift -= 1;
    for (let at = 0; at < before.length; at += WORDS) {
      const [a = 0, b = 0, c = 0, d = 0] = before.subarray(at, at + WORDS);
      if ((a | b | c | d) !== 0) this.#put(a, b, c, d);
    }
  }
}

function wordsOf(key: Buffer): [number, number, number, number] {
  return [key.readInt32LE(0), key.readInt32LE(4), key.readInt32LE(8), key.readInt32LE(12)];
}
