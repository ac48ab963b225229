/**
 * Handles: the address of a person in Messages. Phone numbers in E.164 with the plus, e-mail in lower case.
 * A lost plus makes a number unroutable (Messages takes it, error 22 follows), so nothing else ever reaches Messages.
 */
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

/**
 * Normalises what a person or a controller wrote. `region` (ISO 3166, e.g. "US") is used for numbers without a plus;
 * without it such numbers are refused.
 */
export function normaliseHandle(written: string, region?: string): HandleResult {
  if (NORTH_AMERICAN.test(written)) return { ok: true, handle: written, kind: 'phone' };
  const trimmed = written.trim();
  if (trimmed.includes('@')) {
    const mail = trimmed.toLowerCase();
    if (!/^[^\s@<>(),;:"[\]\\]+@[^\s@.]+(\.[^\s@.]+)+$/.test(mail) || mail.length > 254)
      return { ok: false, why: 'not an e-mail address' };
    return { ok: true, handle: mail, kind: 'email' };
  }
  if (!/^[+\d\s().\-/]+$/.test(trimmed)) return { ok: false, why: 'neither a phone number nor an e-mail address' };
  const country = region && isSupportedCountry(region) ? (region as CountryCode) : undefined;
  if (!trimmed.startsWith('+') && !country)
    return { ok: false, why: 'a number without + and country code, and no region is configured' };
  const number = parsePhoneNumberFromString(trimmed, country);
  if (!number?.isPossible()) return { ok: false, why: 'not a possible phone number' };
  return { ok: true, handle: number.number, kind: 'phone' };
}

/** The handle as a `chat.db` row means it: suffixes off, e-mail in lower case; numbers and short codes as they stand. */
export function handleFromRow(id: string): string {
  let clean = id.trim();
  while (FILTER_SUFFIX.test(clean)) clean = clean.replace(FILTER_SUFFIX, '');
  return clean.includes('@') ? clean.toLowerCase() : clean;
}
