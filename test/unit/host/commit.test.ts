/** The group commit: what a resolved promise means, what a failing piece costs the others, and what happens when the disk refuses. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GroupCommit } from '../../../daemon/host/commit.ts';
import { type Db, openReader, openRelayDb, readMigrations } from '../../../daemon/host/db.ts';
import { MIGRATIONS, openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
beforeEach(() => {
  store = openStore();
  store.db.exec('CREATE TABLE note (n INTEGER PRIMARY KEY, word TEXT UNIQUE)');
});
afterEach(() => store.remove());

const add = (db: Db, word: string) => db.sql('INSERT INTO note (word) VALUES (?)').run(word).lastId;
const words = (db: Db) =>
  db
    .sql<{ word: string }>('SELECT word FROM note ORDER BY n')
    .all()
    .map((row) => row.word);

describe('a group', () => {
  it('is one transaction in the order in which the pieces were handed in', async () => {
    const { db, commit } = store;
    let transactions = 0;
    const counting: Db = {
      ...db,
      get inTransaction() {
        return db.inTransaction;
      },
      transaction: (work) => {
        if (!db.inTransaction) transactions += 1;
        return db.transaction(work);
      },
    };
    const grouped = new GroupCommit(counting);
    const ids = await Promise.all(['a', 'b', 'c'].map((word) => grouped.run(() => add(db, word))));
    expect(ids).toEqual([1, 2, 3]);
    expect(words(db)).toEqual(['a', 'b', 'c']);
    expect(transactions).toBe(1);
    await grouped.close();
    await commit.close();
  });

  it('loses only the piece that fails, and says so before anybody hears of the others', async () => {
    const { db, commit } = store;
    const heard: string[] = [];
    commit.onRolledBack(() => heard.push(`rolled back, in a transaction: ${db.inTransaction}`));
    const results = await Promise.allSettled([
      commit.run(() => add(db, 'a')).then(() => heard.push('a')),
      commit.run(() => {
        add(db, 'b');
        throw new Error('no');
      }),
      commit.run(() => add(db, 'c')).then(() => heard.push('c')),
    ]);
    expect(results.map((r) => r.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(words(db)).toEqual(['a', 'c']);
    expect(heard).toEqual(['rolled back, in a transaction: false', 'a', 'c']);
  });

  it('that cannot be committed rejects every piece, and the next one goes on', async () => {
    const { db, commit } = store;
    db.exec('CREATE TABLE other (word TEXT REFERENCES note (word) DEFERRABLE INITIALLY DEFERRED)');
    let rolledBack = 0;
    commit.onRolledBack(() => {
      rolledBack += 1;
    });
    const results = await Promise.allSettled([
      commit.run(() => add(db, 'a')),
      commit.run(() => db.sql("INSERT INTO other VALUES ('nobody')").run()),
    ]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'rejected']);
    expect({ words: words(db), rolledBack }).toEqual({ words: [], rolledBack: 1 });
    expect(await commit.run(() => add(db, 'b'))).toBe(1);
  });

  it('takes what is handed in during a flush into the next one', async () => {
    const { db, commit } = store;
    const second: Promise<number>[] = [];
    let groups = 0;
    commit.onDurable(() => {
      groups += 1;
    });
    await commit.run(() => {
      setImmediate(() => second.push(commit.run(() => add(db, 'b'))));
      return add(db, 'a');
    });
    await commit.run(() => add(db, 'c'));
    await Promise.all(second);
    expect(words(db).sort()).toEqual(['a', 'b', 'c']);
    expect(groups).toBeGreaterThanOrEqual(2);
  });

  it('whose flush fails resolves nothing and says that the store cannot be trusted', async () => {
    const { db } = store;
    const failures: unknown[] = [];
    const broken = new GroupCommit(
      { ...db, path: `${db.path}.gone`, transaction: db.transaction },
      {
        onFlushFailed: (error) => failures.push(error),
      },
    );
    let told = false;
    broken.onDurable(() => {
      told = true;
    });
    await expect(broken.run(() => add(db, 'a'))).rejects.toThrow('ENOENT');
    expect({ failures: failures.length, told }).toEqual({ failures: 1, told: false });
  });
});

describe('what a failing piece left in memory', () => {
  it('is set right before the pieces behind it look at it', async () => {
    const { db, commit } = store;
    let remembered = 0;
    commit.onRolledBack(() => {
      remembered = words(db).length;
    });
    const note = (word: string) => () => {
      add(db, word);
      remembered += 1;
      if (word === 'bad') throw new Error('no');
      return remembered;
    };
    const results = await Promise.allSettled(['a', 'bad', 'b', 'c'].map((word) => commit.run(note(word))));
    expect(results.map((r) => (r.status === 'fulfilled' ? r.value : null))).toEqual([1, null, 2, 3]);
    expect(words(db)).toEqual(['a', 'b', 'c']);
  });
});

describe('an ack never lies', () => {
  /** Writes as fast as it can and says each number once its promise has resolved. */
  const WRITER = `
    import { GroupCommit } from ${JSON.stringify(new URL('../../../daemon/host/commit.ts', import.meta.url).href)};
    import { openRelayDb } from ${JSON.stringify(new URL('../../../daemon/host/db.ts', import.meta.url).href)};
    const db = openRelayDb(process.argv[1], []);
    const commit = new GroupCommit(db);
    for (let n = 0; ; n += 1) {
      const word = 'w' + n;
      const done = commit.run(() => db.sql('INSERT INTO note (word) VALUES (?)').run(word)).then(() => process.stdout.write(word + '\\n'));
      if (n % 7 === 0) await done;
    }`;

  it('what was confirmed is there after kill -9, whenever it comes', async () => {
    const db = openRelayDb(store.path, readMigrations(MIGRATIONS));
    db.exec('PRAGMA user_version = 0');
    for (const after of [1, 40, 300]) {
      db.exec('DELETE FROM note');
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', WRITER, store.path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const confirmed: string[] = [];
      for await (const line of createInterface({ input: child.stdout })) {
        confirmed.push(line);
        if (confirmed.length === after) child.kill('SIGKILL');
      }
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      const reader = openReader(store.path, { timeoutMs: 2_000 });
      const there = new Set(words(reader));
      reader.close();
      expect(confirmed.length).toBeGreaterThanOrEqual(after);
      expect(confirmed.filter((word) => !there.has(word))).toEqual([]);
    }
    db.close();
  });
});
