/** Numbers on the command line. */
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
