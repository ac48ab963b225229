/** Reading from the stored cursor: order, told once, holding, generations, and what is wrong with chat.db. Real files on both sides. */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SettledRow } from '../../../daemon/bridge/chat-row.ts';
import { JOIN_MS, OWNER_MS } from '../../../daemon/bridge/holding.ts';
import { Reading } from '../../../daemon/bridge/reading.ts';
import { RETRY_MS } from '../../../daemon/bridge/reading-trouble.ts';
import { GroupCommit } from '../../../daemon/host/commit.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { ChatDbFile } from '../../support/chat-db-file.ts';
import { FakeClock, settle, until } from '../../support/fake-clock.ts';
import { openStore, type TestStore } from '../../support/store.ts';

const DAY = 86_400_000;
const ANNA = '+14155550101';
const BEN = '+14155550102';

let store: TestStore;
let clock: FakeClock;
let health: Health;
let path: string;
let chat: ChatDbFile;
let reading: Reading;
let rows: SettledRow[];
let generations: string[];
let onRow: (row: SettledRow) => void;

function makeReading(commit = store.commit): Reading {
  const { db } = store;
  return new Reading({
    path,
    db,
    commit,
    clock,
    health,
    log: silentLog,
    onRow: (row) => onRow(row),
    onGeneration: (reason) => generations.push(reason),
  });
}

/** The relay starts anew: same store, same chat.db. */
async function restart(): Promise<void> {
  await reading.stop();
  await store.reopen();
  reading = makeReading();
  reading.start();
}

const texts = () => rows.map((row) => row.text);
const conditions = () => health.list().map((c) => `${c.severity} ${c.name}`);

beforeEach(() => {
  store = openStore();
  clock = new FakeClock();
  health = new Health(clock);
  path = join(store.folder, 'chat.db');
  chat = new ChatDbFile(path);
  rows = [];
  generations = [];
  onRow = (row) => rows.push(row);
  reading = makeReading();
});
afterEach(async () => {
  await reading.stop();
  chat.close();
  await store.remove();
});

describe('from the cursor on', () => {
  it('tells rows of another process in ROWID order, once, and only in a transaction', async () => {
    const inTransaction: boolean[] = [];
    onRow = (row) => {
      rows.push(row);
      inTransaction.push(store.db.inTransaction);
    };
    reading.start();
    expect(await reading.caughtUp()).toEqual({ ok: true });
    chat.inbound(ANNA, 'one', clock.now());
    chat.own(BEN, 'two', clock.now());
    chat.inbound(ANNA, 'three', clock.now());
    expect(reading.behind()).toBe(true);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(reading.behind()).toBe(false);
    expect(
      rows.map(({ text, fromMe, handle, late, recovering }) => ({ text, fromMe, handle, late, recovering })),
    ).toEqual([
      { text: 'one', fromMe: false, handle: ANNA, late: false, recovering: false },
      { text: 'two', fromMe: true, handle: BEN, late: false, recovering: false },
      { text: 'three', fromMe: false, handle: ANNA, late: false, recovering: false },
    ]);
    expect(inTransaction).toEqual([true, true, true]);
    expect(reading.stats()).toEqual({ readable: true, cursor: 3, lastRowAt: clock.now() });
  });

  it('sees a new row without being asked, by the timer at the latest', async () => {
    reading.start();
    await reading.caughtUp();
    chat.inbound(ANNA, 'hello', clock.now());
    await clock.advanceAsync(100);
    await until(() => rows.length === 1, 'the row');
  });

  it('reads a backlog page by page, and goes on after a restart where it stopped', async () => {
    reading.start();
    await reading.caughtUp();
    await reading.stop();
    chat.transaction(() => {
      for (let i = 0; i < 1_150; i += 1) {
        const rowid = chat.row(clock.now(), { text: `${i}`, handle_id: chat.handle(ANNA), is_delivered: 1 });
        chat.join(rowid, chat.direct(ANNA));
      }
    });
    await store.reopen();
    reading = makeReading();
    reading.start();
    await until(() => rows.length >= 200, 'a page');
    await restart();
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(texts()).toEqual(Array.from({ length: 1_150 }, (_, i) => `${i}`));
    expect(rows.some((row) => row.recovering || row.late)).toBe(false);
  });

  it('does not lose a row whose telling fails, nor tell those before it again', async () => {
    reading.start();
    await reading.caughtUp();
    let broken = true;
    onRow = (row) => {
      store.db.sql('INSERT INTO store_fact (name, value) VALUES (?, ?)').run(row.text, 'told');
      if (row.text === 'bad' && broken) throw new Error('no room for it');
      rows.push(row);
    };
    for (const text of ['good', 'bad', 'after']) chat.inbound(ANNA, text, clock.now());
    expect(await reading.caughtUp()).toEqual({ ok: false, condition: 'chat_db_behind' });
    expect(conditions()).toEqual(['error chat_db_behind']);
    expect(reading.behind()).toBe(true);
    expect(store.db.sql("SELECT name FROM store_fact WHERE value = 'told'").all()).toEqual([{ name: 'good' }]);
    broken = false;
    await clock.advanceAsync(1_000);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    // What a transaction that was rolled back had told is not told: the store says what is.
    const told = store.db.sql("SELECT name FROM store_fact WHERE value = 'told' ORDER BY rowid").all();
    expect(told).toEqual([{ name: 'good' }, { name: 'bad' }, { name: 'after' }]);
    expect(conditions()).toEqual([]);
  });

  it('waits for a busy database and then says so, without losing anything', async () => {
    await reading.stop();
    chat.raw.exec('PRAGMA journal_mode = DELETE');
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    chat.inbound(ANNA, 'one', clock.now());
    chat.raw.exec('BEGIN EXCLUSIVE');
    const asked = reading.caughtUp();
    await clock.advanceAsync(6_000);
    expect(await asked).toMatchObject({ ok: false });
    expect(conditions()).toHaveLength(1);
    chat.raw.exec('COMMIT');
    await clock.advanceAsync(2_000);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(texts()).toEqual(['one']);
    expect(conditions()).toEqual([]);
  });

  it('is behind after a flush that failed, until a later one has brought it to disk', async () => {
    let failing = false;
    let flushed = 0;
    class Disk extends GroupCommit {
      override async run<T>(work: () => T): Promise<T> {
        const result = await super.run(work);
        if (failing) throw new Error('EIO: the flush failed');
        flushed += 1;
        return result;
      }
    }
    const disk = new Disk(store.db);
    reading = makeReading(disk);
    reading.start();
    await reading.caughtUp();
    failing = true;
    flushed = 0;
    chat.inbound(ANNA, 'one', clock.now());
    expect(await reading.caughtUp()).toEqual({ ok: false, condition: 'chat_db_behind' });
    expect(reading.stats().cursor).toBe(0);
    expect(reading.behind()).toBe(true);
    failing = false;
    await clock.advanceAsync(1_000);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(flushed).toBeGreaterThan(0);
    expect({ told: texts(), cursor: reading.stats().cursor }).toEqual({ told: ['one'], cursor: 1 });
    await reading.stop();
    await disk.close();
  });

  it('tells a change in place to those who listen, and is not behind for it', async () => {
    reading.start();
    const rowid = chat.own(ANNA, 'hello', clock.now());
    await reading.caughtUp();
    let changes = 0;
    const stop = reading.onChange(() => {
      changes += 1;
    });
    chat.update(rowid, { is_delivered: 1 });
    expect(reading.behind()).toBe(false);
    await clock.advanceAsync(100);
    await until(() => changes === 1, 'the change');
    expect(rows).toHaveLength(1);
    stop();
    chat.update(rowid, { is_read: 1 });
    await clock.advanceAsync(300);
    expect(changes).toBe(1);
  });

  it('does not mistake deleted messages for another chat.db', async () => {
    reading.start();
    for (let i = 0; i < 5; i += 1) chat.inbound(ANNA, `${i}`, clock.now());
    await reading.caughtUp();
    chat.raw.exec('DELETE FROM message WHERE ROWID > 2');
    await clock.advanceAsync(500);
    await restart();
    chat.inbound(ANNA, 'next', clock.now());
    await reading.caughtUp();
    expect(generations).toEqual([]);
    expect(texts()).toEqual(['0', '1', '2', '3', '4', 'next']);
  });
});

describe('the first reading of a store', () => {
  it('tells the last day as recovering, the rest not at all, and then goes on', async () => {
    chat.inbound(ANNA, 'old', clock.now() - 3 * DAY);
    chat.inbound(ANNA, 'STOP', clock.now() - DAY + 1_000);
    chat.inbound(BEN, 'older, inserted anew', clock.now() - 400 * DAY);
    chat.own(BEN, 'by hand', clock.now() - 1_000);
    reading.start();
    await reading.caughtUp();
    chat.inbound(BEN, 'new', clock.now());
    await reading.caughtUp();
    expect(rows.map(({ text, late, recovering }) => [text, late, recovering])).toEqual([
      ['STOP', false, true],
      ['by hand', false, true],
      ['new', false, false],
    ]);
  });

  it('begins in an empty chat.db, and cursor 0 is a cursor', async () => {
    reading.start();
    await reading.caughtUp();
    expect(reading.stats()).toEqual({ readable: true, cursor: 0, lastRowAt: null });
    await reading.stop();
    chat.inbound(ANNA, 'while it was down', clock.now() - 2 * DAY);
    await store.reopen();
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    expect(rows.map(({ text, late, recovering }) => [text, late, recovering])).toEqual([
      ['while it was down', true, false],
    ]);
  });

  it('does not tell a whole history to a clock that stands in the past', async () => {
    chat.transaction(() => {
      for (let i = 0; i < 20_050; i += 1) {
        const rowid = chat.row(clock.now(), { text: `${i}`, handle_id: chat.handle(ANNA), is_delivered: 1 });
        chat.join(rowid, chat.direct(ANNA));
      }
    });
    clock.jumpWall(-20 * 365 * DAY);
    reading.start();
    await reading.caughtUp();
    expect(rows).toHaveLength(20_000);
  });
});

it('own rows from before a start count as recovering, inbound rows do not', async () => {
  reading.start();
  await reading.caughtUp();
  await reading.stop();
  chat.own(ANNA, 'typed while the relay was down', clock.now());
  chat.inbound(ANNA, 'answer', clock.now());
  await store.reopen();
  reading = makeReading();
  reading.start();
  await reading.caughtUp();
  chat.own(ANNA, 'typed while it runs', clock.now());
  await reading.caughtUp();
  expect(rows.map(({ text, recovering }) => [text, recovering])).toEqual([
    ['typed while the relay was down', true],
    ['answer', false],
    ['typed while it runs', false],
  ]);
});

describe('rows that are not ready', () => {
  beforeEach(async () => {
    reading.start();
    await reading.caughtUp();
  });

  it('holds a row without its chat, and all behind it, until the chat is there', async () => {
    const rowid = chat.row(clock.now(), { text: 'first', handle_id: chat.handle(ANNA), is_delivered: 1 });
    chat.inbound(BEN, 'second', clock.now());
    await clock.advanceAsync(JOIN_MS - 200);
    expect(rows).toEqual([]);
    expect(reading.behind()).toBe(true);
    expect(reading.stats().cursor).toBe(0);
    chat.join(rowid, chat.direct(ANNA));
    await clock.advanceAsync(100);
    await until(() => rows.length === 2, 'both rows');
    expect(texts()).toEqual(['first', 'second']);
    expect(rows[0]?.chat?.id).toBe(ANNA);
  });

  it('tells it without a chat after two seconds, and does not lose it in a restart', async () => {
    chat.row(clock.now(), { text: 'alone', handle_id: chat.handle(ANNA), is_delivered: 1 });
    const asked = reading.caughtUp();
    await clock.advanceAsync(JOIN_MS - 100);
    expect(rows).toEqual([]);
    await clock.advanceAsync(100);
    expect(await asked).toEqual({ ok: true });
    expect(rows.map(({ text, handle, chat }) => ({ text, handle, chat }))).toEqual([
      { text: 'alone', handle: ANNA, chat: null },
    ]);
    await restart();
    await reading.caughtUp();
    expect(rows).toHaveLength(1);
  });

  it('is not fooled by is_from_me that is corrected', async () => {
    const rowid = chat.own(ANNA, 'my own words', clock.now(), { is_from_me: 0, is_sent: 0 });
    await clock.advanceAsync(OWNER_MS / 2);
    expect(rows).toEqual([]);
    chat.update(rowid, { is_from_me: 1 });
    await clock.advanceAsync(100);
    await until(() => rows.length === 1, 'the row');
    expect(rows[0]).toMatchObject({ text: 'my own words', fromMe: true });
  });

  it('tells an inbound row that Apple marked oddly all the same', async () => {
    chat.inbound(ANNA, 'odd', clock.now(), { is_delivered: 0 });
    await clock.advanceAsync(OWNER_MS + 100);
    await until(() => rows.length === 1, 'the row');
    expect(rows[0]).toMatchObject({ text: 'odd', fromMe: false, late: false });
  });

  it('does not wait once for each held row of a backlog', async () => {
    await reading.stop();
    for (let i = 0; i < 900; i += 1)
      chat.row(clock.now(), { text: `${i}`, handle_id: chat.handle(ANNA), is_delivered: 1 });
    await store.reopen();
    reading = makeReading();
    reading.start();
    const asked = reading.caughtUp();
    await clock.advanceAsync(JOIN_MS);
    expect(await asked).toEqual({ ok: true });
    expect(rows).toHaveLength(900);
  });
});

describe('told once per guid', () => {
  it('says nothing of a row that iCloud inserts anew, and marks old ones that it never saw', async () => {
    reading.start();
    await reading.caughtUp();
    const rowid = chat.inbound(ANNA, 'once', clock.now(), { guid: 'G-1' });
    await reading.caughtUp();
    chat.raw.prepare('DELETE FROM message WHERE ROWID = ?').run(rowid);
    chat.inbound(ANNA, 'once', clock.now(), { guid: 'G-1' });
    chat.inbound(BEN, 'from last year', clock.now() - 300 * DAY, { guid: 'G-2' });
    await reading.caughtUp();
    expect(rows.map(({ guid, late }) => [guid, late])).toEqual([
      ['G-1', false],
      ['G-2', true],
    ]);
  });
});

describe('another chat.db', () => {
  beforeEach(async () => {
    chat.inbound(ANNA, 'history', clock.now() - 30 * DAY, { guid: 'OLD' });
    for (let i = 0; i < 20; i += 1) chat.inbound(ANNA, `${i}`, clock.now(), { guid: `G-${i}` });
    reading.start();
    await reading.caughtUp();
    expect(rows).toHaveLength(20);
    rows = [];
  });

  const replacement = (name: string, guids: string[]) => {
    const other = new ChatDbFile(join(store.folder, name));
    other.inbound(ANNA, 'history', clock.now() - 30 * DAY, { guid: 'OLD' });
    for (const guid of guids) other.inbound(ANNA, guid, clock.now() - 1_000, { guid });
    other.raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    return join(store.folder, name);
  };

  it('renamed to the path while it runs: told, read again, each guid once', async () => {
    const other = replacement('new.db', [...Array.from({ length: 20 }, (_, i) => `G-${i}`), 'NEW-1', 'NEW-2']);
    chat.close();
    for (const suffix of ['-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    renameSync(other, path);
    chat = new ChatDbFile(path);
    expect(reading.behind()).toBe(true);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(generations).toEqual(['another file is behind the path']);
    expect(rows.map(({ guid, recovering }) => [guid, recovering])).toEqual([
      ['NEW-1', true],
      ['NEW-2', true],
    ]);
    chat.inbound(ANNA, 'live', clock.now());
    await reading.caughtUp();
    expect(rows.at(-1)).toMatchObject({ text: 'live', recovering: false });
  });

  it('found at a start: fewer rows than the cursor', async () => {
    await reading.stop();
    chat.close();
    rmSync(path);
    copyFileSync(replacement('new.db', ['NEW-1']), path);
    chat = new ChatDbFile(path);
    await store.reopen();
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    expect(generations).toHaveLength(1);
    expect(rows.map(({ guid }) => guid)).toEqual(['NEW-1']);
  });

  it('with an older row of this store’s time before all that is new: told as late', async () => {
    await reading.stop();
    chat.close();
    rmSync(path);
    copyFileSync(replacement('new.db', ['NEW-1']), path);
    chat = new ChatDbFile(path);
    await store.reopen();
    store.db.sql('UPDATE chat_cursor SET began_at = ?').run(clock.now() - 40 * DAY);
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    expect(rows.map(({ guid, late }) => [guid, late])).toEqual([
      ['OLD', true],
      ['NEW-1', false],
    ]);
  });

  it('rows vanished with the power, and their ROWIDs came again', async () => {
    chat.transaction(() => {
      chat.raw.exec(
        "DELETE FROM message WHERE ROWID > 15; DELETE FROM chat_message_join WHERE message_id > 15; UPDATE sqlite_sequence SET seq = 15 WHERE name = 'message'",
      );
      for (let i = 0; i < 10; i += 1) {
        const rowid = chat.row(clock.now(), {
          guid: `AGAIN-${i}`,
          text: `again ${i}`,
          handle_id: chat.handle(ANNA),
          is_delivered: 1,
        });
        chat.join(rowid, chat.direct(ANNA));
      }
    });
    await reading.caughtUp();
    await clock.advanceAsync(200);
    await reading.caughtUp();
    expect(generations).toEqual(['other messages stand at the cursor']);
    expect(rows.map(({ guid }) => guid)).toEqual(Array.from({ length: 10 }, (_, i) => `AGAIN-${i}`));
  });

  it('a longer pause before it is made good from the last reading on', async () => {
    await reading.stop();
    clock.advance(5 * DAY);
    // Never told, dated within the store's memory, and before the last reading: among the newest rows it is found all the same.
    chat.inbound(BEN, 'came late', clock.now() - 6.5 * DAY, { guid: 'NEAR' });
    chat.inbound(BEN, 'during the pause', clock.now() - 3 * DAY, { guid: 'PAUSE' });
    chat.raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    chat.close();
    copyFileSync(path, join(store.folder, 'copy.db'));
    rmSync(path);
    renameSync(join(store.folder, 'copy.db'), path);
    chat = new ChatDbFile(path);
    await store.reopen();
    store.db.sql('UPDATE chat_cursor SET began_at = ?').run(clock.now() - 7 * DAY);
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    expect(rows.map(({ guid, late, recovering }) => [guid, late, recovering])).toEqual([
      ['NEAR', true, true],
      ['PAUSE', true, true],
    ]);
  });

  it('is looked through for what was missed: since the last reading, and among the newest 5,000 rows', async () => {
    await reading.stop();
    clock.advance(5 * DAY);
    chat.transaction(() => {
      const add = (guid: string, at: number) =>
        chat.join(chat.row(at, { guid, text: guid, handle_id: chat.handle(BEN), is_delivered: 1 }), chat.direct(BEN));
      // From here on is behind the newest 5,000 rows: only what came since the last reading counts.
      add('FAR-OLD', clock.now() - 10 * DAY);
      add('FAR-MISSED', clock.now() - 4 * DAY);
      for (let i = 0; i < 5_000; i += 1) add(`BULK-${i}`, clock.now() - 400 * DAY);
      // Missed before: dated within this store's memory, but before the horizon.
      add('NEAR-LATE', clock.now() - 5.5 * DAY);
    });
    chat.raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    chat.close();
    copyFileSync(path, join(store.folder, 'copy.db'));
    renameSync(join(store.folder, 'copy.db'), path);
    chat = new ChatDbFile(path);
    await store.reopen();
    // The store's memory begins a week ago, and it last read five days ago.
    store.db.sql('UPDATE chat_cursor SET began_at = ?, read_at = ?').run(clock.now() - 7 * DAY, clock.now() - 4 * DAY);
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    expect(rows.map(({ guid, late, recovering }) => [guid, late, recovering])).toEqual([
      ['FAR-MISSED', true, true],
      ['NEAR-LATE', true, true],
    ]);
  });

  it('with the same messages under another device number after a restart is no other one', async () => {
    await reading.stop();
    store.db.exec("UPDATE chat_cursor SET dev = '1'");
    await restart();
    await reading.caughtUp();
    expect(generations).toEqual([]);
    expect(rows).toEqual([]);
  });
});

describe('a chat.db that cannot be read', () => {
  it('is missing: named, and read once it is there', async () => {
    chat.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    reading.start();
    expect(await reading.caughtUp()).toEqual({ ok: false, condition: 'chat_db_missing' });
    expect(conditions()).toEqual(['error chat_db_missing']);
    expect(reading.stats()).toMatchObject({ readable: false, cursor: null });
    chat = new ChatDbFile(path);
    chat.inbound(ANNA, 'hello', clock.now());
    await clock.advanceAsync(RETRY_MS);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(texts()).toEqual(['hello']);
    expect(conditions()).toEqual([]);
  });

  it('is no chat.db: named, and tried again', async () => {
    chat.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    writeFileSync(path, 'These are no messages at all. '.repeat(100));
    reading.start();
    expect(await reading.caughtUp()).toEqual({ ok: false, condition: 'chat_db_unusable' });
    rmSync(path);
    chat = new ChatDbFile(path);
    await clock.advanceAsync(RETRY_MS);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(conditions()).toEqual([]);
  });

  it('is not to be read: the remedy is Full Disk Access, and it is read once that is granted', async () => {
    const isRoot = process.getuid?.() === 0;
    // Root may read everything, so it becomes somebody else for a moment.
    const deny = () => (isRoot ? process.seteuid?.(65_534) : chmodSync(path, 0o000));
    const grant = () => (isRoot ? process.seteuid?.(0) : chmodSync(path, 0o600));
    deny();
    try {
      reading.start();
    } finally {
      grant();
    }
    expect(conditions()).toEqual(['error chat_db_denied']);
    expect(health.list()[0]?.remedy).toMatch(/Full Disk Access/);
    await clock.advanceAsync(RETRY_MS);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(conditions()).toEqual([]);
  });

  it('goes away while it is read, with its folder, and comes back', async () => {
    const folder = join(store.folder, 'Messages');
    mkdirSync(folder);
    path = join(folder, 'chat.db');
    chat.close();
    chat = new ChatDbFile(path);
    reading = makeReading();
    reading.start();
    await reading.caughtUp();
    renameSync(folder, `${folder}.away`);
    expect(existsSync(path)).toBe(false);
    expect(reading.behind()).toBe(true);
    expect(await reading.caughtUp()).toEqual({ ok: false, condition: 'chat_db_missing' });
    chat.inbound(ANNA, 'meanwhile', clock.now());
    renameSync(`${folder}.away`, folder);
    await clock.advanceAsync(RETRY_MS);
    expect(await reading.caughtUp()).toEqual({ ok: true });
    expect(texts()).toEqual(['meanwhile']);
    expect(generations).toEqual([]);
  });

  it('answers those who wait when it stops', async () => {
    reading.start();
    await reading.caughtUp();
    chat.row(clock.now(), { text: 'held' });
    const asked = reading.caughtUp();
    await settle();
    await reading.stop();
    expect(await asked).toEqual({ ok: false, condition: 'stopping' });
    expect(await reading.caughtUp()).toEqual({ ok: false, condition: 'stopping' });
  });
});
