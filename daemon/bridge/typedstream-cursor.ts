/**
 * The bytes of a typedstream (Apple's old NSArchiver format) and the two things that every reader of one needs: integers and shared
 * strings. Nothing here throws: what cannot be read is undefined, and the reader gives up. Positions never go back.
 *
 *   04 0b "streamtyped" <integer>            version, signature, system version
 *   shared string := 84 <integer: length> <bytes> | <reference>
 *   integer := one byte | 81 <16 bits> | 82 <32 bits> | 87 <64 bits>, little-endian
 *   reference := an integer from -110 (one byte: 92) on, counted in the order in which the strings (or objects) came
 */

export const NEW = 0x84;
export const NIL = 0x85;
export const END = 0x86;
/** One byte of this or above, or below 0x80, is a number by itself; between them are tags. */
export const FIRST_REFERENCE = 0x92;
const INT16 = 0x81;
const INT32 = 0x82;
const REAL = 0x83;
const INT64 = 0x87;
export const SIGNATURE = Buffer.from('\x04\x0bstreamtyped', 'latin1');

export class TypedstreamCursor {
  readonly bytes: Buffer;
  at = SIGNATURE.length;
  readonly #strings: string[] = [];

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Undefined if it goes on beyond the end, or a tag stands where a number should be. */
  integer(): number | undefined {
    const { bytes, at } = this;
    const first = bytes[at];
    if (first === undefined) return undefined;
    if (first < 0x80 || first >= FIRST_REFERENCE) {
      this.at = at + 1;
      return first < 0x80 ? first : first - 256;
    }
    const wide = first === INT16 ? 2 : first === INT32 ? 4 : first === INT64 ? 8 : 0;
    if (wide === 0 || at + 1 + wide > bytes.length) return undefined;
    this.at = at + 1 + wide;
    if (wide === 2) return bytes.readInt16LE(at + 1);
    return wide === 4 ? bytes.readInt32LE(at + 1) : Number(bytes.readBigInt64LE(at + 1));
  }

  /** An integer that is a length or a count, which never is negative. */
  length(): number | undefined {
    const wide = this.bytes[this.at] === INT16 ? 2 ** 16 : 2 ** 32;
    const value = this.integer();
    return value === undefined || value >= 0 ? value : value >= -110 ? undefined : value + wide;
  }

  /** `bytes`: 4 or 8, if it is no integer. */
  real(bytes: 4 | 8): number | undefined {
    if (this.bytes[this.at] !== REAL) return this.integer();
    const at = this.at + 1;
    if (at + bytes > this.bytes.length) return undefined;
    this.at = at + bytes;
    return bytes === 8 ? this.bytes.readDoubleLE(at) : this.bytes.readFloatLE(at);
  }

  /** The number of what is referred to, from 0; undefined if no reference stands here. */
  reference(): number | undefined {
    const value = this.integer();
    return value === undefined ? undefined : value - FIRST_REFERENCE + 256;
  }

  /** Where `length` bytes begin that are stepped over, or undefined if there are fewer. */
  skip(length: number): number | undefined {
    const start = this.at;
    if (start + length > this.bytes.length) return undefined;
    this.at = start + length;
    return start;
  }

  /** A type, a class name: in full the first time, after that by its number. */
  sharedString(): string | undefined {
    if (this.bytes[this.at] !== NEW) {
      const number = this.reference();
      return number === undefined ? undefined : this.#strings[number];
    }
    this.at += 1;
    const length = this.length();
    const start = length === undefined ? undefined : this.skip(length);
    if (start === undefined) return undefined;
    const string = this.bytes.toString('latin1', start, this.at);
    this.#strings.push(string);
    return string;
  }
}

/** At the first value of a stream; a word about what else it is if it is none. */
export function openTypedstream(blob: Uint8Array): TypedstreamCursor | string {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (bytes.length < SIGNATURE.length || SIGNATURE.compare(bytes, 0, SIGNATURE.length) !== 0)
    return bytes.toString('latin1', 0, 6) === 'bplist' ? 'a keyed archive' : 'no typedstream';
  const cursor = new TypedstreamCursor(bytes);
  return cursor.integer() === undefined ? 'cut off in its head' : cursor;
}
