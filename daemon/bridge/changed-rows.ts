/**
 * What of `chat.db` changes in place, without a new ROWID: edited and unsent messages, and files. Apple's only index that helps is the one
 * on `message.date`, so rows are looked through by their own date, the newest first, in pages that bound what one read costs
 * however many rows there are; only rows whose columns say that something happened are handed on, and blobs are read of those alone.
 *
 * A macOS that keeps no edits (before 13) has no such rows. All throw what SQLite says, as chat-db.ts does.
 */
import type { Db } from '../host/db.ts';
import { columnsOf } from './chat-schema.ts';

/** Index entries that one page looks at: some ms at the most. */
const PAGE_LOOKED_AT = 2_000;
const APPLE_EPOCH_MS = 978_307_200_000n;

/** A place in the order of dates, newest first. `date` in Apple's nanoseconds. */
export interface DatePlace {
  date: bigint;
  rowid: number;
}

/** `print` differs whenever the message was edited or unsent once more. */
export interface ChangedRow {
  rowid: number;
  guid: string;
  print: string;
}

export interface StoredFile {
  guid: string;
  /** As Apple wrote it: `~/Library/Messages/Attachments/…`; '' if it says none. */
  path: string;
  name: string | null;
  mimeType: string | null;
  bytes: number;
  /** Apple's transfer state; 5 is finished. */
  state: number;
}

const NEWEST: DatePlace = { date: 9_223_372_036_854_775_807n, rowid: Number.MAX_SAFE_INTEGER };
const FILE = 'a.guid AS guid, a.filename AS path';

export class ChangedRows {
  readonly #db: Db;
  /** This macOS keeps edits. */
  readonly keepsEdits: boolean;
  readonly #summaries: boolean;
  readonly #print: string;
  readonly #file: string | null;
  readonly #filtered: boolean;

  constructor(db: Db) {
    this.#db = db;
    const message = columnsOf(db, 'message');
    this.keepsEdits = message.has('date_edited') && message.has('date');
    this.#summaries = message.has('message_summary_info');
    const parts = message.has('part_count') ? " || '.' || COALESCE(m.part_count, '')" : '';
    this.#print = `CAST(m.date_edited AS TEXT)${parts}`;
    this.#file = fileColumns(columnsOf(db, 'attachment'), columnsOf(db, 'message_attachment_join'));
    const chat = columnsOf(db, 'chat');
    this.#filtered = chat.has('guid') && chat.has('is_filtered');
  }

  /**
   * A page of the rows dated `sinceAt` (Unix ms) or later, up to a ROWID, that were ever edited or unsent. `next` goes on, to older rows; null
   * at the end.
   */
  page(sinceAt: number, upTo: number, from: DatePlace = NEWEST): { rows: ChangedRow[]; next: DatePlace | null } {
    if (!this.keepsEdits) return { rows: [], next: null };
    const since = (BigInt(Math.round(sinceAt)) - APPLE_EPOCH_MS) * 1_000_000n;
    const place = [from.date, from.date, from.rowid, since];
    const window = `SELECT ROWID AS r, date AS d FROM message WHERE date <= ? AND (date < ? OR ROWID < ?) AND date >= ?
      ORDER BY date DESC, ROWID DESC`;
    const rows = this.#db
      .sql<{ rowid: number; guid: string; print: string }>(
        `SELECT m.ROWID AS rowid, m.guid AS guid, ${this.#print} AS print
         FROM (${window} LIMIT ${PAGE_LOOKED_AT}) w CROSS JOIN message m ON m.ROWID = w.r WHERE w.r <= ? AND m.date_edited > 0`,
      )
      .all(...place, upTo);
    const last = this.#db
      .sql<{ r: number; d: string }>(
        `SELECT r, CAST(d AS TEXT) AS d FROM (${window} LIMIT 1 OFFSET ${PAGE_LOOKED_AT - 1})`,
      )
      .get(...place);
    return { rows, next: last ? { date: BigInt(last.d), rowid: last.r } : null };
  }

  /** Apple's `message_summary_info` of a row, null if there is none. */
  summary(rowid: number): Uint8Array | null {
    if (!this.#summaries) return null;
    const row = this.#db
      .sql<{ info: unknown }>('SELECT message_summary_info AS info FROM message WHERE ROWID = ?')
      .get(rowid);
    return row?.info instanceof Uint8Array ? row.info : null;
  }

  /** How a row is now; null if it is gone or was never edited. */
  printOf(rowid: number): string | null {
    if (!this.keepsEdits) return null;
    const sql = `SELECT ${this.#print} AS print FROM message m WHERE m.ROWID = ? AND m.date_edited > 0`;
    return this.#db.sql<{ print: string }>(sql).get(rowid)?.print ?? null;
  }

  /** The files of a message, in Apple's order; without those that only an app uses. */
  files(rowid: number): StoredFile[] {
    if (!this.#file) return [];
    return this.#db
      .sql<RawFile>(
        `SELECT ${this.#file} FROM message_attachment_join j JOIN attachment a ON a.ROWID = j.attachment_id
         WHERE j.message_id = ? ORDER BY a.ROWID`,
      )
      .all(rowid)
      .filter((file) => file.hidden !== 1)
      .map(storedFile);
  }

  /** A file by Apple's guid, or null. */
  file(guid: string): StoredFile | null {
    if (!this.#file) return null;
    const row = this.#db.sql<RawFile>(`SELECT ${this.#file} FROM attachment a WHERE a.guid = ?`).get(guid);
    return row ? storedFile(row) : null;
  }

  /** All chats, with `is_filtered`: some ms for some thousand. */
  chatFlags(): ChatFlag[] {
    if (!this.#filtered) return [];
    return this.#db
      .sql<{ rowid: number; guid: string; filtered: number }>(
        'SELECT ROWID AS rowid, guid, COALESCE(is_filtered, 0) AS filtered FROM chat',
      )
      .all();
  }
}

export interface ChatFlag {
  rowid: number;
  guid: string;
  /** Apple's `is_filtered`: 0, 1 for an unknown sender, 2 for junk, and combinations. */
  filtered: number;
}

interface RawFile {
  guid: string;
  path: string | null;
  name: string | null;
  mime: string | null;
  uti: string | null;
  bytes: number | null;
  state: number | null;
  hidden: number | null;
}

function fileColumns(attachment: Set<string>, join: Set<string>): string | null {
  if (!attachment.has('guid') || !attachment.has('filename') || !join.has('message_id')) return null;
  const wanted = {
    name: 'transfer_name',
    mime: 'mime_type',
    uti: 'uti',
    bytes: 'total_bytes',
    state: 'transfer_state',
    hidden: 'hide_attachment',
  };
  const columns = Object.entries(wanted).map(
    ([name, column]) => `${attachment.has(column) ? `a.${column}` : 'NULL'} AS ${name}`,
  );
  return [FILE, ...columns].join(', ');
}

function storedFile(row: RawFile): StoredFile {
  return {
    guid: row.guid,
    path: row.path ?? '',
    name: row.name || null,
    mimeType: row.mime || row.uti || null,
    bytes: Math.max(0, Number(row.bytes ?? 0)),
    state: Number(row.state ?? 0),
  };
}
