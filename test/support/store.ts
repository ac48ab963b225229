/** A real relay store in a folder of its own. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GroupCommit } from '../../daemon/host/commit.ts';
import { type Db, openRelayDb, readMigrations } from '../../daemon/host/db.ts';

export const MIGRATIONS = new URL('../../daemon/host/migrations/', import.meta.url);

export interface TestStore {
  folder: string;
  path: string;
  db: Db;
  commit: GroupCommit;
  /** Closes and opens again, as after a restart. `meanwhile`: between the two. */
  reopen(meanwhile?: () => void): Promise<void>;
  remove(): Promise<void>;
}

export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'sender-relay-'));
}

/** For very many short-lived stores: in memory where the system has such a folder, so that a flush costs nothing. */
export function makeQuickFolder(): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sender-relay-'));
}

export function openStore(folder = makeFolder()): TestStore {
  const path = join(folder, 'relay.db');
  const open = () => openRelayDb(path, readMigrations(MIGRATIONS));
  const db = open();
  const store: TestStore = {
    folder,
    path,
    db,
    commit: new GroupCommit(db),
    async reopen(meanwhile = () => {}) {
      await store.commit.close();
      store.db.close();
      meanwhile();
      store.db = open();
      store.commit = new GroupCommit(store.db);
    },
    async remove() {
      await store.commit.close();
      store.db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return store;
}
