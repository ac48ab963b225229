/**
 * What it costs to understand a row: the text of one body, its runs, an edited message's history, and whole rows from a chat.db of a
 * million. In CPU time of this process, which other processes disturb less than the clock on the wall; that stands beside it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChatDb, PAGE_ROWS } from '../../daemon/bridge/chat-db.ts';
import { summaryOf } from '../../daemon/bridge/message-summary.ts';
import { typedstreamRuns } from '../../daemon/bridge/typedstream-runs.ts';
import { typedstreamText } from '../../daemon/bridge/typedstream-text.ts';
import { bplist } from '../sim/bplist.ts';
import { attributedText, encodeAttributedText, PART } from '../sim/typedstream.ts';
import { type Bench, type Figure, percentile } from './figure.ts';
import { writeManyRows } from './many-rows.ts';

const ROWS = 1_000_000;
const BLOB_BYTES = 230;
/** Rows between two looks at the clock. */
const STRETCH = 50_000;
const ROUNDS = 7;
const LAST_ROW_AT = Date.UTC(2026, 10, 24);

export const decode: Bench = {
  name: `Rows of chat.db understood, ${ROWS.toLocaleString('en')} of them`,
  async run() {
    return [...blobs(), ...rows()];
  },
};

function blobs(): Figure[] {
  const text = ofBytes(BLOB_BYTES);
  const runs = attributedText(
    Array.from({ length: 5 }, (_, i) => ({
      text: `word ${i} `,
      attributes: { [PART]: 0, __kIMTextBoldAttributeName: i },
    })),
  );
  const versions = Array.from({ length: 3 }, (_, i) => ({ dict: { t: text, d: { real: 8e8 + i } } }));
  const history = bplist({ dict: { ust: true, ep: [0], ec: { dict: { '0': versions } } } });
  const us = (name: string, work: () => unknown, most: number): Figure => ({
    name,
    value: cpuMicroseconds(work),
    unit: 'µs',
    limit: { most },
  });
  return [
    us(`text of a body of ${text.length} bytes`, () => typedstreamText(text), 4),
    us(`its runs`, () => typedstreamRuns(text), 20),
    us(`runs of a text in five pieces`, () => typedstreamRuns(runs), 40),
    us(`three versions of an edited text`, () => summaryOf(history), 40),
  ];
}

/** A body of just so many bytes. */
function ofBytes(bytes: number): Uint8Array {
  const without = encodeAttributedText('x', { mutable: true }).length - 1;
  return encodeAttributedText('x'.repeat(Math.max(1, bytes - without)), { mutable: true });
}

function rows(): Figure[] {
  const folder = mkdtempSync(join(tmpdir(), 'sender-relay-bench-'));
  try {
    const path = join(folder, 'chat.db');
    writeManyRows(path, ROWS, LAST_ROW_AT);
    const chatDb = ChatDb.open(path);
    const began = performance.now();
    const stretches: number[] = [];
    let read = 0;
    let slowest = 0;
    let before = process.cpuUsage();
    for (let last = 0; ; ) {
      const started = performance.now();
      const page = chatDb.rowsAfter(last, PAGE_ROWS);
      slowest = Math.max(slowest, performance.now() - started);
      read += page.length;
      last = page.at(-1)?.rowid ?? last;
      if (read % STRETCH === 0 && page.length > 0) {
        const { user, system } = process.cpuUsage(before);
        stretches.push(STRETCH / ((user + system) / 1e6));
        before = process.cpuUsage();
      }
      if (page.length < PAGE_ROWS) break;
    }
    const wallSeconds = (performance.now() - began) / 1_000;
    chatDb.close();
    return [
      { name: 'rows read', value: read, unit: 'rows', limit: { least: ROWS } },
      {
        name: `rows a second of CPU, the median of ${stretches.length} stretches`,
        value: percentile(stretches, 0.5),
        unit: 'rows',
        limit: { least: 100_000 },
      },
      { name: 'the slowest stretch', value: percentile(stretches, 0), unit: 'rows' },
      { name: 'the fastest', value: percentile(stretches, 1), unit: 'rows' },
      { name: 'rows a second on the wall', value: ROWS / wallSeconds, unit: 'rows' },
      { name: `the slowest page of ${PAGE_ROWS}`, value: slowest, unit: 'ms' },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The best of several rounds, so that neither the compiler's warming up nor a pause of the machine counts. */
function cpuMicroseconds(work: () => unknown): number {
  const times = 20_000;
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let i = 0; i < times; i += 1) work();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / times);
  }
  return best;
}
