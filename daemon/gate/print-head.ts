/**
 * A fingerprint as it is kept: a head, in which stands all but its grams, as one string of bytes (latin1), and the grams apart from it. On the
 * disk one follows the other; in memory the grams stand in the blocks of the index.
 *
 *   version · flags · number of tokens · number of attachments · exact key · [variables' key] · [keys of attachments] · [tokens]
 */
import { CANONICAL_VERSION } from './canonical.ts';
import { type Fingerprint, MAX_GRAMS } from './fingerprint.ts';

const TRUNCATED = 1;
const CJK = 2;
const TOKENS = 4;
const VARIABLES = 8;

const FLAGS_AT = 1;
const TOKENS_AT = 2;
const ATTACHMENTS_AT = 3;
/** Where keys begin, and how long each is. */
export const EXACT_AT = 4;
export const KEY_BYTES = 16;
/** Where the variables' key is, if there is one. */
export const VARIABLES_AT = EXACT_AT + KEY_BYTES;

export function headOf(print: Fingerprint): string {
  const { exact, variables, attachments, tokens } = print;
  const flags =
    (print.truncated ? TRUNCATED : 0) |
    (print.cjk ? CJK : 0) |
    (tokens ? TOKENS : 0) |
    (variables === null ? 0 : VARIABLES);
  const keys = exact + (variables ?? '') + (attachments?.join('') ?? '');
  // By way of bytes: put together of pieces it would be kept in pieces.
  const bytes = Buffer.allocUnsafe(EXACT_AT + keys.length + (tokens?.byteLength ?? 0));
  bytes.set([CANONICAL_VERSION, flags, tokens?.length ?? 0, attachments?.length ?? 0]);
  bytes.write(keys, EXACT_AT, 'latin1');
  if (tokens) bytes.set(bytesOf(tokens), EXACT_AT + keys.length);
  return bytes.toString('latin1');
}

/** Little-endian, as every Mac is. */
export function bytesOf(numbers: Int32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/**
 * How many of these stored bytes, from there to before `last`, are the head; -1 if they are of another canonical version, or none: also if what
 * the head says of itself cannot be, as in a damaged store.
 */
export function headLength(bytes: Uint8Array, from = 0, last = bytes.length): number {
  if (last - from < EXACT_AT + KEY_BYTES || bytes[from] !== CANONICAL_VERSION) return -1;
  const keys = ((bytes[from + FLAGS_AT] ?? 0) & VARIABLES ? 2 : 1) + (bytes[from + ATTACHMENTS_AT] ?? 0);
  const length = EXACT_AT + KEY_BYTES * keys + 4 * (bytes[from + TOKENS_AT] ?? 0);
  const grams = (last - from - length) / 4;
  return grams >= 0 && grams <= MAX_GRAMS ? length : -1;
}

export function printOf(head: string, grams: Int32Array): Fingerprint {
  const attachments = attachmentsOf(head);
  return {
    exact: head.slice(EXACT_AT, EXACT_AT + KEY_BYTES),
    variables: hasVariables(head) ? head.slice(VARIABLES_AT, VARIABLES_AT + KEY_BYTES) : null,
    grams,
    truncated: isTruncated(head),
    cjk: isCjkPrint(head),
    tokens: tokenCount(head) < 0 ? null : tokensOf(head),
    attachments: attachments.length === 0 ? null : attachments,
  };
}

export function isTruncated(head: string): boolean {
  return (head.charCodeAt(FLAGS_AT) & TRUNCATED) !== 0;
}

export function isCjkPrint(head: string): boolean {
  return (head.charCodeAt(FLAGS_AT) & CJK) !== 0;
}

export function hasVariables(head: string): boolean {
  return (head.charCodeAt(FLAGS_AT) & VARIABLES) !== 0;
}

export function attachmentsOf(head: string): string[] {
  const count = head.charCodeAt(ATTACHMENTS_AT);
  if (count === 0) return [];
  const first = hasVariables(head) ? VARIABLES_AT + KEY_BYTES : VARIABLES_AT;
  return Array.from({ length: count }, (_, n) => head.slice(first + KEY_BYTES * n, first + KEY_BYTES * (n + 1)));
}

/** -1 without tokens. */
export function tokenCount(head: string): number {
  return head.charCodeAt(FLAGS_AT) & TOKENS ? head.charCodeAt(TOKENS_AT) : -1;
}

function tokensOf(head: string): Int32Array {
  const count = head.charCodeAt(TOKENS_AT);
  const bytes = Buffer.from(head.slice(head.length - 4 * count), 'latin1');
  return Int32Array.from({ length: count }, (_, n) => bytes.readInt32LE(4 * n));
}
