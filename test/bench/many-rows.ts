/**
 * A chat.db of many rows, as a busy Mac has it: the schema of macOS 26, bodies in attributedBody, some thousand conversations, and among
 * the plain texts a share of everything else. The same rows each time, about 300,000 a second.
 */
import { hash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { bplist } from '../sim/bplist.ts';
import { INDEXES, TABLES } from '../sim/schema-macos-26.ts';
import { attributedText, encodeAttributedText, PART } from '../sim/typedstream.ts';

const APPLE_EPOCH_MS = 978_307_200_000;
const PEOPLE = 2_000;
const GROUPS = 100;
const MEMBERS = 5;
const WORDS =
  'see you at the house tonight thanks for all of it I will call when we are there ok great price order photo today'.split(
    ' ',
  );
/** Of 1,000 rows so many are something else than a plain text. */
const SHARES = { tapback: 30, photo: 30, reply: 20, edited: 10, link: 10, effect: 5, group: 5, styled: 10, sms: 20 };
type Other = keyof typeof SHARES;

const COLUMNS = [
  'ROWID',
  'guid',
  'text',
  'attributedBody',
  'message_summary_info',
  'handle_id',
  'service',
  'account',
  'account_guid',
  'destination_caller_id',
  'date',
  'date_read',
  'date_delivered',
  'date_edited',
  'is_from_me',
  'is_sent',
  'is_delivered',
  'is_read',
  'is_finished',
  'item_type',
  'group_title',
  'cache_roomnames',
  'cache_has_attachments',
  'associated_message_guid',
  'associated_message_type',
  'balloon_bundle_id',
  'expressive_send_style_id',
  'thread_originator_guid',
  'thread_originator_part',
  'part_count',
  'ck_record_id',
  'version',
] as const;
type Values = Partial<Record<(typeof COLUMNS)[number], string | number | bigint | null | Uint8Array>>;

/** In no order, as Apple's are. */
function guidOf(rowid: number): string {
  const digits = hash('md5', String(rowid)).toUpperCase();
  return digits.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-8$4-$5');
}

/** Writes it at `path`, which must not be there. `endAt`: Unix ms of the last row; the rows are a second apart. */
export function writeManyRows(path: string, rows: number, endAt: number): void {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000');
  for (const [name, columns] of Object.entries(TABLES)) db.exec(`CREATE TABLE ${name} (${columns.join(', ')})`);
  db.exec('BEGIN');
  writePeople(db);
  const marks = COLUMNS.map(() => '?').join(', ');
  const message = db.prepare(`INSERT INTO message (${COLUMNS.join(', ')}) VALUES (${marks})`);
  const join = db.prepare('INSERT INTO chat_message_join (chat_id, message_id, message_date) VALUES (?, ?, ?)');
  const file = db.prepare(
    `INSERT INTO attachment (ROWID, guid, original_guid, filename, mime_type, transfer_name, transfer_state, total_bytes)
     VALUES (?, ?, ?, ?, 'image/heic', 'IMG.HEIC', 5, 123456)`,
  );
  const hang = db.prepare('INSERT INTO message_attachment_join (message_id, attachment_id) VALUES (?, ?)');
  const bodies = new Bodies();
  for (let rowid = 1; rowid <= rows; rowid += 1) {
    const kind = kindOf(rowid);
    const date = BigInt(endAt - (rows - rowid) * 1_000 - APPLE_EPOCH_MS) * 1_000_000n;
    const group = rowid % 10 === 0;
    const chat = group ? PEOPLE + 1 + (rowid % GROUPS) : 1 + ((rowid * 7_919) % PEOPLE);
    const values = valuesOf({ rowid, kind, date, chat, group }, bodies);
    message.run(...COLUMNS.map((name) => values[name] ?? null));
    join.run(chat, rowid, date);
    if (kind !== 'photo') continue;
    file.run(rowid, `AT-${rowid}`, `AT-${rowid}`, `~/Library/Messages/Attachments/00/AT-${rowid}/IMG.HEIC`);
    hang.run(rowid, rowid);
  }
  db.exec('COMMIT');
  for (const [name, on] of Object.entries(INDEXES)) db.exec(`CREATE INDEX ${name} ON ${on}`);
  db.exec('PRAGMA journal_mode = WAL');
  db.close();
}

function writePeople(db: DatabaseSync): void {
  const handle = db.prepare("INSERT INTO handle (ROWID, id, service) VALUES (?, ?, 'iMessage')");
  const chat = db.prepare(
    `INSERT INTO chat (ROWID, guid, style, chat_identifier, service_name, room_name, group_id, is_filtered)
     VALUES (?, ?, ?, ?, 'iMessage', ?, ?, 0)`,
  );
  const member = db.prepare('INSERT INTO chat_handle_join (chat_id, handle_id) VALUES (?, ?)');
  for (let n = 1; n <= PEOPLE; n += 1) {
    const id = `+1415${String(5_550_000 + n)}`;
    handle.run(n, id);
    chat.run(n, `any;-;${id}`, 45, id, null, `DIRECT-${n}`);
    member.run(n, n);
  }
  for (let n = 1; n <= GROUPS; n += 1) {
    chat.run(PEOPLE + n, `any;+;chat${n}`, 43, `chat${n}`, `chat${n}`, `GROUP-${n}`);
    for (let m = 1; m <= MEMBERS; m += 1) member.run(PEOPLE + n, ((n * 31 + m * 17) % PEOPLE) + 1);
  }
}

function kindOf(rowid: number): Other | 'plain' {
  // 7,919 is prime: the kinds lie scattered.
  let place = (rowid * 7_919) % 1_000;
  for (const [kind, share] of Object.entries(SHARES)) {
    if (place < share) return kind as Other;
    place -= share;
  }
  return 'plain';
}

/** 2,000 texts of 3 to 40 words, and the other bodies. */
class Bodies {
  readonly plain = Array.from({ length: 2_000 }, (_, n) => encodeAttributedText(textOf(n), { mutable: n % 2 === 0 }));
  readonly photo = encodeAttributedText('look', { attachments: ['AT'] });
  readonly styled = attributedText([
    { text: '@Anna', attributes: { [PART]: 0, __kIMMentionConfirmedMention: '+14155550101' } },
    { text: ' have you seen ', attributes: { [PART]: 0 } },
    { text: 'this', attributes: { [PART]: 0, __kIMTextBoldAttributeName: 1 } },
  ]);
  readonly link = encodeAttributedText('https://example.com/a/page?with=words');
  readonly history = bplist({
    dict: {
      ust: true,
      ep: [0],
      ec: {
        dict: { '0': [0, 1].map((n) => ({ dict: { t: encodeAttributedText(textOf(n)), d: { real: 8e8 + n } } })) },
      },
    },
  });
}

function textOf(n: number): string {
  const words = 3 + ((n * 37) % 38);
  return Array.from({ length: words }, (_, i) => WORDS[(n * 13 + i * 7) % WORDS.length]).join(' ');
}

interface Place {
  rowid: number;
  kind: Other | 'plain';
  date: bigint;
  chat: number;
  group: boolean;
}

function valuesOf({ rowid, kind, date, chat, group }: Place, bodies: Bodies): Values {
  const own = rowid % 2 === 0;
  const part = rowid % bodies.plain.length;
  const service = kind === 'sms' ? 'SMS' : 'iMessage';
  return {
    ROWID: rowid,
    guid: guidOf(rowid),
    attributedBody: kind === 'sms' || kind === 'group' ? null : (bodies.plain[part] ?? null),
    handle_id: group ? (own ? 0 : 1 + (rowid % PEOPLE)) : chat,
    service,
    account: 'E:me@example.com',
    account_guid: 'ACCOUNT-0001',
    destination_caller_id: 'me@example.com',
    date,
    date_read: own ? 0 : date + 5_000_000_000n,
    date_delivered: own && !group ? date + 500_000_000n : 0,
    date_edited: 0,
    is_from_me: own ? 1 : 0,
    is_sent: own ? 1 : 0,
    is_delivered: own && group ? 0 : 1,
    is_read: own ? 0 : 1,
    is_finished: 1,
    item_type: 0,
    cache_roomnames: group ? `chat${chat - PEOPLE}` : null,
    cache_has_attachments: 0,
    associated_message_type: 0,
    part_count: 1,
    ck_record_id: `RECORD-${rowid}`,
    version: 10,
    ...other(kind, date, bodies),
  };
}

function other(kind: Other | 'plain', date: bigint, bodies: Bodies): Values {
  switch (kind) {
    case 'tapback':
      return { associated_message_type: 2001, associated_message_guid: `p:0/${guidOf(1)}` };
    case 'photo':
      return { attributedBody: bodies.photo, cache_has_attachments: 1, part_count: 2 };
    case 'reply':
      return {
        thread_originator_guid: guidOf(1),
        thread_originator_part: '0:0:12',
      };
    case 'edited':
      return { message_summary_info: bodies.history, date_edited: date + 60_000_000_000n };
    case 'link':
      return { attributedBody: bodies.link, balloon_bundle_id: 'com.apple.messages.URLBalloonProvider' };
    case 'effect':
      return { expressive_send_style_id: 'com.apple.messages.effect.CKConfettiEffect' };
    case 'group':
      return { item_type: 2, group_title: 'Another name' };
    case 'styled':
      return { attributedBody: bodies.styled };
    case 'sms':
      return { text: 'Your code is 123456. Do not share it with anybody.' };
    default:
      return {};
  }
}
