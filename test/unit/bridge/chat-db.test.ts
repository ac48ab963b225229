/** Rows of a chat.db: decoded, dated, joined to their chats. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChatDb, chatDbError, PAGE_ROWS } from '../../../daemon/bridge/chat-db.ts';
import type { ChatRow } from '../../../daemon/bridge/chat-row.ts';
import { cutText } from '../../../daemon/bridge/row-body.ts';
import { MAX_FRAME_BYTES, MAX_INBOUND_TEXT_BYTES } from '../../../protocol/limits.ts';
import { encodeAttributedText } from '../../sim/typedstream.ts';
import { appleDate, ChatDbFile, type Columns } from '../../support/chat-db-file.ts';

const ANNA = '+14155550101';
const BEN = '+14155550102';
const AT = Date.UTC(2026, 10, 24, 9, 0, 0);

let folder: string;
let chat: ChatDbFile;
let chatDb: ChatDb;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  chat = new ChatDbFile(join(folder, 'chat.db'));
  chatDb = ChatDb.open(chat.path);
});
afterEach(() => {
  chatDb.close();
  chat.close();
  rmSync(folder, { recursive: true, force: true });
});

function last(rowid = chatDb.maxRowid()): ChatRow {
  const row = chatDb.rowsByRowid([rowid])[0];
  if (!row) throw new Error('there is no row');
  return row;
}

describe('the words of a row', () => {
  it('come from attributedBody, and from text where that says nothing', () => {
    const cases: [Columns, string][] = [
      [{ text: null, attributedBody: encodeAttributedText('from the body') }, 'from the body'],
      [{ text: 'older', attributedBody: encodeAttributedText('newer') }, 'newer'],
      [{ text: 'only here', attributedBody: null }, 'only here'],
      [{ text: 'still here', attributedBody: Buffer.from('torn') }, 'still here'],
      [{ text: 'still here too', attributedBody: encodeAttributedText('') }, 'still here too'],
    ];
    for (const [columns, text] of cases) {
      chat.inbound(ANNA, '', AT, columns);
      expect(last()).toMatchObject({ text, kind: 'text', truncated: false });
      expect(last().detail).toBeUndefined();
    }
  });

  it('are kept out of the slots, and a person may send U+FFFD', () => {
    chat.inbound(ANNA, '', AT, { attributedBody: encodeAttributedText('\uFFFClook\uFFFC at \uFFFDthis') });
    expect(last()).toMatchObject({ kind: 'attachment', text: 'look at \uFFFDthis' });
  });

  it.each([
    ['of control characters', { text: '\u0001'.repeat(60_000) }],
    ['of quotes and line feeds', { text: '"\n'.repeat(60_000) }],
    ['with an endless subject', { text: 'x'.repeat(100_000), subject: '\u0002'.repeat(200_000) }],
  ])('fit into a frame, whatever they are made of: %s', (_what, columns) => {
    const row = last(chat.inbound(ANNA, '', AT, columns));
    expect(row).toMatchObject({ truncated: true, kind: 'text' });
    expect(Buffer.byteLength(JSON.stringify(row))).toBeLessThan(MAX_FRAME_BYTES / 2 + 16 * 1024);
    expect(row.text.length).toBeGreaterThan(10_000);
  });

  it('are cut at 64 KiB of UTF-8, at a whole character', () => {
    const exact = 'é'.repeat(MAX_INBOUND_TEXT_BYTES / 2);
    chat.inbound(ANNA, exact, AT);
    expect(last()).toMatchObject({ truncated: false, text: exact });
    chat.inbound(ANNA, `x${exact}`, AT);
    expect(last().truncated).toBe(true);
    expect(last().text).toBe(`x${exact.slice(1)}`);
    for (const bytes of [1, 2, 3, 4, 5, 6, 7])
      expect(cutText('a😀b', bytes)).toBe(bytes < 5 ? 'a' : bytes < 6 ? 'a😀' : 'a😀b');
  });

  it('that cannot be read are told as unsupported with the reason', () => {
    chat.inbound(ANNA, '', AT, { text: null, attributedBody: Buffer.from('bplist00…') });
    expect(last()).toMatchObject({ kind: 'unsupported', text: '', detail: { body: 'a keyed archive', item_type: 0 } });
  });
});

describe('dates', () => {
  it('become Unix ms, from nanoseconds and seconds; never and bogus ones are none', () => {
    const cases: [bigint | number | null, number][] = [
      [appleDate(AT), AT],
      [appleDate(AT) + 999_999n, AT],
      [BigInt(AT) / 1000n - 978_307_200n, AT],
      [0, 0],
      [null, 0],
      [-5, 0],
      [9_223_372_036_854_775_807n, 0],
    ];
    for (const [date, at] of cases) {
      chat.row(AT, { date });
      expect({ date, at: last().at }).toEqual({ date, at });
    }
    chat.row(AT, { is_from_me: 1, date_read: appleDate(AT + 5), date_delivered: 0 });
    expect(last().state).toMatchObject({ readAt: AT + 5, deliveredAt: null });
  });
});

describe('chats', () => {
  it('are named by handle or group id, never by guid; style 45 is one-to-one', () => {
    chat.inbound(ANNA, 'hi', AT);
    expect(last().chat).toEqual({ id: ANNA, guid: `any;-;${ANNA}`, kind: 'direct', participants: [ANNA] });
    const group = chat.group('chat77', [ANNA, BEN], { group_id: 'UUID-1', display_name: 'Friends' });
    chat.join(chat.row(AT, { text: 'all', handle_id: chat.handle(BEN) }), group);
    expect(last()).toMatchObject({
      handle: BEN,
      chat: { id: 'group:UUID-1', kind: 'group', name: 'Friends', participants: [ANNA, BEN] },
    });
    chat.join(chat.row(AT, { text: 'mine', is_from_me: 1, handle_id: 0 }), group);
    expect(last()).toMatchObject({ handle: '', fromMe: true });
    expect(chatDb.groupMembers('group:UUID-1')).toEqual([ANNA, BEN]);
    expect(chatDb.groupTarget('group:UUID-1')).toEqual({ guid: 'any;+;chat77', isText: false });
    expect(chatDb.groupMembers('group:none')).toBeNull();
    expect(chatDb.groupTarget(ANNA)).toBeNull();
    chat.group('chat78', []);
    expect(chatDb.groupMembers('group:chat78')).toEqual([]);
  });

  it('know the oldest row of a conversation with one, whatever the clocks said', () => {
    expect(chatDb.oldestDirectRow(ANNA)).toBeNull();
    chat.inbound(BEN, 'not this', AT - 5_000);
    chat.inbound(ANNA, 'first', AT);
    chat.inbound(ANNA, 'dated earlier', AT - 1_000);
    expect(chatDb.oldestDirectRow(ANNA)).toMatchObject({ text: 'first', fromMe: false, at: AT });
    const group = chat.group('chat79', [ANNA, BEN]);
    chat.join(chat.row(AT, { text: 'all', handle_id: chat.handle(ANNA) }), group);
    expect(chatDb.oldestDirectRow('+14155550199')).toBeNull();
  });

  it('of an own 1:1 row without handle give the handle; filter suffixes are stripped', () => {
    chat.join(
      chat.row(AT, { text: 'x', is_from_me: 1, handle_id: 0, destination_caller_id: 'Me@Example.com' }),
      chat.direct(ANNA),
    );
    expect(last()).toMatchObject({ handle: ANNA, ownAddress: 'me@example.com' });
    chat.inbound('Anna@Example.com(smsft)(filtered)', 'x', AT);
    expect(last()).toMatchObject({ handle: 'anna@example.com', chat: { id: 'anna@example.com' } });
  });

  it('of a message that was deleted by hand are still known', () => {
    const rowid = chat.row(AT, { text: 'x', handle_id: chat.handle(ANNA) });
    expect(last().chat).toBeNull();
    chat.insert('chat_recoverable_message_join', { chat_id: chat.direct(ANNA), message_id: rowid });
    expect(last().chat?.id).toBe(ANNA);
  });

  it('with a handle are found, iMessage before SMS, the newest first', () => {
    chat.direct(ANNA, { guid: `SMS;-;${ANNA}`, service_name: 'SMS' });
    chat.insert('chat', { guid: `iMessage;-;${ANNA}`, style: 45, chat_identifier: ANNA, service_name: 'iMessage' });
    chat.insert('chat', { guid: `any;-;${ANNA}`, style: 45, chat_identifier: ANNA, service_name: 'iMessage' });
    chat.insert('chat', { guid: 'any;+;x', style: 43, chat_identifier: ANNA, service_name: 'iMessage' });
    expect(chatDb.directTargets(ANNA)).toEqual([
      { guid: `any;-;${ANNA}`, isText: false },
      { guid: `iMessage;-;${ANNA}`, isText: false },
      { guid: `SMS;-;${ANNA}`, isText: true },
    ]);
    expect(chatDb.directTargets(BEN)).toEqual([]);
  });
});

describe('own rows', () => {
  it('since a time: the newest, in ROWID order; states beside them', () => {
    for (let i = 0; i < 1_200; i += 1) chat.own(ANNA, `${i}`, AT + i);
    chat.inbound(ANNA, 'not mine', AT + 5_000);
    expect(chatDb.ownRowsSince(AT + 1_198, 10).map((row) => row.text)).toEqual(['1198', '1199']);
    const many = chatDb.ownRowsSince(AT, 1_100);
    expect(many).toHaveLength(1_100);
    expect(many[0]?.text).toBe('100');
    expect(many.every((row, i) => row.rowid > (many[i - 1]?.rowid ?? 0))).toBe(true);
    chat.update(3, { error: 22, is_sent: 0 });
    expect(chatDb.ownStates([3, 1, 99_999]).map(({ rowid, isSent, error }) => ({ rowid, isSent, error }))).toEqual([
      { rowid: 1, isSent: true, error: 0 },
      { rowid: 3, isSent: false, error: 22 },
    ]);
    expect(chatDb.rowsAfter(0, 100_000)).toHaveLength(PAGE_ROWS);
  });

  it('dated in seconds are found as well', () => {
    chat.own(ANNA, 'old macOS', AT, { date: Math.round(AT / 1000) - 978_307_200 });
    expect(chatDb.ownRowsSince(AT - 1000, 10)).toHaveLength(1);
    expect(chatDb.ownRowsSince(AT + 1000, 10)).toHaveLength(0);
    expect(chatDb.firstRowidSince(AT - 1000)).toBe(1);
    expect(chatDb.firstRowidSince(AT + 1000)).toBeNull();
  });
});

it('never writes and never keeps Messages from its checkpoint', () => {
  for (let i = 0; i < 50; i += 1) chat.inbound(ANNA, `${i}`, AT);
  chatDb.rowsAfter(0, 10);
  chatDb.dataVersion();
  expect(chat.raw.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()).toMatchObject({ busy: 0 });
  expect(chatDb.rowsAfter(0, 100)).toHaveLength(50);
});

it('says whether it is the file or the permission', () => {
  const code = (path: string) => {
    try {
      ChatDb.open(path).close();
      return 'open';
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  writeFileSync(join(folder, 'words'), 'no database at all, but long enough to be one'.repeat(50));
  writeFileSync(join(folder, 'empty'), '');
  const other = new DatabaseSync(join(folder, 'other'));
  other.exec('CREATE TABLE song (title)');
  other.close();
  expect(code(chat.path)).toBe('open');
  expect(code(join(folder, 'none'))).toBe('chat_db_missing');
  for (const name of ['words', 'empty', 'other', '.'])
    expect({ name, code: code(join(folder, name)) }).toEqual({ name, code: 'chat_db_unusable' });
  const denied = chatDbError('/x', Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM' }));
  expect(denied).toMatchObject({ code: 'chat_db_denied', hint: expect.stringContaining('Full Disk Access') });
});

it('a message table with a guid and nothing else is enough', () => {
  const path = join(folder, 'bare.db');
  const raw = new DatabaseSync(path);
  raw.exec("CREATE TABLE message (ROWID INTEGER PRIMARY KEY, guid TEXT); INSERT INTO message VALUES (7, 'G')");
  raw.close();
  const bare = ChatDb.open(path);
  expect(bare.rowsAfter(0, 10)).toMatchObject([
    { rowid: 7, guid: 'G', at: 0, text: '', kind: 'unsupported', chat: null, handle: '' },
  ]);
  expect([
    bare.ownRowsSince(0, 5),
    bare.ownStates([7]).length,
    bare.groupMembers('group:x'),
    bare.firstRowidSince(0),
  ]).toEqual([[], 1, null, null]);
  bare.close();
});
