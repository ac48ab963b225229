/**
 * chat.db as macOS 26 has it, from which schema-macos.ts makes that of the others: said in our own way: columns by kind, then the indexes and triggers whose effect a reader can see.
 * The names are Apple's, the order of columns is not (it differs between Macs anyway: name every column).
 *
 * Left out: triggers that call functions which exist only inside Apple's processes (they check guids and delete files), and the
 * indexes that no reader of messages could use.
 */

const each = (names: string, rest: string): string[] => names.split(/\s+/).map((name) => `${name} ${rest}`);
const text = (names: string) => each(names, 'TEXT');
const blob = (names: string) => each(names, 'BLOB');
const number = (names: string) => each(names, 'INTEGER');
const zero = (names: string) => each(names, 'INTEGER DEFAULT 0');
const needed = (names: string, type = 'TEXT') => each(names, `${type} NOT NULL`);
const points = (name: string, table: string) => `${name} INTEGER REFERENCES ${table} (ROWID) ON DELETE CASCADE`;
const follows = 'chat INTEGER NOT NULL REFERENCES chat (ROWID) ON UPDATE CASCADE ON DELETE CASCADE';
const ROWID = 'ROWID INTEGER PRIMARY KEY AUTOINCREMENT';
const GUID = 'guid TEXT UNIQUE NOT NULL';

export const TABLES: Record<string, string[]> = {
  message: [
    ROWID,
    GUID,
    ...text('text subject country service_center service account account_guid destination_caller_id'),
    ...text('cache_roomnames group_title balloon_bundle_id expressive_send_style_id'),
    ...text(
      'associated_message_guid associated_message_emoji reply_to_guid thread_originator_guid thread_originator_part',
    ),
    ...text('ck_record_id ck_record_change_tag ck_chat_id syndication_ranges synced_syndication_ranges'),
    ...text('bia_reference_id fallback_hash'),
    ...blob('attributedBody payload_data message_summary_info'),
    ...number('date date_read date_delivered date_played date_retracted date_edited date_recovered'),
    ...number('time_expressive_send_played sort_id part_count'),
    ...zero('replace handle_id other_handle version type error item_type ck_sync_state index_state'),
    ...zero(
      'is_from_me is_sent is_delivered is_read is_finished is_empty is_emote is_delayed is_auto_reply is_prepared',
    ),
    ...zero(
      'is_system_message is_service_message is_forward is_archive is_audio_message is_played is_expirable is_corrupt',
    ),
    ...zero('is_spam is_stewie is_sos is_critical is_kt_verified is_time_sensitive is_pending_satellite_send'),
    ...zero('was_downgraded was_data_detected was_deduplicated was_delivered_quietly was_detonated'),
    ...zero('has_dd_results has_unseen_mention did_notify_recipient needs_relay sent_or_received_off_grid'),
    ...zero('cache_has_attachments expire_state message_action_type message_source group_action_type'),
    ...zero('share_status share_direction schedule_type schedule_state'),
    ...zero('associated_message_type associated_message_range_location associated_message_range_length'),
  ],
  handle: [
    `${ROWID} UNIQUE`,
    ...needed('id service'),
    ...text('country uncanonicalized_id person_centric_id'),
    'UNIQUE (id, service)',
  ],
  chat: [
    ROWID,
    GUID,
    ...text('chat_identifier service_name room_name display_name group_id original_group_id account_id account_login'),
    ...text('last_addressed_handle last_addressed_sim_id engram_id server_change_token cloudkit_record_id'),
    ...blob('properties'),
    ...number('style state is_filtered successful_query'),
    ...zero('is_archived is_blackholed is_recovered is_deleting_incoming_messages is_pending_review ck_sync_state'),
    ...zero('last_read_message_timestamp syndication_date syndication_type'),
  ],
  attachment: [
    ROWID,
    GUID,
    'original_guid TEXT UNIQUE NOT NULL',
    ...text(
      'filename uti mime_type transfer_name ck_record_id emoji_image_content_identifier emoji_image_short_description',
    ),
    ...blob('user_info sticker_user_info attribution_info ck_server_change_token_blob'),
    ...zero('created_date start_date transfer_state total_bytes is_outgoing is_sticker hide_attachment ck_sync_state'),
    ...zero('is_commsafety_sensitive preview_generation_state'),
  ],
  chat_handle_join: [points('chat_id', 'chat'), points('handle_id', 'handle'), 'UNIQUE (chat_id, handle_id)'],
  chat_message_join: [
    points('chat_id', 'chat'),
    points('message_id', 'message'),
    ...zero('message_date'),
    'index_state INTEGER NOT NULL DEFAULT 0',
    'PRIMARY KEY (chat_id, message_id)',
  ],
  message_attachment_join: [
    points('message_id', 'message'),
    points('attachment_id', 'attachment'),
    'UNIQUE (message_id, attachment_id)',
  ],
  chat_recoverable_message_join: [
    points('chat_id', 'chat'),
    points('message_id', 'message'),
    ...number('delete_date'),
    ...zero('ck_sync_state'),
    'PRIMARY KEY (chat_id, message_id)',
    'CHECK (delete_date <> 0)',
  ],
  recoverable_message_part: [
    points('chat_id', 'chat'),
    points('message_id', 'message'),
    ...number('part_index delete_date'),
    ...needed('part_text', 'BLOB'),
    ...zero('ck_sync_state'),
    'PRIMARY KEY (chat_id, message_id, part_index)',
    'CHECK (delete_date <> 0)',
  ],
  chat_lookup: [...needed('identifier domain'), follows, ...zero('priority'), 'UNIQUE (identifier, domain)'],
  chat_service: [...needed('service'), follows, 'UNIQUE (service, chat)'],
  sync_chat_slice: [
    ...needed('service_name'),
    ...text('ck_record_id'),
    follows,
    'UNIQUE (chat, service_name)',
    'UNIQUE (ck_record_id)',
  ],
  deleted_messages: [`${ROWID} UNIQUE`, ...needed('guid')],
  sync_deleted_messages: [`${ROWID} UNIQUE`, ...needed('guid'), ...text('recordID')],
  sync_deleted_attachments: [`${ROWID} UNIQUE`, ...needed('guid'), ...text('recordID')],
  sync_deleted_chats: [`${ROWID} UNIQUE`, ...needed('guid'), ...text('recordID'), ...number('timestamp')],
  scheduled_messages_pending_cloudkit_delete: [`${ROWID} UNIQUE`, ...needed('guid'), ...text('recordID')],
  unsynced_removed_recoverable_messages: [
    `${ROWID} UNIQUE`,
    ...needed('chat_guid message_guid'),
    ...number('part_index'),
  ],
  message_processing_task: [`${ROWID} UNIQUE`, GUID, ...needed('task_flags reasons', 'INTEGER')],
  persistent_tasks: [
    `${ROWID} UNIQUE`,
    ...needed('guid'),
    ...needed('flag_group flag flag_priority lane reason reason_priority', 'INTEGER'),
    ...blob('user_info'),
    ...zero('retry_count'),
    'UNIQUE (guid, flag)',
  ],
  index_state_metrics: [
    'id INTEGER UNIQUE DEFAULT 1',
    ...zero('pending_count donated_count redonation_count'),
    'UNIQUE (id)',
  ],
  kvtable: [`${ROWID} UNIQUE`, 'key TEXT UNIQUE NOT NULL', 'value BLOB NOT NULL'],
  _SqliteDatabaseProperties: [...text('key value'), 'UNIQUE (key)'],
};

/** The indexes that a reader, or Messages at its work here, can make use of. */
export const INDEXES: Record<string, string> = {
  message_idx_date: 'message (date)',
  message_idx_handle: 'message (handle_id, date)',
  message_idx_handle_id: 'message (handle_id)',
  message_idx_other_handle: 'message (other_handle)',
  message_idx_is_read: 'message (is_read, is_from_me, is_finished)',
  message_idx_failed: 'message (is_finished, is_from_me, error)',
  message_idx_is_sent_is_from_me_error: 'message (is_sent, is_from_me, error)',
  message_idx_was_downgraded: 'message (was_downgraded)',
  message_idx_cache_has_attachments: 'message (cache_has_attachments)',
  message_idx_thread_originator_guid: 'message (thread_originator_guid)',
  message_idx_schedule_state: 'message (schedule_state)',
  message_idx_associated_message2: 'message (associated_message_guid) WHERE associated_message_guid IS NOT NULL',
  message_idx_undelivered_one_to_one_imessage:
    'message (cache_roomnames, service, is_sent, is_delivered, was_downgraded, item_type) ' +
    "WHERE cache_roomnames IS NULL AND service IN ('iMessage', 'RCS') AND is_sent = 1 AND is_delivered = 0 " +
    'AND was_downgraded = 0 AND item_type = 0 AND schedule_type = 0',
  chat_idx_chat_identifier: 'chat (chat_identifier)',
  chat_idx_chat_identifier_service_name: 'chat (chat_identifier, service_name)',
  chat_idx_chat_room_name_service_name: 'chat (room_name, service_name)',
  chat_idx_group_id: 'chat (group_id)',
  chat_idx_is_filtered: 'chat (is_filtered)',
  chat_handle_join_idx_handle_id: 'chat_handle_join (handle_id)',
  chat_message_join_idx_chat_id: 'chat_message_join (chat_id)',
  chat_message_join_idx_message_id_only: 'chat_message_join (message_id)',
  chat_message_join_idx_message_date_only: 'chat_message_join (message_date)',
  chat_message_join_idx_message_date_and_id: 'chat_message_join (message_date, message_id)',
  chat_message_join_idx_message_date_id_chat_id: 'chat_message_join (chat_id, message_date, message_id)',
  chat_recoverable_message_join_message_id_idx: 'chat_recoverable_message_join (message_id)',
  handle_idx_id: 'handle (id, rowid)',
  message_attachment_join_idx_message_id: 'message_attachment_join (message_id)',
  message_attachment_join_idx_attachment_id: 'message_attachment_join (attachment_id)',
};

const rooms = (message: string) => `UPDATE message SET cache_roomnames = (
    SELECT group_concat(chat.room_name) FROM chat_message_join AS j JOIN chat ON chat.ROWID = j.chat_id
    WHERE j.message_id = ${message}) WHERE ROWID = ${message};`;

/** A message that is in no chat any more, and not among those that can be got back, is gone. */
const dropIfNowhere = `DELETE FROM message WHERE ROWID = OLD.message_id
    AND NOT EXISTS (SELECT 1 FROM chat_message_join WHERE message_id = OLD.message_id)
    AND NOT EXISTS (SELECT 1 FROM chat_recoverable_message_join WHERE message_id = OLD.message_id);`;

const dropHandleOf = (row: string) => `DELETE FROM handle WHERE ROWID = ${row}
    AND NOT EXISTS (SELECT 1 FROM chat_handle_join WHERE handle_id = ${row})
    AND NOT EXISTS (SELECT 1 FROM message WHERE handle_id = ${row} OR other_handle = ${row});`;

const counts = (row: string, sign: '+' | '-') => `UPDATE index_state_metrics SET
    pending_count = pending_count ${sign} (${row}.index_state = 0),
    donated_count = donated_count ${sign} (${row}.index_state = 1),
    redonation_count = redonation_count ${sign} (${row}.index_state = 3) WHERE id = 1;`;

export const TRIGGERS: Record<string, string> = {
  after_insert_on_chat_message_join: `AFTER INSERT ON chat_message_join BEGIN ${rooms('NEW.message_id')} END`,
  after_delete_on_chat_message_join: `AFTER DELETE ON chat_message_join BEGIN ${rooms('OLD.message_id')} ${dropIfNowhere} END`,
  after_delete_on_chat_recoverable_message_join: `AFTER DELETE ON chat_recoverable_message_join
    BEGIN ${rooms('OLD.message_id')} ${dropIfNowhere} END`,
  chat_service_on_insert_chat_message_join: `AFTER INSERT ON chat_message_join BEGIN
    INSERT OR IGNORE INTO chat_service (service, chat)
    SELECT service, NEW.chat_id FROM message WHERE ROWID = NEW.message_id; END`,
  after_insert_on_message_attachment_join: `AFTER INSERT ON message_attachment_join BEGIN
    UPDATE message SET cache_has_attachments = 1 WHERE ROWID = NEW.message_id; END`,
  after_delete_on_message_attachment_join: `AFTER DELETE ON message_attachment_join BEGIN
    DELETE FROM attachment WHERE ROWID = OLD.attachment_id
    AND NOT EXISTS (SELECT 1 FROM message_attachment_join WHERE attachment_id = OLD.attachment_id); END`,
  after_delete_on_chat: 'AFTER DELETE ON chat BEGIN DELETE FROM chat_message_join WHERE chat_id = OLD.ROWID; END',
  after_delete_on_chat_handle_join: `AFTER DELETE ON chat_handle_join BEGIN ${dropHandleOf('OLD.handle_id')} END`,
  after_delete_on_message: `AFTER DELETE ON message BEGIN ${dropHandleOf('OLD.handle_id')} END`,
  add_to_deleted_messages: 'AFTER DELETE ON message BEGIN INSERT INTO deleted_messages (guid) VALUES (OLD.guid); END',
  add_to_sync_deleted_messages: `AFTER DELETE ON message BEGIN
    INSERT INTO sync_deleted_messages (guid, recordID) VALUES (OLD.guid, OLD.ck_record_id); END`,
  add_to_sync_deleted_attachments: `AFTER DELETE ON attachment BEGIN
    INSERT INTO sync_deleted_attachments (guid, recordID) VALUES (OLD.guid, OLD.ck_record_id); END`,
  update_last_failed_message_date: `AFTER UPDATE OF error ON message
    WHEN NEW.error <> 0 AND NEW.date > coalesce((SELECT value FROM kvtable WHERE key = 'lastFailedMessageDate'), 0) BEGIN
    INSERT OR REPLACE INTO kvtable (key, value) VALUES ('lastFailedMessageDate', NEW.date), ('lastFailedMessageRowID', NEW.ROWID);
    END`,
  update_message_date_after_update_on_message: `AFTER UPDATE OF date ON message BEGIN
    UPDATE chat_message_join SET message_date = NEW.date WHERE message_id = NEW.ROWID AND message_date <> NEW.date; END`,
  message_index_state_propagation: `AFTER UPDATE OF index_state ON message BEGIN
    UPDATE chat_message_join SET index_state = NEW.index_state WHERE message_id = NEW.ROWID; END`,
  message_index_state_clear: `AFTER DELETE ON chat_message_join WHEN OLD.index_state IN (1, 3) BEGIN
    UPDATE message SET index_state = 0 WHERE ROWID = OLD.message_id; END`,
  index_metrics_insert_propagation: `AFTER INSERT ON chat_message_join WHEN NEW.index_state <> 2 BEGIN ${counts('NEW', '+')} END`,
  index_metrics_delete_propagation: `AFTER DELETE ON chat_message_join WHEN OLD.index_state <> 2 BEGIN ${counts('OLD', '-')} END`,
  index_metrics_update_propagation: `AFTER UPDATE OF index_state ON chat_message_join BEGIN
    ${counts('NEW', '+')} ${counts('OLD', '-')} END`,
};
