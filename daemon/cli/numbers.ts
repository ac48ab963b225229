/** Numbers and spans of time on the command line. */
import { InvalidArgumentError } from 'commander';

/** A reader for an option's value: a whole number from `min` to `max`, else the usage error says so. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (written: string) => number {
  return (written) => {
    const number = Number(written);
    if (/^\d+$/.test(written) && Number.isSafeInteger(number) && number >= min && number <= max) return number;
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  };
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, min: 60_000, m: 60_000, h: 3_600_000 };

/** A reader for a span such as 30s, 500ms, 5min or 2h, in ms; a number alone is seconds. */
export function timeSpan(written: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|min|m|h)?$/.exec(written) ?? [];
  const ms = Number(number) * (UNITS[unit || 's'] ?? 0);
  if (number !== '' && ms > 0 && ms <= 24 * 3_600_000) return Math.round(ms);
  throw new InvalidArgumentError('It must be a span such as 30s, 5min or 2h, at most 24h.');
}
