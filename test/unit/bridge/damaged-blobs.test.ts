/**
 * 100,000 damaged blobs, each of all that the bridge decodes from a row: an answer each time, never an exception, none that takes more
 * than a millisecond. The blobs are real ones where ../shared is present, and own ones.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { summaryOf } from '../../../daemon/bridge/message-summary.ts';
import { readPlist } from '../../../daemon/bridge/plist-reader.ts';
import { typedstreamRuns } from '../../../daemon/bridge/typedstream-runs.ts';
import { typedstreamText } from '../../../daemon/bridge/typedstream-text.ts';
import { bplist } from '../../sim/bplist.ts';
import { attributedText, encodeAttributedText } from '../../sim/typedstream.ts';

const FIXTURES = fileURLToPath(new URL('../../../../shared/fixtures/', import.meta.url));
const MUTATIONS = 100_000;
const MOST_MS = 1;

interface Kind {
  name: string;
  blobs: Uint8Array[];
  decode: (blob: Uint8Array) => unknown;
}

function real(folder: string): Uint8Array[] {
  const path = FIXTURES + folder;
  return existsSync(path) ? readdirSync(path).map((name) => readFileSync(`${path}/${name}`)) : [];
}

const ownText = [
  encodeAttributedText('plain words'),
  encodeAttributedText('é😀 '.repeat(300), { mutable: true, attachments: ['A', 'B'] }),
  attributedText(
    Array.from({ length: 40 }, (_, i) => ({ text: `${i} `, attributes: { part: 0, [`a${i}`]: i, link: `x:${i}` } })),
  ),
];
const version = { dict: { t: encodeAttributedText('edited'), d: { real: 790_000_000.5 } } };
const ownList = [bplist({ dict: { rp: [1, 2], ec: { dict: { '0': [version, version], '3': [version] } } } })];

const texts = [...real('typedstream'), ...real('typedstream-foundation'), ...ownText];
const lists = [...real('bplist/message_summary_info'), ...real('bplist/payload_data'), ...ownList];
const KINDS: Kind[] = [
  { name: 'text', blobs: texts, decode: (blob) => typedstreamText(blob).ok },
  { name: 'runs', blobs: texts, decode: (blob) => typedstreamRuns(blob).ok },
  { name: 'edits', blobs: lists, decode: (blob) => summaryOf(blob)?.retracted },
  { name: 'lists', blobs: lists, decode: (blob) => readPlist(blob) },
];

/** Seeded, so that a finding can be had again. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Bytes set anew, a piece cut out or doubled, the end cut off. Lengths, counts and tags are hit as often as letters. */
function damaged(blob: Uint8Array, next: (below: number) => number): Uint8Array {
  const copy = Buffer.from(blob);
  const many = 1 + next(8);
  for (let i = 0; i < many; i += 1) copy[next(copy.length)] = next(4) === 0 ? (next(256) & 0x9f) | 0x80 : next(256);
  const how = next(8);
  const at = next(copy.length);
  const to = at + next(Math.min(64, copy.length - at) + 1);
  if (how === 0) return copy.subarray(0, at);
  if (how === 1) return Buffer.concat([copy.subarray(0, at), copy.subarray(to)]);
  return how === 2 ? Buffer.concat([copy.subarray(0, to), copy.subarray(at)]) : copy;
}

/** The machine itself pauses now and then (other processes, memory): what a blob costs is the best of several tries. */
function costMs(decode: () => unknown): number {
  let best = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 10 && best > MOST_MS / 5; tries += 1) {
    const started = performance.now();
    decode();
    best = Math.min(best, performance.now() - started);
  }
  return best;
}

it.each(KINDS)(
  `${MUTATIONS.toLocaleString('en')} mutations: $name`,
  { timeout: 180_000 },
  ({ name, blobs, decode }) => {
    const next = numbers(20_261_125);
    let slowest = 0;
    const outcomes = { whole: 0, broken: 0 };
    for (let i = 0; i < MUTATIONS; i += 1) {
      const blob = damaged(blobs[next(blobs.length)] ?? new Uint8Array(), next);
      let answer: unknown;
      const cost = costMs(() => {
        answer = decode(blob);
      });
      slowest = Math.max(slowest, cost);
      outcomes[answer ? 'whole' : 'broken'] += 1;
    }
    console.log(
      `${name}: ${MUTATIONS} damaged blobs, slowest ${slowest.toFixed(3)} ms, ${outcomes.broken} told as broken`,
    );
    expect(slowest).toBeLessThanOrEqual(MOST_MS);
    expect(outcomes.whole).toBeGreaterThan(0);
    expect(outcomes.broken).toBeGreaterThan(0);
  },
);
