/**
 * chat.db in each macOS version, as a new database of that version has it: what schema-macos-26.ts says, without what came later, and with
 * what is gone since. 27 is known in part only: its tables of messages, with the indexes and triggers of 26.
 */
import { INDEXES, TABLES, TRIGGERS } from './schema-macos-26.ts';

export const MACOS_VERSIONS = ['11', '12', '13', '14', '15', '26', '27'] as const;
export type MacosVersion = (typeof MACOS_VERSIONS)[number];

/** Columns, by table, with the version that they came with. What is not named was there before 11. */
const SINCE: Record<string, Partial<Record<MacosVersion, string>>> = {
  message: {
    '12': 'syndication_ranges synced_syndication_ranges was_delivered_quietly did_notify_recipient',
    '13': 'date_retracted date_edited was_detonated part_count',
    '14': 'is_stewie is_sos is_critical bia_reference_id is_kt_verified fallback_hash',
    '15': `date_recovered associated_message_emoji is_pending_satellite_send needs_relay schedule_type schedule_state
      sent_or_received_off_grid`,
    '26': 'is_time_sensitive ck_chat_id index_state',
  },
  chat: {
    '12': 'syndication_date syndication_type',
    '14': 'is_recovered is_deleting_incoming_messages',
    '26': 'is_pending_review',
  },
  attachment: {
    '12': 'is_commsafety_sensitive',
    '15': 'emoji_image_content_identifier emoji_image_short_description preview_generation_state',
  },
  chat_message_join: { '26': 'index_state' },
  message_processing_task: { '26': 'reasons' },
};

const TABLES_SINCE: Partial<Record<MacosVersion, string>> = {
  '13': 'chat_recoverable_message_join recoverable_message_part unsynced_removed_recoverable_messages',
  '15': 'scheduled_messages_pending_cloudkit_delete',
  '26': 'chat_lookup chat_service sync_chat_slice persistent_tasks index_state_metrics',
};

const ADDED: { only: MacosVersion; table: string; columns: string[] }[] = [
  {
    only: '11',
    table: 'message',
    columns: ['sr_ck_sync_state INTEGER DEFAULT 0', 'sr_ck_record_id TEXT', 'sr_ck_record_change_tag TEXT'],
  },
  {
    only: '11',
    table: 'chat',
    columns: ['sr_server_change_token TEXT', 'sr_ck_sync_state INTEGER DEFAULT 0', 'sr_cloudkit_record_id TEXT'],
  },
  {
    only: '11',
    table: 'attachment',
    columns: ['sr_ck_sync_state INTEGER DEFAULT 0', 'sr_ck_server_change_token_blob BLOB', 'sr_ck_record_id TEXT'],
  },
  {
    only: '27',
    table: 'message',
    columns: [
      'filter_action INTEGER DEFAULT 0',
      'filter_sub_action INTEGER DEFAULT 0',
      'is_preview_sent INTEGER DEFAULT 0',
      'is_preview_delivered INTEGER DEFAULT 0',
      'date_preview_sent INTEGER',
      'date_preview_delivered INTEGER',
      'date_updated INTEGER',
      'retry_count INTEGER',
    ],
  },
  {
    only: '27',
    table: 'chat_message_join',
    columns: ['filter_action INTEGER NOT NULL DEFAULT 0', 'filter_sub_action INTEGER NOT NULL DEFAULT 0'],
  },
  {
    only: '27',
    table: 'attachment',
    columns: ['preflight_info BLOB', 'sensitivity_analysis INTEGER DEFAULT 0'],
  },
];

/** What begins with one of these is a rule of the table, not a column; it stands behind the columns. */
const RULE = /^(UNIQUE|PRIMARY KEY|CHECK)\b/;
const WAITS_FOR_RECEIPT = 'message_idx_undelivered_one_to_one_imessage';

/** The whole as one script for an empty database. */
export function schemaSql(version: MacosVersion): string {
  const tables = tablesOf(version);
  const known = (words: string) => !later(version).some((name) => new RegExp(`\\b${name}\\b`).test(words));
  return [
    ...[...tables].map(([name, columns]) => `CREATE TABLE ${name} (${columns.join(', ')});`),
    ...Object.entries(INDEXES)
      .map(([name, on]) => [name, name === WAITS_FOR_RECEIPT ? receiptIndex(version, on) : on] as const)
      .filter(([, on]) => known(on))
      .map(([name, on]) => `CREATE INDEX ${name} ON ${on};`),
    ...Object.entries(TRIGGERS)
      .map(([name, does]) => [name, isBefore(version, '13') ? withoutRecoverable(does) : does] as const)
      .filter(([, does]) => known(does))
      .map(([name, does]) => `CREATE TRIGGER ${name} ${does};`),
    ...(tables.has('index_state_metrics') ? ['INSERT INTO index_state_metrics (id) VALUES (1);'] : []),
    `INSERT INTO _SqliteDatabaseProperties (key, value) VALUES ('_ClientVersion', '${version}000');`,
  ].join('\n');
}

function isBefore(version: MacosVersion, other: MacosVersion): boolean {
  return Number(version) < Number(other);
}

/** Names that came after this version, of those in `names`. */
function cameLater(version: MacosVersion, names: Partial<Record<MacosVersion, string>> = {}): string[] {
  return MACOS_VERSIONS.filter((v) => isBefore(version, v)).flatMap((v) =>
    (names[v] ?? '').split(/\s+/).filter(Boolean),
  );
}

function later(version: MacosVersion): string[] {
  return [...cameLater(version, TABLES_SINCE), ...Object.values(SINCE).flatMap((names) => cameLater(version, names))];
}

function tablesOf(version: MacosVersion): Map<string, string[]> {
  const missing = cameLater(version, TABLES_SINCE);
  return new Map(
    Object.entries(TABLES)
      .filter(([name]) => !missing.includes(name))
      .map(([name, parts]) => {
        const gone = cameLater(version, SINCE[name]);
        const columns = parts.filter((part) => !RULE.test(part) && !gone.includes(part.split(' ')[0] ?? ''));
        const added = ADDED.filter((a) => a.only === version && a.table === name).flatMap((a) => a.columns);
        return [name, [...columns, ...added, ...parts.filter((part) => RULE.test(part))]];
      }),
  );
}

/** Up to 14 it looked at iMessage only, and nothing could be scheduled. */
function receiptIndex(version: MacosVersion, on: string): string {
  if (!isBefore(version, '15')) return on;
  return on.replace("service IN ('iMessage', 'RCS')", "service = 'iMessage'").replace(' AND schedule_type = 0', '');
}

/** Before 13 nothing that was deleted could be got back. */
function withoutRecoverable(trigger: string): string {
  return trigger.replace(/\s+AND NOT EXISTS \(SELECT 1 FROM chat_recoverable_message_join[^)]*\)/g, '');
}
