/**
 * Reads a binary property list (`bplist00`), in which Apple keeps what a row of chat.db says beside its columns. Written here because
 * the bytes come from strangers' messages and are read on the event loop: a library that believes a damaged count of 100 million entries
 * holds the relay up. This one reads each object once, takes at most MOST_STEPS steps and never throws; what it cannot read is null.
 *
 *   bplist00 <objects> <offset table> <trailer: 6 unused, size of an offset, size of a reference, count, root, where the table is>
 *   object := <kind: 4 bits, length: 4 bits, 15 for "an integer object follows"> <bytes, or references to other objects>
 */

export type PlistValue = null | boolean | number | string | Uint8Array | PlistValue[] | Map<string, PlistValue>;

const SIGNATURE = 0x62706c69;
const HEAD = 8;
const TRAILER = 32;
/** Objects and references. A message of 100 parts that were edited five times each takes about 4,000. */
const MOST_STEPS = 10_000;
const DEEPEST = 16;

/** The root object, or undefined if the bytes are no binary property list. Dates are seconds since 2001, data is not copied. */
export function readPlist(blob: Uint8Array): PlistValue | undefined {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const trailer = bytes.length - TRAILER;
  if (trailer < HEAD || bytes.readUInt32BE(0) !== SIGNATURE) return undefined;
  const offsetSize = bytes[trailer + 6] ?? 0;
  const referenceSize = bytes[trailer + 7] ?? 0;
  const table = Number(bytes.readBigUInt64BE(trailer + 24));
  const count = Number(bytes.readBigUInt64BE(trailer + 8));
  const sizes = offsetSize >= 1 && offsetSize <= 6 && referenceSize >= 1 && referenceSize <= 6;
  if (!sizes || table < HEAD || table + count * offsetSize > trailer) return undefined;
  const reader = new Reader(bytes, { offsetSize, referenceSize, table, count });
  return reader.object(Number(bytes.readBigUInt64BE(trailer + 16)), 0);
}

interface Layout {
  offsetSize: number;
  referenceSize: number;
  table: number;
  count: number;
}

class Reader {
  readonly #bytes: Buffer;
  readonly #layout: Layout;
  readonly #read = new Map<number, PlistValue>();
  #steps = 0;
  #characters = 0;

  constructor(bytes: Buffer, layout: Layout) {
    this.#bytes = bytes;
    this.#layout = layout;
  }

  object(number: number, depth: number): PlistValue {
    this.#steps += 1;
    if (number < 0 || number >= this.#layout.count || depth > DEEPEST || this.#steps > MOST_STEPS) return null;
    const known = this.#read.get(number);
    if (known !== undefined) return known;
    // Whoever refers to an object that is still being read finds null: no circles.
    this.#read.set(number, null);
    const { table, offsetSize } = this.#layout;
    const value = this.#value(this.#bytes.readUIntBE(table + number * offsetSize, offsetSize), depth);
    this.#read.set(number, value);
    return value;
  }

  #value(at: number, depth: number): PlistValue {
    const { table } = this.#layout;
    const marker = at >= HEAD && at < table ? (this.#bytes[at] ?? 0) : 0;
    const kind = marker >> 4;
    const low = marker & 15;
    if (kind === 0) return marker === 9 ? true : marker === 8 ? false : null;
    if (kind === 1 || kind === 8) return this.#integer(at + 1, kind === 8 ? low + 1 : 2 ** low);
    if (kind === 2 || kind === 3) return this.#real(at + 1, low);
    const { length, start } = low < 15 ? { length: low, start: at + 1 } : this.#longLength(at + 1);
    if (length < 0) return null;
    if (kind === 4) return start + length <= table ? this.#bytes.subarray(start, start + length) : null;
    if (kind === 5 || kind === 6) return this.#string(start, length, kind === 6);
    if (kind === 10) return this.#references(start, length)?.map((n) => this.object(n, depth + 1)) ?? null;
    return kind === 13 ? this.#dictionary(start, length, depth) : null;
  }

  #dictionary(start: number, length: number, depth: number): PlistValue {
    const references = this.#references(start, 2 * length);
    if (!references) return null;
    const made = new Map<string, PlistValue>();
    for (let index = 0; index < length; index += 1) {
      const key = this.object(references[index] ?? -1, depth + 1);
      if (typeof key === 'string') made.set(key, this.object(references[length + index] ?? -1, depth + 1));
    }
    return made;
  }

  #references(start: number, count: number): number[] | null {
    const { referenceSize, table } = this.#layout;
    if (count > MOST_STEPS - this.#steps || start + count * referenceSize > table) return null;
    this.#steps += count;
    const found: number[] = [];
    for (let at = start; found.length < count; at += referenceSize)
      found.push(this.#bytes.readUIntBE(at, referenceSize));
    return found;
  }

  #string(start: number, length: number, wide: boolean): PlistValue {
    const end = start + (wide ? 2 * length : length);
    // Objects may lie over each other in a damaged file; all strings together are never longer than the file.
    this.#characters += length;
    if (end > this.#layout.table || this.#characters > this.#bytes.length) return null;
    if (!wide) return this.#bytes.toString('latin1', start, end);
    return Buffer.from(this.#bytes.subarray(start, end)).swap16().toString('utf16le');
  }

  /** An integer object that tells a length; -1 if it is none. */
  #longLength(at: number): { length: number; start: number } {
    const marker = this.#bytes[at] ?? 0;
    const size = 2 ** (marker & 15);
    const length = marker >> 4 === 1 ? this.#integer(at + 1, size) : null;
    return { length: length ?? -1, start: at + 1 + size };
  }

  #integer(at: number, size: number): number | null {
    if (size > 16 || at + size > this.#layout.table) return null;
    if (size <= 4) return this.#bytes.readUIntBE(at, size);
    return size === 8 ? Number(this.#bytes.readBigInt64BE(at)) : null;
  }

  #real(at: number, log: number): number | null {
    if (at + 2 ** log > this.#layout.table) return null;
    return log === 3 ? this.#bytes.readDoubleBE(at) : log === 2 ? this.#bytes.readFloatBE(at) : null;
  }
}
