/** Edits and unsendings by part, from `message_summary_info`: real blobs, own ones, and what is broken. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseBuffer } from 'bplist-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summaryOf } from '../../../daemon/bridge/message-summary.ts';
import { type PlistValue as Read, readPlist } from '../../../daemon/bridge/plist-reader.ts';
import { bplist, type PlistValue } from '../../sim/bplist.ts';
import { encodeAttributedText } from '../../sim/typedstream.ts';

const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));
const REAL = existsSync(`${FIXTURES}index.tsv`);
const FOLDER = 'bplist/message_summary_info/';

/** One of the real ones was saved in Apple's XML form; chat.db holds binary ones only, so it is put back into that. */
function fromXml(xml: string): Uint8Array {
  const tokens = xml.slice(xml.indexOf('<plist')).match(/<[^>]+>|[^<]+/g) ?? [];
  let next = 1;
  const textUntil = (close: string) => {
    let text = '';
    while (tokens[next] !== close) text += tokens[next++];
    next += 1;
    return text;
  };
  const value = (): PlistValue => {
    while (/^\s*$/.test(tokens[next] ?? '<')) next += 1;
    const tag = tokens[next++] ?? '';
    if (tag === '<true/>') return true;
    if (tag === '<array>' || tag === '<dict>') {
      const found: PlistValue[] = [];
      for (;;) {
        while (/^\s*$/.test(tokens[next] ?? '<')) next += 1;
        if (tokens[next] === tag.replace('<', '</')) break;
        found.push(value());
      }
      next += 1;
      if (tag === '<array>') return found;
      const pairs = found.flatMap((key, i) => (i % 2 === 0 ? [[String(key), found[i + 1] ?? false] as const] : []));
      return { dict: Object.fromEntries(pairs) };
    }
    const text = textUntil(tag.replace('<', '</'));
    if (tag === '<real>') return { real: Number(text) };
    if (tag === '<integer>') return Number(text);
    return tag === '<data>' ? Buffer.from(text, 'base64') : text;
  };
  return bplist(value());
}

function real(name: string): Uint8Array {
  const bytes = readFileSync(FIXTURES + FOLDER + name);
  return bytes.toString('latin1', 0, 5) === '<?xml' ? fromXml(bytes.toString('utf8')) : bytes;
}

describe.skipIf(!REAL)('real blobs (skips without ../shared)', () => {
  const names = REAL ? readdirSync(FIXTURES + FOLDER) : [];
  /** `parts=Original|Edited|Unsent history={"part": versions}` of index.tsv. */
  const told = new Map(
    (REAL ? readFileSync(`${FIXTURES}index.tsv`, 'utf8') : '')
      .split('\n')
      .map((line) => line.split('\t'))
      .map(([file, , , expected]) => [
        (file ?? '').replace(FOLDER, ''),
        /parts=(\S+) history=(\{.*?\})/.exec(expected ?? ''),
      ]),
  );

  it.each(names)('%s: what the index tells of its parts', (name) => {
    const summary = summaryOf(real(name));
    const [, parts, history] = told.get(name) ?? [];
    const kinds = parts === '-' ? [] : (parts?.split('|') ?? []);
    const numbers = (kind: string) => kinds.flatMap((k, part) => (k === kind ? [part] : []));
    expect(summary?.retracted).toEqual(numbers('Unsent'));
    expect(summary?.edited.map(({ part }) => part)).toEqual(numbers('Edited'));
    const counts = Object.fromEntries(summary?.edited.map((e) => [e.part, e.versions.length]) ?? []);
    expect(counts).toEqual(JSON.parse(history ?? 'null'));
    for (const { versions } of summary?.edited ?? []) {
      expect(versions.every(({ text }) => text !== '')).toBe(true);
      expect(versions.map(({ at }) => at)).toEqual(versions.map(({ at }) => at).sort());
    }
  });

  it('give each version with its text and time', () => {
    expect(summaryOf(real('ie-EditedWithFormatting.plist'))?.edited).toEqual([
      {
        part: 0,
        versions: [
          { at: 978_307_200_000 + 758_573_156_228, text: 'Test' },
          { at: 978_307_200_000 + 758_573_166_177, text: 'Test' },
        ],
      },
    ]);
    const expected = JSON.parse(readFileSync(`${FIXTURES}expected.json`, 'utf8')) as Record<string, { text: string }>;
    const texts = Object.fromEntries(
      names.flatMap((name) =>
        (summaryOf(real(name))?.edited ?? []).flatMap(({ part, versions }) =>
          versions.map(({ text }, i) => [`${name.replace('.plist', '')}-ec${part}-${i}`, text]),
        ),
      ),
    );
    const known = Object.entries(texts).flatMap(([key, text]) => {
      const one = expected[key.replace(/^ie-/, 'ie-edit-')];
      return one ? [{ key, same: one.text === text }] : [];
    });
    expect(known.length).toBeGreaterThan(4);
    expect(known.filter(({ same }) => !same)).toEqual([]);
  });

  it('of every kind are read as another reader reads them', () => {
    const plain = (value: unknown): unknown => {
      if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
      if (Array.isArray(value)) return value.map(plain);
      if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
      if (value instanceof Date) return (value.getTime() - 978_307_200_000) / 1000;
      if (typeof value !== 'object' || value === null) return value;
      const entries = Object.entries(value);
      return 'UID' in value ? value.UID : Object.fromEntries(entries.map(([k, v]) => [k, plain(v)]));
    };
    const files = readdirSync(`${FIXTURES}bplist`, { recursive: true, encoding: 'utf8' })
      .map((name) => `${FIXTURES}bplist/${name}`)
      .filter((path) => /\.(plist|bin)$/.test(path))
      .map((path) => ({ path, bytes: readFileSync(path) }))
      .filter(({ bytes }) => bytes.toString('latin1', 0, 8) === 'bplist00');
    expect(files.length).toBeGreaterThan(30);
    for (const { path, bytes } of files)
      expect({ path, read: plain(readPlist(bytes)) }).toEqual({ path, read: plain(parseBuffer(bytes)[0]) });
  });
});

it('own values come back as they were written', () => {
  const leaf = fc.oneof(fc.boolean(), fc.integer(), fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 300 }));
  const { value } = fc.letrec<{ value: PlistValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      leaf,
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(fc.string(), tie('value'), { maxKeys: 20 }).map((dict) => ({ dict })),
      fc.double({ noNaN: true }).map((real) => ({ real })),
    ),
  }));
  const same = (written: PlistValue, read: Read | undefined): void => {
    if (written instanceof Uint8Array) expect(Buffer.from(read as Uint8Array)).toEqual(Buffer.from(written));
    else if (Array.isArray(written)) {
      expect(read).toHaveLength(written.length);
      written.forEach((one, i) => {
        same(one, (read as Read[])[i]);
      });
    } else if (typeof written !== 'object') expect(read).toBe(written);
    else if ('real' in written) expect(read).toBe(written.real);
    else {
      expect([...(read as Map<string, Read>).keys()]).toEqual(Object.keys(written.dict));
      for (const [key, one] of Object.entries(written.dict)) same(one, (read as Map<string, Read>).get(key));
    }
  };
  fc.assert(
    fc.property(value, (written) => same(written, readPlist(bplist(written)))),
    { endOnFailure: true },
  );
});

const version = (text: string, seconds: number): PlistValue => ({
  dict: { t: encodeAttributedText(text), d: { real: seconds } },
});

it('parts come in order, whatever order the list has; what is damaged inside is left out', () => {
  const blob = bplist({
    dict: {
      rp: [3, 1, -1, 'x', 3],
      ec: { dict: { '10': [version('ten', 1.5)], '2': [version('two', 2), { dict: {} }], x: [version('no part', 3)] } },
    },
  });
  expect(summaryOf(blob)).toEqual({
    edited: [
      {
        part: 2,
        versions: [
          { at: 978_307_202_000, text: 'two' },
          { at: null, text: '' },
        ],
      },
      { part: 10, versions: [{ at: 978_307_201_500, text: 'ten' }] },
    ],
    retracted: [1, 3],
  });
  expect(summaryOf(bplist({ dict: { ust: true } }))).toEqual({ edited: [], retracted: [] });
  expect(summaryOf(bplist([1, 2]))).toBeNull();
  expect(summaryOf(Buffer.from('<?xml version="1.0"?>'))).toBeNull();
  expect(summaryOf(new Uint8Array())).toBeNull();
});

it('circles and lists in lists in lists end', () => {
  // [[[… a list of itself: its only reference is its own number.
  const circle = Buffer.from(bplist([[]]));
  circle[10] = 0;
  circle[9] = 0;
  expect(readPlist(circle)).toEqual([null]);
  // Each list refers to the next one 200 times: 200^n values for whoever goes through all of them.
  const lists = Array.from({ length: 60 }, (_, i) =>
    Buffer.from([0xaf, 0x10, 200, ...Array<number>(200).fill(Math.min(i + 1, 59))]),
  );
  const offsets = lists.map((_, i) => 8 + 203 * i);
  expect(cpuMs(() => expect(readPlist(file(Buffer.concat(lists), offsets))).toHaveLength(200))).toBeLessThan(50);
});

it('thousands of objects that are one and the same list are read in bounded steps', () => {
  const many = 4_000;
  const references = Buffer.alloc(2 * many);
  for (let i = 0; i < many; i += 1) references.writeUInt16BE(i, 2 * i);
  const list = Buffer.concat([Buffer.from([0xaf, 0x11, many >> 8, many & 0xff]), references]);
  const blob = file(list, Array<number>(many).fill(8), 2);
  expect(cpuMs(() => expect(readPlist(blob)).toHaveLength(many))).toBeLessThan(50);
});

it('counts and lengths beyond the end are no values', () => {
  for (const kind of [0x4f, 0x5f, 0x6f, 0xaf, 0xdf])
    for (const size of [
      [0x11, 0xff, 0xff],
      [0x12, 0x7f, 0xff, 0xff, 0xff],
      [0x13, 0, 0, 0xff, 0xff, 0, 0, 0, 0],
      [0x5f, 1],
      [0x1f],
    ])
      expect({ kind, size, read: readPlist(file(Buffer.from([kind, ...size]), [8])) }).toEqual({
        kind,
        size,
        read: null,
      });
  expect(readPlist(file(Buffer.from([0xa2, 0, 200, 0xd1, 0, 0]), [8]))).toEqual([null, null]);
  expect(readPlist(file(Buffer.from([0x09]), [8, 2_000]))).toBe(true);
  const trailerLies = file(Buffer.from([0x09]), [8]);
  trailerLies.writeBigUInt64BE(2n ** 63n, trailerLies.length - 24);
  expect(readPlist(trailerLies)).toBeUndefined();
});

/** A property list of these objects at these offsets; the first one is the root. */
function file(objects: Buffer, offsets: number[], referenceSize = 1): Buffer {
  const table = Buffer.alloc(2 * offsets.length);
  for (const [i, offset] of offsets.entries()) table.writeUInt16BE(offset, 2 * i);
  const trailer = Buffer.alloc(32);
  trailer.set([2, referenceSize], 6);
  trailer.writeBigUInt64BE(BigInt(offsets.length), 8);
  trailer.writeBigUInt64BE(BigInt(8 + objects.length), 24);
  return Buffer.concat([Buffer.from('bplist00'), objects, table, trailer]);
}

/** The best of three, so that the compiler's warming up does not count. */
function cpuMs(work: () => void): number {
  const once = () => {
    const before = process.cpuUsage();
    work();
    return process.cpuUsage(before).user / 1_000;
  };
  return Math.min(once(), once(), once());
}
