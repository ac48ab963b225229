/** The simulated chat.db beside what Macs with macOS 11 to 27 really have. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MACOS_VERSIONS, schemaSql } from '../../sim/schema-macos.ts';

const FOLDER = fileURLToPath(new URL('../../../../shared/schema/', import.meta.url));
const FILES = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.endsWith('.sql')) : [];
const FILE = FILES.find((name) => name.startsWith('macos-26.5.2-'));

function open(sql: string): DatabaseSync {
  const db = new DatabaseSync(':memory:');
  db.exec(sql);
  return db;
}

const namesOf = (db: DatabaseSync, type: string) =>
  db
    .prepare("SELECT name FROM sqlite_schema WHERE type = ? AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .all(type)
    .map((row) => String(row.name));

const columnsOf = (db: DatabaseSync, table: string) =>
  db
    .prepare('SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_info(?) ORDER BY name')
    .all(table)
    .map((row) => Object.values(row).join(' '));

/** Columns, order and condition of an index, however it is written. */
function indexOf(db: DatabaseSync, name: string): string {
  const columns = db.prepare('SELECT name, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno').all(name);
  const sql = String(db.prepare('SELECT sql FROM sqlite_schema WHERE name = ?').get(name)?.sql ?? '');
  const where = (/ where (.*)$/is.exec(sql)?.[1] ?? '').toLowerCase().replaceAll('==', '=').replace(/\s/g, '');
  return `${columns.map((c) => `${c.name === null ? 'rowid' : c.name}${c.desc ? ' desc' : ''}`).join()} ${where}`;
}

it.each(MACOS_VERSIONS)('makes a database of macOS %s that can be written and has nothing foreign in it', (version) => {
  const db = open(schemaSql(version));
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  db.exec("INSERT INTO message (guid) VALUES ('a'); DELETE FROM message");
  expect(db.prepare('SELECT guid FROM deleted_messages').all()).toEqual([{ guid: 'a' }]);
});

// The schemas are not part of the project; where they are absent this says that it was skipped.
describe.skipIf(!FILE)('beside macOS 26.5.2', () => {
  const apple = open(FILE ? readFileSync(`${FOLDER}${FILE}`, 'utf8') : '');
  const ours = open(schemaSql('26'));

  it('has the same tables', () => {
    expect(namesOf(ours, 'table')).toEqual(namesOf(apple, 'table'));
    expect(namesOf(ours, 'table').length).toBe(23);
  });

  it.each(namesOf(apple, 'table'))('has the columns of %s, with type, default and key', (table) =>
    expect(columnsOf(ours, table)).toEqual(columnsOf(apple, table)),
  );

  it('has no index that is other than there', () => {
    const names = namesOf(ours, 'index');
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect([name, indexOf(ours, name)]).toEqual([name, indexOf(apple, name)]);
  });

  it('has all triggers but those that call functions of Apple’s processes', () => {
    const foreign = /verify_chat|guid_for_chat|is_mic_enabled|_attachment_path|delete_message_plugin|chat_background/;
    const there = apple.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name").all();
    const usable = there.filter(({ sql }) => !foreign.test(String(sql))).map(({ name }) => String(name));
    const left = new Set(usable.filter((name) => !namesOf(ours, 'trigger').includes(name)));
    expect([...left]).toEqual(['delete_associated_messages_after_delete_on_message']);
  });
});

/** Apple's own tables of a file, as far as SQLite takes them alone. */
function openTables(file: string): DatabaseSync {
  const tables = readFileSync(`${FOLDER}${file}`, 'utf8').match(/CREATE TABLE[^;]*;/gi) ?? [];
  return open(tables.filter((statement) => !/^CREATE TABLE "?sqlite_/i.test(statement)).join('\n'));
}

/** Name and type of each column; names that only migrated databases still have are left out. */
const typesOf = (db: DatabaseSync, table: string) =>
  db
    .prepare('SELECT name, type FROM pragma_table_info(?) ORDER BY name')
    .all(table)
    .map(({ name, type }) => `${name} ${type === 'STRING' ? 'TEXT' : type}`)
    .filter((words) => !words.startsWith('sr_'));

/** The tables that a relay reads. */
const READ = [
  'message',
  'handle',
  'chat',
  'attachment',
  'chat_message_join',
  'chat_handle_join',
  'message_attachment_join',
  'chat_recoverable_message_join',
];

describe.skipIf(FILES.length === 0)('beside every macOS (skips without ../shared)', () => {
  const fitting = FILES.flatMap((file) => {
    const version = MACOS_VERSIONS.find((v) => file.startsWith(`macos-${v}`));
    return version === undefined ? [] : [[file, version] as const];
  });

  it('there is a schema for each', () =>
    expect(MACOS_VERSIONS.filter((v) => !fitting.some(([, version]) => version === v))).toEqual([]));

  it.each(fitting)('%s: each table has these columns, with these types', (file, version) => {
    const apple = openTables(file);
    const ours = open(schemaSql(version));
    const tables = READ.filter((table) => namesOf(apple, 'table').includes(table));
    expect(tables.length).toBeGreaterThan(2);
    // The databases of 15 differ in what they had before: some were made before this column came.
    const early = /-15-sequoia-(bluebubbles|early)/.test(file);
    const late = ['date_recovered INTEGER', 'preview_generation_state INTEGER'];
    for (const table of tables) {
      const columns = typesOf(ours, table).filter(
        (c) => !early || typesOf(apple, table).includes(c) || !late.includes(c),
      );
      expect([table, columns]).toEqual([table, typesOf(apple, table)]);
    }
  });
});
