/**
 * A small `chat.db` of our own making: the tables and columns that a relay reads, with the journal mode, the triggers' effects and the
 * order of writes that Messages has. A test writes to it through a connection of its own, as Messages does.
 */
import { DatabaseSync } from 'node:sqlite';

const APPLE_EPOCH_MS = 978_307_200_000;

const TABLES = `
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY AUTOINCREMENT UNIQUE, id TEXT NOT NULL, service TEXT NOT NULL, UNIQUE (id, service));
CREATE TABLE chat (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, style INTEGER, chat_identifier TEXT,
  service_name TEXT, room_name TEXT, display_name TEXT, group_id TEXT, is_filtered INTEGER DEFAULT 0,
  is_blackholed INTEGER DEFAULT 0, is_pending_review INTEGER DEFAULT 0);
CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, attributedBody BLOB, subject TEXT,
  handle_id INTEGER DEFAULT 0, other_handle INTEGER DEFAULT 0, service TEXT, destination_caller_id TEXT, error INTEGER DEFAULT 0,
  date INTEGER, date_read INTEGER, date_delivered INTEGER, date_edited INTEGER, is_from_me INTEGER DEFAULT 0, is_sent INTEGER DEFAULT 0,
  is_delivered INTEGER DEFAULT 0, is_read INTEGER DEFAULT 0, is_finished INTEGER DEFAULT 1, is_empty INTEGER DEFAULT 0,
  was_downgraded INTEGER DEFAULT 0, item_type INTEGER DEFAULT 0, group_action_type INTEGER DEFAULT 0, group_title TEXT,
  share_status INTEGER DEFAULT 0, is_audio_message INTEGER DEFAULT 0, cache_has_attachments INTEGER DEFAULT 0,
  associated_message_guid TEXT, associated_message_type INTEGER DEFAULT 0, associated_message_emoji TEXT, balloon_bundle_id TEXT,
  expressive_send_style_id TEXT, thread_originator_guid TEXT, thread_originator_part TEXT, schedule_type INTEGER DEFAULT 0,
  is_spam INTEGER DEFAULT 0, part_count INTEGER, schedule_state INTEGER DEFAULT 0, share_direction INTEGER DEFAULT 0,
  message_summary_info BLOB, payload_data BLOB, filter_action INTEGER DEFAULT 0, filter_sub_action INTEGER DEFAULT 0);
CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER, UNIQUE (chat_id, handle_id));
CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER, message_date INTEGER DEFAULT 0, PRIMARY KEY (chat_id, message_id));
CREATE TABLE chat_recoverable_message_join (chat_id INTEGER, message_id INTEGER, delete_date INTEGER, PRIMARY KEY (chat_id, message_id));
CREATE TABLE attachment (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, filename TEXT, uti TEXT, mime_type TEXT,
  transfer_state INTEGER DEFAULT 0, transfer_name TEXT, total_bytes INTEGER DEFAULT 0, is_sticker INTEGER DEFAULT 0,
  hide_attachment INTEGER DEFAULT 0);
CREATE TABLE message_attachment_join (message_id INTEGER, attachment_id INTEGER, UNIQUE (message_id, attachment_id));
CREATE INDEX message_idx_date ON message (date);
CREATE INDEX chat_message_join_idx_message_id_only ON chat_message_join (message_id);
CREATE INDEX message_attachment_join_idx_message_id ON message_attachment_join (message_id);
`;

export type Columns = Record<string, string | number | bigint | null | Uint8Array>;

/** Nanoseconds since 2001, as Apple writes dates. */
export function appleDate(at: number): bigint {
  return BigInt(Math.round(at) - APPLE_EPOCH_MS) * 1_000_000n;
}

export class ChatDbFile {
  readonly path: string;
  readonly raw: DatabaseSync;
  #made = 0;

  constructor(path: string) {
    this.path = path;
    this.raw = new DatabaseSync(path, { timeout: 2_000 });
    this.raw.exec('PRAGMA journal_mode = WAL');
    if (!this.raw.prepare("SELECT 1 FROM sqlite_master WHERE name = 'message'").get()) this.raw.exec(TABLES);
  }

  insert(table: string, columns: Columns): number {
    const names = Object.keys(columns);
    const sql = `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
    return Number(this.raw.prepare(sql).run(...Object.values(columns)).lastInsertRowid);
  }

  update(rowid: number, columns: Columns): void {
    const set = Object.keys(columns).map((name) => `${name} = ?`);
    this.raw.prepare(`UPDATE message SET ${set.join(', ')} WHERE ROWID = ?`).run(...Object.values(columns), rowid);
  }

  handle(id: string, service = 'iMessage'): number {
    const there = this.raw.prepare('SELECT ROWID AS rowid FROM handle WHERE id = ? AND service = ?').get(id, service);
    return there ? Number(there.rowid) : this.insert('handle', { id, service });
  }

  /** The ROWID of the 1:1 chat with a handle, made if need be. */
  direct(id: string, columns: Columns = {}): number {
    const there = this.raw.prepare('SELECT ROWID AS rowid FROM chat WHERE chat_identifier = ? AND style = 45').get(id);
    if (there && Object.keys(columns).length === 0) return Number(there.rowid);
    const chat = this.insert('chat', {
      guid: `any;-;${id}`,
      style: 45,
      chat_identifier: id,
      service_name: 'iMessage',
      ...columns,
    });
    this.insert('chat_handle_join', { chat_id: chat, handle_id: this.handle(id) });
    return chat;
  }

  group(identifier: string, members: string[], columns: Columns = {}): number {
    const chat = this.insert('chat', {
      guid: `any;+;${identifier}`,
      style: 43,
      chat_identifier: identifier,
      room_name: identifier,
      service_name: 'iMessage',
      ...columns,
    });
    for (const member of members) this.insert('chat_handle_join', { chat_id: chat, handle_id: this.handle(member) });
    return chat;
  }

  /** A row alone, not joined to a chat. Returns its ROWID. */
  row(at: number, columns: Columns = {}): number {
    this.#made += 1;
    return this.insert('message', { guid: `ROW-${this.#made}`, service: 'iMessage', date: appleDate(at), ...columns });
  }

  join(rowid: number, chat: number): void {
    this.insert('chat_message_join', { chat_id: chat, message_id: rowid });
  }

  /** A message from a person, in one transaction with its chat join. */
  inbound(from: string, text: string, at: number, columns: Columns = {}): number {
    return this.transaction(() => {
      const rowid = this.row(at, { text, handle_id: this.handle(from), is_delivered: 1, ...columns });
      this.join(rowid, this.direct(from));
      return rowid;
    });
  }

  own(to: string, text: string, at: number, columns: Columns = {}): number {
    return this.transaction(() => {
      const rowid = this.row(at, { text, handle_id: this.handle(to), is_from_me: 1, is_sent: 1, ...columns });
      this.join(rowid, this.direct(to));
      return rowid;
    });
  }

  /** Hangs a file on a row, in a transaction of its own, as Messages does. */
  file(rowid: number, name: string, columns: Columns = {}): void {
    this.transaction(() => {
      const file = { guid: `FILE-${rowid}-${name}`, transfer_name: name, transfer_state: 5, ...columns };
      this.insert('message_attachment_join', { message_id: rowid, attachment_id: this.insert('attachment', file) });
    });
  }

  transaction<T>(work: () => T): T {
    this.raw.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.raw.exec('COMMIT');
      return result;
    } catch (error) {
      this.raw.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.raw.close();
  }
}
