/**
 * How far `chat.db` has been read and what was told, in relay.db. All that writes here must run in the transaction of what the rows
 * caused, so that each row is told exactly once.
 *
 *   none ──begin──▶ at ROWID, generation 1 ──advance──▶ … ──renew (another chat.db)──▶ at ROWID, generation 2 ──advance──▶ …
 *
 * A beginning and a new generation read again what is dated within RECOVER_MS (and since the last reading), as *recovering* rows. Among
 * them may stand history: older rows. Those from before this store's memory are passed over, others only if they stand further back
 * than RECOVER_ROWS.
 */
import type { Db } from '../host/db.ts';
import type { ChatDb } from './chat-db.ts';
import type { ChatRow } from './chat-row.ts';
import { ToldGuids } from './told-guids.ts';

export const RECOVER_MS = 86_400_000;
export const RECOVER_ROWS = 5_000;
/** A first reading goes no further back, whatever the clock says. */
const FIRST_ROWS = 20_000;
/** Guids kept to recognise the chat.db at the cursor. */
const REMEMBERED_ROWS = 100;

interface CursorRow {
  rowid_read: number;
  dev: string;
  ino: string;
  generation: number;
  began_at: number;
  read_at: number;
  recover_until: number;
  horizon_at: number;
  history_until: number;
}

export class Cursor {
  readonly #db: Db;
  readonly #told: ToldGuids;
  #row: CursorRow | undefined;
  /** The newest row that is remembered. */
  #newest: { rowid: number; guid: string } | undefined;

  constructor(db: Db) {
    this.#db = db;
    this.#told = new ToldGuids(db);
    this.#read();
  }

  /** Takes what is stored for true, after a transaction that was rolled back. */
  reload(): void {
    this.#told.reload();
    this.#read();
  }

  #read(): void {
    this.#row = this.#db.sql<CursorRow>('SELECT * FROM chat_cursor WHERE id = 1').get();
    this.#newest = this.#db
      .sql<{ rowid: number; guid: string }>(
        'SELECT rowid_read AS rowid, guid FROM chat_cursor_row ORDER BY rowid_read DESC LIMIT 1',
      )
      .get();
  }

  /** All rows up to here are told. Null: chat.db was never read with this store. */
  get rowid(): number | null {
    return this.#row?.rowid_read ?? null;
  }

  /** Unix ms: rows dated before are from before this store's memory. */
  get beganAt(): number | null {
    return this.#row?.began_at ?? null;
  }

  /** Is this still the chat.db that the cursor belongs to? A reason if not. `sinceStart`: the file was looked at before in this process. */
  strangeness(chatDb: ChatDb, sinceStart: boolean): string | null {
    const row = this.#row;
    if (!row) return null;
    const { dev, ino } = chatDb.identity();
    // A device gets its number when it is mounted, so after a restart only the inode counts.
    if (row.ino !== String(ino) || (sinceStart && row.dev !== String(dev))) return 'another file is behind the path';
    if (chatDb.highestEver() < row.rowid_read) return 'its highest ROWID is below the cursor';
    return this.#guidsDiffer(chatDb, row.rowid_read) ? 'other messages stand at the cursor' : null;
  }

  /** The cheap part of `strangeness`, for each look. */
  looksStrange(chatDb: ChatDb): string | null {
    const row = this.#row;
    if (!row) return null;
    if (chatDb.highestEver() < row.rowid_read) return 'its highest ROWID is below the cursor';
    const last = this.#newest;
    const there = last && chatDb.guidsUpTo(last.rowid, 1)[0];
    return there && there.rowid === last.rowid && there.guid !== last.guid
      ? 'other messages stand at the cursor'
      : null;
  }

  /** The first reading ever, or another chat.db. */
  begin(chatDb: ChatDb, now: number): void {
    const before = this.#row;
    const highest = chatDb.highestEver();
    const horizon = Math.min(now, before?.read_at ?? now) - RECOVER_MS;
    const history = chatDb.newestRowid(RECOVER_ROWS + 1);
    const first = chatDb.firstRowidSince(horizon);
    // A new generation looks through the newest rows in any case; a first reading has nothing to tell from before the horizon.
    const dated = first === null ? highest : first - 1;
    const start = before ? Math.min(dated, history) : Math.max(dated, chatDb.newestRowid(FIRST_ROWS + 1));
    const { dev, ino } = chatDb.identity();
    this.#db
      .sql(`INSERT OR REPLACE INTO chat_cursor
        (id, rowid_read, dev, ino, generation, began_at, read_at, recover_until, horizon_at, history_until) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(
        start,
        String(dev),
        String(ino),
        (before?.generation ?? 0) + 1,
        Math.round(before?.began_at ?? horizon),
        Math.round(now),
        highest,
        Math.round(horizon),
        history,
      );
    this.#db.sql('DELETE FROM chat_cursor_row').run();
    this.#remember(chatDb.guidsUpTo(start, REMEMBERED_ROWS));
    this.#read();
  }

  /** Another device number for the same file, after a restart of the Mac. */
  remount(chatDb: ChatDb): void {
    const dev = String(chatDb.identity().dev);
    if (this.#row?.dev === dev) return;
    this.#db.sql('UPDATE chat_cursor SET dev = ? WHERE id = 1').run(dev);
    this.#read();
  }

  isRecovering(row: ChatRow): boolean {
    return this.#row !== undefined && row.rowid <= this.#row.recover_until;
  }

  /** History that is not told again (see above). */
  isPassedOver(row: ChatRow): boolean {
    const cursor = this.#row;
    if (!cursor || row.rowid > cursor.recover_until || row.at >= cursor.horizon_at) return false;
    return row.rowid <= cursor.history_until || row.at < cursor.began_at;
  }

  wasTold(guid: string): boolean {
    return this.#told.has(guid);
  }

  /** All up to the last of `rows` is done with; `guids` are those that were told just now. */
  advance(rows: ChatRow[], guids: string[], now: number): void {
    const last = rows.at(-1);
    if (!last || !this.#row) return;
    this.#row = { ...this.#row, rowid_read: last.rowid, read_at: Math.round(now) };
    this.#newest = { rowid: last.rowid, guid: last.guid };
    this.#db.sql('UPDATE chat_cursor SET rowid_read = ?, read_at = ? WHERE id = 1').run(last.rowid, this.#row.read_at);
    this.#told.add(guids);
    this.#remember(rows.slice(-REMEMBERED_ROWS));
  }

  #remember(rows: { rowid: number; guid: string }[]): void {
    this.#db
      .sql(
        'INSERT OR REPLACE INTO chat_cursor_row (rowid_read, guid) SELECT value ->> 0, value ->> 1 FROM json_each(?)',
      )
      .run(JSON.stringify(rows.map(({ rowid, guid }) => [rowid, guid])));
    this.#db
      .sql(
        'DELETE FROM chat_cursor_row WHERE rowid_read < (SELECT rowid_read FROM chat_cursor_row ORDER BY rowid_read DESC LIMIT 1 OFFSET ?)',
      )
      .run(REMEMBERED_ROWS - 1);
  }

  #guidsDiffer(chatDb: ChatDb, upTo: number): boolean {
    const known = this.#db.sql<{ rowid_read: number; guid: string }>('SELECT * FROM chat_cursor_row').all();
    if (known.length === 0) return false;
    const there = new Map(chatDb.guidsUpTo(upTo, 10 * REMEMBERED_ROWS).map(({ rowid, guid }) => [rowid, guid]));
    const present = known.filter(({ rowid_read }) => there.has(rowid_read));
    // Messages deletes rows, so some may be missing; all of many missing is another history.
    if (present.length === 0) return known.length >= 10;
    return present.some(({ rowid_read, guid }) => there.get(rowid_read) !== guid);
  }
}
