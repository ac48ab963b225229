/**
 * Handles: the address of a person in Messages. Phone numbers in E.164 with the plus, e-mail in lower case.
 * A lost plus makes a number unroutable (Messages takes it, error 22 follows), so nothing else ever reaches Messages.
 */
import { domainToASCII } from 'node:url';
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';

export type HandleResult = { ok: true; handle: string; kind: 'phone' | 'email' } | { ok: false; why: string };

/** Is this a region (ISO 3166, e.g. "US") whose national phone numbers can be read? */
export function isRegion(written: string): boolean {
  return isSupportedCountry(written);
}

/** North American numbers, most of those that there are here, look like this when they are in order: nothing is left to read in them. */
const NORTH_AMERICAN = /^\+1[2-9]\d{9}$/;

/** Suffixes that Messages hangs on the addresses of filtered SMS senders; they may be stacked. */
const FILTER_SUFFIX = /\((?:filtered|smsft|smsfp|smsft_(?:fi|or|rm))\)$/;

/** Marks of writing direction and the like, which come along when a number is copied from a phone's contacts. */
const UNSEEN = /\p{Cf}/gu;
/** Digits of any script, and the signs that people put between them; the plus only in front. */
const NUMBER = /^\+?[\p{Nd}\s().\-/\u2010-\u2015\u2212]+$/u;
const EXTENSION = /\d\s*(?:[;,]\s*|\s)?(?:ext(?:ension)?\.?|x|#|;ext=)\s*=?\s*\d{1,8}$/i;
/** Most of those that there are; nobody's phone number is as short. */
const LONGEST_SHORT_CODE = 6;

/**
 * Normalises what a person or a controller wrote. `region` (ISO 3166, e.g. "US") is used for numbers without a plus;
 * without it such numbers are refused. `why` goes on from "… is".
 */
export function normaliseHandle(written: string, region?: string): HandleResult {
  if (NORTH_AMERICAN.test(written)) return { ok: true, handle: written, kind: 'phone' };
  const seen = written.replace(UNSEEN, '').trim();
  if (seen.includes('@')) return email(seen);
  // Full-width signs and hard spaces become plain ones.
  const trimmed = seen.normalize('NFKC');
  if (EXTENSION.test(trimmed))
    return { ok: false, why: 'a number with an extension; Messages can only write to the number itself' };
  if (!NUMBER.test(trimmed)) return { ok: false, why: 'neither a phone number nor an e-mail address' };
  const international = trimmed.startsWith('+');
  const digits = trimmed.match(/\p{Nd}/gu)?.length ?? 0;
  if (!international && digits <= LONGEST_SHORT_CODE)
    return { ok: false, why: 'too short for a phone number; short codes have no iMessage' };
  const country = region && isSupportedCountry(region) ? (region as CountryCode) : undefined;
  if (!international && !country)
    return { ok: false, why: 'a number without + and country code, and no region is configured' };
  const number = parsePhoneNumberFromString(trimmed, country);
  if (!number?.isPossible()) return { ok: false, why: 'not a possible phone number' };
  return { ok: true, handle: number.number, kind: 'phone' };
}

/** Lower case; the domain in the form that goes over the wire (xn--…), so that both ways to write one are the same person. */
function email(written: string): HandleResult {
  const at = written.lastIndexOf('@');
  const name = written.slice(0, at).normalize('NFC').toLowerCase();
  const domain = domainToASCII(written.slice(at + 1));
  const isDomain = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/.test(
    domain,
  );
  const handle = `${name}@${domain}`;
  if (!isDomain || !/^[^\s@<>(),;:"[\]\\]+$/.test(name) || handle.length > 254)
    return { ok: false, why: 'not an e-mail address' };
  return { ok: true, handle, kind: 'email' };
}

/** The handle as a `chat.db` row means it: suffixes off, e-mail in lower case; numbers and short codes as they stand. */
export function handleFromRow(id: string): string {
  let clean = id.trim();
  while (FILTER_SUFFIX.test(clean)) clean = clean.replace(FILTER_SUFFIX, '');
  return clean.includes('@') ? clean.toLowerCase() : clean;
}
