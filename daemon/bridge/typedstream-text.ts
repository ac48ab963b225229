/**
 * The text of an `attributedBody`: a typedstream whose root is an attributed string or a string (see typedstream-cursor.ts for the bytes).
 *
 * The walk follows the type encodings as far as the text and no further, so damaged attributes behind it cost nothing. It never throws;
 * each step consumes bytes or fails, so it ends. The stream, as far as it is needed:
 *
 *   group  := <shared string: types> <a value for each type> …
 *   '@'    := 84 <class> group… 86 | 85 (nil) | <reference: an object seen before>
 *   class  := 84 <shared string: name> <integer: version> <class: its parent> | 85 | <reference>
 *   '+'    := <integer: length in bytes> <UTF-8>
 */
import { FIRST_REFERENCE, NEW, NIL, openTypedstream, SIGNATURE, TypedstreamCursor } from './typedstream-cursor.ts';

/** `end`: the text ends before this byte; what follows are its attributes. */
export type TypedstreamText = { ok: true; text: string; end: number } | { ok: false; why: string };

/** What a class is to us, by its own name or a parent's. */
type Family = 'string' | 'attributed' | 'other';

const FAMILIES: Record<string, Family> = {
  NSString: 'string',
  NSMutableString: 'string',
  NSAttributedString: 'attributed',
  NSMutableAttributedString: 'attributed',
};

/**
 * What nearly all bodies begin with, up to the length of the text: read once by the walk below and true for every stream that begins so.
 * Of a text it is half of the work.
 */
const USUAL_BEGINNINGS = [
  '\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\0\x84\x84\x08NSObject\0\x85\x92\x84\x84\x84\x08NSString\x01\x94\x84\x01+',
  '\x81\xe8\x03\x84\x01@\x84\x84\x84\x19NSMutableAttributedString\0\x84\x84\x12NSAttributedString\0\x84\x84\x08NSObject\0\x85' +
    '\x92\x84\x84\x84\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x95\x84\x01+',
].map((words) => Buffer.concat([SIGNATURE, Buffer.from(words, 'latin1')]));

export function typedstreamText(blob: Uint8Array): TypedstreamText {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  for (const usual of USUAL_BEGINNINGS) {
    if (bytes.length <= usual.length || usual.compare(bytes, 0, usual.length) !== 0) continue;
    const cursor = new TypedstreamCursor(bytes);
    cursor.at = usual.length;
    return lengthAndText(cursor);
  }
  const cursor = openTypedstream(bytes);
  return typeof cursor === 'string' ? { ok: false, why: cursor } : textAt(cursor);
}

function textAt(cursor: TypedstreamCursor): TypedstreamText {
  const classes: (Family | undefined)[] = [];
  let family = objectOfGroup(cursor, classes);
  // An attributed string's first value is its plain string.
  if (family === 'attributed') family = objectOfGroup(cursor, classes);
  if (family !== 'string') return { ok: false, why: 'its root holds no string' };
  if (cursor.sharedString()?.charCodeAt(0) !== 0x2b) return { ok: false, why: 'a string of an unknown encoding' };
  return lengthAndText(cursor);
}

function lengthAndText(cursor: TypedstreamCursor): TypedstreamText {
  const length = cursor.length();
  const start = length === undefined ? undefined : cursor.skip(length);
  if (start === undefined) return { ok: false, why: 'cut off in its text' };
  return { ok: true, text: cursor.bytes.toString('utf8', start, cursor.at), end: cursor.at };
}

/** Opens the object that begins the next group. */
function objectOfGroup(cursor: TypedstreamCursor, classes: (Family | undefined)[]): Family | undefined {
  if (cursor.sharedString()?.charCodeAt(0) !== 0x40) return undefined;
  if (cursor.bytes[cursor.at] !== NEW) return undefined;
  cursor.at += 1;
  // Objects and classes share their numbers, and an object gets its own first.
  classes.push(undefined);
  return classAt(cursor, classes);
}

function classAt(cursor: TypedstreamCursor, classes: (Family | undefined)[]): Family | undefined {
  const first = classes.length;
  let parent: Family | undefined;
  for (;;) {
    const tag = cursor.bytes[cursor.at];
    if (tag === undefined) return undefined;
    cursor.at += 1;
    if (tag === NIL) break;
    if (tag !== NEW) {
      parent = classes[tag - FIRST_REFERENCE];
      if (parent === undefined) return undefined;
      break;
    }
    const name = cursor.sharedString();
    if (name === undefined || cursor.integer() === undefined) return undefined;
    classes.push(Object.hasOwn(FAMILIES, name) ? FAMILIES[name] : 'other');
  }
  for (let number = classes.length - 1; number >= first; number -= 1) {
    if (classes[number] === 'other' && parent !== undefined) classes[number] = parent;
    parent = classes[number];
  }
  return parent;
}
