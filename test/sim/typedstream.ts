/**
 * Writes the body of a message as Apple stores it: an NSAttributedString in a typedstream (the format of NSArchiver).
 *
 * A stream is a header and one value. A class, a type or an object that was written before is named by its number: names and types are
 * counted in one table, objects, classes and C strings in another, both from 0x92 on. Lengths of strings are UTF-8 bytes, lengths of
 * runs UTF-16 units. `attributedText` is for whoever wants runs and attributes; most want `encodeAttributedText`.
 */

export type AttributeValue = string | number | { double: number };

export interface Run {
  text: string;
  attributes: Record<string, AttributeValue>;
}

const INT16 = 0x81;
const INT32 = 0x82;
const REAL = 0x83;
const NEW = 0x84;
const NIL = 0x85;
const END = 0x86;
const FIRST_REFERENCE = 0x92;

/** What an object that is not there stands for in a text. */
export const OBJECT_REPLACEMENT = '\uFFFC';
export const PART = '__kIMMessagePartAttributeName';
export const FILE_TRANSFER = '__kIMFileTransferGUIDAttributeName';

const CLASSES: Record<string, { version: number; above: string | null }> = {
  NSObject: { version: 0, above: null },
  NSAttributedString: { version: 0, above: 'NSObject' },
  NSMutableAttributedString: { version: 0, above: 'NSAttributedString' },
  NSString: { version: 1, above: 'NSObject' },
  NSMutableString: { version: 1, above: 'NSString' },
  NSDictionary: { version: 0, above: 'NSObject' },
  NSValue: { version: 0, above: 'NSObject' },
  NSNumber: { version: 0, above: 'NSValue' },
};

class Writer {
  readonly #out: number[] = [];
  readonly #names = new Map<string, number>();
  readonly #objects = new Map<string, number>();
  #objectCount = 0;

  byte(value: number): void {
    this.#out.push(value);
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out);
  }

  integer(value: number): void {
    if (value >= FIRST_REFERENCE - 256 && value <= 127) this.byte(value & 0xff);
    else if (value >= -0x8000 && value <= 0x7fff) this.#little(INT16, value, 2);
    else this.#little(INT32, value, 4);
  }

  real(value: number): void {
    if (Number.isInteger(value) && Math.abs(value) < 2 ** 31) return this.integer(value);
    this.byte(REAL);
    for (const byte of new Uint8Array(Float64Array.of(value).buffer)) this.byte(byte);
  }

  raw(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.integer(bytes.length);
    for (const byte of bytes) this.#out.push(byte);
  }

  /** A class name or a type: in full the first time, by its number after that. */
  name(text: string): void {
    const known = this.#names.get(text);
    if (known !== undefined) return this.#reference(known);
    this.#names.set(text, this.#names.size);
    this.byte(NEW);
    this.raw(text);
  }

  classOf(name: string): void {
    const known = this.#objects.get(`class ${name}`);
    if (known !== undefined) return this.#reference(known);
    const { version, above } = CLASSES[name] ?? { version: 0, above: null };
    this.byte(NEW);
    this.name(name);
    this.integer(version);
    this.#objects.set(`class ${name}`, this.#objectCount++);
    if (above === null) this.byte(NIL);
    else this.classOf(above);
  }

  cString(text: string): void {
    const known = this.#objects.get(`c ${text}`);
    if (known !== undefined) return this.#reference(known);
    this.byte(NEW);
    this.#objects.set(`c ${text}`, this.#objectCount++);
    this.name(text);
  }

  /** An object of its own: class, what `content` writes, end. */
  object(className: string, content: () => void): void {
    this.name('@');
    this.byte(NEW);
    this.#objectCount += 1;
    this.classOf(className);
    content();
    this.byte(END);
  }

  string(text: string, className = 'NSString'): void {
    this.object(className, () => {
      this.name('+');
      this.raw(text);
    });
  }

  number(value: number, type: 'q' | 'd'): void {
    this.object('NSNumber', () => {
      this.name('*');
      this.cString(type);
      this.name(type);
      if (type === 'q') this.integer(value);
      else this.real(value);
    });
  }

  #reference(number: number): void {
    this.integer(number + FIRST_REFERENCE - 256);
  }

  #little(tag: number, value: number, size: 2 | 4): void {
    this.byte(tag);
    for (let index = 0; index < size; index += 1) this.byte((value >> (8 * index)) & 0xff);
  }
}

/** The typedstream of a text with attributes. Runs without text are left out. */
export function attributedText(runs: Run[], o: { mutable?: boolean } = {}): Uint8Array {
  const mutable = o.mutable ?? false;
  const filled = runs.filter((run) => run.text !== '');
  const writer = new Writer();
  for (const byte of [0x04, 0x0b, ...new TextEncoder().encode('streamtyped')]) writer.byte(byte);
  writer.integer(1000);
  writer.object(mutable ? 'NSMutableAttributedString' : 'NSAttributedString', () => {
    writer.string(filled.map((run) => run.text).join(''), mutable ? 'NSMutableString' : 'NSString');
    filled.forEach((run, index) => {
      writer.name('iI');
      writer.integer(index + 1);
      writer.integer(run.text.length);
      const attributes = Object.entries(run.attributes);
      writer.object('NSDictionary', () => {
        writer.name('i');
        writer.integer(attributes.length);
        for (const [key, value] of attributes) {
          writer.string(key);
          if (typeof value === 'string') writer.string(value);
          else if (typeof value === 'number') writer.number(value, 'q');
          else writer.number(value.double, 'd');
        }
      });
    });
  });
  return writer.bytes();
}

/**
 * The body of a plain message: one part, number 0. Each of `attachments` (guids) is a part of its own before the text.
 */
export function encodeAttributedText(text: string, o: { mutable?: boolean; attachments?: string[] } = {}): Uint8Array {
  const files = o.attachments ?? [];
  const runs: Run[] = files.map((guid, part) => ({
    text: OBJECT_REPLACEMENT,
    attributes: { [FILE_TRANSFER]: guid, [PART]: part },
  }));
  return attributedText([...runs, { text, attributes: { [PART]: files.length } }], { mutable: o.mutable });
}
