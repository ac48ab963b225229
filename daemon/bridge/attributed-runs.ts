/**
 * What the attributes of a text say to somebody who reads it: mentions, links, styles, one-time codes, and which attachment stands where.
 *
 * Ranges are UTF-16 units of the text as it is told, which is without the slots of attachments (U+FFFC): `start` 0 is its first letter.
 * What is beyond a cut text is left out. Attributes that only serve Messages' own drawing (dates and sums it made tappable, the height
 * of a picture) are not told.
 */
import { handleFromRow } from '../host/handles.ts';
import { STYLES, TEXT_EFFECTS } from './apple-names.ts';
import { type Attribute, type AttributedRun, isUrl, typedstreamRuns } from './typedstream-runs.ts';

interface Range {
  start: number;
  length: number;
}

export interface TextMarks {
  /** The bubbles of the message; empty if there is only one. */
  parts: (Range & { part: number })[];
  /** Attachments in the order in which they stand: `at` is the place in the text. */
  slots: { attachment: string; part: number; at: number }[];
  mentions: (Range & { handle: string })[];
  links: (Range & { url: string })[];
  styles: (Range & { style: string })[];
  oneTimeCodes: string[];
  /** What Messages heard in an audio message. */
  transcript: string | null;
}

const PART = '__kIMMessagePartAttributeName';
const FILE = '__kIMFileTransferGUIDAttributeName';
const MENTION = '__kIMMentionConfirmedMention';
const URL_OF = '__kIMLinkAttributeName';
const CODE = '__kIMOneTimeCodeAttributeName';
const EFFECT = '__kIMTextEffectAttributeName';
const TRANSCRIPT = 'IMAudioTranscription';
const MOST_MARKS = 500;

/** Has the body, from `end` of its text on, other attributes than the two that every plain text has? 0.3 µs. */
export function hasMarks(body: Uint8Array, end: number): boolean {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  for (let at = bytes.indexOf('__kIM', end, 'latin1'); at >= 0; at = bytes.indexOf('__kIM', at + 5, 'latin1')) {
    const part = bytes[at + 5] === 0x4d && bytes[at + 7] === 0x73;
    const direction = bytes[at + 5] === 0x42 && bytes[at + 6] === 0x61;
    if (!part && !direction) return true;
  }
  return false;
}

/**
 * `told`: the text as it is told, shorter than the body's own by the characters in `slots` and by what was cut. Null if the runs cannot
 * be read.
 */
export function marksOf(body: Uint8Array, told: string, slots: string): TextMarks | null {
  const read = typedstreamRuns(body);
  if (!read.ok) return null;
  const marks: TextMarks = {
    parts: [],
    slots: [],
    mentions: [],
    links: [],
    styles: [],
    oneTimeCodes: [],
    transcript: null,
  };
  let start = 0;
  for (const run of read.runs) {
    if (run.start + run.length > read.text.length) break;
    const length = lettersIn(read.text, run, slots);
    mark(marks, run.attributes, { start, length: Math.max(0, Math.min(length, told.length - start)) });
    start += length;
  }
  if (marks.parts.length < 2) marks.parts = [];
  return marks;
}

function lettersIn(text: string, { start, length }: AttributedRun, slots: string): number {
  let letters = length;
  for (let at = start; at < start + length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit >= 0xfffc && slots.includes(text.charAt(at))) letters -= 1;
  }
  return letters;
}

function mark(marks: TextMarks, attributes: Map<string, Attribute>, range: Range): void {
  const part = numberOf(attributes.get(PART)) ?? 0;
  const last = marks.parts.at(-1);
  if (last?.part === part) last.length += range.length;
  else if (marks.parts.length < MOST_MARKS) marks.parts.push({ part, ...range });
  const file = attributes.get(FILE);
  if (typeof file === 'string' && marks.slots.length < MOST_MARKS)
    marks.slots.push({ attachment: file, part, at: range.start });
  const transcript = attributes.get(TRANSCRIPT);
  if (typeof transcript === 'string') marks.transcript ??= transcript;
  if (range.length === 0) return;

  const mention = attributes.get(MENTION);
  if (typeof mention === 'string') add(marks.mentions, range, 'handle', handleFromRow(mention));
  const link = attributes.get(URL_OF);
  if (typeof link === 'string') add(marks.links, range, 'url', link);
  else if (isUrl(link)) add(marks.links, range, 'url', link.url);
  for (const [name, style] of STYLES) if (numberOf(attributes.get(name))) add(marks.styles, range, 'style', style);
  const effect = numberOf(attributes.get(EFFECT));
  if (effect) add(marks.styles, range, 'style', TEXT_EFFECTS.get(effect) ?? `effect_${effect}`);
  const code = attributes.get(CODE);
  const digits = code instanceof Map ? code.get('code') : undefined;
  if (typeof digits === 'string' && !marks.oneTimeCodes.includes(digits) && marks.oneTimeCodes.length < MOST_MARKS)
    marks.oneTimeCodes.push(digits);
}

/** Runs next to each other that say the same are one: a link of which one letter is bold is still one link. */
function add<Name extends string>(
  list: (Range & Record<Name, string>)[],
  range: Range,
  name: Name,
  value: string,
): void {
  // At most eight things hold for one run.
  const before = list.slice(-8).findLast((one) => one[name] === value);
  if (before && before.start + before.length === range.start) before.length += range.length;
  else if (list.length < MOST_MARKS) list.push({ ...range, [name]: value } as Range & Record<Name, string>);
}

function numberOf(value: Attribute | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
