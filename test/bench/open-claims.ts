/**
 * What it costs to watch thousands of sent messages on a large chat.db: a look at the recent ones, which each change of chat.db causes, and
 * the slow round over all of them. `CLAIMS_ROWS`: rows of chat.db (default 1,000,000; a Mac in long use has 5,000,000).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Attempts } from '../../daemon/bridge/attempts.ts';
import { ChatDb } from '../../daemon/bridge/chat-db.ts';
import { CutTexts } from '../../daemon/bridge/cut-texts.ts';
import { Receipts } from '../../daemon/bridge/receipts.ts';
import type { Clock } from '../../daemon/host/clock.ts';
import { silentLog } from '../../daemon/host/log.ts';
import { schemaSql } from '../sim/schema-macos.ts';
import { makeFolder, openStore } from '../support/store.ts';
import { type Bench, type Figure, percentile } from './figure.ts';

const ROWS = Number(process.env.CLAIMS_ROWS ?? 1_000_000);
const CLAIMS = 5_000;
const RECENT = 250;
const LOOKS = 200;
const ROUNDS = 10;
const DAY = 86_400_000;
/** 2026-11-24, as Unix ms; Apple counts ns from 2001. */
const NOW = Date.UTC(2026, 10, 24);
const APPLE_NOW = (NOW - Date.UTC(2001, 0, 1)) * 1e6;

/** Timers of no delay run in the next turn; of the others only the newest is kept, and run by hand. */
class BenchClock implements Clock {
  round: () => void = () => {};
  now = () => NOW;
  mono = () => 1_000;
  after(delayMs: number, work: () => void) {
    if (delayMs > 0) this.round = work;
    else setImmediate(work);
    return { cancel() {} };
  }
}

function makeChatDb(path: string): void {
  const db = new DatabaseSync(path);
  db.exec(schemaSql('26'));
  // What is asked here is found by ROWID and guid; the other indexes would only make the file longer to write.
  for (const { type, name } of db
    .prepare("SELECT type, name FROM sqlite_master WHERE type IN ('trigger', 'index') AND sql IS NOT NULL")
    .all())
    db.exec(`DROP ${String(type)} "${String(name)}"`);
  db.exec(`PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO message (guid, text, date, handle_id, is_from_me, is_sent, is_finished, service)
      SELECT printf('%08X-%04X-4000-8000-%012X', (i * 2654435761) % 4294967296, i % 65536, i), 'Your table for tonight is ready, see you soon.',
        ${APPLE_NOW} - (${ROWS} - i) * 1000000000, 1, 1, 1, 1, 'iMessage' FROM n;
    PRAGMA journal_mode = WAL;`);
  db.close();
}

async function run(): Promise<Figure[]> {
  const folder = makeFolder();
  const path = join(folder, 'chat.db');
  makeChatDb(path);
  const store = openStore();
  const chatDb = ChatDb.open(path);
  const attempts = new Attempts(store.db);
  const rowids = Array.from({ length: CLAIMS }, (_, i) => ROWS - Math.floor((i * ROWS * 0.3) / CLAIMS));
  const guids = new Map(chatDb.ownStates(rowids).map((state) => [state.rowid, state.guid]));
  await store.commit.run(() => {
    for (const [i, rowid] of rowids.entries()) {
      const id = `a_${i}`;
      const begunAt = i < RECENT ? NOW - 60_000 : NOW - Math.floor((i * 6 * DAY) / CLAIMS);
      const about = { message: `m_${i}`, address: '+14155550101', isGroup: false, service: 'imessage', chatGuid: null };
      attempts.insert({
        id,
        ...about,
        service: 'imessage',
        text: 'x',
        textKey: `k${i}`,
        baseline: 0,
        begunAt,
        bootedAt: 0,
      });
      attempts.ended(id, { kind: 'accepted' }, begunAt);
      const guid = guids.get(rowid) ?? '';
      attempts.claim(id, { rowid, guid, ownAddress: null, ghost: false }, begunAt);
    }
  });
  const clock = new BenchClock();
  const receipts = new Receipts({
    attempts,
    cutTexts: new CutTexts(store.db),
    commit: store.commit,
    clock,
    log: silentLog,
    sightings: { attempt: () => {} },
    chatDb: () => chatDb,
    wallTrusted: () => false,
  });
  // The first round tells all 5,000 as sent.
  receipts.start();
  while (attempts.watchedPage(-1, CLAIMS).some((a) => a.seen === null)) await turn();
  await turns(50);

  const looks: number[] = [];
  for (let i = 0; i < LOOKS; i += 1) {
    const before = process.cpuUsage();
    receipts.changed();
    await turns(2);
    looks.push(cpuMs(before));
  }

  const rounds: number[] = [];
  const blocks: number[] = [];
  for (let i = 0; i < ROUNDS; i += 1) {
    receipts.changed();
    await turns(2);
    const before = process.cpuUsage();
    clock.round();
    for (let n = 0; n < Math.ceil(CLAIMS / 250) + 3; n += 1) {
      const block = process.cpuUsage();
      await turn();
      blocks.push(cpuMs(block));
    }
    rounds.push(cpuMs(before));
  }
  await receipts.stop();
  chatDb.close();
  await store.remove();
  rmSync(folder, { recursive: true, force: true });
  return [
    {
      name: `a look at ${RECENT} recent ones, CPU, median`,
      value: percentile(looks, 0.5),
      unit: 'ms',
      limit: { most: 5 },
    },
    { name: `a look, CPU, p99`, value: percentile(looks, 0.99), unit: 'ms' },
    {
      name: `the slow round over ${CLAIMS}, CPU, median`,
      value: percentile(rounds, 0.5),
      unit: 'ms',
      limit: { most: 100 },
    },
    {
      name: 'the longest piece of a round, CPU, p99',
      value: percentile(blocks, 0.99),
      unit: 'ms',
      limit: { most: 20 },
    },
    {
      name: 'a round every 30 s: share of a core',
      value: (percentile(rounds, 0.5) / 30_000) * 100,
      unit: '%',
      limit: { most: 0.5 },
    },
  ];
}

function cpuMs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function turns(number: number): Promise<void> {
  for (let i = 0; i < number; i += 1) await turn();
}

export const openClaims: Bench = {
  name: `Watching ${CLAIMS} sent messages (chat.db of ${ROWS.toLocaleString('en')} rows)`,
  run,
};
