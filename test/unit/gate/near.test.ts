/** When texts are near-same: examples of each arm, and the definition by brute force as the oracle. */
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonical, letterCount, tokensOf, unmasked, variablesMasked } from '../../../daemon/gate/canonical.ts';
import { FingerprintMaker } from '../../../daemon/gate/fingerprint.ts';
import { KeyedHash } from '../../../daemon/gate/keyed-hash.ts';
import { compare, likeness } from '../../../daemon/gate/near.ts';
import { NearIndex } from '../../../daemon/gate/near-index.ts';
import { DEFAULT_POLICY } from '../../../daemon/gate/policy.ts';
import { decode, encode } from '../../../daemon/gate/stored-print.ts';

const RULES = DEFAULT_POLICY.near;
const KEY = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const maker = () => new FingerprintMaker(KEY, { same: 6, variables: 8 });

interface Text {
  text: string;
  variables?: string[];
}

/** GATE.md once more, on strings, by the shortest way. */
function oracle(a: Text, b: Text): boolean {
  const [ca, cb] = [canonical(a.text), canonical(b.text)];
  const plain = (t: Text, c: string) => (letterCount(c) >= 6 ? `c${c}` : `u${unmasked(t.text)}`);
  if (plain(a, ca) === plain(b, cb)) return true;
  const [va, vb] = [variablesMasked(ca, a.variables ?? []), variablesMasked(cb, b.variables ?? [])];
  const letters = (shape: string) => shape.replace(/[ \ue000-\ue004]/g, '');
  if (letters(va) === letters(vb) && letterCount(va) >= 8 && letterCount(vb) >= 8) return true;
  const [sa, sb] = [gramSet(ca), gramSet(cb)];
  const both = [...sa].filter((gram) => sb.has(gram)).length;
  const [small, large] = [Math.min(sa.size, sb.size), Math.max(sa.size, sb.size)];
  if (sa.size >= least(ca) && sb.size >= least(cb) && both / (sa.size + sb.size - both) >= 0.5) return true;
  if (small >= 24 && small >= 0.45 * large && both / small >= 0.8) return true;
  return small < 16 && short(ca, cb);
}

const CJK = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

function least(shape: string): number {
  const letters = [...shape.replace(/ /g, '')];
  return 2 * letters.filter((sign) => CJK.test(sign)).length > letters.length ? 8 : 16;
}

function gramSet(shape: string): Set<string> {
  const signs = shape === '' ? [] : [' ', ...shape, ' '];
  const grams = new Set<string>();
  for (let i = 0; i < signs.length; i += 1)
    if (CJK.test(signs[i] ?? '') && CJK.test(signs[i + 1] ?? '')) grams.add(signs.slice(i, i + 2).join(''));
    else if (i + 4 <= signs.length) grams.add(signs.slice(i, i + 4).join(''));
  return grams;
}

function short(a: string, b: string): boolean {
  const mask = /[\ue000-\ue003]/;
  const [x, y] = [tokensOf(a), tokensOf(b)].sort((p, q) => p.length - q.length) as [string[], string[]];
  if (!mask.test(a) || !mask.test(b) || y.length > 32) return false;
  if (x.join('|') === y.join('|')) return x.length >= 2;
  for (let i = 0; i < y.length; i += 1) {
    const rest = y.filter((_, at) => at !== i).join('|');
    if (x.length === y.length - 1 && x.join('|') === rest) return x.length >= 2;
    if (x.length === y.length && x.filter((_, at) => at !== i).join('|') === rest) return x.length - 1 >= 2;
  }
  return false;
}

function near(a: Text, b: Text): boolean {
  const m = maker();
  return likeness(m.make(a.text, a.variables), m.make(b.text, b.variables), RULES).verdict !== 'apart';
}

describe('near', () => {
  it.each([
    ['the same but for case, signs and numbers', 'Your order 17 is ready!', 'your ORDER 2044 is ready', 'same'],
    [
      'a name swapped',
      'Hi Ann, your table for two is ready now',
      'Hi Robert, your table for two is ready now',
      'jaccard',
    ],
    [
      'most of one inside the other',
      'Come to our shop on Monday',
      'Come to our shop on Monday and bring your whole family',
      'containment',
    ],
    ['short, a number and one word apart', 'Your code is 123456', 'Your PIN is 99', 'short'],
    ['short, one word more', 'Code 1234', 'Your code 99', 'short'],
    ['few letters, equal', 'ok 🎉', 'OK 🎉!', 'same'],
    ['links of one host', 'https://a.example/x', 'https://a.example/y?z', 'same'],
    [
      'Japanese, one word swapped',
      '本日のご予約は午後三時です、お待ちしております',
      '本日のご予約は午後五時です、お待ちしております',
      'jaccard',
    ],
    ['Russian in capitals', 'Ваш заказ готов к выдаче', 'ВАШ ЗАКАЗ ГОТОВ К ВЫДАЧЕ', 'same'],
  ])('%s', (_name, a, b, arm) => {
    expect(compare(a, b).arm).toBe(arm);
    expect(compare(b, a)).toEqual(compare(a, b));
  });

  it.each([
    ['few letters, other numbers', '12', '13'],
    ['other emoji', '🎉', '🎂'],
    ['links of other hosts', 'https://a.example/x', 'https://b.example/x'],
    ['short words', 'see you', 'see me'],
    ['short with a mask, two words apart', 'Be there at 5', 'Come here at 6'],
    ['different matters', 'Your table for two is ready', 'See you on Monday, bring the dog'],
    [
      'a small part of much',
      'Come to our shop on Monday',
      `Come to our shop on Monday ${'and something else entirely, '.repeat(3)}right?`,
    ],
  ])('not: %s', (_name, a, b) => {
    expect(compare(a, b)).toMatchObject({ verdict: 'apart', arm: 'none' });
  });

  it('variables make only more texts near', () => {
    const a = { text: 'Maximiliane: Tuesday fits', variables: ['Maximiliane', 'Tuesday'] };
    const b = { text: 'Jo: Wednesday fits', variables: ['Jo', 'Wednesday'] };
    expect(near({ text: a.text }, { text: b.text })).toBe(false);
    expect(near(a, b)).toBe(false); // "fits" alone is too few letters
    const c = { text: 'Maximiliane: Tuesday fits well', variables: a.variables };
    const d = { text: 'Jo: Wednesday fits well', variables: b.variables };
    expect(near(c, d)).toBe(true);
    expect(near(c, { text: d.text })).toBe(false);
  });

  it('beyond 512 grams it estimates, and stays right for what is clear', () => {
    const words = (seed: number) =>
      Array.from({ length: 400 }, (_, i) => `w${((i + seed) * 7919).toString(36)}x`)
        .join(' ')
        .replace(/\d/g, 'q');
    const long = words(1);
    expect(compare(long, `${long} and a little more`)).toMatchObject({
      verdict: 'near',
      arm: 'jaccard',
      containment: 0,
    });
    expect(compare(long, words(5_000)).verdict).toBe('apart');
  });

  it('a long text keeps its words wherever a short one may be near to it by them', () => {
    // Words of many letters and few grams, and masks that stand apart or not: so a text is short that has many words, or nearly so.
    const someWord: fc.Arbitrary<string> = fc.oneof(
      fc.constantFrom('5', '5', '\u{1f600}', 'a', 'aaaa', 'aaaaa', 'aaaaaaaaaaa', 'ab'),
      fc.integer({ min: 1, max: 60 }).map((length) => 'bcdefghijklmnopqrstuvwxyz'.repeat(3).slice(0, length)),
    );
    const m = maker();
    let short = 0;
    let without = 0;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<string>('5', '5', '\u{1f600}', 'aaaa', 'aaaaa'), { minLength: 2, maxLength: 31 }),
        fc.nat(31),
        fc.option(someWord),
        fc.option(someWord),
        fc.array(fc.constantFrom('', ' ', ' ')),
        (words, at, inA, inB, apart) => {
          const written = (own: string | null, shift: number) =>
            words
              .toSpliced(at, own === null ? 1 : shift, ...(own === null ? [] : [own]))
              .map((word, n) => (/[a-z]/.test(word) ? ` ${word} ` : `${apart[(n + shift) % 7] ?? ' '}${word}`))
              .join('');
          const [a, b] = [{ text: written(inA, 0) }, { text: written(inB, 1) }];
          const found = likeness(m.make(a.text), m.make(b.text), RULES);
          expect(found.verdict !== 'apart').toBe(oracle(a, b));
          if (found.arm === 'short') short += 1;
          if (m.make(a.text).tokens === null) without += 1;
        },
      ),
      { numRuns: 5_000 },
    );
    expect(short).toBeGreaterThan(50);
    expect(without).toBeGreaterThan(50);
  });

  it('a fingerprint comes back from the disk as it was, and another version matches nothing', () => {
    const m = maker();
    for (const { text, variables } of [
      { text: 'Your code is 123456' },
      { text: 'Hi Ann, all is well with you?', variables: ['Ann'] },
      { text: 'ok' },
      { text: 'x y z '.repeat(900) },
    ]) {
      const print = m.make(text, variables);
      const bytes = encode(print);
      expect(decode(bytes)).toEqual(print);
      bytes[0] = 99;
      expect(decode(bytes)).toBeNull();
    }
    expect(
      encode(m.make('Please bring the blue folder to our meeting on Thursday. '.repeat(3).slice(0, 160))).length,
    ).toBeLessThan(1_500);
  });

  it('its keys are the HMAC of node:crypto, of short texts and long ones', () => {
    for (const length of [0, 6, 63, 64, 65, 1_000, 10_000]) {
      const text = 'ä'.repeat(length);
      const wanted = createHmac('sha256', KEY).update(text).digest('latin1');
      expect(new KeyedHash(KEY).of(text, 32)).toBe(wanted);
      expect(new KeyedHash(KEY).of(text, 16)).toBe(wanted.slice(0, 16));
    }
  });

  it('keys of two installations give unlike fingerprints', () => {
    const other = new FingerprintMaker(new Uint8Array(32), { same: 6, variables: 8 });
    const [a, b] = [maker().make('Your table for two is ready'), other.make('Your table for two is ready')];
    expect(a.exact).not.toBe(b.exact);
    expect([...a.grams].filter((gram) => b.grams.includes(gram)).length).toBeLessThan(3);
  });
});

/** Always the same numbers. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Texts out of few words and signs, so that all arms and all borders are met. */
const someText: fc.Arbitrary<Text> = fc.record({
  text: fc
    .array(
      fc.constantFrom(
        ...[
          'hi',
          'Ann',
          'Bob',
          'your',
          'order',
          'table',
          'is',
          'ready',
          'code',
          'now',
          'please come',
          'to the counter',
          'thank you',
        ],
        ...[
          '1',
          '22',
          '3.5',
          'https://a.example/x',
          'a@b.example',
          '🎉',
          '本日',
          'のご予約',
          '三時',
          '안녕',
          'заказ',
          'готов',
        ],
      ),
      { minLength: 1, maxLength: 9 },
    )
    .map((words) => words.join(' ')),
  variables: fc.constantFrom([], ['Ann'], ['Bob'], ['Ann', 'Bob', 'order']),
});

/** Two of them, or one and what an edit or two make of it. */
const somePair: fc.Arbitrary<[Text, Text]> = fc.oneof(
  fc.tuple(someText, someText),
  fc.tuple(someText, someText, fc.nat(8), fc.nat(2)).map(([a, b, at, dropped]): [Text, Text] => {
    const words = a.text.split(' ');
    words.splice(at, dropped, ...b.text.split(' ').slice(0, 2));
    return [a, { text: words.join(' '), variables: b.variables }];
  }),
);

describe('against the definition by brute force', () => {
  it('says the same, both ways round', () => {
    let met = 0;
    fc.assert(
      fc.property(somePair, ([a, b]) => {
        const wanted = oracle(a, b);
        if (wanted) met += 1;
        expect(near(a, b), JSON.stringify([a, b])).toBe(wanted);
        expect(near(b, a)).toBe(wanted);
      }),
      { numRuns: 4_000 },
    );
    expect(met).toBeGreaterThan(1_000);
  });

  it('the index finds all that are near, and nothing else, while texts come and go', () => {
    fc.assert(
      fc.property(
        fc.array(someText, { minLength: 2, maxLength: 40 }),
        fc.array(fc.nat(39), { maxLength: 20 }),
        (texts, gone) => {
          const m = maker();
          const index = new NearIndex(RULES, () => null);
          const known = texts.map(({ text, variables }) => index.keep(m.make(text, variables)));
          for (const at of gone) {
            const text = known[at];
            if (text) index.drop(text);
          }
          const left = new Set(known.filter((text) => index.find(text.print) === text));
          for (const { text, variables } of texts) {
            const print = m.make(text, variables);
            const found = new Set(index.near(print));
            const wanted = new Set([...left].filter((one) => likeness(print, one.print, RULES).verdict !== 'apart'));
            expect(found).toEqual(wanted);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('with two thousand texts', () => {
  it('the index is still exact, also after most were forgotten', () => {
    const below = numbers(11);
    const vocabulary = Array.from(
      { length: 300 },
      (_, n) =>
        `${'bcdfghklmnprst'[n % 14]}${'aeiou'[n % 5]}${'lmnrst'[n % 6]}${'aeiou'[(n >> 2) % 5]}${'dgkptz'[(n >> 3) % 6]}`,
    );
    const words = () => Array.from({ length: 8 + below(25) }, () => vocabulary[below(300)] ?? '');
    const m = maker();
    const index = new NearIndex(RULES, () => null);
    let known = Array.from({ length: 700 }, words).flatMap((text) => {
      const edited = [...text];
      edited[below(text.length)] = 'altogether';
      return [text, edited, text.slice(0, Math.ceil(text.length * 0.6))].map((one) =>
        index.keep(m.make(one.join(' '))),
      );
    });
    let near = 0;
    const compareAll = () => {
      for (let n = 0; n < 60; n += 1) {
        const { print } = known[below(known.length)] ?? { print: m.make('') };
        const found = new Set(index.near(print));
        const wanted = new Set(known.filter((one) => likeness(print, one.print, RULES).verdict !== 'apart'));
        expect(found).toEqual(wanted);
        near += wanted.size - 1;
      }
    };
    compareAll();
    const gone = new Set(known.filter(() => below(5) > 0));
    for (const text of gone) index.drop(text);
    known = [...new Set(known)].filter((text) => !gone.has(text));
    compareAll();
    known.push(...Array.from({ length: 400 }, () => index.keep(m.make(words().join(' ')))));
    known = [...new Set(known)];
    compareAll();
    expect(near).toBeGreaterThan(100);
    expect(index.size).toBe(known.length);
  });
});
