/**
 * The words of a row: from `attributedBody`, and from the `text` column where that says nothing (Messages leaves `text` NULL on most
 * rows since 2026). The slots of attachments and apps are taken out, and what is beyond MAX_INBOUND_TEXT_BYTES is cut.
 */
import { MAX_INBOUND_TEXT_BYTES } from '../../protocol/limits.ts';
import { hasMarks, marksOf, type TextMarks } from './attributed-runs.ts';
import type { MoreOfRow, PlainRow } from './chat-schema.ts';
import { typedstreamText } from './typedstream-text.ts';

export interface RowBody {
  text: string;
  truncated: boolean;
  /** The text held the slot of an attachment (U+FFFC). */
  hasSlot: boolean;
  /** More can be said of the text than its words: `marks` gives it. */
  hasMarks: boolean;
  marks(): TextMarks | null;
  /** Why `attributedBody` could not be read, and no other text was there. */
  fault?: string;
}

const ATTACHMENT_SLOT = '\uFFFC';
/** Apps draw themselves over this one. In other rows it is a character that a person may have sent. */
const APP_SLOT = '\uFFFD';

/** `more`: the rest of the row's columns, where they have been read. */
export function bodyOf(row: PlainRow, more?: MoreOfRow): RowBody {
  const blob = row.attributedBody instanceof Uint8Array ? row.attributedBody : null;
  const read = blob ? typedstreamText(blob) : null;
  let written = read?.ok ? read.text : '';
  const fault = read && !read.ok ? read.why : undefined;
  const marked = blob !== null && read?.ok === true && (hasMarks(blob, read.end) || Number(more?.part_count ?? 1) > 1);
  if (written === '' && typeof row.text === 'string') written = row.text;
  const hasSlot = written.includes(ATTACHMENT_SLOT);
  const slots = typeof more?.balloon_bundle_id === 'string' ? ATTACHMENT_SLOT + APP_SLOT : ATTACHMENT_SLOT;
  if (hasSlot) written = written.replaceAll(ATTACHMENT_SLOT, '');
  if (slots.length > 1) written = written.replaceAll(APP_SLOT, '');
  const text = cutText(written, MAX_INBOUND_TEXT_BYTES);
  return {
    text,
    truncated: text.length < written.length,
    hasSlot,
    hasMarks: marked,
    marks: () => (blob && marked ? marksOf(blob, text, slots) : null),
    ...(written === '' && fault ? { fault } : {}),
  };
}

/** The longest beginning of whole characters that takes at most `bytes` in a frame, where some characters are written as escapes. */
export function cutText(text: string, bytes: number): string {
  if (text.length * 6 <= bytes) return text;
  let size = 0;
  let end = 0;
  for (const character of text) {
    size += encodedBytes(character);
    if (size > bytes) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

function encodedBytes(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x22 || code === 0x5c || (code >= 0x08 && code <= 0x0d && code !== 0x0b)) return 2;
  if (code < 0x20 || (code >= 0xd800 && code <= 0xdfff)) return 6;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}
