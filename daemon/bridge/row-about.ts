/**
 * What can be said of any message beside its kind and its words:
 *
 * | name | what |
 * | --- | --- |
 * | `reply_to` | `guid` of the message that it answers to, and which `part` of it, from letter `start` on, `length` letters |
 * | `edited_at`, `edited_parts`, `unsent_parts` | when it was last edited or a part of it taken back, and which parts |
 * | `effect` | `name`, `kind` (bubble or screen) and Apple's `id` |
 * | `subject` | the line that some devices show in bold above the text |
 * | `app` | of a link with a preview, Apple's id for it |
 * | `parts` | of several bubbles each, as ranges of the text |
 * | `mentions`, `links`, `styles` | `handle`, `url`, `style` with the range of the text |
 * | `one_time_codes` | codes that Messages offers to fill in |
 * | `scheduled` | Send Later: Apple's `type` and `state`; `at` of the message is when it will go |
 * | `filter` | Apple's numbers for unknown senders and junk, and `junk: true` if one of them means that (from `filterOf`) |
 */
import { effectOf, LINK } from './apple-names.ts';
import type { TextMarks } from './attributed-runs.ts';
import type { MoreOfRow } from './chat-schema.ts';
import { summaryOf } from './message-summary.ts';

/** ILMessageFilterAction, in the low four bits of `chat.is_filtered` and in macOS 27's `message.filter_action`. */
const JUNK = 2;

export function aboutMessage(row: MoreOfRow, marks: TextMarks | null): Record<string, unknown> {
  const effect = words(row.expressive_send_style_id);
  const type = Number(row.schedule_type ?? 0);
  return {
    ...replyTo(row),
    ...edits(row),
    ...(effect ? { effect: effectOf(effect) } : {}),
    ...(words(row.subject) ? { subject: words(row.subject) } : {}),
    ...(words(row.balloon_bundle_id) === LINK ? { app: LINK } : {}),
    ...(marks ? inText(marks) : {}),
    ...(type !== 0 ? { scheduled: { type, state: Number(row.schedule_state ?? 0) } } : {}),
  };
}

/** `thread_originator_part` is `<part>:<from letter>:<letters>`. */
function replyTo(row: MoreOfRow): Record<string, unknown> {
  const guid = words(row.thread_originator_guid);
  if (guid === '') return {};
  const numbers = /^(\d+):(\d+):(\d+)$/.exec(words(row.thread_originator_part));
  const [part, start, length] = (numbers ?? []).slice(1).map(Number);
  return { reply_to: { guid, ...(numbers ? { part, start, length } : {}) } };
}

function edits(row: MoreOfRow): Record<string, unknown> {
  if (typeof row.date_edited !== 'number') return {};
  const summary = row.message_summary_info instanceof Uint8Array ? summaryOf(row.message_summary_info) : null;
  const edited = summary?.edited.map(({ part }) => part) ?? [];
  const unsent = summary?.retracted ?? [];
  return {
    edited_at: row.date_edited,
    ...(edited.length > 0 ? { edited_parts: edited } : {}),
    ...(unsent.length > 0 ? { unsent_parts: unsent } : {}),
  };
}

function inText(marks: TextMarks): Record<string, unknown> {
  const { parts, mentions, links, styles, oneTimeCodes } = marks;
  const listed = { parts, mentions, links, styles, one_time_codes: oneTimeCodes };
  return Object.fromEntries(Object.entries(listed).filter(([, list]) => list.length > 0));
}

const FILTERS = [
  'is_filtered',
  'is_blackholed',
  'is_pending_review',
  'is_spam',
  'filter_action',
  'filter_sub_action',
] as const;

/** `of`: a row of `message`, of `chat`, or of both. Undefined if nothing is said. */
export function filterOf(of: Record<string, unknown>): Record<string, unknown> | undefined {
  let said: Record<string, unknown> | undefined;
  for (const name of FILTERS) {
    const value = of[name];
    if (typeof value !== 'number' || value === 0) continue;
    said ??= {};
    said[name] = value;
  }
  if (!said) return undefined;
  const junk = (Number(of.is_filtered ?? 0) & 15) === JUNK || of.is_spam === 1 || of.filter_action === JUNK;
  return junk ? { junk: true, ...said } : said;
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
