/**
 * The one door to SQLite.
 *
 * `openRelayDb` opens the relay's own store: WAL, one writer (this process), migrated to the newest version.
 * Commits write the WAL with `synchronous=NORMAL`; `GroupCommit` (commit.ts) flushes the WAL file off the event loop
 * before anything that promises durability goes out. `openReader` opens somebody else's database for reading only.
 *
 * Rows come back as plain objects; integers beyond 2^53 must be cast to text in SQL.
 */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { codeOf, messageOf, RelayError } from './errors.ts';

export type SqlValue = SQLInputValue;
export type SqlRow = Record<string, null | number | bigint | string | Uint8Array>;

export type SqlColumn = SqlRow[string];

export interface Statement<Row = SqlRow> {
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
  /** `lastId` is the ROWID of the last insert. */
  run(...values: SqlValue[]): { changes: number; lastId: number };
}

export interface Db {
  readonly path: string;
  /** A prepared statement, kept for the next call with the same text. */
  sql<Row = SqlRow>(text: string): Statement<Row>;
  /** The same, with each row as its columns in their order: where many rows of many columns are read, that takes half the time. */
  columns(text: string): Statement<SqlColumn[]>;
  exec(text: string): void;
  /** Runs `work` in a transaction (BEGIN IMMEDIATE), or in a savepoint when one is open. A throw rolls back and passes on. */
  transaction<T>(work: () => T): T;
  readonly inTransaction: boolean;
  close(): void;
}

export interface Migration {
  version: number;
  sql: string;
}

/** Files `NNNN-name.sql` of a folder, in order, without holes. */
export function readMigrations(folder: URL): Migration[] {
  const files = readdirSync(folder)
    .filter((name) => /^\d{4}-.*\.sql$/.test(name))
    .sort();
  return files.map((name, index) => {
    const version = Number(name.slice(0, 4));
    if (version !== index + 1)
      throw new RelayError('migration_hole', `migration ${name} does not follow number ${index}`, {
        hint: 'Migrations are numbered from 0001 without holes.',
      });
    return { version, sql: readFileSync(new URL(name, folder), 'utf8') };
  });
}

/** Opens or makes the relay's own database. Throws `store_damaged`, `store_too_new` or `store_unwritable`. */
export function openRelayDb(path: string, migrations: Migration[]): Db {
  let raw: DatabaseSync;
  try {
    raw = new DatabaseSync(path, { timeout: 2_000, enableForeignKeyConstraints: true });
    raw.exec('PRAGMA journal_mode = WAL');
    raw.exec('PRAGMA synchronous = NORMAL');
    raw.exec('PRAGMA temp_store = MEMORY');
    // Ids are random, so a burst of commands touches pages all over its indexes: room to keep them (used only when needed). A checkpoint runs
    // inside COMMIT, and the event loop stands still for as long as it has much to write and to flush: 5,000 commands go without one, and
    // the WAL grows to 20 MiB.
    raw.exec('PRAGMA cache_size = -16384');
    raw.exec('PRAGMA wal_autocheckpoint = 5000');
    if (process.platform === 'darwin') raw.exec('PRAGMA checkpoint_fullfsync = ON');
  } catch (error) {
    throw storeError(path, error);
  }
  const db = wrap(path, raw);
  migrate(db, migrations);
  return db;
}

function storeError(path: string, error: unknown): RelayError {
  const words = messageOf(error);
  if (/not a database|malformed/.test(words))
    return new RelayError('store_damaged', `${path} is damaged: ${words}`, {
      hint: `Stop the relay and move ${path} away; it then starts with a new store and reads chat.db before it sends anything.`,
      cause: error,
    });
  return new RelayError('store_unwritable', `${path} cannot be opened: ${words}`, {
    hint: 'Check that the folder exists, is yours, and that the disk is not full.',
    cause: error,
    retryable: true,
  });
}

function migrate(db: Db, migrations: Migration[]): void {
  const present = Number(db.sql<{ user_version: number }>('PRAGMA user_version').get()?.user_version ?? 0);
  const newest = migrations.at(-1)?.version ?? 0;
  if (present > newest)
    throw new RelayError('store_too_new', `${db.path} has version ${present}; this relay knows ${newest}`, {
      hint: 'A newer relay wrote it. Install that version again, or move the file away.',
    });
  for (const { version, sql } of migrations.filter((m) => m.version > present)) {
    db.transaction(() => {
      db.exec(sql);
      db.exec(`PRAGMA user_version = ${version}`);
    });
  }
}

/**
 * Opens a database of another program for reading. Never `immutable`, never a write; a lock is waited for `timeoutMs` at the most
 * (a longer wait would hold up the event loop: try again from a timer).
 */
export function openReader(path: string, options: { timeoutMs?: number } = {}): Db {
  // SQLite says the same "unable to open" for a missing file and a missing permission; opening the file first gives the true code.
  closeSync(openSync(path, 'r'));
  const raw = new DatabaseSync(path, { readOnly: true, timeout: options.timeoutMs ?? 50 });
  raw.exec('PRAGMA query_only = ON');
  return wrap(path, raw);
}

/**
 * SQLite's write lock on a file of its own, held until `release` or until the process ends. `mark` (a 32-bit number, say the pid) can
 * be read by whoever comes too late; 0 if it is not known.
 */
export function takeFileLock(
  path: string,
  mark: number,
): { kind: 'taken'; release: () => void } | { kind: 'held'; holder: number } {
  let raw: DatabaseSync;
  try {
    raw = new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw storeError(path, error);
  }
  try {
    raw.exec(`PRAGMA user_version = ${mark}`);
    raw.exec('BEGIN IMMEDIATE');
    return { kind: 'taken', release: () => raw.close() };
  } catch (error) {
    const holder = isBusy(error) ? Number(raw.prepare('PRAGMA user_version').get()?.user_version ?? 0) : 0;
    raw.close();
    if (isBusy(error)) return { kind: 'held', holder };
    throw storeError(path, error);
  }
}

/** Is this the "database is locked" of another writer, worth another try in a moment? */
export function isBusy(error: unknown): boolean {
  return codeOf(error) === 'ERR_SQLITE_ERROR' && /database (table )?is locked|busy/.test(messageOf(error));
}

function wrap(path: string, raw: DatabaseSync): Db {
  const statements = new Map<string, Statement<unknown>>();
  const arrays = new Map<string, Statement<SqlColumn[]>>();
  let depth = 0;

  function prepared(text: string): Statement<unknown> {
    const known = statements.get(text);
    if (known) return known;
    const made = statementOf(raw.prepare(stable(text)));
    statements.set(text, made);
    return made;
  }

  const db: Db = {
    path,
    sql: <Row>(text: string) => prepared(text) as Statement<Row>,
    columns(text) {
      const known = arrays.get(text);
      if (known) return known;
      const statement = raw.prepare(stable(text));
      statement.setReturnArrays(true);
      const made = statementOf(statement) as Statement<SqlColumn[]>;
      arrays.set(text, made);
      return made;
    },
    exec: (text) => raw.exec(text),
    transaction(work) {
      const level = depth;
      prepared(level === 0 ? 'BEGIN IMMEDIATE' : `SAVEPOINT s${level}`).run();
      depth = level + 1;
      try {
        const result = work();
        prepared(level === 0 ? 'COMMIT' : `RELEASE s${level}`).run();
        return result;
      } catch (error) {
        // SQLite may have rolled back by itself (disk full); then there is nothing left to undo.
        if (raw.isTransaction) raw.exec(level === 0 ? 'ROLLBACK' : `ROLLBACK TO s${level}; RELEASE s${level}`);
        throw error;
      } finally {
        depth = level;
      }
    },
    get inTransaction() {
      return depth > 0;
    },
    close() {
      statements.clear();
      arrays.clear();
      raw.close();
    },
  };
  return db;
}

/**
 * A bare parameter behind LIMIT has SQLite (3.53) plan for its value, and so prepare the whole statement anew at each call, which takes ten
 * times as long as most of them do. Behind a plus it is a value like any other.
 */
function stable(text: string): string {
  return text.replace(/\bLIMIT (?=\?)/g, 'LIMIT +');
}

function statementOf(statement: StatementSync): Statement<unknown> {
  return {
    get: (...values) => statement.get(...values),
    all: (...values) => statement.all(...values),
    run(...values) {
      const done = statement.run(...values);
      return { changes: Number(done.changes), lastId: Number(done.lastInsertRowid) };
    },
  };
}
