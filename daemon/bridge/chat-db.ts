/**
 * Apple's `chat.db`, opened for reading only. Never a write, never an open iterator (it would stop Messages' checkpoint): each call is
 * one short read transaction of at most PAGE_ROWS rows.
 *
 * `open` throws a RelayError: `chat_db_missing`, `chat_db_denied`, `chat_db_unusable`. The others throw what SQLite says: a busy
 * database (`isBusy` of host/db.ts) is worth another try from a timer. The caller owes `close`.
 */
import { statSync } from 'node:fs';
import { type Db, openReader } from '../host/db.ts';
import { codeOf, messageOf, RelayError } from '../host/errors.ts';
import { ChangedRows } from './changed-rows.ts';
import type { ChatRow, OwnState } from './chat-row.ts';
import { type ChatSql, chatSql, type PlainRow } from './chat-schema.ts';
import { Chats, type ChatTarget, type KnownChat } from './chats.ts';
import { RowReader, stateOf } from './row-reader.ts';

/** Rows of one read at the most. */
export const PAGE_ROWS = 500;
/** How long a lock is waited for, with the event loop standing still; after that a timer tries again. */
const BUSY_MS = 5;

export interface FileIdentity {
  dev: number;
  ino: number;
}

export class ChatDb {
  readonly path: string;
  /** What changes in place. */
  readonly changed: ChangedRows;
  readonly #db: Db;
  readonly #sql: ChatSql;
  readonly #chats: Chats;
  readonly #reader: RowReader;
  readonly #identity: FileIdentity;

  /** Use `open`. */
  constructor(path: string, db: Db, sql: ChatSql, identity: FileIdentity) {
    this.path = path;
    this.#db = db;
    this.#sql = sql;
    this.#chats = new Chats(db, sql);
    this.#reader = new RowReader(db, sql, this.#chats);
    this.changed = new ChangedRows(db);
    this.#identity = identity;
  }

  static open(path: string): ChatDb {
    let db: Db | undefined;
    try {
      const identity = fileIdentity(path);
      db = openReader(path, { timeoutMs: BUSY_MS });
      const sql = chatSql(db);
      if (!sql) throw unusable(path, 'it has no messages table');
      return new ChatDb(path, db, sql, identity);
    } catch (error) {
      db?.close();
      throw chatDbError(path, error);
    }
  }

  /** Which file it is; another one may be behind the path by now (`fileIdentity`). */
  identity(): FileIdentity {
    return this.#identity;
  }

  /** Changes when another process has committed. 3 µs. */
  dataVersion(): number {
    return Number(this.#db.sql('PRAGMA data_version').get()?.data_version ?? 0);
  }

  /** The highest ROWID that is there, 0 if there is none. */
  maxRowid(): number {
    return Number(this.#db.sql('SELECT MAX(ROWID) AS rowid FROM message').get()?.rowid ?? 0);
  }

  /** The highest ROWID ever given: it does not go back when Messages deletes the newest rows. */
  highestEver(): number {
    const kept = this.#sql.highestEver ? this.#db.sql(this.#sql.highestEver).get()?.seq : 0;
    return Math.max(Number(kept ?? 0), this.maxRowid());
  }

  /** The lowest ROWID of the rows dated `sinceAt` (Unix ms) or later, or null. */
  firstRowidSince(sinceAt: number): number | null {
    const rowid = this.#db.sql(this.#sql.firstSince).get(sinceAt, sinceAt)?.rowid;
    return typeof rowid === 'number' ? rowid : null;
  }

  /** The `nth` newest ROWID (1 is the newest), or 0 if there are fewer. */
  newestRowid(nth: number): number {
    return Number(
      this.#db.sql('SELECT ROWID AS rowid FROM message ORDER BY ROWID DESC LIMIT 1 OFFSET ?').get(nth - 1)?.rowid ?? 0,
    );
  }

  /** Guids of the `limit` newest rows up to a ROWID, in ROWID order. */
  guidsUpTo(rowid: number, limit: number): { rowid: number; guid: string }[] {
    const rows = this.#db
      .sql<{ rowid: number; guid: string }>(
        'SELECT ROWID AS rowid, guid FROM message WHERE ROWID <= ? ORDER BY ROWID DESC LIMIT ?',
      )
      .all(rowid, limit);
    return rows.reverse();
  }

  rowsAfter(rowid: number, limit: number): ChatRow[] {
    return this.#reader.after(rowid, Math.min(limit, PAGE_ROWS));
  }

  /** In ROWID order; rows that are gone are left out. */
  rowsByRowid(rowids: number[]): ChatRow[] {
    const found: ChatRow[] = [];
    for (const page of pages([...rowids].sort((a, b) => a - b))) found.push(...this.#reader.in(page));
    return found;
  }

  /** In ROWID order; rows that are gone are left out. */
  ownStates(rowids: number[]): OwnState[] {
    const found: OwnState[] = [];
    for (const page of pages([...rowids].sort((a, b) => a - b)))
      found.push(...this.#db.sql<PlainRow>(this.#sql.statesIn).all(JSON.stringify(page)).map(stateOf));
    return found;
  }

  /** By guid, for rows that are no longer where they were; those that are gone are left out. */
  ownStatesOf(guids: string[]): OwnState[] {
    return this.#db.sql<PlainRow>(this.#sql.statesOf).all(JSON.stringify(guids)).map(stateOf);
  }

  /** The `limit` newest own rows dated `sinceAt` (Unix ms) or later, in ROWID order. */
  ownRowsSince(sinceAt: number, limit: number): ChatRow[] {
    const rows = this.#db.sql<{ rowid: number }>(this.#sql.ownSince).all(sinceAt, sinceAt, limit);
    return this.rowsByRowid(rows.map(({ rowid }) => rowid));
  }

  /** Present members of `group:…` without ourselves, or null if this chat.db knows no such group. */
  groupMembers(chat: string): string[] | null {
    return this.#chats.members(chat);
  }

  /** Existing 1:1 chats with a handle, for AppleScript's `chat id`, best first: iMessage before SMS, then the newest. */
  directTargets(handle: string): ChatTarget[] {
    return this.#chats.directTargets(handle);
  }

  /** The oldest row of the 1:1 conversation with a handle, or null. */
  oldestDirectRow(handle: string): ChatRow | null {
    const guids = this.#sql.oldestOf === null ? [] : this.directTargets(handle).map(({ guid }) => guid);
    if (this.#sql.oldestOf === null || guids.length === 0) return null;
    const rowid = this.#db.sql<{ rowid: number | null }>(this.#sql.oldestOf).get(JSON.stringify(guids))?.rowid ?? null;
    return rowid === null ? null : (this.rowsByRowid([rowid])[0] ?? null);
  }

  /** The conversation with this ROWID, and what Apple's filters say of it now; null if it is gone. */
  chat(rowid: number): KnownChat | null {
    this.#chats.asOf(this.dataVersion());
    return this.#chats.byRowid(rowid);
  }

  groupTarget(chat: string): ChatTarget | null {
    return this.#chats.groupTarget(chat);
  }

  close(): void {
    this.#db.close();
  }
}

/** Which file is behind a path now. Throws what the file system says. */
export function fileIdentity(path: string): FileIdentity {
  const { dev, ino } = statSync(path);
  return { dev, ino };
}

/** What it means that chat.db cannot be opened or read, with the remedy. */
export function chatDbError(path: string, error: unknown): RelayError {
  if (error instanceof RelayError) return error;
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new RelayError('chat_db_missing', `There is no ${path}.`, {
      hint: 'Sign in to Messages on this Mac and open it once, or set messages.chat_db in config.json.',
      retryable: true,
      cause: error,
    });
  if (code === 'EPERM' || code === 'EACCES')
    return new RelayError('chat_db_denied', `macOS does not let this process read ${path}.`, {
      hint: `System Settings > Privacy & Security > Full Disk Access: switch on ${process.execPath}.`,
      retryable: true,
      cause: error,
    });
  return unusable(path, messageOf(error), error);
}

function unusable(path: string, why: string, cause?: unknown): RelayError {
  return new RelayError('chat_db_unusable', `${path} cannot be read as a chat.db: ${why}.`, {
    hint: 'Check messages.chat_db in config.json; if it is the right file, open Messages and see whether it shows its conversations.',
    retryable: true,
    cause,
  });
}

function pages(rowids: number[]): number[][] {
  const cut: number[][] = [];
  for (let at = 0; at < rowids.length; at += PAGE_ROWS) cut.push(rowids.slice(at, at + PAGE_ROWS));
  return cut;
}
