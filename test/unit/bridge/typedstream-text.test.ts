/** The text of an attributedBody: real blobs, own blobs, and what is broken. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { typedstreamText } from '../../../daemon/bridge/typedstream-text.ts';
import { encodeAttributedText } from '../../sim/typedstream.ts';

const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));
const REAL = existsSync(`${FIXTURES}expected.json`);

interface Expected {
  file: string;
  kind: string;
  text: string | null;
  expectThrow: boolean;
}

function realBlobs(): { name: string; blob: Uint8Array; expected: Expected }[] {
  const all = JSON.parse(readFileSync(`${FIXTURES}expected.json`, 'utf8')) as Record<string, Expected>;
  return Object.entries(all)
    .filter(([, { kind }]) => kind.startsWith('typedstream'))
    .map(([name, expected]) => ({ name, blob: readFileSync(FIXTURES + expected.file), expected }));
}

describe.skipIf(!REAL)('real blobs (skips without ../shared)', () => {
  it('give their text, and the broken ones an error', () => {
    const blobs = realBlobs();
    expect(blobs.length).toBeGreaterThan(60);
    const wrong = blobs.flatMap(({ name, blob, expected }) => {
      const read = typedstreamText(blob);
      const broken = expected.kind !== 'typedstream' || expected.expectThrow;
      const right = broken ? !read.ok : read.ok && read.text === expected.text;
      return right ? [] : [{ name, read }];
    });
    expect(wrong).toEqual([]);
    expect(blobs.filter(({ blob }) => !typedstreamText(blob).ok).length).toBeGreaterThan(0);
  });

  it('of other objects give no text unless they are strings', () => {
    const folder = `${FIXTURES}typedstream-foundation/`;
    const read = Object.fromEntries(
      readdirSync(folder).map((name) => [name, typedstreamText(readFileSync(folder + name))]),
    );
    expect(read['NSString.bin']).toMatchObject({ ok: true, text: 'Hello, world' });
    expect(read['NSMutableString.bin']).toMatchObject({ ok: true });
    expect(read['NSAttributedString.bin']).toMatchObject({ ok: true });
    for (const name of ['NSArray.bin', 'NSData.bin', 'NSDictionary.bin', 'NumberInt.bin', 'NSURL.bin'])
      expect({ name, ok: read[name]?.ok }).toEqual({ name, ok: false });
  });
});

it('own blobs of any text give it back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), (text) => {
      expect(typedstreamText(encodeAttributedText(text))).toMatchObject({ ok: true, text });
    }),
    { numRuns: 500 },
  );
  for (const length of [126, 127, 128, 255, 32_767, 32_768, 65_535, 65_536, 200_000]) {
    const text = 'x'.repeat(length);
    expect(typedstreamText(encodeAttributedText(text))).toMatchObject({ ok: true, text });
  }
});

it('damage behind the text costs nothing, damage before it is an error', () => {
  const blob = encodeAttributedText('the words are whole');
  const end = Buffer.from(blob).indexOf('the words are whole') + 'the words are whole'.length;
  expect(typedstreamText(blob.subarray(0, end))).toEqual({ ok: true, text: 'the words are whole', end });
  for (let length = 0; length < end; length += 1)
    expect({ length, ok: typedstreamText(blob.subarray(0, length)).ok }).toEqual({ length, ok: false });
});

it('says what else it is', () => {
  expect(typedstreamText(Buffer.from('bplist00 and so on'))).toEqual({ ok: false, why: 'a keyed archive' });
  expect(typedstreamText(Buffer.alloc(0))).toEqual({ ok: false, why: 'no typedstream' });
  expect(typedstreamText(Buffer.from('\x04\x0btypedstream\x81\xe8\x03', 'latin1'))).toMatchObject({ ok: false });
});

it('names that are properties of every object are no classes', () => {
  const blob = Buffer.from(encodeAttributedText('x'));
  const at = blob.indexOf('NSMutableAttributedString');
  const plain = blob.indexOf('NSAttributedString');
  const index = at >= 0 ? at : plain;
  expect(index).toBeGreaterThan(0);
  blob.write('constructor', index);
  expect(typeof typedstreamText(blob).ok).toBe('boolean');
});
