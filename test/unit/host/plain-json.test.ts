import fc from 'fast-check';
import { expect, it } from 'vitest';
import { plainJson } from '../../../daemon/host/plain-json.ts';

it('comments and a last comma go, lines and columns stay', () => {
  const text = '{ // one\n  "a": "// no comment", /* two\n lines */ "b": [1, 2,],\n}';
  const plain = plainJson(text);
  expect(JSON.parse(plain)).toEqual({ a: '// no comment', b: [1, 2] });
  expect(plain.split('\n').map((line) => line.length)).toEqual(text.split('\n').map((line) => line.length));
  expect(plain.indexOf('"b"')).toBe(text.indexOf('"b"'));
});

it('JSON stays as it is', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 2), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent);
      expect(plainJson(text)).toBe(text);
    }),
  );
});

it('a string or a comment that does not end does no harm', () => {
  for (const text of ['{ "a', '/* for ever', '"\\', '{"a": 1 //']) expect(plainJson(text)).toHaveLength(text.length);
});
