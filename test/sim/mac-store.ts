/**
 * The chat.db of the simulated Mac: one writer, as Messages is (WAL, held open, short transactions). Everything is synchronous.
 *
 * Whoever only wants rows calls `insertInbound` and `insertOwn`: the message row, then its join to the chat in a transaction of its own.
 * Whoever plays Messages calls `insertMessage`, `join` and `update` with time between them. Times are Unix ms; the file has Apple's
 * nanoseconds since 2001. The caller closes the store; another process may read the file all the while.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { appleDate } from './apple-date.ts';
import { type MacosVersion, schemaSql } from './schema-macos.ts';
import { encodeAttributedText } from './typedstream.ts';

export type Columns = Record<string, SQLInputValue>;

export const DIRECT = 45;
export const GROUP = 43;

export interface StoredChat {
  rowid: number;
  guid: string;
  /** The address in a 1:1 chat, `chat…` in a group. */
  identifier: string;
  style: number;
  service: string;
  groupId: string;
  name: string | null;
}

export interface StoredMessage {
  rowid: number;
  guid: string;
  chat: StoredChat;
}

export interface NewMessage {
  /** The sender of an inbound row, the recipient of an own one; a group's own rows have none. */
  handle?: string;
  text: string;
  at: number;
  service?: string;
  /** A chat's ROWID; the 1:1 chat with `handle` if not given. */
  chat?: number;
  guid?: string;
  /** Whatever else the row should say; wins over everything. */
  columns?: Columns;
}

export interface MacStoreOptions {
  ownAddress?: string;
  /** Whose schema a new file has; 26 if not given. A column that the file lacks is not written. */
  macos?: MacosVersion;
  /** What chat guids begin with; if not given as in that macOS: `any` since 26, the service before. */
  guidPrefix?: 'any' | 'service';
}

const PLAIN = {
  version: 10,
  is_finished: 1,
  part_count: 1,
  date_read: 0,
  date_delivered: 0,
  date_played: 0,
  date_retracted: 0,
  date_edited: 0,
  date_recovered: 0,
};

export class MacStore {
  readonly path: string;
  readonly ownAddress: string;
  readonly #db: DatabaseSync;
  readonly #prefix: 'any' | 'service';
  readonly #prepared = new Map<string, StatementSync>();
  readonly #columns = new Map<string, Set<string>>();
  readonly #handles = new Map<string, number>();
  readonly #directs = new Map<string, StoredChat>();

  /** Opens the file, or makes it with its folder. */
  constructor(path: string, o: MacStoreOptions = {}) {
    this.path = path;
    this.ownAddress = o.ownAddress ?? '+15550100000';
    const macos = o.macos ?? '26';
    this.#prefix = o.guidPrefix ?? (Number(macos) < 26 ? 'service' : 'any');
    mkdirSync(dirname(path), { recursive: true });
    this.#db = new DatabaseSync(path, { timeout: 10_000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON');
    if (!this.get("SELECT 1 FROM sqlite_schema WHERE name = 'message'")) this.#db.exec(schemaSql(macos));
  }

  close(): void {
    this.#db.close();
  }

  /** Moves the WAL into the file and cuts it off. False if a reader was in the way. */
  checkpoint(): boolean {
    return this.get('PRAGMA wal_checkpoint(TRUNCATE)')?.busy === 0;
  }

  /** Many inserts as one transaction: much faster, for filling a large file. */
  transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      this.#forget();
      throw error;
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Record<string, SQLInputValue> | undefined {
    return this.#statement(sql).get(...values) as Record<string, SQLInputValue> | undefined;
  }

  all(sql: string, ...values: SQLInputValue[]): Record<string, SQLInputValue>[] {
    return this.#statement(sql).all(...values) as Record<string, SQLInputValue>[];
  }

  /** Inserts a row, with the columns that are named and that this macOS has. */
  insert(table: string, given: Columns): number {
    const columns = this.#known(table, given);
    const names = Object.keys(columns);
    const sql = `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
    return Number(this.#statement(sql).run(...Object.values(columns)).lastInsertRowid);
  }

  /** Changes a message in place, found by its guid. False if there is none any more. */
  update(guid: string, given: Columns): boolean {
    const columns = this.#known('message', given);
    if (Object.keys(columns).length === 0) return this.get('SELECT 1 FROM message WHERE guid = ?', guid) !== undefined;
    const sets = Object.keys(columns).map((name) => `${name} = ?`);
    const sql = `UPDATE message SET ${sets.join(', ')} WHERE guid = ?`;
    return this.#statement(sql).run(...Object.values(columns), guid).changes > 0;
  }

  /** Removes a message for good: Apple's triggers note its guid. */
  remove(guid: string): void {
    this.#statement('DELETE FROM message WHERE guid = ?').run(guid);
    this.#forget();
  }

  /** The message goes and comes back as it was, with a new ROWID: what iCloud does when it fills in. */
  reinsert(guid: string): void {
    const old = this.get('SELECT ROWID AS rowid FROM message WHERE guid = ?', guid)?.rowid;
    if (old === undefined) return;
    this.transaction(() => {
      this.#db.exec('PRAGMA defer_foreign_keys = ON');
      const next = Number(this.get("SELECT seq FROM sqlite_sequence WHERE name = 'message'")?.seq) + 1;
      for (const [table, column] of [
        ['message', 'ROWID'],
        ['chat_message_join', 'message_id'],
        ['message_attachment_join', 'message_id'],
      ])
        this.#statement(`UPDATE ${table} SET ${column} = ? WHERE ${column} = ?`).run(next, old);
      this.#statement("UPDATE sqlite_sequence SET seq = ? WHERE name = 'message'").run(next);
    });
  }

  /** ROWID of the handle, made if need be. */
  handle(address: string, service = 'iMessage'): number {
    const key = `${service} ${address}`;
    const known =
      this.#handles.get(key) ??
      (this.get('SELECT ROWID AS rowid FROM handle WHERE id = ? AND service = ?', address, service)?.rowid as
        | number
        | undefined);
    const rowid = known ?? this.insert('handle', { id: address, service, country: 'us', uncanonicalized_id: address });
    this.#handles.set(key, rowid);
    return rowid;
  }

  /** The 1:1 chat with an address, made if need be. One for all services since macOS 26, one for each before. */
  direct(address: string, service = 'iMessage'): StoredChat {
    const prefix = this.#prefix === 'any' ? 'any' : service;
    const guid = `${prefix};-;${address}`;
    const found = this.#directs.get(guid) ?? this.findChat(guid);
    if (found) return this.#remember(found);
    const rowid = this.#insertChat({ guid, identifier: address, style: DIRECT, service });
    this.insert('chat_handle_join', { chat_id: rowid, handle_id: this.handle(address, service) });
    return this.#remember(this.chat(rowid));
  }

  /** A new group. `identifier` is `chat` and digits. */
  group(o: { members: string[]; name?: string; service?: string; identifier?: string }): StoredChat {
    const service = o.service ?? 'iMessage';
    const identifier = o.identifier ?? `chat${BigInt(`0x${randomUUID().replaceAll('-', '').slice(0, 14)}`)}`;
    const prefix = this.#prefix === 'any' ? 'any' : service;
    const rowid = this.#insertChat({
      guid: `${prefix};+;${identifier}`,
      identifier,
      style: GROUP,
      service,
      name: o.name,
    });
    for (const member of o.members) this.addMember(rowid, member, service);
    return this.chat(rowid);
  }

  addMember(chat: number, address: string, service = 'iMessage'): void {
    const values = [chat, this.handle(address, service)];
    this.#statement('INSERT OR IGNORE INTO chat_handle_join (chat_id, handle_id) VALUES (?, ?)').run(...values);
  }

  removeMember(chat: number, address: string): void {
    const which = 'chat_id = ? AND handle_id IN (SELECT ROWID FROM handle WHERE id = ?)';
    this.#statement(`DELETE FROM chat_handle_join WHERE ${which}`).run(chat, address);
    this.#forget();
  }

  members(chat: number): string[] {
    const sql = 'SELECT h.id FROM chat_handle_join j JOIN handle h ON h.ROWID = j.handle_id WHERE j.chat_id = ?';
    return this.all(`${sql} ORDER BY h.ROWID`, chat).map((row) => String(row.id));
  }

  chat(rowid: number): StoredChat {
    const row = this.get(`${CHAT_SQL} WHERE ROWID = ?`, rowid);
    if (!row) throw new RangeError(`no chat ${rowid}`);
    return chatFrom(row);
  }

  /** By Apple's guid, by `group:<group id>`, or by identifier. */
  findChat(name: string): StoredChat | null {
    const row = this.get(
      `${CHAT_SQL} WHERE guid = ?1 OR chat_identifier = ?1 OR 'group:' || group_id = ?1 ORDER BY ROWID`,
      name,
    );
    return row ? chatFrom(row) : null;
  }

  /** A message row alone, in no chat yet: what a reader sees for a moment. The body is in `attributedBody`, `text` is NULL. */
  insertMessage(o: NewMessage & { fromMe: boolean }): { rowid: number; guid: string } {
    const service = o.service ?? 'iMessage';
    const guid = o.guid ?? randomUUID().toUpperCase();
    const rowid = this.insert('message', {
      guid,
      text: null,
      attributedBody: encodeAttributedText(o.text, { mutable: true }),
      handle_id: o.handle === undefined ? 0 : this.handle(o.handle, service),
      service,
      account: `P:${this.ownAddress}`,
      destination_caller_id: this.ownAddress,
      date: appleDate(o.at),
      is_from_me: o.fromMe ? 1 : 0,
      ...PLAIN,
      ...o.columns,
    });
    return { rowid, guid };
  }

  join(rowid: number, chat: number, at: number): void {
    this.insert('chat_message_join', { chat_id: chat, message_id: rowid, message_date: appleDate(at) });
  }

  /** A message that came in, joined to its chat. */
  insertInbound(o: NewMessage & { handle: string }): StoredMessage {
    const columns = { is_delivered: 1, ...o.columns };
    return this.#insertJoined({ ...o, columns, fromMe: false });
  }

  /** An own message that Apple's server took, as when written on this Mac or another device. Without a handle it needs a group `chat`. */
  insertOwn(o: NewMessage): StoredMessage {
    return this.#insertJoined({ ...o, columns: { is_sent: 1, ...o.columns }, fromMe: true });
  }

  #insertJoined(o: NewMessage & { fromMe: boolean }): StoredMessage {
    const chat = this.chatOf(o);
    const { rowid, guid } = this.insertMessage(o);
    this.join(rowid, chat.rowid, o.at);
    return { rowid, guid, chat };
  }

  chatOf(o: { handle?: string; chat?: number; service?: string }): StoredChat {
    if (o.chat !== undefined) return this.chat(o.chat);
    if (o.handle === undefined) throw new RangeError('a message needs a handle or a chat');
    return this.direct(o.handle, o.service);
  }

  #insertChat(o: { guid: string; identifier: string; style: number; service: string; name?: string }): number {
    const groupId = randomUUID().toUpperCase();
    return this.insert('chat', {
      guid: o.guid,
      style: o.style,
      state: 3,
      chat_identifier: o.identifier,
      service_name: o.service,
      room_name: o.style === GROUP ? o.identifier : null,
      display_name: o.name ?? '',
      account_login: `P:${this.ownAddress}`,
      last_addressed_handle: this.ownAddress,
      group_id: groupId,
      original_group_id: groupId,
      is_filtered: 0,
      successful_query: 1,
    });
  }

  #remember(chat: StoredChat): StoredChat {
    this.#directs.set(chat.guid, chat);
    return chat;
  }

  /** Apple's triggers remove handles that nobody needs any more. */
  #forget(): void {
    this.#handles.clear();
    this.#directs.clear();
  }

  #known(table: string, columns: Columns): Columns {
    const known =
      this.#columns.get(table) ??
      new Set(this.all(`SELECT name FROM pragma_table_info('${table}')`).map(({ name }) => String(name)));
    this.#columns.set(table, known);
    return Object.fromEntries(Object.entries(columns).filter(([name]) => known.has(name)));
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql) ?? this.#db.prepare(sql);
    this.#prepared.set(sql, known);
    return known;
  }
}

const CHAT_SQL = 'SELECT ROWID AS rowid, guid, chat_identifier, style, service_name, group_id, display_name FROM chat';

function chatFrom(row: Record<string, SQLInputValue>): StoredChat {
  return {
    rowid: Number(row.rowid),
    guid: String(row.guid),
    identifier: String(row.chat_identifier),
    style: Number(row.style),
    service: String(row.service_name),
    groupId: String(row.group_id),
    name: row.display_name ? String(row.display_name) : null,
  };
}
