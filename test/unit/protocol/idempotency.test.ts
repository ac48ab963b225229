/** What makes two commands the same: the order of keys does not, everything else does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, commandDigest } from '../../../protocol/idempotency.ts';

const someJson = fc.jsonValue({ maxDepth: 4 });
const someData = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('10', '9', 'toJSON', '__proto__x')), someJson);

/** The same with its keys the other way round, in all depths. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, within]) => [key, reversed(within)]),
  );
}

/** Are the keys of each object in their order? Read from the text, since objects put keys that look like numbers first. */
function keysOf(json: string): string[] {
  return [...json.matchAll(/"((?:[^"\\]|\\.)*)":/g)].map((found) => found[1] as string);
}

describe('canonical JSON', () => {
  it('says the same as the value, and the same for all orders of keys', () => {
    fc.assert(
      fc.property(someJson, (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value))).toBe(text);
      }),
    );
  });

  it.each([[{ b: 1, a: 'x', '10': null, '9': true }], [{ b: { d: 1, c: 2 }, a: [], '10': null, '9': true }]])(
    'sorts keys as text, whether there is something within or not: %j',
    (value) => {
      expect(keysOf(canonicalJson(value)).slice(0, 3)).toEqual(['10', '9', 'a']);
    },
  );

  it('leaves out what is undefined, but not in a list', () => {
    expect(canonicalJson({ b: undefined, a: [undefined, 1] })).toBe('{"a":[null,1]}');
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
  });
});

describe('the digest of a command', () => {
  it('is another one for other data, another name or version', () => {
    fc.assert(
      fc.property(someData, someData, (one, other) => {
        const same = canonicalJson(one) === canonicalJson(other);
        expect(commandDigest('a', 1, one) === commandDigest('a', 1, other)).toBe(same);
        expect(commandDigest('a', 1, one)).not.toBe(commandDigest('a', 2, one));
        expect(commandDigest('a', 1, one)).not.toBe(commandDigest('b', 1, one));
      }),
    );
  });

  it('is the same for another signed address of the same bytes', () => {
    const sent = (url: string, sha256?: string) => commandDigest('message.send', 1, { attachments: [{ url, sha256 }] });
    expect(sent('https://a.example/1?signed=x', 'ab')).toBe(sent('https://a.example/1?signed=y', 'ab'));
    expect(sent('https://a.example/1?signed=x')).not.toBe(sent('https://a.example/1?signed=y'));
  });
});
