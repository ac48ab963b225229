/**
 * Files of messages that were told before their files were there: iCloud and Messages bring them later, without a new row.
 *
 *   told with its message, not on disk ──▶ awaited for 7 days ── finished, and there ──▶ told as ready, once
 *
 * A file is ready when Apple says that its transfer is finished *and* it lies on the disk: the one can come before the other. Files may be
 * joined to a fresh message one by one, so each fresh message that has or wants any is looked at again for a minute.
 * All that writes must run in the transaction of the telling.
 */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { AttachmentFolder } from './attachment-folder.ts';
import type { StoredFile } from './changed-rows.ts';

export const AWAIT_MS = 7 * 86_400_000;
/** So long after the first sight of a message more files may be joined to it. */
const JOINED_MS = 60_000;
/** A message from longer ago comes with all its files, or they were purged. */
const FRESH_MS = 600_000;
/** Messages looked at in one go, the newest first. */
export const MOST_AT_ONCE = 200;
/** Apple's `transfer_state` for "finished". */
export const FINISHED = 5;

export interface Awaited {
  guid: string;
  rowid: number;
  since: number;
  told: string[];
}

export class AwaitedFiles {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #folder: AttachmentFolder;

  constructor(o: { db: Db; clock: Clock; folder: AttachmentFolder }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#folder = o.folder;
  }

  /** Nothing is awaited. */
  get isEmpty(): boolean {
    return this.#db.sql('SELECT 1 FROM chat_file_wait LIMIT 1').get() === undefined;
  }

  isReady(file: StoredFile): boolean {
    return file.state === FINISHED && this.#folder.has(file.path);
  }

  /** A message is told with these files; `ready`: guids of those that are. */
  first(row: { guid: string; rowid: number; at: number }, files: StoredFile[], ready: Set<string>): void {
    const now = this.#clock.now();
    const age = now - row.at;
    const isComplete = files.length > 0 && ready.size === files.length;
    if (age > AWAIT_MS || (isComplete && age > FRESH_MS)) return;
    const told = JSON.stringify([...ready]);
    this.#db
      .sql('INSERT OR IGNORE INTO chat_file_wait (guid, row_id, since, told) VALUES (?, ?, ?, ?)')
      .run(row.guid, row.rowid, Math.round(now), told);
  }

  /** The newest MOST_AT_ONCE. */
  newest(): Awaited[] {
    return this.#all('ORDER BY since DESC LIMIT ?', MOST_AT_ONCE);
  }

  /** A page of all, by guid. */
  page(after: string): Awaited[] {
    return this.#all('WHERE guid > ? ORDER BY guid LIMIT ?', after, MOST_AT_ONCE);
  }

  /** May its file come without a sign in chat.db, just now? */
  isYoung(awaited: Awaited): boolean {
    return this.#clock.now() - awaited.since < JOINED_MS;
  }

  /** Files of a message that are ready and were not told as that. */
  news(awaited: Awaited, files: StoredFile[]): StoredFile[] {
    return files.filter((file) => !awaited.told.includes(file.guid) && this.isReady(file));
  }

  /** Is there nothing more to come? `files` is null if the message is gone. */
  isOver(awaited: Awaited, files: StoredFile[] | null): boolean {
    const age = this.#clock.now() - awaited.since;
    if (files === null || age > AWAIT_MS) return true;
    return age > JOINED_MS && files.length > 0 && files.every((file) => this.isReady(file));
  }

  told(awaited: Awaited, news: StoredFile[]): void {
    const told = JSON.stringify([...awaited.told, ...news.map(({ guid }) => guid)]);
    this.#db.sql('UPDATE chat_file_wait SET told = ? WHERE guid = ?').run(told, awaited.guid);
  }

  forget(awaited: Awaited): void {
    this.#db.sql('DELETE FROM chat_file_wait WHERE guid = ?').run(awaited.guid);
  }

  #all(where: string, ...values: (string | number)[]): Awaited[] {
    return this.#db
      .sql<{ guid: string; row_id: number; since: number; told: string }>(
        `SELECT guid, row_id, since, told FROM chat_file_wait ${where}`,
      )
      .all(...values)
      .map((row) => ({ guid: row.guid, rowid: row.row_id, since: row.since, told: JSON.parse(row.told) as string[] }));
  }
}
