/**
 * What kind of row it is, from Apple's type numbers. What is not in these tables is told as `unsupported` with its numbers, never
 * dropped. A text stays a `text` when it is a reply, was edited or has an effect: `detail` says so, and its words still count.
 *
 * | kind | detail |
 * | --- | --- |
 * | text | what row-about.ts says of any message: `reply_to`, `edited_at`, `effect`, `mentions`, `links`, … |
 * | attachment, sticker | `attachments`: guid, name, mime_type, bytes, state, and the `part` and place `at` in the text; `audio`, `transcript` |
 * | tapback, tapback_removed | `tapback`, `emoji`, `target`, `part`; `attachments` of a sticker |
 * | app | `app`: the bundle id of the app that draws it, `app_name`, `title`, `summary` |
 * | poll_vote | `target`: the poll; for what, only its app understands |
 * | unsent | `edited_at`, `unsent_parts` |
 * | group_event | `event`, `handle`, `title` |
 * | location_sharing | `event`: started or stopped; `handle`, `direction` |
 * | audio_kept, facetime | what Apple's numbers say |
 * | unsupported | all type numbers |
 */
import { appWords } from './app-payload.ts';
import { appName, GROUP_EVENTS, LINK, TAPBACKS, TRANSFER_STATES } from './apple-names.ts';
import type { TextMarks } from './attributed-runs.ts';
import type { MoreOfRow } from './chat-schema.ts';
import { aboutMessage } from './row-about.ts';
import type { RowBody } from './row-body.ts';

export interface RowKind {
  kind: string;
  detail?: Record<string, unknown>;
}

/** Rows that Messages writes by itself, or that are a tap: nobody has written anything, so they open nothing for a reply. */
const NOT_WRITTEN: ReadonlySet<string> = new Set([
  'group_event',
  'location_sharing',
  'audio_kept',
  'facetime',
  'poll_vote',
]);

export function isWritten(kind: string): boolean {
  return !NOT_WRITTEN.has(kind);
}

/** Of a frame's 256 KiB the text may take a quarter, and all that is said about it another. */
const DETAIL_BYTES = 64 * 1024;
const MOST_LISTED = 100;

/** What a row says by reference to other tables. */
export interface Referred {
  /** As `describeAttachment` gives them. */
  attachments: Record<string, unknown>[];
  /** The person that something was done to, '' if there is none. */
  other: string;
  /** It is the one who did it. */
  isSame: boolean;
}

export function kindOf(row: MoreOfRow, body: RowBody, { attachments, other, isSame }: Referred): RowKind {
  const item = Number(row.item_type ?? 0);
  const type = Number(row.associated_message_type ?? 0);
  if (item !== 0) return event(row, item, { other, isSame }) ?? unsupported(row, body.fault);
  if (type >= 2000 && type <= 2007) return { kind: 'tapback', detail: tapback(row, type - 2000, attachments) };
  if (type >= 3000 && type <= 3007) return { kind: 'tapback_removed', detail: tapback(row, type - 3000, attachments) };
  if (type === 1000) return { kind: 'sticker', detail: { ...target(row), attachments } };
  const app = words(row.balloon_bundle_id);
  if (type === 4000) return { kind: 'poll_vote', detail: { ...target(row), ...(app ? { app } : {}) } };
  if (type !== 0 && type !== 2 && type !== 3) return unsupported(row, body.fault);
  const marks = body.marks();
  const about = aboutMessage(row, marks);
  if (app && app !== LINK) return { kind: 'app', detail: { ...appOf(row, app), ...target(row), ...about } };
  if (attachments.length > 0 || body.hasSlot) {
    const listed = inTheirPlaces(attachments, marks);
    const stickers = attachments.length > 0 && attachments.every((a) => a.sticker === true);
    const audio = row.is_audio_message === 1 ? { audio: true } : {};
    const transcript = marks?.transcript ? { transcript: marks.transcript } : {};
    const detail = { attachments: listed, ...audio, ...transcript, ...about };
    return { kind: stickers ? 'sticker' : 'attachment', detail };
  }
  if (body.text !== '') return { kind: 'text', detail: emptyIsNone(about) };
  return about.edited_at === undefined ? unsupported(row, body.fault) : { kind: 'unsent', detail: about };
}

/** A detail that fits into a frame: lists are cut, then what is too long is left out, and `cut` says so: a row is told in any case. */
export function fitting(row: RowKind): RowKind {
  if (!row.detail || isShort(row.detail) || sizeOf(row.detail) <= DETAIL_BYTES) return row;
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

/** Nearly all are a few words long: what is short in units is short in bytes. */
function isShort(detail: Record<string, unknown>): boolean {
  let units = 0;
  for (const value of Object.values(detail)) {
    if (typeof value === 'string') units += value.length;
    else if (typeof value === 'object') return false;
  }
  return units * 6 < DETAIL_BYTES / 2;
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
    state: TRANSFER_STATES.get(state) ?? String(state),
    ...(a.is_sticker === 1 ? { sticker: true } : {}),
  };
}

/** With part and place where the body says so. A place whose file has no row yet is `unknown`, unless there are rows without a place. */
function inTheirPlaces(attachments: Record<string, unknown>[], marks: TextMarks | null): Record<string, unknown>[] {
  const left = new Map(attachments.map((one) => [one.guid, one]));
  const places = (marks?.slots ?? []).map(({ attachment, part, at }) => {
    const known = left.get(attachment);
    left.delete(attachment);
    return known ? { ...known, part, at } : { guid: attachment, bytes: 0, state: 'unknown', part, at };
  });
  const placed = left.size === 0 ? places : places.filter(({ state }) => state !== 'unknown');
  return [...placed, ...left.values()];
}

function appOf(row: MoreOfRow, app: string): Record<string, unknown> {
  const name = appName(app);
  const said = row.payload_data instanceof Uint8Array ? appWords(row.payload_data) : {};
  return { app, ...(name ? { app_name: name } : {}), ...said };
}

function event(row: MoreOfRow, item: number, { other, isSame }: Omit<Referred, 'attachments'>): RowKind | null {
  const action = item === 2 ? 0 : Number(row.group_action_type ?? 0);
  const whom = other ? { handle: other } : {};
  if (item === 4 && action === 0) {
    const happened = Number(row.share_status ?? 0) === 0 ? 'started' : 'stopped';
    return {
      kind: 'location_sharing',
      detail: { event: happened, ...whom, direction: Number(row.share_direction ?? 0) },
    };
  }
  if (item === 5) return { kind: 'audio_kept', detail: { ...target(row), ...whom } };
  if (item === 6) return { kind: 'facetime', detail: { group_action_type: action, ...whom } };
  let name = GROUP_EVENTS.get(`${item}.${action}`);
  if (!name) return null;
  // Somebody who "adds" themselves has a new number or address.
  if (item === 1 && action === 0 && isSame) name = 'member_address_changed';
  return {
    kind: 'group_event',
    detail: { event: name, ...whom, ...(item === 2 ? { title: words(row.group_title) } : {}) },
  };
}

function tapback(row: MoreOfRow, number: number, attachments: Record<string, unknown>[]): Record<string, unknown> {
  const emoji = words(row.associated_message_emoji);
  const sticker = attachments.length > 0 ? { attachments } : {};
  return { tapback: TAPBACKS[number], ...(emoji ? { emoji } : {}), ...target(row), ...sticker };
}

/** `p:<part>/<guid>`, `bp:<guid>` or the bare guid. */
function target(row: MoreOfRow): Record<string, unknown> {
  const written = words(row.associated_message_guid);
  if (written === '') return {};
  const match = /^(?:p:(\d+)\/|bp:)?(.*)$/s.exec(written);
  return { target: match?.[2] ?? written, ...(match?.[1] === undefined ? {} : { part: Number(match[1]) }) };
}

function unsupported(row: MoreOfRow, fault?: string): RowKind {
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
