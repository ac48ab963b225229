/**
 * What may not stand in a log: handles become a short keyed hash (the same contact can still be followed through one installation's
 * log), texts and tokens are left out. Works on anything that a room may log, at any depth, in names as well as in values.
 */
import { createHmac } from 'node:crypto';

export interface Redaction {
  /** 16 bytes or more, made once per installation; without it the hashes of phone numbers could be tried out. */
  key: Uint8Array;
  /** True lets handles and texts through. Tokens never. */
  unredacted: boolean;
}

const SECRET_NAMES = /^(token|authorization|password|secret)$/i;
const TEXT_NAMES = /^(text|body|payload|subject)$/i;
const HANDLE_NAMES = /^(handles?|recipients?|participants|members|address(es)?)$/i;
const BEARER = /\b(Bearer)\s+[\x21-\x7e]+/gi;
/** The part before the @ has 64 bytes at most (RFC 5321); the bound also keeps the search linear. */
const EMAIL = '[^\\s@<>"(),;:\\\\[\\]]{1,64}@[^\\s@<>"(),;:\\\\[\\]]+';
/** Ids stay whole: their digits are no phone number. */
const UUID = '(?<![0-9A-Fa-f])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Fa-f])';
/** Seven digits or more, or a plus and three, with what people put between digits. Rather a date too many than a number too few. */
const PHONE = '\\+\\p{Nd}(?:[\\s().\\-/]{0,3}\\p{Nd}){2,}|\\p{Nd}(?:[\\s().\\-/]{0,3}\\p{Nd}){6,}';
const HANDLES = new RegExp(`(?<uuid>${UUID})|(?<email>${EMAIL})|(?<phone>${PHONE})`, 'gu');

const DEEPEST = 8;

/** "h:" and six hex digits. Spellings of one number, and of one e-mail address, get the same. */
export function handleHash(handle: string, key: Uint8Array): string {
  const plain = handle.includes('@')
    ? handle.normalize('NFC').toLowerCase().replace(/\.+$/, '')
    : handle.replace(/[^\p{Nd}]/gu, '');
  return `h:${createHmac('sha256', key).update(plain).digest('hex').slice(0, 6)}`;
}

export function redactText(text: string, { key, unredacted }: Redaction): string {
  const quiet = text.replace(BEARER, '$1 …');
  if (unredacted) return quiet;
  return quiet.replace(HANDLES, (found: string, ...rest: unknown[]) => {
    const groups = rest.at(-1) as { uuid?: string };
    return groups.uuid === undefined ? handleHash(found, key) : found;
  });
}

/** A copy that may be logged, ready for JSON: errors, dates, sets, maps, bytes and cycles included. */
export function redact(value: unknown, redaction: Redaction, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value, redaction);
  if (typeof value === 'bigint') return redactText(String(value), redaction);
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= DEEPEST) return '…';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Error) return redactError(value, redaction, depth);
  if (value instanceof Map) return redact(Object.fromEntries(value), redaction, depth);
  if (value instanceof Set || Array.isArray(value)) return [...value].map((v) => redact(v, redaction, depth + 1));
  const safe: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    if (SECRET_NAMES.test(name) || (!redaction.unredacted && TEXT_NAMES.test(name))) continue;
    safe.push([redactText(name, redaction), redactField(name, field, redaction, depth)]);
  }
  return Object.fromEntries(safe);
}

/** Under these names even a short code is somebody's address. */
function redactField(name: string, field: unknown, redaction: Redaction, depth: number): unknown {
  if (redaction.unredacted || !HANDLE_NAMES.test(name)) return redact(field, redaction, depth + 1);
  const hidden = (v: unknown) => {
    if (typeof v !== 'string' && typeof v !== 'number') return redact(v, redaction, depth + 1);
    const words = String(v);
    const seen = redactText(words, redaction);
    return seen === words && words !== '' ? handleHash(words, redaction.key) : seen;
  };
  return Array.isArray(field) ? field.map(hidden) : hidden(field);
}

function redactError(error: Error, redaction: Redaction, depth: number): unknown {
  const { name, message, stack, cause, ...own } = error;
  const rest = redact({ ...own, ...(cause === undefined ? {} : { cause }) }, redaction, depth);
  return Object.assign(
    { name, message: redactText(message, redaction), stack: redactText(stack ?? '', redaction) },
    rest,
  );
}
