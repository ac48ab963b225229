/**
 * What became of a message by part: the versions of an edited part and the parts that were taken back, from `message_summary_info`.
 *
 * A part is a bubble of the message, counted from 0 in the order in which it was sent; an unsent part keeps its number. The keys of the
 * property list, as seen in real rows: `otr` ranges of the parts as sent, `ep` edited parts, `ec` {part: versions, the oldest first}, each
 * version with `t` (an attributed text) and `d` (seconds since 2001), `rp` parts taken back. Messages allows five edits in about 15
 * minutes and taking back in about 2; the current text of the row stands in `attributedBody`.
 */
import { type PlistValue, readPlist } from './plist-reader.ts';
import { typedstreamText } from './typedstream-text.ts';

export interface TextVersion {
  /** Unix ms; null if it is not said. */
  at: number | null;
  /** As the person saw it, without the slots of attachments; '' if it cannot be read. Not cut. */
  text: string;
}

export interface EditedPart {
  part: number;
  /** The oldest first: version 0 is what was sent, the last is what stands there now. */
  versions: TextVersion[];
}

export interface MessageSummary {
  /** By part, ascending. */
  edited: EditedPart[];
  /** Parts that were taken back, ascending. */
  retracted: number[];
}

const APPLE_EPOCH_MS = 978_307_200_000;
/** A row that says more is damaged: Messages itself stops at five edits. */
const MOST_VERSIONS = 200;
const MOST_PARTS = 1_000;

/** Null if the blob is no property list of that kind. Never throws; what is damaged inside is left out. */
export function summaryOf(blob: Uint8Array): MessageSummary | null {
  const root = readPlist(blob);
  if (!(root instanceof Map)) return null;
  const retracted = new Set<number>();
  for (const part of listOf(root.get('rp')).slice(0, MOST_PARTS)) if (isPart(part)) retracted.add(part);
  return { edited: editedParts(root.get('ec'), blob.length), retracted: [...retracted].sort((a, b) => a - b) };
}

function editedParts(history: PlistValue | undefined, mostBytes: number): EditedPart[] {
  const parts: EditedPart[] = [];
  // In a damaged list two versions may share their bytes; whole ones never are longer together than the blob.
  const left = { versions: MOST_VERSIONS, bytes: mostBytes };
  for (const [key, list] of history instanceof Map ? history : []) {
    const part = /^\d{1,4}$/.test(key) ? Number(key) : -1;
    const versions = isPart(part) ? listOf(list).flatMap((entry) => versionOf(entry, left)) : [];
    if (versions.length > 0) parts.push({ part, versions });
  }
  return parts.sort((a, b) => a.part - b.part);
}

function versionOf(entry: PlistValue, left: { versions: number; bytes: number }): TextVersion[] {
  if (!(entry instanceof Map) || left.versions === 0) return [];
  left.versions -= 1;
  const body = entry.get('t');
  const seconds = entry.get('d');
  const at = typeof seconds === 'number' && seconds > 0 ? Math.round(seconds * 1000) + APPLE_EPOCH_MS : null;
  if (!(body instanceof Uint8Array) || body.length > left.bytes) return [{ at, text: '' }];
  left.bytes -= body.length;
  const read = typedstreamText(body);
  return [{ at: Number.isSafeInteger(at) ? at : null, text: read.ok ? read.text.replaceAll('\uFFFC', '') : '' }];
}

function listOf(value: PlistValue | undefined): PlistValue[] {
  return Array.isArray(value) ? value : [];
}

function isPart(value: PlistValue | undefined): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < MOST_PARTS;
}
