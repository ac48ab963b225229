/**
 * The text of an `attributedBody`: a typedstream (Apple's old NSArchiver format) whose root is an attributed string or a string.
 *
 * The walk follows the type encodings as far as the text and no further, so damaged attributes behind it cost nothing. It never throws;
 * each step consumes bytes or fails, so it ends. The stream, as far as it is needed:
 *
 *   04 0b "streamtyped" <integer>            version, signature, system version
 *   group  := <shared string: types> <a value for each type> …
 *   '@'    := 84 <class> group… 86 | 85 (nil) | 92+n (an object seen before)
 *   class  := 84 <shared string: name> <integer: version> <class: its parent> | 85 | 92+n
 *   '+'    := <integer: length in bytes> <UTF-8>
 *   shared string := 84 <integer: length> <bytes> | 92+n;  integer := one byte | 81 <16 bits> | 82 <32 bits>, little-endian
 */

export type TypedstreamText = { ok: true; text: string } | { ok: false; why: string };

const SIGNATURE = Buffer.from('\x04\x0bstreamtyped', 'latin1');
const NEW = 0x84;
const NIL = 0x85;
const FIRST_REFERENCE = 0x92;

/** What a class is to us, by its own name or a parent's. */
type Family = 'string' | 'attributed' | 'other';

const FAMILIES: Record<string, Family> = {
  NSString: 'string',
  NSMutableString: 'string',
  NSAttributedString: 'attributed',
  NSMutableAttributedString: 'attributed',
};

export function typedstreamText(blob: Uint8Array): TypedstreamText {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  if (bytes.length < SIGNATURE.length || SIGNATURE.compare(bytes, 0, SIGNATURE.length) !== 0)
    return { ok: false, why: bytes.toString('latin1', 0, 6) === 'bplist' ? 'a keyed archive' : 'no typedstream' };
  return new Walk(bytes, SIGNATURE.length).text();
}

class Walk {
  readonly #bytes: Buffer;
  #at: number;
  readonly #strings: string[] = [];
  readonly #classes: (Family | undefined)[] = [];

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  text(): TypedstreamText {
    if (this.#integer() === undefined) return { ok: false, why: 'cut off in its head' };
    let family = this.#objectOfGroup();
    // An attributed string's first value is its plain string.
    if (family === 'attributed') family = this.#objectOfGroup();
    if (family !== 'string') return { ok: false, why: 'its root holds no string' };
    if (this.#sharedString()?.charCodeAt(0) !== 0x2b) return { ok: false, why: 'a string of an unknown encoding' };
    const length = this.#integer();
    if (length === undefined || this.#at + length > this.#bytes.length)
      return { ok: false, why: 'cut off in its text' };
    return { ok: true, text: this.#bytes.toString('utf8', this.#at, this.#at + length) };
  }

  /** Opens the object that begins the next group. */
  #objectOfGroup(): Family | undefined {
    if (this.#sharedString()?.charCodeAt(0) !== 0x40) return undefined;
    if (this.#bytes[this.#at] !== NEW) return undefined;
    this.#at += 1;
    // Objects and classes share their numbers, and an object gets its own first.
    this.#classes.push(undefined);
    return this.#class();
  }

  #class(): Family | undefined {
    const opened: number[] = [];
    let parent: Family | undefined;
    for (;;) {
      const tag = this.#bytes[this.#at];
      if (tag === undefined) return undefined;
      this.#at += 1;
      if (tag === NIL) break;
      if (tag !== NEW) {
        parent = this.#classes[tag - FIRST_REFERENCE];
        if (parent === undefined) return undefined;
        break;
      }
      const name = this.#sharedString();
      if (name === undefined || this.#integer() === undefined) return undefined;
      opened.push(this.#classes.length);
      this.#classes.push(Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : 'other');
    }
    for (const number of opened.reverse()) {
      if (this.#classes[number] === 'other' && parent !== undefined) this.#classes[number] = parent;
      parent = this.#classes[number];
    }
    return parent;
  }

  #sharedString(): string | undefined {
    const tag = this.#bytes[this.#at];
    if (tag === undefined) return undefined;
    this.#at += 1;
    if (tag !== NEW) return this.#strings[tag - FIRST_REFERENCE];
    const length = this.#integer();
    if (length === undefined || this.#at + length > this.#bytes.length) return undefined;
    const string = this.#bytes.toString('latin1', this.#at, this.#at + length);
    this.#at += length;
    this.#strings.push(string);
    return string;
  }

  /** Lengths and versions: never negative, so read as unsigned. */
  #integer(): number | undefined {
    const bytes = this.#bytes;
    const first = bytes[this.#at];
    const wide = first === 0x81 ? 2 : first === 0x82 ? 4 : 0;
    if (first === undefined || this.#at + 1 + wide > bytes.length || (wide === 0 && first >= 0x80)) return undefined;
    const value = wide === 0 ? first : wide === 2 ? bytes.readUInt16LE(this.#at + 1) : bytes.readUInt32LE(this.#at + 1);
    this.#at += 1 + wide;
    return value;
  }
}
