/** Files as people write them, at random: comments anywhere, last commas, any layout. One value is set or taken away; all else stays. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { removeFromJson, setInJson } from '../../../daemon/host/json-edit.ts';
import { plainJson } from '../../../daemon/host/plain-json.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = [string, ...string[]];

const read = (text: string): Json => JSON.parse(plainJson(text.replace(/^\uFEFF/, ''))) as Json;
const isObject = (value: unknown): value is Record<string, Json> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What stands between two tokens. */
const gap = fc
  .array(
    fc.constantFrom(' ', '\n', '\r\n', '\t', '  ', '// "a": 1, {\n', '/* , } "b": */', '/* two\nlines */', '//\n'),
    {
      maxLength: 3,
    },
  )
  .map((parts) => parts.join(''));
const name = fc.constantFrom('a', 'b', 'c', 'log', 'a "quoted" one', '// no comment', 'ü');

const { section } = fc.letrec<{ value: string; section: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('1', '-2.5e3', 'true', 'null', '"x"', '"} // \\" ,"', '"/* no */"'),
    tie('section'),
    fc.tuple(fc.array(tie('value'), { maxLength: 3 }), gap).map(([items, g]) => `[${g}${items.join(`,${g}`)}${g}]`),
  ),
  section: fc
    .tuple(
      fc.uniqueArray(fc.tuple(name, tie('value'), gap, gap, gap), { selector: ([key]) => key, maxLength: 4 }),
      gap,
      fc.boolean(),
    )
    .map(([members, g, comma]) => {
      const written = members.map(([key, v, g1, g2, g3]) => `${g1}${JSON.stringify(key)}${g2}:${g3}${v}`);
      return `{${written.join(`${g},`)}${comma && members.length > 0 ? `${g},` : ''}${g}}`;
    }),
}));
const file = fc.tuple(fc.constantFrom('', '\uFEFF'), gap, section, gap).map((parts) => parts.join(''));
const path = fc.array(name, { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Path>;

/** The parent of what the path names, or undefined if something on the way is not there or no object. */
function parentIn(root: Json, keys: Path): Record<string, Json> | undefined {
  let at: Json | undefined = root;
  for (const key of keys.slice(0, -1)) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return isObject(at) ? at : undefined;
}

function canSet(root: Json, keys: Path): boolean {
  let at: Json | undefined = root;
  for (const key of keys) {
    if (at === undefined) return true;
    if (!isObject(at)) return false;
    at = Object.hasOwn(at, key) ? at[key] : undefined;
  }
  return true;
}

function expectedSet(root: Json, [first, ...rest]: Path, to: Json): Json {
  const object = isObject(root) ? root : {};
  const [second, ...more] = rest;
  return { ...object, [first]: second === undefined ? to : expectedSet(object[first] ?? {}, [second, ...more], to) };
}

/** All of `before` is there, in its order. */
function isWithin(before: string, after: string): boolean {
  let found = 0;
  for (let at = 0; at < after.length && found < before.length; at += 1) if (after[at] === before[found]) found += 1;
  return found === before.length;
}

function commentsIn(text: string): string[] {
  const found = text.match(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g) ?? [];
  return found.filter((one) => !one.startsWith('"')).map((one) => one.trimEnd());
}

it('a value that is set is there, and every other byte is as it was', () => {
  fc.assert(
    fc.property(file, path, fc.constantFrom<Json>('new', 7, null, { deep: [1] }), (text, keys, to) => {
      const root = read(text);
      fc.pre(canSet(root, keys));
      const parent = parentIn(root, keys);
      const key = keys.at(-1) as string;
      const after = setInJson(text, keys, to);
      expect(read(after)).toEqual(expectedSet(root, keys, to));
      if (parent && Object.hasOwn(parent, key)) {
        // In place: before and behind the old value nothing moved.
        const written = JSON.stringify(to);
        const places = [...after.matchAll(/(?=.)/gs)].map(({ index }) => index);
        const fits = (at: number) =>
          after.startsWith(written, at) &&
          text.startsWith(after.slice(0, at)) &&
          text.endsWith(after.slice(at + written.length));
        expect(places.some(fits)).toBe(true);
      } else {
        expect(isWithin(text, after)).toBe(true);
        expect(commentsIn(after)).toEqual(commentsIn(text));
      }
      // The same once more changes nothing.
      expect(setInJson(after, keys, to)).toBe(after);
    }),
    { numRuns: 1_000 },
  );
});

it('a value that is taken away is gone, with nothing else', () => {
  fc.assert(
    fc.property(file, path, (text, keys) => {
      const root = read(text);
      const parent = parentIn(root, keys);
      const key = keys.at(-1) as string;
      const after = removeFromJson(text, keys);
      if (!parent || !Object.hasOwn(parent, key)) {
        expect(after).toBe(text);
        return;
      }
      delete parent[key];
      expect(read(after)).toEqual(root);
      // Comments between its name and its value go with it.
      expect(isWithin(after, text)).toBe(true);
      // What is set where nothing was goes again without a trace in meaning.
      expect(read(removeFromJson(setInJson(after, keys, 1), keys))).toEqual(root);
    }),
    { numRuns: 1_000 },
  );
});

it('a new entry goes to the end, indented as the others, behind the comment of the last', () => {
  const text = '{\n  // which Mac\n  "device": "mac-1", // under the desk\n  "log": { "level": "info" } // loud\n}\n';
  expect(setInJson(text, ['controller', 'url'], 'wss://a')).toBe(
    text.replace('} // loud\n', '}, // loud\n  "controller": {"url":"wss://a"}\n'),
  );
  expect(setInJson(text, ['log', 'files'], 3)).toBe(text.replace('"info"', '"info", "files": 3'));
  expect(setInJson(text, ['device'], 'mac-2')).toBe(text.replace('mac-1', 'mac-2'));
  expect(setInJson('{}', ['a'], 1)).toBe('{\n  "a": 1\n}');
});

it('a name that is there twice counts as it is read', () => {
  const twice = '{ "a": 1, "a": 2 }';
  expect(setInJson(twice, ['a'], 3)).toBe('{ "a": 1, "a": 3 }');
  expect(read(removeFromJson(twice, ['a']))).toEqual({});
});

it('what is no section is not overwritten by one', () => {
  expect(() => setInJson('{ "log": 3 }', ['log', 'level'], 'debug')).toThrow('log is not an object');
});
