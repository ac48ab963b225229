/** The index of near texts against comparing with every text: at the borders of its size classes, in small blocks, and with whole corpora. */
import { hash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Fingerprint, FingerprintMaker, MAX_GRAMS } from '../../../daemon/gate/fingerprint.ts';
import { leastShared } from '../../../daemon/gate/least-shared.ts';
import { likeness, nearByGrams } from '../../../daemon/gate/near.ts';
import { type KnownText, NearIndex } from '../../../daemon/gate/near-index.ts';
import { DEFAULT_POLICY, type NearRules, readPolicy } from '../../../daemon/gate/policy.ts';
import { decode, encode } from '../../../daemon/gate/stored-print.ts';
import { CORPORA } from '../../bench/gate-speed.ts';

const RULES = DEFAULT_POLICY.near;
/** So small that a handful of texts fills blocks, dissolves them, and is judged by pivots that are given up again. */
const TINY = { slots: 4, pivots: { most: 2, worthIt: 2 } };
/** Both sides of each class border, of each minimum, and the most that is kept. */
const SIZES = [7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512];

function printOf(grams: Iterable<number>, o: { cjk?: boolean; truncated?: boolean } = {}): Fingerprint {
  const sorted = Int32Array.from(new Set(grams)).sort();
  const exact = hash('sha256', `${sorted.join(',')}${o.cjk}${o.truncated}`, 'latin1').slice(0, 16);
  const { cjk = false, truncated = false } = o;
  return { exact, variables: null, grams: sorted, truncated, cjk, tokens: null, attachments: null };
}

/** Spread as hashes are. */
const gram = (n: number) => Math.imul(n + 1, 0x9e3779b1) | 0;

function wanted(known: Iterable<KnownText<null>>, print: Fingerprint, rules: NearRules): Set<KnownText<null>> {
  return new Set([...known].filter((one) => likeness(print, one.print, rules).verdict !== 'apart'));
}

describe('how many grams must be shared', () => {
  const policies: [string, NearRules][] = [
    ['the default rules', RULES],
    ['strict rules', readPolicy({ near: { jaccard: 0.3, containment: 0.5, contained_size: 0.2 } }).near],
    ['lax rules', readPolicy({ near: { jaccard: 0.8, containment: 0.95, contained_size: 0.9 } }).near],
  ];
  it.each(policies)('so many are enough, and one less is never near, by %s', (_name, rules) => {
    const sureFrom = Math.max(rules.min_grams, rules.min_grams_cjk);
    let reached = 0;
    for (let a = 8; a < MAX_GRAMS; a += 1)
      for (let b = a; b < MAX_GRAMS; b += 1 + (b % 3)) {
        const least = leastShared(a, b, rules);
        expect(leastShared(b, a, rules)).toBe(least);
        const one = { size: a, cjk: false };
        const other = { size: b, cjk: false };
        if (nearByGrams(one, other, Math.min(a, least - 1), rules)) throw new Error(`${a} and ${b} share ${least - 1}`);
        if (least > a) continue;
        const enough = nearByGrams(one, other, least, rules);
        if (a >= sureFrom && !enough) throw new Error(`${a} and ${b} share ${least}, and are not near`);
        if (enough) reached += 1;
      }
    expect(reached).toBeGreaterThan(10_000);
  });
});

/** A text: some of what many share, some of what a family shares, and some of its own. */
interface Drawn {
  size: number;
  common: number;
  family: number;
  kin: number;
  cjk: boolean;
}

const someDrawn: fc.Arbitrary<Drawn> = fc.record({
  size: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...SIZES) }, fc.integer({ min: 8, max: MAX_GRAMS })),
  common: fc.constantFrom(0, 0, 0.3, 0.5, 0.9),
  family: fc.nat(3),
  kin: fc.oneof(fc.constantFrom(0.33, 0.5, 0.66, 0.67, 0.79, 0.8, 0.81, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  cjk: fc.boolean(),
});

function printOfDrawn({ size, common, family, kin, cjk }: Drawn, own: number): Fingerprint {
  const grams: number[] = [];
  const shared = Math.floor(size * common);
  for (let i = 0; i < shared; i += 1) grams.push(gram(i));
  const ofKin = Math.round((size - shared) * kin);
  for (let i = 0; i < ofKin; i += 1) grams.push(gram(1_000 * (family + 1) + i));
  for (let i = grams.length; i < size; i += 1) grams.push(gram(100_000 + 1_000 * own + i));
  return printOf(grams, { cjk, truncated: size === MAX_GRAMS && own % 2 === 0 });
}

describe('the index', () => {
  it('finds what is near and nothing else in all sizes, while blocks fill, are dissolved and emptied', () => {
    let near = 0;
    fc.assert(
      fc.property(
        fc.array(fc.record({ drawn: someDrawn, again: fc.boolean(), gone: fc.option(fc.nat(80)) }), {
          minLength: 20,
          maxLength: 80,
        }),
        fc.constantFrom(...SIZES),
        (steps, first) => {
          const index = new NearIndex(RULES, () => null, TINY);
          const known: KnownText<null>[] = [];
          const seen: Fingerprint[] = [];
          for (const [at, { drawn, again, gone }] of steps.entries()) {
            // Half of them in one class, which so has more than one block.
            const print = printOfDrawn(again ? { ...drawn, size: Math.max(drawn.size % 3, first - 3) + 3 } : drawn, at);
            seen.push(print);
            known.push(index.keep(print));
            const leaves = gone === null ? undefined : known[gone];
            if (leaves) index.drop(leaves);
          }
          const left = new Set(known.filter((text) => index.find(text.print) === text));
          for (const print of seen) {
            const found = index.near(print);
            const expected = wanted(left, print, RULES);
            expect(found.length).toBe(expected.size);
            expect(new Set(found)).toEqual(expected);
            near += found.length;
          }
        },
      ),
      { numRuns: 250 },
    );
    expect(near).toBeGreaterThan(10_000);
  });

  it('finds what shares just enough with it where that is what most others hold too', () => {
    // A little less than half of the others hold each gram that is shared: so all that are shared are the most frequent ones of both.
    const HOLDERS = 60;
    let near = 0;
    for (const [asked, kept] of [
      [45, 100],
      [50, 100],
      [63, 127],
      [64, 100],
      [100, 64],
      [127, 128],
      [127, 250],
      [200, 128],
    ] as const) {
      const least = leastShared(asked, kept, RULES);
      const index = new NearIndex(RULES, () => null, { ...TINY, slots: 128 });
      const own = (n: number, count: number) => Array.from({ length: count }, (_, i) => gram(10_000 * n + 1_000 + i));
      const shared = Array.from({ length: 300 }, (_, i) => gram(i));
      const known: KnownText<null>[] = [];
      for (let n = 1; n <= 128; n += 1) {
        const held = n <= HOLDERS ? kept - 1 : n === 128 ? least : 0;
        known.push(index.keep(printOf([...shared.slice(0, held), ...own(n, kept - held)])));
      }
      const one = printOf([...shared.slice(0, least), ...own(500, asked - least)]);
      const found = new Set(index.near(one));
      expect(found).toEqual(wanted(known, one, RULES));
      near += found.size;
    }
    expect(near).toBeGreaterThanOrEqual(8);
  });

  it('finds long texts, of which not all grams are kept, by estimates that lie on either side of the border', () => {
    let near = 0;
    for (let n = 0; n < 400; n += 1) {
      const shared = Array.from({ length: 325 + (n % 20) }, (_, i) => gram(i + 10_000 * n));
      const longer = (own: number) =>
        printOf(
          [...shared, ...Array.from({ length: MAX_GRAMS - shared.length }, (_, i) => gram(own + i + 10_000 * n))],
          {
            truncated: true,
          },
        );
      const index = new NearIndex(RULES, () => null, TINY);
      const known = index.keep(longer(1_000));
      const asked = longer(2_000);
      const found = index.near(asked);
      expect(new Set(found)).toEqual(wanted([known], asked, RULES));
      near += found.length;
    }
    expect(near).toBeGreaterThan(50);
    expect(near).toBeLessThan(350);
  });

  it.each(Object.entries(CORPORA))(
    'is exact with 6,000 texts of the corpus "%s", and after most were forgotten',
    (_name, make) => {
      const corpus = make();
      const maker = new FingerprintMaker(new Uint8Array(32), { same: 6, variables: 8 });
      const index = new NearIndex(RULES, () => null);
      const keep = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, n) => index.keep(maker.make(corpus(from + n))));
      let known = new Set(keep(0, 300));
      for (const text of keep(300, 6_000)) known.add(text);
      const asked = Array.from({ length: 15 }, (_, n) => maker.make(corpus(n % 3 === 0 ? n * 400 : 50_000 + n)));
      const compareAll = () => {
        for (const print of asked) {
          const found = index.near(print);
          const expected = wanted(known, print, RULES);
          expect(found.length).toBe(expected.size);
          expect(found.every((text) => expected.has(text))).toBe(true);
        }
      };
      compareAll();
      const order = [...known];
      const gone = new Set(order.filter((_, n) => n % 7 !== 0 && (n < 3_000 || n % 2 === 0)));
      for (const text of gone) index.drop(text);
      known = new Set(order.filter((text) => !gone.has(text)));
      compareAll();
      for (let n = 0; n < 1_500; n += 1) known.add(index.keep(maker.make(corpus(20_000 + n))));
      compareAll();
      expect(index.size).toBe(known.size);
    },
  );
});

describe('what a damaged store says', () => {
  it.each([
    ['more attachments than there are bytes', 3, 200],
    ['more tokens than there are bytes', 2, 200],
  ])('is not taken for a fingerprint: %s', (_name, at, value) => {
    const bytes = Buffer.from(encode(printOf(Array.from({ length: 40 }, (_, i) => gram(i)))));
    bytes[at] = value;
    const index = new NearIndex(RULES, () => null);
    expect(index.keepStored({ bytes, grams: new Int32Array(bytes.length >> 2) }, 0, bytes.length)).toBeNull();
    expect(index.size).toBe(0);
    expect(decode(bytes)).toBeNull();
  });

  it('is not taken for a fingerprint: more grams than are kept', () => {
    const bytes = Buffer.from(encode(printOf(Array.from({ length: MAX_GRAMS + 1 }, (_, i) => gram(i)))));
    const index = new NearIndex(RULES, () => null);
    expect(index.keepStored({ bytes, grams: new Int32Array(bytes.length >> 2) }, 0, bytes.length)).toBeNull();
    expect(decode(bytes)).toBeNull();
  });
});

describe('a search that is broken off', () => {
  it('leaves nothing that the next one would take for its own', () => {
    const index = new NearIndex(RULES, () => null);
    const of = (first: number, own: number) =>
      printOf([...Array.from({ length: 40 }, (_, i) => gram(first + i)), gram(9_000 + own)]);
    const apart = index.keep(
      printOf([
        ...Array.from({ length: 20 }, (_, i) => gram(i)),
        ...Array.from({ length: 30 }, (_, i) => gram(500 + i)),
      ]),
    );
    index.keep(of(0, 1));
    index.note(apart, 1, false);
    const broken = {
      takes() {
        throw new Error('broken off');
      },
      isEnough: () => false,
    };
    expect(() => index.near(of(0, 2), broken)).toThrow('broken off');
    // What both hold of the first text must not count for the second.
    const asked = printOf([
      ...Array.from({ length: 15 }, (_, i) => gram(500 + i)),
      ...Array.from({ length: 25 }, (_, i) => gram(2_000 + i)),
    ]);
    expect(index.near(asked)).toEqual([]);
  });
});
