/**
 * What a `chat.db` can be asked for. Apple adds columns with each macOS (11 to 27) and their order differs even within one version, so
 * the columns are probed once with `table_info` and every SELECT names the ones that are there. A column that a version lacks is NULL.
 * Dates become Unix milliseconds in SQL: Apple counts from 2001, in seconds up to macOS 10.12 and in nanoseconds (beyond 2^53) since.
 */
import type { Db, SqlColumn, SqlRow } from '../host/db.ts';
import { LINK } from './apple-names.ts';

const APPLE_EPOCH_MS = 978_307_200_000;

/**
 * Columns of `message` that are read of every row as they stand, beside the dates; `plainRow` counts on their order. Of all columns only
 * ROWID and guid must be there.
 */
const PLAIN = [
  'guid',
  'text',
  'attributedBody',
  'service',
  'destination_caller_id',
  'error',
  'is_from_me',
  'is_sent',
  'is_delivered',
  'is_read',
  'is_empty',
  'was_downgraded',
] as const;
/** What a row has one of that is no plain text; a number counts if it is not 0, a text if it is there. These are read of such rows only. */
const SPECIAL_NUMBERS = [
  'item_type',
  'group_action_type',
  'share_status',
  'is_audio_message',
  'cache_has_attachments',
  'associated_message_type',
  'date_edited',
  'schedule_type',
  'is_spam',
  'filter_action',
  'filter_sub_action',
] as const;
const SPECIAL_TEXTS = [
  'subject',
  'balloon_bundle_id',
  'expressive_send_style_id',
  'thread_originator_guid',
  'associated_message_guid',
] as const;
/** Read beside those of such rows. */
const FURTHER = [
  'other_handle',
  'group_title',
  'share_direction',
  'associated_message_emoji',
  'thread_originator_part',
  'schedule_state',
  'message_summary_info',
  'part_count',
] as const;
const DATES = ['date', 'date_read', 'date_delivered', 'date_edited'] as const;
/** All columns of `message` that are read where they are there. */
export const KNOWN_COLUMNS: readonly string[] = [
  ...new Set([...PLAIN, ...SPECIAL_NUMBERS, ...SPECIAL_TEXTS, ...FURTHER, ...DATES]),
];
/** An app's payload may hold pictures; its words stand in small ones. */
const LARGEST_PAYLOAD = 256 * 1024;
const STATE = ['guid', 'service', 'error', 'is_sent', 'is_delivered', 'is_read', 'is_empty', 'was_downgraded'] as const;
const STATE_DATES = ['date_read', 'date_delivered'] as const;
const ATTACHMENT = [
  'guid',
  'transfer_name',
  'mime_type',
  'uti',
  'total_bytes',
  'transfer_state',
  'is_sticker',
] as const;
const CHAT = [
  'guid',
  'style',
  'chat_identifier',
  'group_id',
  'display_name',
  'service_name',
  'is_filtered',
  'is_blackholed',
  'is_pending_review',
] as const;

/** What is read of every row; dates in Unix ms. */
export interface PlainRow {
  rowid: number;
  guid: SqlColumn;
  text: SqlColumn;
  attributedBody: SqlColumn;
  service: SqlColumn;
  destination_caller_id: SqlColumn;
  error: SqlColumn;
  is_from_me: SqlColumn;
  is_sent: SqlColumn;
  is_delivered: SqlColumn;
  is_read: SqlColumn;
  is_empty: SqlColumn;
  was_downgraded: SqlColumn;
  date: SqlColumn;
  date_read: SqlColumn;
  date_delivered: SqlColumn;
  date_edited: SqlColumn;
  handle_id: SqlColumn;
  chat_id: number | null;
  /** 1 if there is more to say than a text. */
  special: number | null;
}
/** What more is read of a row that is special, or whose body says more than its words. */
export type MoreOfRow = SqlRow & { rowid: number };

/** A row of `rowsAfter` or `rowsIn`, read as columns. */
export function plainRow(columns: SqlColumn[]): PlainRow {
  return {
    rowid: columns[0] as number,
    guid: columns[1] ?? null,
    text: columns[2] ?? null,
    attributedBody: columns[3] ?? null,
    service: columns[4] ?? null,
    destination_caller_id: columns[5] ?? null,
    error: columns[6] ?? null,
    is_from_me: columns[7] ?? null,
    is_sent: columns[8] ?? null,
    is_delivered: columns[9] ?? null,
    is_read: columns[10] ?? null,
    is_empty: columns[11] ?? null,
    was_downgraded: columns[12] ?? null,
    date: columns[13] ?? null,
    date_read: columns[14] ?? null,
    date_delivered: columns[15] ?? null,
    date_edited: columns[16] ?? null,
    handle_id: columns[17] ?? null,
    chat_id: columns[18] as number | null,
    special: columns[19] as number | null,
  };
}

export interface ChatSql {
  /** What is read of every row. Parameters: ROWID, limit. In ROWID order, as the next. */
  rowsAfter: string;
  /** The same of some ROWIDs; parameter: a JSON array. */
  rowsIn: string;
  /** What more there is of some ROWIDs; parameter: a JSON array. */
  moreIn: string;
  /** Parameter: a JSON array of ROWIDs. */
  statesIn: string;
  /** The same by guid; parameter: a JSON array of guids. */
  statesOf: string;
  /** ROWIDs of own rows, newest date first. Parameters: Unix ms (twice), limit. */
  ownSince: string;
  /** The lowest ROWID of rows dated since. Parameters: Unix ms (twice). */
  firstSince: string;
  /** `chat` by ROWID, or null if this chat.db has no chats. */
  chat: string | null;
  /** The `id` of a handle by ROWID, or null if this chat.db has none. */
  handle: string | null;
  /** All chats, in the same columns. */
  chats: string | null;
  /** Handles of a chat's present members; parameter: chat ROWID. Null if that is not kept. */
  members: string | null;
  /** Attachments of messages, with `message_id`; parameter: a JSON array of their ROWIDs. */
  attachments: string | null;
  /** The lowest ROWID in some chats (a clock that was wrong does not change that); parameter: a JSON array of chat guids. Null if that is not kept. */
  oldestOf: string | null;
  /** The highest ROWID ever given, even if that row is gone; null if SQLite does not keep it here. */
  highestEver: string | null;
}

/** Null if this is no chat.db: there is no `message` table with a guid. */
export function chatSql(db: Db): ChatSql | null {
  const message = columnsOf(db, 'message');
  if (!message.has('guid')) return null;
  const chat = columnsOf(db, 'chat');
  const handle = columnsOf(db, 'handle').has('id');
  const joined = columnsOf(db, 'chat_message_join').has('message_id');
  const recoverable = columnsOf(db, 'chat_recoverable_message_join').has('message_id');
  const member = handle && columnsOf(db, 'chat_handle_join').has('handle_id');
  const attachment = columnsOf(db, 'attachment');
  const attached = columnsOf(db, 'message_attachment_join').has('message_id') && attachment.has('guid');

  // A message may be in several chats, and one that was deleted by hand keeps its chat in the other table for some days.
  const chatOf = [
    ...(joined ? ['(SELECT MIN(j.chat_id) FROM chat_message_join j WHERE j.message_id = m.ROWID)'] : []),
    ...(recoverable
      ? ['(SELECT MIN(j.chat_id) FROM chat_recoverable_message_join j WHERE j.message_id = m.ROWID)']
      : []),
    'NULL',
  ];
  const select = `SELECT m.ROWID AS rowid, ${plain('m', PLAIN, message)},
    ${DATES.map((name) => `${unixMs('m', name, message)} AS ${name}`).join(', ')},
    ${plain('m', ['handle_id'], message)},
    ${chatOf.length > 1 ? `COALESCE(${chatOf.join(', ')})` : 'NULL'} AS chat_id, ${specialIn(message)} AS special
    FROM message m`;
  const further = [...SPECIAL_NUMBERS.filter((name) => name !== 'date_edited'), ...SPECIAL_TEXTS, ...FURTHER];
  const payload =
    message.has('payload_data') && message.has('balloon_bundle_id')
      ? `CASE WHEN m.balloon_bundle_id <> '${LINK}' AND length(m.payload_data) <= ${LARGEST_PAYLOAD} THEN m.payload_data END`
      : 'NULL';
  const own = message.has('is_from_me') ? ' AND is_from_me = 1' : ' AND 0';
  const chats = chat.has('guid') ? `SELECT ROWID AS rowid, ${plain('chat', CHAT, chat)} FROM chat` : null;
  const states = `SELECT m.ROWID AS rowid, ${plain('m', STATE, message)},
    ${STATE_DATES.map((name) => `${unixMs('m', name, message)} AS ${name}`).join(', ')} FROM message m`;
  return {
    rowsAfter: `${select} WHERE m.ROWID > ? ORDER BY m.ROWID LIMIT ?`,
    rowsIn: `${select} WHERE m.ROWID IN (SELECT value FROM json_each(?)) ORDER BY m.ROWID`,
    moreIn: `SELECT m.ROWID AS rowid, ${plain('m', further, message)}, ${payload} AS payload_data
      FROM message m WHERE m.ROWID IN (SELECT value FROM json_each(?))`,
    statesIn: `${states} WHERE m.ROWID IN (SELECT value FROM json_each(?)) ORDER BY m.ROWID`,
    statesOf: `${states} WHERE m.guid IN (SELECT value FROM json_each(?))`,
    ownSince: `SELECT rowid FROM (${datedSince(message, own)}) ORDER BY date DESC, rowid DESC LIMIT ?`,
    firstSince: `SELECT MIN(rowid) AS rowid FROM (${datedSince(message, '')})`,
    chat: chats && `${chats} WHERE ROWID = ?`,
    handle: handle ? 'SELECT id FROM handle WHERE ROWID = ?' : null,
    chats,
    oldestOf:
      joined && chats
        ? `SELECT MIN(j.message_id) AS rowid FROM chat c JOIN chat_message_join j ON j.chat_id = c.ROWID
           WHERE c.guid IN (SELECT value FROM json_each(?))`
        : null,
    members: member
      ? 'SELECT h.id AS id FROM chat_handle_join j JOIN handle h ON h.ROWID = j.handle_id WHERE j.chat_id = ? ORDER BY h.id'
      : null,
    attachments: attached
      ? `SELECT j.message_id AS message_id, ${plain('a', ATTACHMENT, attachment)}
         FROM message_attachment_join j JOIN attachment a ON a.ROWID = j.attachment_id
         WHERE j.message_id IN (SELECT value FROM json_each(?))${attachment.has('hide_attachment') ? ' AND COALESCE(a.hide_attachment, 0) = 0' : ''} ORDER BY a.ROWID`
      : null,
    highestEver: columnsOf(db, 'sqlite_sequence').has('seq')
      ? "SELECT seq FROM sqlite_sequence WHERE name = 'message'"
      : null,
  };
}

/** Is there more to say of the row than a text? NULL counts as no. */
function specialIn(message: Set<string>): string {
  const numbers = SPECIAL_NUMBERS.filter((name) => message.has(name)).map((name) => `m.${name} <> 0`);
  const texts = SPECIAL_TEXTS.filter((name) => message.has(name)).map((name) => `m.${name} IS NOT NULL`);
  return [...numbers, ...texts].join(' OR ') || '0';
}

/** Rows dated since; the parameter (Unix ms) comes twice: once for dates in ns, once for dates in s. Each half can use Apple's index. */
function datedSince(message: Set<string>, also: string): string {
  if (!message.has('date')) return 'SELECT 0 AS rowid, 0 AS date WHERE ? + ? < 0';
  const half = (condition: string) => `SELECT ROWID AS rowid, date FROM message WHERE ${condition}${also}`;
  const nanoseconds = half(`date >= (? - ${APPLE_EPOCH_MS}) * 1000000 AND date > 1000000000000`);
  const seconds = half(`date >= (? - ${APPLE_EPOCH_MS}) / 1000 AND date BETWEEN 1 AND 1000000000000`);
  return `${nanoseconds} UNION ALL ${seconds}`;
}

/** Names of a table's columns; empty if there is no such table. */
export function columnsOf(db: Db, table: string): Set<string> {
  return new Set(
    db
      .sql<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
      .all()
      .map((c) => c.name),
  );
}

function plain(of: string, wanted: readonly string[], present: Set<string>): string {
  return wanted.map((name) => (present.has(name) ? `${of}.${name}` : `NULL AS ${name}`)).join(', ');
}

/** NULL for never (0, NULL, before 2001) and for the bogus dates at the end of the 64 bits. */
function unixMs(of: string, name: string, present: Set<string>): string {
  if (!present.has(name)) return 'NULL';
  const date = `CAST(${of}.${name} AS INTEGER)`;
  return `CASE WHEN ${date} > 9200000000000000000 OR ${date} <= 0 THEN NULL
    WHEN ${date} > 1000000000000 THEN ${date} / 1000000 + ${APPLE_EPOCH_MS}
    ELSE ${date} * 1000 + ${APPLE_EPOCH_MS} END`;
}
