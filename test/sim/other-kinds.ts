/**
 * Everything that is no plain text: attachments, edits, unsendings, changes of a group. How each stands in chat.db is Apple's way as seen
 * in real rows; times are Unix ms.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { appleDate } from './apple-date.ts';
import { bplist, type PlistValue } from './bplist.ts';
import type { Columns, MacStore } from './mac-store.ts';
import { encodeAttributedText } from './typedstream.ts';

export interface File {
  name: string;
  mime: string;
  bytes: number;
  /** Apple's transfer states: 0 waiting, 3 under way, 5 there, 6 failed. */
  state: number;
  sticker: boolean;
}

export const TRANSFERRED = 5;

/** As Apple writes it into each row, wherever the home folder is. */
const FOLDER = '~/Library/Messages/Attachments/';

/**
 * Files that others sent lie beside chat.db once they have come; what is in them follows from their guid and size alone. Own ones lie
 * where they were sent from.
 */
function writeFiles(store: MacStore, message: number): void {
  const sql = `SELECT a.guid, a.filename, a.total_bytes AS bytes FROM attachment a
    JOIN message_attachment_join j ON j.attachment_id = a.ROWID WHERE j.message_id = ? AND a.transfer_state = ${TRANSFERRED}`;
  for (const { guid, filename, bytes } of store.all(sql, message)) {
    if (!String(filename).startsWith(FOLDER)) continue;
    const path = join(dirname(store.path), 'Attachments', String(filename).slice(FOLDER.length));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, Buffer.alloc(Number(bytes), `${guid} `));
  }
}

/** Hangs files on a message. Body and `cache_has_attachments` follow. */
export function attach(
  store: MacStore,
  message: { rowid: number; guid: string },
  text: string,
  files: File[],
  at: number,
): void {
  const guids = files.map((_, part) => `at_${part}_${randomUUID().toUpperCase()}`);
  store.update(message.guid, { attributedBody: encodeAttributedText(text, { mutable: true, attachments: guids }) });
  files.forEach((file, part) => {
    const guid = guids[part] ?? '';
    const attachment = store.insert('attachment', {
      guid,
      original_guid: guid,
      created_date: appleDate(at) / 1_000_000_000n,
      filename: `${FOLDER}${guid.slice(5, 7).toLowerCase()}/00/${guid}/${file.name}`,
      mime_type: file.mime,
      transfer_name: file.name,
      transfer_state: file.state,
      total_bytes: file.bytes,
      is_sticker: file.sticker ? 1 : 0,
    });
    store.insert('message_attachment_join', { message_id: message.rowid, attachment_id: attachment });
  });
  writeFiles(store, message.rowid);
}

/** All files of the message are in this state now. False if it has none. */
export function transfer(store: MacStore, guid: string, state: number): boolean {
  const sql = `UPDATE attachment SET transfer_state = ? WHERE ROWID IN (SELECT j.attachment_id
    FROM message_attachment_join j JOIN message m ON m.ROWID = j.message_id WHERE m.guid = ?) RETURNING ROWID`;
  const changed = store.all(sql, state, guid).length > 0;
  const rowid = store.get('SELECT ROWID AS rowid FROM message WHERE guid = ?', guid)?.rowid;
  if (changed) writeFiles(store, Number(rowid));
  // Messages touches the row too when a file has come.
  if (changed) store.update(guid, { cache_has_attachments: 1 });
  return changed;
}

/** The texts that messages had, by guid, from the first on: what Messages keeps in the summary of an edited row. */
export type Histories = Map<string, PlistValue[]>;

/** Another text in the same row, the old ones in its summary. False if there is no such message. */
export function edit(store: MacStore, histories: Histories, guid: string, text: string, at: number): boolean {
  const row = store.get('SELECT attributedBody AS body, date / 1000000000 AS date FROM message WHERE guid = ?', guid);
  if (!row) return false;
  const version = (body: Uint8Array, seconds: number): PlistValue => ({ dict: { d: { real: seconds }, t: body } });
  const body = encodeAttributedText(text, { mutable: true });
  const before = row.body instanceof Uint8Array ? row.body : new Uint8Array();
  const seconds = Number(appleDate(at) / 1_000_000n) / 1000;
  const history = [...(histories.get(guid) ?? [version(before, Number(row.date))]), version(body, seconds)];
  histories.set(guid, history);
  const original: PlistValue = { dict: { '0': { dict: { lo: 0, le: text.length } } } };
  return store.update(guid, {
    attributedBody: body,
    date_edited: appleDate(at),
    message_summary_info: bplist({ dict: { ust: true, otr: original, ep: [0], ec: { dict: { '0': history } } } }),
  });
}

/** The whole message is taken back: the row stays, without a body. */
export function unsend(store: MacStore, guid: string, at: number): boolean {
  return store.update(guid, {
    attributedBody: null,
    part_count: 0,
    is_empty: 1,
    date_edited: appleDate(at),
    message_summary_info: bplist({ dict: { ust: true, otr: { dict: { '0': { dict: { lo: 0, le: 1 } } } }, rp: [0] } }),
  });
}

export type GroupChange =
  | { kind: 'rename'; name: string }
  | { kind: 'add' | 'remove'; member: string }
  | { kind: 'leave' | 'photo' | 'photo_removed' };

/** A row that tells of a change in a group, and the change itself. `by`: who did it, undefined for me. */
export function changeGroup(store: MacStore, chat: number, change: GroupChange, by: string | undefined, at: number) {
  const columns = { date_read: 0, part_count: 0, attributedBody: null, ...groupColumns(store, change) };
  const row = store.insertMessage({ fromMe: by === undefined, handle: by, text: '', at, columns });
  store.join(row.rowid, chat, at);
  if (change.kind === 'rename') store.all('UPDATE chat SET display_name = ? WHERE ROWID = ?', change.name, chat);
  else if (change.kind === 'add') store.addMember(chat, change.member);
  else if (change.kind === 'remove') store.removeMember(chat, change.member);
  else if (change.kind === 'leave' && by !== undefined) store.removeMember(chat, by);
  return row;
}

function groupColumns(store: MacStore, change: GroupChange): Columns {
  switch (change.kind) {
    case 'rename':
      return { item_type: 2, group_title: change.name };
    case 'add':
      return { item_type: 1, group_action_type: 0, other_handle: store.handle(change.member) };
    case 'remove':
      return { item_type: 1, group_action_type: 1, other_handle: store.handle(change.member) };
    case 'leave':
      return { item_type: 3, group_action_type: 0 };
    case 'photo':
      return { item_type: 3, group_action_type: 1 };
    case 'photo_removed':
      return { item_type: 3, group_action_type: 2 };
  }
}
