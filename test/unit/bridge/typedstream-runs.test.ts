/** The runs of an attributedBody: real blobs, own blobs, an independent reader, and what is broken. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Unarchiver } from '@parseaple/typedstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Attribute, isUrl, typedstreamRuns } from '../../../daemon/bridge/typedstream-runs.ts';
import { attributedText } from '../../sim/typedstream.ts';

const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));
const REAL = existsSync(`${FIXTURES}expected.json`);

interface Expected {
  file: string;
  kind: string;
  text: string | null;
  expectThrow: boolean;
  runs: { start: number; len: number; attrs: Record<string, unknown> }[] | null;
}

/** As expected.json writes values: data by its length, URLs as Python prints them, cut at 80 characters. */
function written(value: Attribute): unknown {
  if (isUrl(value)) return { $NSURL: `NSURL('${value.url}')`.slice(0, 80) };
  if (value instanceof Uint8Array) return { $data: value.length };
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, written(v)]));
  return Array.isArray(value) ? value.map(written) : value;
}

describe.skipIf(!REAL)('real blobs (skips without ../shared)', () => {
  const all = REAL ? (JSON.parse(readFileSync(`${FIXTURES}expected.json`, 'utf8')) as Record<string, Expected>) : {};

  it.each(Object.entries(all))('%s: every run with all its attributes', (_name, { file, expectThrow, ...expected }) => {
    const read = typedstreamRuns(readFileSync(FIXTURES + file));
    if (expectThrow) return expect(read.ok).toBe(false);
    expect(read).toMatchObject({ ok: true, text: expected.text });
    const runs = read.ok ? read.runs : [];
    const said = runs.map(({ start, length, attributes }) => ({ start, len: length, attrs: written(attributes) }));
    expect(said).toEqual(expected.runs);
  });

  it('of other objects are read to their end', () => {
    const folder = `${FIXTURES}typedstream-foundation/`;
    const wrong = readdirSync(folder)
      .map((name) => ({ name, read: typedstreamRuns(readFileSync(folder + name)) }))
      .filter(({ read }) => !read.ok && read.why !== 'its root is no attributed string');
    expect(wrong).toEqual([]);
  });
});

const PART = '__kIMMessagePartAttributeName';

it('own blobs of any runs give them back, as another reader reads them', () => {
  const value = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.integer(),
    // −0 is written as the whole number that it is.
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((double) => ({ double: double === 0 ? 0 : double })),
  );
  const run = fc.record({
    text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    attributes: fc.dictionary(fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 40 }), value, { maxKeys: 6 }),
  });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 60 }), fc.boolean(), (runs, mutable) => {
      const blob = attributedText(runs, { mutable });
      const read = typedstreamRuns(blob);
      if (!read.ok) throw new Error(read.why);
      expect(read.text).toBe(runs.map(({ text }) => text).join(''));
      let start = 0;
      expect(read.runs).toHaveLength(runs.length);
      for (const [i, { text, attributes }] of runs.entries()) {
        const pairs = Object.entries(attributes).map(([k, v]) => [k, typeof v === 'object' ? v.double : v] as const);
        expect(read.runs[i]).toEqual({ start, length: text.length, attributes: new Map(pairs) });
        start += text.length;
      }
      const other: { string: string; runs: unknown[] } = Unarchiver.open(Buffer.from(blob)).decodeSingleRoot();
      expect(other.string).toBe(read.text);
      expect(other.runs).toHaveLength(read.runs.length);
    }),
    { numRuns: 300, endOnFailure: true },
  );
});

it('a cut anywhere is an error and no exception', () => {
  const blob = attributedText([{ text: 'x', attributes: { [PART]: 0, link: 'https://example.com' } }]);
  for (let length = 0; length < blob.length; length += 1)
    expect({ length, ok: typedstreamRuns(blob.subarray(0, length)).ok }).toEqual({ length, ok: false });
});

it('objects within objects without end are given up', () => {
  const head = Buffer.from('\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x07NSArray\x00\x85', 'latin1');
  const deeper = Buffer.from('\x92\x84\x93', 'latin1');
  const read = typedstreamRuns(Buffer.concat([head, ...Array<Buffer>(100_000).fill(deeper)]));
  expect(read).toMatchObject({ ok: false, why: expect.stringContaining('too deep') });
});
