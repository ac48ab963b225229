/** The dictionary of grams against a plain map, while texts come and go. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GramDictionary } from '../../../daemon/gate/gram-dictionary.ts';

/** Few enough to come again; some that stand side by side in the table. */
const someGram = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
const someText = fc.uniqueArray(someGram, { minLength: 1, maxLength: 60 });

it('gives each gram a number of its own while a text holds it, and takes it back afterwards', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ text: someText, leaves: fc.option(fc.nat(20)) }), { maxLength: 60 }), (steps) => {
      const dictionary = new GramDictionary();
      const held: number[][] = [];
      for (const { text, leaves } of steps) {
        const numbers = new Uint32Array(text.length);
        dictionary.enter(Int32Array.from([99, ...text, 98]), 1, text.length + 1, numbers);
        expect([...numbers].map((number) => dictionary.gram(number))).toEqual(text);
        held.push([...numbers]);
        const gone = leaves === null ? undefined : held.splice(leaves, 1)[0];
        for (const number of gone ?? []) dictionary.leave(number);
        const known = new Set(held.flat());
        // Each gram has one number only, and it is still the same one.
        const grams = new Map([...known].map((number) => [dictionary.gram(number), number]));
        expect(grams.size).toBe(known.size);
        const found = new Uint32Array(text.length);
        const count = dictionary.find(Int32Array.from(text), found);
        expect([...found.subarray(0, count)]).toEqual(text.flatMap((gram) => grams.get(gram) ?? []));
        for (const number of known) expect(number).toBeLessThan(dictionary.limit);
      }
      for (const number of held.flat()) dictionary.leave(number);
      expect(dictionary.find(Int32Array.from(steps.flatMap(({ text }) => text)), new Uint32Array(4_000))).toBe(0);
    }),
    { numRuns: 300, endOnFailure: true },
  );
});

it('does not grow while as many come as go', () => {
  const dictionary = new GramDictionary();
  const numbers = new Uint32Array(100);
  for (let day = 0; day < 500; day += 1) {
    const grams = Int32Array.from({ length: 100 }, (_, i) => 100 * day + i);
    dictionary.enter(grams, 0, 100, numbers);
    for (const number of numbers) dictionary.leave(number);
  }
  expect(dictionary.limit).toBe(100);
});
