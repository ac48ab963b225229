import { constants, DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test, vi } from 'vitest';
import { openStore } from '../../support/store.ts';

afterEach(() => vi.restoreAllMocks());

/** Columns and tables that SQLite asks leave for while it prepares statements: none while it only runs them. */
function countPreparing(raw: DatabaseSync): () => number {
  let asked = 0;
  raw.setAuthorizer(() => {
    asked += 1;
    return constants.SQLITE_OK;
  });
  return () => asked;
}

test('a statement with a limit is prepared once, whatever the limits are', async () => {
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare');
  const store = openStore();
  const [raw] = prepare.mock.contexts;
  if (!(raw instanceof DatabaseSync)) throw new TypeError('nothing was prepared');
  const asked = countPreparing(raw);
  const text = 'SELECT seq FROM journal_event WHERE seq > ? ORDER BY seq LIMIT ?';
  const limits = (all: (limit: number) => unknown) => {
    all(1);
    const once = asked();
    for (const limit of [1, 2, 500]) all(limit);
    return { once, again: asked() - once };
  };

  const rows = limits((limit) => store.db.sql(text).all(0, limit));
  const columns = limits((limit) => store.db.columns(text).all(0, limit));
  expect([rows.again, columns.again]).toEqual([0, 0]);
  expect(rows.once).toBeGreaterThan(0);
  await store.remove();
});
