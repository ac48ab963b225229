/**
 * How SQLite goes about each question that the bridge asks of chat.db: on millions of rows a single scan of a large table would hold up the
 * event loop for seconds. All of ChatDb is called, and the plan of each statement that it prepared is looked at.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Attempts } from '../../../daemon/bridge/attempts.ts';
import { ChatDb, fileIdentity } from '../../../daemon/bridge/chat-db.ts';
import { chatSql } from '../../../daemon/bridge/chat-schema.ts';
import { CutTexts } from '../../../daemon/bridge/cut-texts.ts';
import { type Db, openReader } from '../../../daemon/host/db.ts';
import { schemaSql } from '../../sim/schema-macos.ts';
import { appleSchemas, makeEmpty } from '../../support/apple-schemas.ts';
import { makeFolder, openStore } from '../../support/store.ts';

/** Tables that grow with every message. */
const LARGE =
  /\b(?:SCAN|AUTOMATIC\b.*) (m|message|j|a|attachment|chat_message_join|message_attachment_join|chat_recoverable_message_join)\b/;
/** Walks the newest rows, at most as many as its parameter says; asked once, by a store that has never read chat.db. */
const BOUNDED = 'LIMIT 1 OFFSET';

let folder: string;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Every statement that a ChatDb prepares when all of it is called. */
function asked(path: string): { db: Db; statements: string[] } {
  const statements = new Set<string>();
  const db = openReader(path);
  const sql = chatSql(db);
  if (!sql) throw new Error('this is no chat.db');
  const noting: Db = {
    ...db,
    inTransaction: false,
    sql(text) {
      statements.add(text);
      return db.sql(text);
    },
  };
  const chatDb = new ChatDb(path, noting, sql, fileIdentity(path));
  chatDb.maxRowid();
  chatDb.highestEver();
  chatDb.firstRowidSince(0);
  chatDb.newestRowid(20_000);
  chatDb.guidsUpTo(1, 100);
  chatDb.rowsAfter(0, 500);
  chatDb.rowsByRowid([1]);
  chatDb.ownStates([1]);
  chatDb.ownStatesOf(['A']);
  chatDb.ownRowsSince(0, 5_000);
  chatDb.groupMembers('group:x');
  chatDb.groupTarget('group:x');
  chatDb.directTargets('+14155550101');
  chatDb.oldestDirectRow('+14155550101');
  chatDb.changed.page(0, 1_000);
  chatDb.changed.summary(1);
  chatDb.changed.printOf(1);
  chatDb.changed.files(1);
  chatDb.changed.file('A');
  chatDb.changed.chatFlags();
  for (const text of Object.values(sql)) if (typeof text === 'string') statements.add(text);
  return { db, statements: [...statements].filter((text) => text.startsWith('SELECT')) };
}

function plan(db: Db, text: string): string[] {
  const marks = text.match(/\?/g)?.length ?? 0;
  const rows = db
    .sql<{ detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
    .all(...Array.from({ length: marks }, () => null));
  return rows.map(({ detail }) => detail);
}

function scans(path: string): string[] {
  const { db, statements } = asked(path);
  try {
    expect(statements.length).toBeGreaterThan(10);
    return statements.flatMap((text) =>
      plan(db, text)
        .filter((line) => LARGE.test(line) && !text.includes(BOUNDED))
        .map((line) => `${line} ← ${text.replace(/\s+/g, ' ').slice(0, 200)}`),
    );
  } finally {
    db.close();
  }
}

/** As many rows as make SQLite's statistics say what they say on a Mac: most are received, read, sent, without error. */
function fill(db: DatabaseSync): void {
  db.exec(`INSERT INTO handle (id, service) VALUES ('+14155550101', 'iMessage');
    INSERT INTO chat (guid, style, chat_identifier, service_name) VALUES ('any;-;+14155550101', 45, '+14155550101', 'iMessage');
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
      INSERT INTO message (guid, date, handle_id, is_from_me, is_sent, is_finished, is_read, service)
      SELECT 'G' || i, 700000000000000000 + i * 1000000000, 1, i % 3 = 0, i % 3 = 0, 1, i % 3 <> 0, 'iMessage' FROM n;
    INSERT INTO chat_message_join (chat_id, message_id, message_date) SELECT 1, ROWID, date FROM message;
    ANALYZE;`);
}

test('our own schema of macOS 26, empty and with statistics: no scan of a large table', () => {
  const path = join(folder, 'chat.db');
  const writer = makeEmpty(path, schemaSql('26'));
  expect(scans(path)).toEqual([]);
  fill(writer);
  expect(scans(path)).toEqual([]);
  writer.close();
});

test('our own store: no question about attempts walks through all of them', async () => {
  const store = openStore();
  const statements = new Set<string>();
  const noting: Db = {
    ...store.db,
    inTransaction: true,
    sql(text) {
      statements.add(text);
      return store.db.sql(text);
    },
  };
  try {
    const [attempts, cutTexts] = [new Attempts(noting), new CutTexts(noting)];
    attempts.get('a');
    attempts.newestOf('m');
    attempts.running();
    attempts.unclaimed('x', 'k');
    attempts.failing('x', 'k');
    attempts.claimedSince('x', 'k', 0);
    attempts.withoutRow(0);
    attempts.hasClaimed('G');
    attempts.watchedSince(0, 500);
    attempts.watchedPage(0, 500);
    attempts.neverTold(0);
    cutTexts.to('x');
    cutTexts.has('G');
    cutTexts.of('a');
    expect(statements.size).toBeGreaterThanOrEqual(14);
    const scanned = [...statements].flatMap((text) =>
      plan(store.db, text)
        .filter((line) => /SCAN attempt(?! USING INDEX attempt_(running|failing|watching))|TEMP B-TREE/.test(line))
        .map((line) => `${line} ← ${text}`),
    );
    expect(scanned).toEqual([]);
  } finally {
    await store.remove();
  }
});

test('a scan would be seen', () => {
  const path = join(folder, 'chat.db');
  makeEmpty(path, schemaSql('26').replace(/CREATE INDEX\s+\S*message_idx_date\b[^;]*;/g, '')).close();
  expect(scans(path).join('\n')).toContain('SCAN message');
});

const schemas = appleSchemas().filter((schema) => schema.hasIndexes);
describe.skipIf(schemas.length === 0)('Apple’s schemas (skipped where they are not there):', () => {
  test.each(schemas)('$name, empty: no scan of a large table', ({ sql }) => {
    const path = join(folder, 'chat.db');
    makeEmpty(path, sql).close();
    expect(scans(path)).toEqual([]);
  });

  test.each(schemas)('$name, with rows and statistics: no scan of a large table', ({ sql }) => {
    const path = join(folder, 'chat.db');
    const writer = makeEmpty(path, sql);
    if (writer.prepare("SELECT 1 FROM sqlite_master WHERE name = 'chat_message_join'").get()) fill(writer);
    writer.close();
    expect(scans(path)).toEqual([]);
  });
});
