/**
 * The runs of an `attributedBody`: which attributes hold for which range of the text.
 *
 * Written here, and not left to a library, because it runs on the event loop on what strangers sent: this reader takes a bounded number of
 * steps, each of which consumes bytes (the libraries there are have no bound, lose URLs, and take 15 times as long). All objects are read
 * as Apple's encodings say, known or not; only strings, numbers, URLs, data and collections become values, the rest is null.
 *
 *   NSAttributedString := '@' string, then for each run "iI": number of its attributes (counted from 1), length in UTF-16 units;
 *                         after a number that is new, '@' NSDictionary
 *   NSDictionary, NSArray, NSSet := count, then the objects, keys before their values;  NSNumber := '*' its type, then the value
 *   NSURL := 'c' is it relative, '@' base if so, '@' string;  NSData := 'i' length, "[<length>c]" bytes;  NSDate := 'd' since 2001
 */
import { END, NEW, NIL, openTypedstream, type TypedstreamCursor } from './typedstream-cursor.ts';

export interface Url {
  url: string;
}
export type Attribute = string | number | null | Url | Uint8Array | Attribute[] | Map<string, Attribute>;

export interface AttributedRun {
  /** UTF-16 units. */
  start: number;
  length: number;
  attributes: Map<string, Attribute>;
}

export type TypedstreamRuns = { ok: true; text: string; runs: AttributedRun[] } | { ok: false; why: string };

/** Values read. A message of 14 ranges that were all recognised as dates and sums takes about 1,000. */
const MOST_STEPS = 20_000;
const DEEPEST = 32;

/** Never throws. */
export function typedstreamRuns(blob: Uint8Array): TypedstreamRuns {
  const cursor = openTypedstream(blob);
  if (typeof cursor === 'string') return { ok: false, why: cursor };
  const reader = new Reader(cursor);
  const root = reader.root();
  if (root instanceof Attributed) return { ok: true, text: root.text, runs: root.runs };
  if (typeof root === 'string') return { ok: true, text: root, runs: [] };
  return { ok: false, why: reader.fault ?? 'its root is no attributed string' };
}

class Attributed {
  readonly text: string;
  readonly runs: AttributedRun[] = [];

  constructor(text: string) {
    this.text = text;
  }
}

/** A class: its own name and those above it. */
class ClassNames {
  readonly names: string[];

  constructor(name: string) {
    this.names = [name];
  }
}

type Value = Attribute | Attributed | undefined;

class Reader {
  /** Where and why the reading ended early. */
  fault: string | undefined;
  readonly #cursor: TypedstreamCursor;
  /** Objects, C strings and classes in the order of their numbers. */
  readonly #objects: (Value | ClassNames)[] = [];
  #steps = 0;

  constructor(cursor: TypedstreamCursor) {
    this.#cursor = cursor;
  }

  root(): Value {
    const values = this.#group(0);
    return this.fault === undefined ? values[0] : undefined;
  }

  /** A type string and a value for each of its types. */
  #group(depth: number): Value[] {
    const types = this.#cursor.sharedString();
    const values: Value[] = [];
    if (types === undefined) {
      this.#fail('types expected');
      return values;
    }
    for (let at = 0; at < types.length && this.fault === undefined; at += 1) {
      const type = types[at] ?? '';
      if (type === '{') at = this.#inStruct(types, at);
      else if (type === '[') {
        const close = types.indexOf(']', at);
        values.push(this.#array(types.slice(at + 1, close)));
        at = close < 0 ? types.length : close;
      } else if (type !== '}') values.push(this.#value(type, depth));
    }
    return values;
  }

  /** A struct is its fields in a row; its name is stepped over. */
  #inStruct(types: string, at: number): number {
    const equals = types.indexOf('=', at);
    if (equals < 0) this.#fail('a struct without fields');
    return equals < 0 ? types.length : equals;
  }

  #array(type: string): Value {
    const length = /^\d{1,9}[cC]$/.test(type) ? Number.parseInt(type, 10) : -1;
    const start = length < 0 ? undefined : this.#cursor.skip(length);
    return start === undefined ? this.#fail('an unknown array') : this.#cursor.bytes.subarray(start, start + length);
  }

  #value(type: string, depth: number): Value {
    this.#steps += 1;
    if (this.#steps > MOST_STEPS || depth > DEEPEST) return this.#fail('too long or too deep');
    switch (type) {
      case '@':
        return this.#object(depth);
      case '#':
        this.#class();
        return null;
      case '*':
        return this.#cString();
      case '%':
      case ':':
        return this.#cursor.sharedString() ?? this.#fail('a name is missing');
      case '+':
        return this.#bytesAsText();
      case 'c':
      case 'C':
      case 'B': {
        const at = this.#cursor.skip(1);
        return at === undefined
          ? this.#fail('cut off')
          : type === 'c'
            ? this.#cursor.bytes.readInt8(at)
            : this.#cursor.bytes[at];
      }
      case 'S':
      case 'I':
      case 'L':
      case 'Q':
        return this.#cursor.length() ?? this.#fail('a number is missing');
      case 's':
      case 'i':
      case 'l':
      case 'q':
        return this.#cursor.integer() ?? this.#fail('a number is missing');
      case 'f':
      case 'd':
        return this.#cursor.real(type === 'd' ? 8 : 4) ?? this.#fail('a number is missing');
      default:
        return this.#fail('an unknown type');
    }
  }

  #bytesAsText(): Value {
    const length = this.#cursor.length();
    const start = length === undefined ? undefined : this.#cursor.skip(length);
    return start === undefined
      ? this.#fail('cut off in a text')
      : this.#cursor.bytes.toString('utf8', start, this.#cursor.at);
  }

  #cString(): Value {
    if (this.#takes(NIL)) return null;
    if (!this.#takes(NEW)) return this.#known();
    const string = this.#cursor.sharedString();
    this.#objects.push(string);
    return string ?? this.#fail('a C string is missing');
  }

  #object(depth: number): Value {
    if (this.#takes(NIL)) return null;
    if (!this.#takes(NEW)) return this.#known();
    const number = this.#objects.length;
    // Whoever refers to an object that is still being read finds null: no circles.
    this.#objects.push(null);
    const names = this.#class();
    const made = this.#content(names, depth + 1);
    this.#objects[number] = made;
    return made;
  }

  /** Its values up to the END, made into what the class stands for. */
  #content(names: string[], depth: number): Value {
    const attributed = names.includes('NSAttributedString');
    const values: Value[] = [];
    while (this.fault === undefined && !this.#takes(END)) for (const value of this.#group(depth)) values.push(value);
    if (this.fault !== undefined) return undefined;
    if (attributed) return attributedOf(values);
    if (names.includes('NSString')) return typeof values[0] === 'string' ? values[0] : null;
    if (names.includes('NSNumber')) return typeof values[1] === 'number' ? values[1] : null;
    if (names.includes('NSURL')) return urlOf(values);
    if (names.includes('NSData')) return values[1] instanceof Uint8Array ? values[1] : null;
    if (names.includes('NSDate')) return typeof values[0] === 'number' ? values[0] : null;
    if (names.includes('NSArray') || names.includes('NSSet')) return values.slice(1).map(plain);
    return names.includes('NSDictionary') ? dictionaryOf(values) : null;
  }

  /** The class's name and the names of those above it. */
  #class(): string[] {
    const opened: ClassNames[] = [];
    let above: string[] = [];
    while (this.fault === undefined && !this.#takes(NIL)) {
      if (!this.#takes(NEW)) {
        const known = this.#objects[this.#cursor.reference() ?? -1];
        if (known instanceof ClassNames) above = known.names;
        else this.#fail('a class is missing');
        break;
      }
      const name = this.#cursor.sharedString();
      if (name === undefined || this.#cursor.integer() === undefined || opened.length > DEEPEST)
        this.#fail('a class is damaged');
      const made = new ClassNames(name ?? '');
      opened.push(made);
      this.#objects.push(made);
    }
    for (const { names } of opened.reverse()) {
      names.push(...above);
      above = names;
    }
    return above;
  }

  #known(): Value {
    const value = this.#objects[this.#cursor.reference() ?? -1];
    return value === undefined || value instanceof ClassNames ? this.#fail('an object is missing') : value;
  }

  #takes(tag: number): boolean {
    if (this.#cursor.bytes[this.#cursor.at] !== tag) return false;
    this.#cursor.at += 1;
    return true;
  }

  #fail(why: string): undefined {
    this.fault ??= `${why} at byte ${this.#cursor.at}`;
    return undefined;
  }
}

function attributedOf(values: Value[]): Attributed {
  const made = new Attributed(typeof values[0] === 'string' ? values[0] : '');
  const known: Map<string, Attribute>[] = [];
  let start = 0;
  for (let at = 1; at + 1 < values.length; ) {
    const number = Number(values[at]);
    const length = Number(values[at + 1]);
    at += 2;
    if (number > known.length) {
      const attributes = values[at];
      known.push(attributes instanceof Map ? attributes : new Map());
      at += 1;
    }
    made.runs.push({ start, length, attributes: known[number - 1] ?? new Map() });
    start += length;
  }
  return made;
}

function urlOf(values: Value[]): Attribute {
  const [relative, first, second] = values;
  if (relative === 0) return typeof first === 'string' ? { url: first } : null;
  const base = isUrl(first) ? first.url : '';
  return typeof second === 'string' && URL.canParse(second, base) ? { url: new URL(second, base).href } : null;
}

function dictionaryOf(values: Value[]): Attribute {
  const made = new Map<string, Attribute>();
  for (let at = 1; at + 1 < values.length; at += 2) {
    const key = values[at];
    if (typeof key === 'string') made.set(key, plain(values[at + 1]));
  }
  return made;
}

function plain(value: Value): Attribute {
  return value instanceof Attributed ? value.text : (value ?? null);
}

export function isUrl(value: unknown): value is Url {
  return typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string';
}
