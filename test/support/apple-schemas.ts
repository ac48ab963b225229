/**
 * Apple's own schemas of chat.db, where the folder with them lies beside the project. Nothing of them is kept here: a test that needs them
 * says that it skips where they are not there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const FOLDER = new URL('../../../shared/schema/', import.meta.url);

export interface AppleSchema {
  name: string;
  /** Tables only were published: what is fast on a Mac cannot be judged on it. */
  hasIndexes: boolean;
  sql: string;
}

export function appleSchemas(): AppleSchema[] {
  if (!existsSync(FOLDER)) return [];
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => {
      const sql = readFileSync(new URL(name, FOLDER), 'utf8');
      return { name: name.replace(/\.sql$/, ''), hasIndexes: /CREATE INDEX\s+\S*message_idx_date/.test(sql), sql };
    });
}

/** Tables and indexes; no triggers, since they call functions that only Apple's processes have. */
export function makeEmpty(path: string, sql: string): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL');
  // SQLite makes its own tables by itself.
  db.exec(sql.replace(/CREATE TABLE\s+(?:IF NOT EXISTS\s+)?["'`]?sqlite_[^;]*;/gi, ''));
  for (const { name } of db.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all())
    db.exec(`DROP TRIGGER "${String(name)}"`);
  return db;
}
