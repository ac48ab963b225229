/** Every schema that Apple's chat.db had, from Mac OS X 10.11 to macOS 27: read empty, and with rows of each kind that it can hold. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChatDb } from '../../../daemon/bridge/chat-db.ts';
import { chatRows } from '../../../daemon/inspect.ts';
import { bplist } from '../../sim/bplist.ts';
import { encodeAttributedText } from '../../sim/typedstream.ts';
import { appleDate, type Columns } from '../../support/chat-db-file.ts';
import { relayctl } from '../../support/relayctl.ts';

const SCHEMAS = fileURLToPath(new URL('../../../../shared/schema/', import.meta.url));
const schemas = existsSync(SCHEMAS) ? readdirSync(SCHEMAS).filter((name) => name.endsWith('.sql')) : [];
const ANNA = '+14155550101';
const AT = Date.UTC(2026, 10, 24, 9, 0, 0);
/** Beyond 63 bits, as seen in `date_read`: SQLite keeps it as a floating-point number. */
const BOGUS = 9.3e18;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A row that a schema can hold if it has these columns, and what is then told of it. */
interface Case {
  columns: Columns;
  told: { kind: string; detail?: unknown; text?: string; state?: unknown };
}

function cases(date: (at: number) => bigint | number): Case[] {
  const version = { dict: { t: encodeAttributedText('hullo'), d: { real: 8e8 } } };
  const summary = bplist({ dict: { ep: [0], ec: { dict: { '0': [version, version] } } } });
  const later = date(AT + 60_000);
  return [
    { columns: {}, told: { kind: 'text', text: 'hello' } },
    {
      columns: { is_from_me: 1, is_sent: 1, is_delivered: 1, date_delivered: later, date_read: BOGUS },
      told: {
        kind: 'text',
        state: expect.objectContaining({ sent: true, delivered: true, delivered_at: AT + 60_000, read_at: null }),
      },
    },
    {
      columns: { is_from_me: 1, error: 22, was_downgraded: 0 },
      told: { kind: 'text', state: expect.objectContaining({ sent: false, error: 22 }) },
    },
    { columns: { service: 'SMS', attributedBody: null, text: 'by SMS' }, told: { kind: 'text', text: 'by SMS' } },
    {
      columns: { item_type: 2, group_title: 'Friends', attributedBody: null },
      told: { kind: 'group_event', detail: { event: 'renamed', title: 'Friends' } },
    },
    {
      columns: { item_type: 4, group_action_type: 0, share_status: 1, share_direction: 1, attributedBody: null },
      told: { kind: 'location_sharing', detail: { event: 'stopped', direction: 1 } },
    },
    {
      columns: { associated_message_type: 2003, associated_message_guid: 'p:0/G1' },
      told: { kind: 'tapback', detail: { tapback: 'laugh', target: 'G1', part: 0 } },
    },
    {
      columns: { associated_message_type: 3006, associated_message_guid: 'p:0/G1', associated_message_emoji: '🎉' },
      told: { kind: 'tapback_removed', detail: { tapback: 'emoji', emoji: '🎉', target: 'G1', part: 0 } },
    },
    {
      columns: { balloon_bundle_id: 'com.apple.DigitalTouchBalloonProvider', payload_data: Buffer.from([1]) },
      told: { kind: 'app', detail: { app: 'com.apple.DigitalTouchBalloonProvider', app_name: 'digital_touch' } },
    },
    {
      columns: { expressive_send_style_id: 'com.apple.messages.effect.CKEchoEffect' },
      told: { kind: 'text', detail: { effect: expect.objectContaining({ name: 'echo' }) } },
    },
    { columns: { is_spam: 1 }, told: { kind: 'text', detail: { filter: { junk: true, is_spam: 1 } } } },
    {
      columns: { thread_originator_guid: 'G1', thread_originator_part: '0:0:5' },
      told: { kind: 'text', detail: { reply_to: { guid: 'G1', part: 0, start: 0, length: 5 } } },
    },
    {
      columns: { date_edited: later, message_summary_info: summary },
      told: { kind: 'text', detail: { edited_at: AT + 60_000, edited_parts: [0] } },
    },
    {
      columns: { schedule_type: 2, schedule_state: 2 },
      told: { kind: 'text', detail: { scheduled: { type: 2, state: 2 } } },
    },
    {
      columns: { filter_action: 2, filter_sub_action: 1 },
      told: { kind: 'text', detail: { filter: { junk: true, filter_action: 2, filter_sub_action: 1 } } },
    },
  ];
}

/** The tables and indexes of a schema; its triggers call functions that only Apple's processes have. */
function tables(file: string): string {
  const statements = readFileSync(SCHEMAS + file, 'utf8').match(/CREATE (TABLE|(UNIQUE )?INDEX)[^;]*;/gi) ?? [];
  return statements.filter((statement) => !/^CREATE \w+ "?sqlite_/i.test(statement)).join('\n');
}

class AppleDb {
  readonly path: string;
  readonly #raw: DatabaseSync;

  constructor(path: string, file: string) {
    this.path = path;
    this.#raw = new DatabaseSync(path);
    this.#raw.exec(tables(file));
  }

  has(table: string, column = '%'): boolean {
    const sql = 'SELECT 1 FROM pragma_table_info(?) WHERE name LIKE ?';
    return this.#raw.prepare(sql).get(table, column) !== undefined;
  }

  holds(columns: Columns): boolean {
    return Object.keys(columns).every((name) => this.has('message', name));
  }

  insert(table: string, columns: Columns): void {
    const names = Object.keys(columns);
    const sql = `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`;
    this.#raw.prepare(sql).run(...Object.values(columns));
  }

  close(): void {
    this.#raw.close();
  }
}

describe.skipIf(schemas.length === 0)('the schemas of macOS (skips without ../shared)', () => {
  it('are all there', () => expect(schemas.length).toBeGreaterThanOrEqual(14));

  it.each(schemas)('%s', { timeout: 60_000 }, async (file) => {
    const db = new AppleDb(join(folder, 'chat.db'), file);
    expect([...(await chatRows(db.path, 0))]).toEqual([]);

    const date = file.includes('10.11') ? (at: number) => Math.round(at / 1000) - 978_307_200 : appleDate;
    const held = cases(date).filter(({ columns }) => db.holds(columns));
    expect(held.length).toBeGreaterThanOrEqual(file.includes('26.5.2') ? 14 : 4);
    db.insert('handle', { ROWID: 1, id: `${ANNA}(smsft)`, service: 'iMessage' });
    const joined = db.has('chat', 'guid') && db.has('chat_message_join', 'message_id');
    if (joined) db.insert('chat', { ROWID: 1, guid: `any;-;${ANNA}`, style: 45, chat_identifier: ANNA });
    for (const [i, { columns }] of held.entries()) {
      db.insert('message', {
        guid: `G${i + 1}`,
        attributedBody: encodeAttributedText('hello'),
        handle_id: 1,
        service: 'iMessage',
        date: date(AT),
        ...columns,
      });
      if (joined) db.insert('chat_message_join', { chat_id: 1, message_id: i + 1 });
    }
    db.close();

    const { code, err, json } = await relayctl(['chatdb', 'read', db.path, '--json']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const rows = json() as Record<string, unknown>[];
    expect(rows).toHaveLength(held.length);
    for (const [i, { columns, told }] of held.entries()) {
      const common = { rowid: i + 1, guid: `G${i + 1}`, at: AT, handle: ANNA, from_me: columns.is_from_me === 1 };
      const chat = joined ? expect.objectContaining({ id: ANNA, kind: 'direct' }) : null;
      const { kind, detail, text, state, ...others } = rows[i] ?? {};
      expect(others).toMatchObject({ ...common, service: columns.service ?? 'iMessage', chat });
      expect({ kind, detail }).toEqual({ kind: told.kind, detail: told.detail });
      if (told.text !== undefined) expect(text).toBe(told.text);
      if (told.state !== undefined) expect(state).toEqual(told.state);
    }
    // Own rows and their states, by their own queries.
    const chatDb = ChatDb.open(db.path);
    expect(chatDb.ownRowsSince(AT - 1, 10).map(({ guid }) => guid)).toEqual(['G2', 'G3']);
    expect(chatDb.ownStates([3])[0]).toMatchObject({ guid: 'G3', error: 22, downgraded: false });
    expect(chatDb.highestEver()).toBe(held.length);
    chatDb.close();
  });
});
