/** When chat.db is looked at: by the timer always, by file events sooner; and how soon a row of another process is told. */
import { fork } from 'node:child_process';
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Reading } from '../../../daemon/bridge/reading.ts';
import { POLL_MS, Watcher } from '../../../daemon/bridge/watcher.ts';
import { systemClock } from '../../../daemon/host/clock.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { ChatDbFile } from '../../support/chat-db-file.ts';
import { FakeClock, settle, until } from '../../support/fake-clock.ts';
import { makeFolder, openStore } from '../../support/store.ts';

const WRITER = fileURLToPath(new URL('../../support/chat-db-writer.ts', import.meta.url));

describe('the watcher', () => {
  let folder: string;
  let path: string;
  let clock: FakeClock;
  let looks: string[];
  let watcher: Watcher;

  beforeEach(async () => {
    folder = makeFolder();
    path = join(folder, 'chat.db');
    writeFileSync(path, '');
    writeFileSync(`${path}-wal`, '');
    clock = new FakeClock();
    looks = [];
    watcher = new Watcher({ path, clock, look: (cause) => looks.push(cause) });
    watcher.start();
    await settle();
    looks = [];
  });
  afterEach(() => {
    watcher.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** All looks that one change of a file causes by itself are over. */
  const quiet = async () => {
    await until(() => looks.length >= 2, 'the looks at the event and one turn later');
    await settle(20);
  };

  it('looks by the timer, whatever the files do', () => {
    clock.advance(10 * POLL_MS);
    expect(looks).toEqual(Array(10).fill('timer'));
  });

  it('looks at once when the -wal changes, and again after a turn, 0.5, 2, 10 and 50 ms', async () => {
    appendFileSync(`${path}-wal`, 'frames');
    await quiet();
    const before = looks.length;
    expect(looks.every((cause) => cause === 'event')).toBe(true);
    const after: number[] = [];
    for (let tenths = 1; tenths < POLL_MS * 10; tenths += 1) {
      const seen = looks.length;
      clock.advance(0.1);
      if (looks.length > seen) after.push(tenths / 10);
    }
    expect(looks.length).toBe(before + 4);
    expect(after.map((ms) => Math.round(ms))).toEqual([1, 3, 13, 63]);
  });

  it('does not look for other files', async () => {
    writeFileSync(join(folder, 'chat.db-shm'), 'x');
    writeFileSync(join(folder, 'other'), 'x');
    await settle(20);
    appendFileSync(path, 'x');
    await quiet();
    expect(looks).not.toContain('file');
  });

  it('says when a file was replaced, and watches the new one', async () => {
    writeFileSync(join(folder, 'new'), 'x');
    renameSync(join(folder, 'new'), `${path}-wal`);
    await quiet();
    expect(looks).toContain('file');
    looks = [];
    appendFileSync(`${path}-wal`, 'frames');
    await quiet();
  });

  it('begins to watch a folder that comes later', async () => {
    watcher.stop();
    const later = join(folder, 'later');
    watcher = new Watcher({ path: join(later, 'chat.db'), clock, look: (cause) => looks.push(cause) });
    watcher.start();
    mkdirSync(later);
    clock.advance(POLL_MS);
    looks = [];
    writeFileSync(join(later, 'chat.db'), '');
    await quiet();
    expect(looks).toContain('file');
  });

  it('is silent after it was stopped', async () => {
    appendFileSync(`${path}-wal`, 'frames');
    watcher.stop();
    await settle(20);
    clock.advance(10 * POLL_MS);
    expect(looks).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

it('a row committed by another process is told long before the timer would, and the last one is told too', async () => {
  const store = openStore();
  const path = join(store.folder, 'chat.db');
  new ChatDbFile(path).close();
  const toldAt = new Map<number, number>();
  const committedAt = new Map<number, number>();
  const { db, commit } = store;
  const reading = new Reading({
    path,
    db,
    commit,
    clock: systemClock,
    health: new Health(systemClock),
    log: silentLog,
    onRow: (row) => toldAt.set(row.rowid, Number(process.hrtime.bigint()) / 1e6),
    onGeneration: () => {},
  });
  reading.start();
  expect(await reading.caughtUp()).toEqual({ ok: true });
  const writer = fork(WRITER, [path, '60', '15'], { execArgv: [] });
  const gone = new Promise((resolve) => writer.on('exit', resolve));
  writer.on('message', (said: { rowid: number; committedAt: number }) => committedAt.set(said.rowid, said.committedAt));
  await gone;
  await until(() => toldAt.size === 60, 'all rows, without being asked');
  await reading.stop();
  await store.remove();

  const waits = [...committedAt].map(([rowid, at]) => (toldAt.get(rowid) ?? Number.NaN) - at).sort((a, b) => a - b);
  expect(waits).toHaveLength(60);
  // 1 to 2 ms on a quiet machine; with the timer alone it would be 50.
  expect(waits[30]).toBeLessThan(25);
  expect(waits.at(-1)).toBeLessThan(1_000);
});
