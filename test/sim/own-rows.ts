/**
 * The rows of the simulated Mac's chat.db as they stand in the file, for checks. A connection of its own for each call; nothing is asked
 * of the simulator, so what comes back is what a reader of the file can know.
 */
import { DatabaseSync } from 'node:sqlite';
import { Unarchiver } from '@parseaple/typedstream';
import { unixMsSql } from './apple-date.ts';

export interface MacRow {
  rowid: number;
  guid: string;
  /** The other side; empty for own rows of groups. */
  handle: string;
  /** Apple's guid of the chat; null while the row is in none. */
  chat: string | null;
  text: string;
  is_from_me: number;
  is_sent: number;
  is_delivered: number;
  is_read: number;
  error: number;
  service: string;
  was_downgraded: number;
  item_type: number;
  associated_message_type: number;
  associated_message_guid: string | null;
  /** Virtual Unix ms; null for never. */
  date: number | null;
  date_delivered: number | null;
  date_read: number | null;
  date_edited: number | null;
}

const FLAGS = ['is_from_me', 'is_sent', 'is_delivered', 'is_read', 'error', 'was_downgraded', 'item_type'];
const DATES = ['date', 'date_delivered', 'date_read', 'date_edited'];

function rowsSql(db: DatabaseSync): string {
  const there = new Set(
    db
      .prepare("SELECT name FROM pragma_table_info('message')")
      .all()
      .map(({ name }) => name),
  );
  // Edits came with macOS 13.
  const date = (name: string) => `${there.has(name) ? unixMsSql(`m.${name}`) : 'NULL'} AS ${name}`;
  return `SELECT m.ROWID AS rowid, m.guid, coalesce(h.id, '') AS handle, c.guid AS chat, m.text, m.attributedBody AS body,
    ${FLAGS.map((name) => `m.${name}`).join(', ')}, m.service, m.associated_message_type, m.associated_message_guid,
    ${DATES.map(date).join(', ')}
    FROM message m LEFT JOIN handle h ON h.ROWID = m.handle_id
    LEFT JOIN chat_message_join j ON j.message_id = m.ROWID LEFT JOIN chat c ON c.ROWID = j.chat_id
    WHERE m.ROWID > ? GROUP BY m.ROWID ORDER BY m.ROWID`;
}

/** All rows behind `sinceRowid`, in the order in which they came in. */
export function readRows(chatDbPath: string, sinceRowid = 0): MacRow[] {
  const db = new DatabaseSync(chatDbPath, { readOnly: true, timeout: 10_000 });
  try {
    return db
      .prepare(rowsSql(db))
      .all(sinceRowid)
      .map(({ text, body, ...row }) => {
        const written = typeof text === 'string' ? text : decodeBody(body);
        return { ...row, text: written } as unknown as MacRow;
      });
  } finally {
    db.close();
  }
}

/** The rows from me: what this Mac, or the owner's other devices, sent. */
export function readOwnRows(chatDbPath: string, sinceRowid = 0): MacRow[] {
  return readRows(chatDbPath, sinceRowid).filter((row) => row.is_from_me === 1);
}

function decodeBody(body: unknown): string {
  if (!(body instanceof Uint8Array) || body.length === 0) return '';
  const root: unknown = Unarchiver.open(Buffer.from(body)).decodeSingleRoot();
  return typeof root === 'object' && root !== null && 'string' in root ? String(root.string) : '';
}
