/**
 * What a `chat.db` can be asked for. Apple adds columns with each macOS (11 to 27) and their order differs even within one version, so
 * the columns are probed once with `table_info` and every SELECT names the ones that are there. A column that a version lacks is NULL.
 * Dates become Unix milliseconds in SQL: Apple counts from 2001, in seconds up to macOS 10.12 and in nanoseconds (beyond 2^53) since.
 */
import type { Db, SqlRow } from '../host/db.ts';

const APPLE_EPOCH_MS = 978_307_200_000;

/** Columns of `message` that are read as they stand, beside the dates. Of all of them only ROWID and guid must be there. */
const PLAIN = [
  'guid',
  'text',
  'attributedBody',
  'subject',
  'handle_id',
  'service',
  'destination_caller_id',
  'error',
  'is_from_me',
  'is_sent',
  'is_delivered',
  'is_read',
  'is_empty',
  'was_downgraded',
  'item_type',
  'group_action_type',
  'group_title',
  'share_status',
  'is_audio_message',
  'cache_has_attachments',
  'associated_message_guid',
  'associated_message_type',
  'associated_message_emoji',
  'balloon_bundle_id',
  'expressive_send_style_id',
  'thread_originator_guid',
  'thread_originator_part',
  'schedule_type',
  'is_spam',
] as const;
const DATES = ['date', 'date_read', 'date_delivered', 'date_edited'] as const;
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
const CHAT = ['guid', 'style', 'chat_identifier', 'group_id', 'display_name', 'service_name', 'is_filtered'] as const;

/** A row of `message` as SQL gives it: the PLAIN columns, the dates in Unix ms, and these. */
export type RawRow = SqlRow & { rowid: number; handle: string | null; other: string | null; chat_id: number | null };

export interface ChatSql {
  /** `message` rows of ROWIDs; parameter: a JSON array. In ROWID order. */
  rowsIn: string;
  /** Parameters: ROWID, limit. */
  rowsAfter: string;
  /** Parameter: a JSON array of ROWIDs. */
  statesIn: string;
  /** ROWIDs of own rows, newest date first. Parameters: Unix ms (twice), limit. */
  ownSince: string;
  /** The lowest ROWID of rows dated since. Parameters: Unix ms (twice). */
  firstSince: string;
  /** `chat` by ROWID, or null if this chat.db has no chats. */
  chat: string | null;
  /** All chats, in the same columns. */
  chats: string | null;
  /** Handles of a chat's present members; parameter: chat ROWID. Null if that is not kept. */
  members: string | null;
  /** Attachments of a message; parameter: message ROWID. */
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
  const hasHandle = handle && message.has('handle_id');
  const hasOther = handle && message.has('other_handle');

  // A message may be in several chats, and one that was deleted by hand keeps its chat in the other table for some days.
  const chatOf = [
    ...(joined ? ['(SELECT MIN(j.chat_id) FROM chat_message_join j WHERE j.message_id = m.ROWID)'] : []),
    ...(recoverable
      ? ['(SELECT MIN(j.chat_id) FROM chat_recoverable_message_join j WHERE j.message_id = m.ROWID)']
      : []),
    'NULL',
  ];
  const select = `SELECT m.ROWID AS rowid,
    ${plain('m', PLAIN, message)},
    ${DATES.map((name) => `${unixMs('m', name, message)} AS ${name}`).join(', ')},
    ${hasHandle ? 'h.id' : 'NULL'} AS handle, ${hasOther ? 'o.id' : 'NULL'} AS other,
    ${chatOf.length > 1 ? `COALESCE(${chatOf.join(', ')})` : 'NULL'} AS chat_id
    FROM message m${hasHandle ? ' LEFT JOIN handle h ON h.ROWID = m.handle_id' : ''}${hasOther ? ' LEFT JOIN handle o ON o.ROWID = m.other_handle' : ''}`;
  const own = message.has('is_from_me') ? ' AND is_from_me = 1' : ' AND 0';
  const chats = chat.has('guid') ? `SELECT ROWID AS rowid, ${plain('chat', CHAT, chat)} FROM chat` : null;
  return {
    rowsIn: `${select} WHERE m.ROWID IN (SELECT value FROM json_each(?)) ORDER BY m.ROWID`,
    rowsAfter: `${select} WHERE m.ROWID > ? ORDER BY m.ROWID LIMIT ?`,
    statesIn: `SELECT m.ROWID AS rowid, ${plain('m', STATE, message)},
      ${STATE_DATES.map((name) => `${unixMs('m', name, message)} AS ${name}`).join(', ')}
      FROM message m WHERE m.ROWID IN (SELECT value FROM json_each(?)) ORDER BY m.ROWID`,
    ownSince: `SELECT rowid FROM (${datedSince(message, own)}) ORDER BY date DESC, rowid DESC LIMIT ?`,
    firstSince: `SELECT MIN(rowid) AS rowid FROM (${datedSince(message, '')})`,
    chat: chats && `${chats} WHERE ROWID = ?`,
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
      ? `SELECT ${plain('a', ATTACHMENT, attachment)} FROM message_attachment_join j JOIN attachment a ON a.ROWID = j.attachment_id
         WHERE j.message_id = ?${attachment.has('hide_attachment') ? ' AND COALESCE(a.hide_attachment, 0) = 0' : ''} ORDER BY a.ROWID`
      : null,
    highestEver: columnsOf(db, 'sqlite_sequence').has('seq')
      ? "SELECT seq FROM sqlite_sequence WHERE name = 'message'"
      : null,
  };
}

/** Rows dated since; the parameter (Unix ms) comes twice: once for dates in ns, once for dates in s. Each half can use Apple's index. */
function datedSince(message: Set<string>, also: string): string {
  if (!message.has('date')) return 'SELECT 0 AS rowid, 0 AS date WHERE ? + ? < 0';
  const half = (condition: string) => `SELECT ROWID AS rowid, date FROM message WHERE ${condition}${also}`;
  const nanoseconds = half(`date >= (? - ${APPLE_EPOCH_MS}) * 1000000 AND date > 1000000000000`);
  const seconds = half(`date >= (? - ${APPLE_EPOCH_MS}) / 1000 AND date BETWEEN 1 AND 1000000000000`);
  return `${nanoseconds} UNION ALL ${seconds}`;
}

function columnsOf(db: Db, table: string): Set<string> {
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
