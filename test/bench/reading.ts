/**
 * chat.db from end to end: how many rows a second come into the journal, what a look costs when there is no news, and what a relay does that
 * has missed very many rows. The rows are of all kinds and older than a day, as after days without the relay.
 */
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { MessagesBridge } from '../../daemon/bridge/bridge.ts';
import { Reading } from '../../daemon/bridge/reading.ts';
import { changeEvent, type RowEvent, rowEvent } from '../../daemon/bridge/row-events.ts';
import { assetFolder } from '../../daemon/host/assets.ts';
import { type Clock, systemClock } from '../../daemon/host/clock.ts';
import { type Db, openReader, openRelayDb, readMigrations } from '../../daemon/host/db.ts';
import { Health } from '../../daemon/host/health.ts';
import { silentLog } from '../../daemon/host/log.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { MIGRATIONS, makeFolder, openStore } from '../support/store.ts';
import { BuiltRelay, LibraryEnd } from './built-relay.ts';
import { type Bench, type Figure, percentile } from './figure.ts';
import { writeManyRows } from './many-rows.ts';

const ROWS = 1_000_000;
const MISSED = 100_000;
const DAYS_AGO_MS = 2 * 86_400_000;
const LOOKS = 5_000;
const PATIENCE_MS = 300_000;
const LOOP_WATCH = fileURLToPath(new URL('./loop-watch.ts', import.meta.url));

export const reading: Bench = {
  name: `chat.db with ${ROWS.toLocaleString('en')} rows, read`,
  async run() {
    const folder = makeFolder();
    const chatDb = join(folder, 'chat.db');
    writeManyRows(chatDb, ROWS, Date.now() - DAYS_AGO_MS);
    const found = [...(await intoJournal(chatDb)), await tick(chatDb), ...(await catchUp(chatDb))];
    rmSync(folder, { recursive: true, force: true });
    return found;
  },
};

/** All that the bridge tells, appended to a journal; there is no gate behind it. */
async function intoJournal(chatDb: string): Promise<Figure[]> {
  const store = openStore();
  const { db, commit } = store;
  setCursor(db, chatDb, 0);
  const clock = systemClock;
  const health = new Health(clock);
  const journal = new Journal({ db, commit, clock });
  const append = (event: RowEvent | null) => {
    if (event) journal.append(event.name, event.data, { id: event.id });
  };
  const workFolder = join(store.folder, 'work');
  mkdirSync(workFolder);
  const bridge = new MessagesBridge({
    config: { chat_db: chatDb, osascript: '/bin/false', ps: '/bin/ps', send_limit_ms: 45_000 },
    ...{ workFolder, scripts: assetFolder('scripts'), db, commit, clock, health, log: silentLog },
    sightings: {
      attempt: () => {},
      inbound: (row) => append(rowEvent(row, null)),
      ownHand: (row) => append(rowEvent(row, row.chat.participants)),
      changed: (change) => append(changeEvent(change)),
      generation: () => {},
    },
  });
  const cpu = process.cpuUsage();
  const began = performance.now();
  bridge.start();
  while ((bridge.stats().cursor ?? 0) < ROWS && performance.now() - began < PATIENCE_MS) await pause(10);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const { held } = journal.depth();
  await bridge.stop();
  journal.close();
  await store.remove();
  return [
    {
      name: 'rows into the journal, per CPU second',
      value: ROWS / ((user + system) / 1e6),
      unit: '/s',
      limit: { least: 30_000 },
    },
    { name: 'rows into the journal, per second', value: ROWS / seconds, unit: '/s' },
    { name: 'events in the journal then', value: held, unit: '', limit: { least: ROWS } },
  ];
}

/** The timer's look when nothing has changed. */
async function tick(chatDb: string): Promise<Figure> {
  const store = openStore();
  const { db, commit } = store;
  setCursor(db, chatDb, ROWS);
  let timers: (() => void)[] = [];
  const clock: Clock = {
    ...{ now: () => systemClock.now(), mono: () => systemClock.mono() },
    after(_delayMs, work) {
      timers.push(work);
      return { cancel: () => {} };
    },
  };
  const calls = { onRow: () => {}, onGeneration: () => {} };
  const reader = new Reading({
    path: chatDb,
    ...{ db, commit, clock, health: new Health(clock), log: silentLog, ...calls },
  });
  reader.start();
  await reader.caughtUp();
  const times: number[] = [];
  for (let look = 0; look < LOOKS; look += 1) {
    const due = timers;
    timers = [];
    const began = performance.now();
    for (const work of due) work();
    times.push((performance.now() - began) * 1_000);
  }
  await reader.stop();
  await store.remove();
  return { name: 'a tick without news', value: percentile(times, 0.5), unit: 'µs', limit: { most: 100 } };
}

/** The whole relay, built, with its gate; the rows were missed while it was down. */
async function catchUp(chatDb: string): Promise<Figure[]> {
  const folder = makeFolder();
  const watched = join(folder, 'loop');
  process.env.LOOP_WATCH = watched;
  const end = await LibraryEnd.listen();
  let store = '';
  const relay = await BuiltRelay.start(end.url, {
    chatDb,
    flags: ['--import', LOOP_WATCH],
    prepare(home) {
      store = join(home, 'relay.db');
      const db = openRelayDb(store, readMigrations(MIGRATIONS));
      setCursor(db, chatDb, ROWS - MISSED);
      db.close();
    },
  });
  await end.opened;
  const db = openReader(store, { timeoutMs: 1_000 });
  const read = () => Number(db.sql('SELECT rowid_read AS n FROM chat_cursor').get()?.n);
  const cpu = relay.cpuMs();
  const began = performance.now();
  while (read() < ROWS && performance.now() - began < PATIENCE_MS) await pause(20);
  const seconds = (performance.now() - began) / 1_000;
  const cpuMs = relay.cpuMs() - cpu;
  const all = read() === ROWS;
  const peak = relay.peakMb();
  db.close();
  await relay.stop();
  await end.close();
  delete process.env.LOOP_WATCH;
  const longest = Number(readFileSync(watched, 'utf8'));
  rmSync(folder, { recursive: true, force: true });
  return [
    {
      name: `${MISSED.toLocaleString('en')} missed rows: all are told`,
      value: all ? 1 : 0,
      unit: '',
      limit: { least: 1 },
    },
    { name: 'the event loop stood still for', value: longest, unit: 'ms', limit: { most: 50 } },
    { name: 'resident at the most', value: peak, unit: 'MiB', limit: { most: 190 } },
    { name: 'rows through the whole relay', value: MISSED / seconds, unit: '/s' },
    { name: 'CPU time for them', value: cpuMs, unit: 'ms' },
  ];
}

/** As if all rows up to this one had been told, and the store were a day old. */
function setCursor(db: Db, chatDb: string, rowid: number): void {
  const { dev, ino } = statSync(chatDb);
  const beganAt = Date.now() - 86_400_000;
  db.sql(`INSERT INTO chat_cursor (id, rowid_read, dev, ino, generation, began_at, read_at, recover_until, horizon_at, history_until)
    VALUES (1, ?, ?, ?, 1, ?, 0, 0, 0, 0)`).run(rowid, String(dev), String(ino), beganAt);
}
