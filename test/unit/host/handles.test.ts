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
    // Copied from contacts, with marks of direction, hard spaces and dashes of all kinds.
    ['\u202a+1\u00a0415\u2011555\u20130100\u202c', '+14155550100'],
    ['\u200e+49 (0)170 1234567', '+491701234567'],
    // Digits of other scripts.
    ['\uff0b\uff11\uff14\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff10\uff10', '+14155550100'],
    ['+\u0664\u0669\u0661\u0667\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667', '+491701234567'],
    // One domain, however it is written.
    ['Anna@B\u00dcCHER.example', 'anna@xn--bcher-kva.example'],
    ['anna@bu\u0308cher.example', 'anna@xn--bcher-kva.example'],
    ['anna@xn--bcher-kva.example', 'anna@xn--bcher-kva.example'],
    ['first.last+tag@sub.example.co.uk', 'first.last+tag@sub.example.co.uk'],
  ])('%s is %s', (written, handle) => {
    expect(normaliseHandle(written)).toMatchObject({ ok: true, handle });
  });

  it.each([
    ['0170 1234567', 'DE', '+491701234567'],
    ['00491701234567', 'DE', '+491701234567'],
    ['011 44 20 7946 0000', 'US', '+442079460000'],
    ['(415) 555-0100', 'US', '+14155550100'],
  ])('%s in %s is %s', (written, region, handle) => {
    expect(normaliseHandle(written, region)).toMatchObject({ ok: true, handle });
  });

  it.each([
    ['72975', 'US', /short codes have no iMessage/],
    ['72975', undefined, /short codes have no iMessage/],
    ['911', 'US', /too short/],
    ['+1 415 555 0100 ext. 5', undefined, /an extension/],
    ['+14155550100x5', undefined, /an extension/],
    ['+14155550100;ext=5', undefined, /an extension/],
    ['(415) 555-0100 #12', 'US', /an extension/],
    ['4155550100', undefined, /no region is configured/],
    ['1-800-FLOWERS', 'US', /neither/],
    ['+14155550100+', undefined, /neither/],
    ['++14155550100', undefined, /neither/],
    ['+14155550100, +14155550101', undefined, /neither/],
    ['+0 415 555 0100', undefined, /not a possible/],
    ['+999123456789', undefined, /not a possible/],
    ['urn:biz:abc', undefined, /neither/],
    ['a@b', undefined, /not an e-mail/],
    ['a@[1.2.3.4]', undefined, /not an e-mail/],
    ['a@1.2.3.4', undefined, /not an e-mail/],
    ['a@-x.com', undefined, /not an e-mail/],
    ['a@example.com.', undefined, /not an e-mail/],
    ['a b@example.com', undefined, /not an e-mail/],
    ['mailto:a@example.com', undefined, /not an e-mail/],
    ['Anna <a@example.com>', undefined, /not an e-mail/],
    ['a@example.com\nb@example.com', undefined, /not an e-mail/],
    [`${'a'.repeat(250)}@example.com`, undefined, /not an e-mail/],
  ])('%s (region %s) is refused, and it is said why', (written, region, why) => {
    expect(normaliseHandle(written, region)).toEqual({ ok: false, why: expect.stringMatching(why) });
  });

  it('that were normalised stay as they are', () => {
    for (const written of ['+491701234567', 'anna@xn--bcher-kva.example', 'anna.\u00df@example.com'])
      expect(normaliseHandle(written)).toMatchObject({ ok: true, handle: written });
  });

  it.each(['4155550100', '+1415555010', 'anna@', 'STOP', ''])('%s is refused without a region', (written) => {
    expect(normaliseHandle(written).ok).toBe(false);
  });
});
