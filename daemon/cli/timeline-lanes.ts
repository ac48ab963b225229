/**
 * The dispatches of the last hours, drawn in lines of text: a lane for each family of near-same texts, a column for each piece of time.
 *
 *   8f3a91c2  ·······1·2··o·     1-9 that many in this column, + more; o with one by the owner's own hand; ! with one too close
 */
import type { Dispatch, FamilyOfTexts, Timeline } from '../inspect.ts';
import { columnsOf, cut, paragraph } from './table.ts';
import { oneLine, type Style } from './terminal.ts';
import { clockTime, dayAndTime, span } from './times.ts';

const LABEL = 10;
const DAY = 86_400_000;

/** A piece of a line, so that colour can be put on it without moving anything. */
export interface Piece {
  text: string;
  style?: Style;
}
export type Line = Piece[];

/** Lines of at most `width` columns (40 or more). */
export function timelineLines(timeline: Timeline, width: number): Line[] {
  const lines: Line[] = heading(timeline, width);
  if (timeline.dispatches === 0) return lines;
  lines.push([], [{ text: axis(timeline, width - LABEL), style: 'dim' }]);
  for (const family of timeline.families) lines.push(...familyLines(family, timeline, width), []);
  const hidden = timeline.familiesTotal - timeline.families.length;
  if (hidden > 0) {
    const words = `… and ${count(hidden, 'more family', 'more families')}; --limit shows more.`;
    lines.push(...paragraph(words, width).map((text): Line => [{ text }]), []);
  }
  for (const [label, dispatches] of [
    ['others', timeline.singles],
    ['replies', timeline.replies],
  ] as const)
    if (dispatches.length > 0) lines.push(laneOf(label, dispatches, timeline, width));
  lines.push([]);
  const legend =
    '1-9 so many in a column, + more; o with the owner’s own hand; ! with one too close. Others: texts that nothing else was near to. Replies keep no distance.';
  for (const text of paragraph(legend, width)) lines.push([{ text, style: 'dim' }]);
  return lines;
}

function heading(timeline: Timeline, width: number): Line[] {
  const { from, to, dispatches, familiesTotal, singles, replies, tooClose } = timeline;
  const column = (to - from) / (width - LABEL);
  const parts = [
    `${count(familiesTotal, 'family', 'families')} of near-same texts`,
    count(singles.length, 'other text'),
    count(replies.length, 'reply', 'replies'),
  ];
  const all = `${count(dispatches, 'dispatch', 'dispatches')} from ${dayAndTime(from)} to ${clockTime(to, from)}: ${parts.join(', ')}.`;
  const lines: Line[] = paragraph(
    dispatches === 0 ? `Nothing went from ${dayAndTime(from)} to ${clockTime(to, from)}.` : all,
    width,
  ).map((text) => [{ text, style: 'bold' }]);
  if (dispatches === 0) return lines;
  const verdict: Piece =
    tooClose === 0
      ? { text: 'None was too close to a near-same text.', style: 'green' }
      : { text: `${count(tooClose, 'dispatch', 'dispatches')} TOO CLOSE to a near-same text.`, style: 'red' };
  return [...lines, [verdict], [{ text: `A column is ${span(column)}.`, style: 'dim' }]];
}

/** Times under which the columns stand: at the left edge, between, and at the right edge. */
function axis({ from, to }: Timeline, columns: number): string {
  const label = (at: number) => (to - from > DAY ? dayAndTime(at).slice(5, 16) : dayAndTime(at).slice(11, 16));
  const wide = label(from).length;
  const steps = Math.max(1, Math.min(4, Math.floor(columns / (wide + 4)) - 1));
  let line = ' '.repeat(LABEL);
  for (let i = 0; i <= steps; i += 1) {
    const edge = Math.round((columns * i) / steps);
    const start = LABEL + (i === steps ? columns - wide : edge);
    line = line.padEnd(start) + label(from + ((to - from) * i) / steps);
  }
  return line;
}

function familyLines(family: FamilyOfTexts, timeline: Timeline, width: number): Line[] {
  const lines = [laneOf(family.name, family.dispatches, timeline, width)];
  if (family.textStart !== null) lines.push([{ text: `  ${cut(quoted(family.textStart), width - 2)}` }]);
  for (const text of paragraph(factsOf(family, timeline.to), width, 2)) lines.push([{ text }]);
  const distances = distancesOf(family.dispatches, width - 2);
  if (distances !== '') lines.push([{ text: `  ${distances}`, style: family.tooClose > 0 ? 'red' : 'dim' }]);
  return lines;
}

/** "11 people, 09:02:11 to 09:11:48; 60 to 90 s asked, at least 61 s kept" */
export function factsOf({ dispatches, people, intervalMs, leastGapMs, tooClose }: FamilyOfTexts, now: number): string {
  const [first, last] = [dispatches[0], dispatches.at(-1)];
  const when = first && last ? `, ${clockTime(first.at, now)} to ${clockTime(last.at, now)}` : '';
  const more = dispatches.length > people ? ` in ${dispatches.length} dispatches` : '';
  const own = dispatches.filter(({ kind }) => kind === 'own_hand').length;
  const facts = [`${count(people, 'person', 'people')}${more}${when}`];
  if (intervalMs && leastGapMs !== null) {
    const asked = new Set([intervalMs.least, intervalMs.most].map(seconds));
    facts.push(`${[...asked].join(' to ')} s asked, at least ${seconds(leastGapMs)} s kept`);
  }
  if (own > 0) facts.push(`${own} by the owner’s own hand`);
  if (tooClose > 0) facts.push(`${tooClose} TOO CLOSE`);
  return facts.join('; ');
}

export function quoted(textStart: string): string {
  return `“${oneLine(textStart)}${[...textStart].length < 30 ? '' : '…'}”`;
}

/** The newest distances that fit on a line. */
function distancesOf(dispatches: Dispatch[], room: number): string {
  const head = 'distances in s: ';
  let line = '';
  for (const { gapMs, tooClose } of dispatches.toReversed()) {
    if (gapMs === null) continue;
    const one = `${tooClose ? '!' : ''}${seconds(gapMs)}`;
    if (head.length + line.length + one.length + 3 > room) return `${head}… ${line}`;
    line = line === '' ? one : `${one} ${line}`;
  }
  return line === '' ? '' : head + line;
}

function laneOf(label: string, dispatches: readonly Dispatch[], { from, to }: Timeline, width: number): Line {
  const columns = width - LABEL;
  const lane = Array.from({ length: columns }, () => ({ count: 0, own: false, tooClose: false }));
  for (const { at, kind, tooClose } of dispatches) {
    const slot = lane[Math.min(columns - 1, Math.max(0, Math.floor(((at - from) / (to - from)) * columns)))];
    if (!slot) continue;
    slot.count += 1;
    slot.own ||= kind === 'own_hand';
    slot.tooClose ||= tooClose;
  }
  const pieces: Line = [{ text: label + ' '.repeat(Math.max(1, LABEL - columnsOf(label))) }];
  for (const slot of lane) {
    const piece = signOf(slot);
    const last = pieces.at(-1);
    if (last && pieces.length > 1 && last.style === piece.style) last.text += piece.text;
    else pieces.push(piece);
  }
  return pieces;
}

function signOf(slot: { count: number; own: boolean; tooClose: boolean }): Piece {
  if (slot.count === 0) return { text: '·', style: 'dim' };
  if (slot.tooClose) return { text: '!', style: 'red' };
  if (slot.own) return { text: 'o', style: 'yellow' };
  return { text: slot.count > 9 ? '+' : String(slot.count), style: 'cyan' };
}

/** Never more than there was: 59.9 s are no minute. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}
