import fc from 'fast-check';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { describe, expect, it } from 'vitest';
import { normaliseHandle } from '../../../daemon/host/handles.ts';

const digits = (count: number) => fc.stringMatching(new RegExp(`^[0-9]{${count}}$`));

describe('handles', () => {
  it('are read as the library for phone numbers reads them, whatever way is taken for the common ones', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('+1', '+12', '+1415', '+', '+44', '+49'),
        fc.integer({ min: 5, max: 12 }).chain(digits),
        (start, rest) => {
          const written = `${start}${rest}`;
          const number = parsePhoneNumberFromString(written);
          const read = normaliseHandle(written);
          expect(read.ok ? read.handle : null).toBe(number?.isPossible() ? number.number : null);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['+1 (415) 555-0100', '+14155550100'],
    ['+14155550100', '+14155550100'],
    ['+44 020 7946 0000', '+442079460000'],
    [' Anna@Example.ORG ', 'anna@example.org'],
  ])('%s is %s', (written, handle) => {
    expect(normaliseHandle(written)).toMatchObject({ ok: true, handle });
  });

  it.each(['4155550100', '+1415555010', 'anna@', 'STOP', ''])('%s is refused without a region', (written) => {
    expect(normaliseHandle(written).ok).toBe(false);
  });
});
