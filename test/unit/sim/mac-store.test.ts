/** The writer of the simulated chat.db: what a reader in another connection sees, and when. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { appleDate } from '../../sim/apple-date.ts';
import { DIRECT, GROUP, MacStore } from '../../sim/mac-store.ts';
import { readOwnRows, readRows } from '../../sim/own-rows.ts';

const ANN = '+14155550101';
const BOB = 'bob@example.com';
const AT = Date.UTC(2026, 10, 24, 9, 0, 0, 123);

let folder: string;
let store: MacStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sim-test-'));
  store = new MacStore(join(folder, 'Library/Messages/chat.db'), { ownAddress: '+15550100001' });
});
afterEach(() => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

it('writes WAL, for a reader beside it', () => {
  const reader = new DatabaseSync(store.path, { readOnly: true });
  const version = () => Number(reader.prepare('PRAGMA data_version').get()?.data_version);
  const before = version();
  store.insertInbound({ handle: ANN, text: 'Hi', at: AT });
  expect(version()).not.toBe(before);
  expect(reader.prepare('SELECT count(*) AS n FROM message').get()).toEqual({ n: 1 });
  expect(reader.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  reader.close();
});

it('keeps time to the millisecond, in Apple’s nanoseconds', () => {
  expect(appleDate(Date.UTC(2001, 0, 1))).toBe(0n);
  expect(appleDate(Date.UTC(2001, 0, 1, 0, 0, 1))).toBe(1_000_000_000n);
  const moment = fc.integer({ min: Date.UTC(2007, 0), max: Date.UTC(2100, 0) });
  fc.assert(
    fc.property(moment, (at) => {
      const { rowid } = store.insertInbound({ handle: ANN, text: 'x', at });
      expect(readRows(store.path, rowid - 1)[0]?.date).toBe(at);
    }),
    { numRuns: 50 },
  );
});

it('has one row per handle and service, one chat per person, and groups with their members', () => {
  store.insertInbound({ handle: ANN, text: 'a', at: AT });
  store.insertOwn({ handle: ANN, text: 'b', at: AT });
  store.insertInbound({ handle: ANN, text: 'c', at: AT, service: 'SMS' });
  const group = store.group({ members: [ANN, BOB], name: 'Two' });
  store.insertInbound({ handle: BOB, text: 'd', at: AT, chat: group.rowid });
  store.insertOwn({ text: 'e', at: AT, chat: group.rowid });
  expect(store.all('SELECT id, service FROM handle ORDER BY ROWID')).toEqual([
    { id: ANN, service: 'iMessage' },
    { id: ANN, service: 'SMS' },
    { id: BOB, service: 'iMessage' },
  ]);
  expect(store.all('SELECT guid, style, room_name, display_name FROM chat ORDER BY ROWID')).toEqual([
    { guid: `any;-;${ANN}`, style: DIRECT, room_name: null, display_name: '' },
    { guid: group.guid, style: GROUP, room_name: group.identifier, display_name: 'Two' },
  ]);
  expect(group.guid).toMatch(/^any;\+;chat\d+$/);
  expect(group.groupId).toMatch(/^[0-9A-F-]{36}$/);
  expect(store.members(group.rowid)).toEqual([ANN, BOB]);
  expect(readRows(store.path).map((row) => [row.handle, row.text, row.service])).toEqual([
    [ANN, 'a', 'iMessage'],
    [ANN, 'b', 'iMessage'],
    [ANN, 'c', 'SMS'],
    [BOB, 'd', 'iMessage'],
    ['', 'e', 'iMessage'],
  ]);
  expect(readOwnRows(store.path).map((row) => row.text)).toEqual(['b', 'e']);
  expect(store.all('SELECT service FROM chat_service WHERE chat = 1 ORDER BY service').map((r) => r.service)).toEqual(
    ['SMS', 'iMessage'].sort(),
  );
  for (const name of [group.guid, `group:${group.groupId}`, group.identifier])
    expect(store.findChat(name)?.rowid).toBe(group.rowid);
});

it('names chats by their service before macOS 26', () => {
  const older = new MacStore(join(folder, 'older.db'), { guidPrefix: 'service' });
  expect(older.direct(ANN).guid).toBe(`iMessage;-;${ANN}`);
  expect(older.direct(BOB, 'SMS').guid).toBe(`SMS;-;${BOB}`);
  expect(older.group({ members: [ANN] }).guid).toMatch(/^iMessage;\+;chat/);
  older.close();
});

it('goes on with a file that is there', () => {
  const { guid } = store.insertInbound({ handle: ANN, text: 'a', at: AT });
  store.close();
  store = new MacStore(store.path);
  store.insertInbound({ handle: ANN, text: 'b', at: AT });
  expect(readRows(store.path).map((row) => [row.text, row.chat])).toEqual([
    ['a', `any;-;${ANN}`],
    ['b', `any;-;${ANN}`],
  ]);
  expect(store.update(guid, { error: 22 })).toBe(true);
  expect(store.update('no such guid', { error: 22 })).toBe(false);
});

it('a row is in no chat until it is joined', () => {
  const { rowid } = store.insertMessage({ fromMe: false, handle: ANN, text: 'alone', at: AT });
  expect(readRows(store.path)[0]?.chat).toBeNull();
  store.join(rowid, store.direct(ANN).rowid, AT);
  expect(readRows(store.path)[0]?.chat).toBe(`any;-;${ANN}`);
});

it('what is removed is noted, and its ROWID is never given again', () => {
  const { guid, rowid } = store.insertInbound({ handle: ANN, text: 'gone', at: AT });
  store.remove(guid);
  expect(readRows(store.path)).toEqual([]);
  expect(store.get('SELECT guid FROM deleted_messages')?.guid).toBe(guid);
  expect(store.insertInbound({ handle: ANN, text: 'next', at: AT }).rowid).toBeGreaterThan(rowid);
});

it('a checkpoint empties the WAL, unless a reader is in the way', () => {
  store.insertInbound({ handle: ANN, text: 'a', at: AT });
  expect(statSync(`${store.path}-wal`).size).toBeGreaterThan(0);
  expect(store.checkpoint()).toBe(true);
  expect(statSync(`${store.path}-wal`).size).toBe(0);
});

it('many rows in one transaction are all there or none is', () => {
  store.transaction(() => {
    for (let n = 0; n < 500; n += 1) store.insertInbound({ handle: `+1415555${1000 + n}`, text: `${n}`, at: AT + n });
  });
  expect(() =>
    store.transaction(() => {
      store.insertInbound({ handle: '+14155559999', text: 'no', at: AT });
      throw new Error('stop');
    }),
  ).toThrow('stop');
  expect(readRows(store.path).length).toBe(500);
  store.insertInbound({ handle: '+14155559999', text: 'yes', at: AT });
  expect(readRows(store.path, 500)).toMatchObject([
    { handle: '+14155559999', chat: 'any;-;+14155559999', text: 'yes' },
  ]);
});
