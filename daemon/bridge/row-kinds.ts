/**
 * What kind of row it is, from Apple's type numbers. One table; what is not in it is told as `unsupported` with its numbers, never
 * dropped. A text stays a `text` when it is a reply, was edited or has an effect: `detail` says so, and its words still count.
 *
 * | kind | detail |
 * | --- | --- |
 * | text | `reply_to`, `edited_at`, `effect`, `subject`, `app` (a link with preview), `scheduled` |
 * | attachment, sticker | `attachments`: name, mime_type, bytes, state; `audio` |
 * | tapback, tapback_removed | `tapback`, `emoji`, `target`, `part` |
 * | group_event | `event`, `handle`, `title` |
 * | app | `app`: the bundle id of the app that draws it |
 * | unsent | `edited_at` |
 * | unsupported | all type numbers |
 */
import type { RawRow } from './chat-schema.ts';

export interface RowKind {
  kind: string;
  detail?: Record<string, unknown>;
}

const TAPBACKS = ['love', 'like', 'dislike', 'laugh', 'emphasis', 'question', 'emoji', 'sticker'];
/** `item_type` and `group_action_type`. */
const GROUP_EVENTS: Record<string, string> = {
  '1.0': 'member_added',
  '1.1': 'member_removed',
  '2.0': 'renamed',
  '3.0': 'member_left',
  '3.1': 'photo_changed',
  '3.2': 'photo_removed',
};
const TRANSFER_STATES: Record<number, string> = {
  [-1]: 'archiving',
  0: 'waiting',
  1: 'accepted',
  2: 'preparing',
  3: 'transferring',
  4: 'finalizing',
  5: 'ready',
  6: 'failed',
  7: 'recoverable_error',
};
/** Of a frame's 256 KiB the text may take a quarter, and all that is said about it another. */
const DETAIL_BYTES = 64 * 1024;
const MOST_LISTED = 100;
/** A link with its preview is a text for us. */
const LINK = 'com.apple.messages.URLBalloonProvider';

/** `hasSlot`: the body holds a slot for an attachment. `bodyFault`: why the body could not be read, if it could not. */
export function kindOf(
  row: RawRow,
  body: { text: string; hasSlot: boolean; fault?: string },
  attachments: Record<string, unknown>[],
): RowKind {
  const { item_type, associated_message_type: associated } = row;
  const item = Number(item_type ?? 0);
  const type = Number(associated ?? 0);
  const app = words(row.balloon_bundle_id);
  const more = about(row, app);
  if (item !== 0) return groupEvent(row, item) ?? unsupported(row, body.fault);
  if (type >= 2000 && type <= 2007) return { kind: 'tapback', detail: tapback(row, type - 2000) };
  if (type >= 3000 && type <= 3007) return { kind: 'tapback_removed', detail: tapback(row, type - 3000) };
  if (type === 1000) return { kind: 'sticker', detail: { ...target(row), ...files(attachments) } };
  if (type !== 0 && type !== 2 && type !== 3) return unsupported(row, body.fault);
  if (app && app !== LINK) return { kind: 'app', detail: { app, ...more } };
  if (attachments.length > 0 || body.hasSlot) {
    const stickers = attachments.length > 0 && attachments.every((a) => a.sticker === true);
    const audio = row.is_audio_message === 1 ? { audio: true } : {};
    return { kind: stickers ? 'sticker' : 'attachment', detail: { ...files(attachments), ...audio, ...more } };
  }
  if (body.text !== '') return { kind: 'text', detail: emptyIsNone(more) };
  if (more.edited_at !== undefined) return { kind: 'unsent', detail: more };
  return unsupported(row, body.fault);
}

/** Fields that would not fit into a frame are cut or left out, and `cut` says so: a row is told in any case. */
export function fitting(row: RowKind): RowKind {
  if (!row.detail || sizeOf(row.detail) <= DETAIL_BYTES) return row;
  let left = DETAIL_BYTES;
  const detail: Record<string, unknown> = { cut: true };
  for (const [name, value] of Object.entries(row.detail)) {
    const kept = Array.isArray(value) ? value.slice(0, MOST_LISTED) : value;
    const size = sizeOf(kept) + name.length + 4;
    if (size > left) continue;
    left -= size;
    detail[name] = kept;
  }
  return { ...row, detail };
}

function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** One attachment for `detail`. */
export function describeAttachment(a: Record<string, unknown>): Record<string, unknown> {
  const state = Number(a.transfer_state ?? 0);
  return {
    guid: words(a.guid),
    ...(words(a.transfer_name) ? { name: words(a.transfer_name) } : {}),
    ...(words(a.mime_type) || words(a.uti) ? { mime_type: words(a.mime_type) || words(a.uti) } : {}),
    bytes: Number(a.total_bytes ?? 0),
    state: TRANSFER_STATES[state] ?? String(state),
    ...(a.is_sticker === 1 ? { sticker: true } : {}),
  };
}

function about(row: RawRow, app: string): Record<string, unknown> {
  const thread = words(row.thread_originator_guid);
  const part = words(row.thread_originator_part);
  return {
    ...(thread ? { reply_to: { guid: thread, ...(part ? { part } : {}) } } : {}),
    ...(row.date_edited !== null ? { edited_at: row.date_edited } : {}),
    ...(words(row.expressive_send_style_id) ? { effect: words(row.expressive_send_style_id) } : {}),
    ...(words(row.subject) ? { subject: words(row.subject) } : {}),
    ...(app === LINK ? { app } : {}),
    ...(row.schedule_type === 2 ? { scheduled: true } : {}),
    ...(row.is_spam === 1 ? { spam: true } : {}),
  };
}

function groupEvent(row: RawRow, item: number): RowKind | null {
  const action = item === 2 ? 0 : Number(row.group_action_type ?? 0);
  const event = GROUP_EVENTS[`${item}.${action}`];
  if (!event) return null;
  const title = words(row.group_title);
  const about = { event, ...(row.other ? { handle: row.other } : {}), ...(item === 2 ? { title } : {}) };
  return { kind: 'group_event', detail: about };
}

function tapback(row: RawRow, number: number): Record<string, unknown> {
  const emoji = words(row.associated_message_emoji);
  return { tapback: TAPBACKS[number], ...(emoji ? { emoji } : {}), ...target(row) };
}

/** `p:<part>/<guid>`, `bp:<guid>` or the bare guid. */
function target(row: RawRow): Record<string, unknown> {
  const written = words(row.associated_message_guid);
  if (written === '') return {};
  const match = /^(?:p:(\d+)\/|bp:)?(.*)$/s.exec(written);
  return { target: match?.[2] ?? written, ...(match?.[1] === undefined ? {} : { part: Number(match[1]) }) };
}

function files(attachments: Record<string, unknown>[]): Record<string, unknown> {
  return { attachments };
}

function unsupported(row: RawRow, fault?: string): RowKind {
  const detail: Record<string, unknown> = {
    item_type: row.item_type ?? 0,
    group_action_type: row.group_action_type ?? 0,
    associated_message_type: row.associated_message_type ?? 0,
  };
  const app = words(row.balloon_bundle_id);
  if (row.share_status) detail.share_status = row.share_status;
  if (app) detail.app = app;
  if (fault) detail.body = fault;
  return { kind: 'unsupported', detail: { ...detail, ...target(row) } };
}

function emptyIsNone(detail: Record<string, unknown>): Record<string, unknown> | undefined {
  return Object.keys(detail).length > 0 ? detail : undefined;
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
