/** The bodies that the simulated Mac writes, read back by another's reader of Apple's format. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NSAttributedString, NSMutableAttributedString, Unarchiver } from '@parseaple/typedstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attributedText,
  encodeAttributedText,
  FILE_TRANSFER,
  OBJECT_REPLACEMENT,
  PART,
} from '../../sim/typedstream.ts';

const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/typedstream/', import.meta.url));

function decode(bytes: Uint8Array): { string: string; runs: { range: [number, number]; attributes: unknown }[] } {
  const unarchiver = Unarchiver.open(Buffer.from(bytes));
  const root = unarchiver.decodeSingleRoot();
  expect(root).toBeInstanceOf(NSAttributedString);
  return root;
}

describe('a body', () => {
  it('is what the text was, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.boolean(), (text, mutable) => {
        const { string, runs } = decode(encodeAttributedText(text, { mutable }));
        expect(string).toBe(text);
        expect(runs).toEqual(text === '' ? [] : [{ range: [0, text.length], attributes: { [PART]: 0 } }]);
      }),
      { numRuns: 200 },
    );
  });

  it.each([126, 127, 128, 255, 256, 32_767, 32_768, 65_536])('holds %i bytes', (length) => {
    expect(decode(encodeAttributedText('x'.repeat(length))).string).toBe('x'.repeat(length));
    const emoji = '👋🏽'.repeat(Math.ceil(length / 8));
    expect(decode(encodeAttributedText(emoji)).string).toBe(emoji);
  });

  it('is of the class that was asked for', () => {
    const classOf = (mutable: boolean) =>
      Unarchiver.open(Buffer.from(encodeAttributedText('a', { mutable }))).decodeSingleRoot().constructor;
    expect([classOf(true), classOf(false)]).toEqual([NSMutableAttributedString, NSAttributedString]);
  });

  it('keeps every run with its attributes', () => {
    const key = fc.string().map((name) => `k${name}`);
    const value = fc.oneof(fc.string(), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }));
    const run = fc.record({
      text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
      attributes: fc.dictionary(key, value, { maxKeys: 5, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 6 }), (runs) => {
        const decoded = decode(attributedText(runs));
        const parts = decoded.runs.map(({ range: [start, length] }) => decoded.string.slice(start, start + length));
        expect(parts).toEqual(runs.map((r) => r.text));
        expect(decoded.runs.map((r) => r.attributes)).toEqual(runs.map((r) => r.attributes));
      }),
    );
  });

  it('gives each attachment a part of its own, before the text', () => {
    const { string, runs } = decode(encodeAttributedText('two files', { attachments: ['a', 'b'] }));
    expect(string).toBe(`${OBJECT_REPLACEMENT}${OBJECT_REPLACEMENT}two files`);
    expect(runs.map((run) => run.attributes)).toEqual([
      { [FILE_TRANSFER]: 'a', [PART]: 0 },
      { [FILE_TRANSFER]: 'b', [PART]: 1 },
      { [PART]: 2 },
    ]);
  });
});

// The fixtures are not part of the project; where they are absent this says that it was skipped.
describe.skipIf(!existsSync(FIXTURES))('beside bodies that Messages wrote', () => {
  it('is the same, byte for byte', () => {
    const attributes = { __kIMBaseWritingDirectionAttributeName: -1, [PART]: 0 };
    const apple = readFileSync(`${FIXTURES}ie-AttributedBodyTextOnly2.bin`);
    expect(Buffer.from(attributedText([{ text: 'Test 3', attributes }]))).toEqual(apple);
  });
});
