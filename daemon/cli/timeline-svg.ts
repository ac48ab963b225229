/**
 * The dispatches of the last hours as a picture: one SVG, nothing from outside, no scripts, light or dark as the reader's screen is.
 *
 * A lane for each family: a dot for each dispatch, before it a bar as long as the distance that it had to keep (with the dot of the one
 * before inside, it was too close, and is a red cross); squares are of the owner's own hand. Dots that would cover one another are drawn once.
 */
import type { Dispatch, FamilyOfTexts, Timeline } from '../inspect.ts';
import { count, factsOf, quoted } from './timeline-lanes.ts';
import { clockTime, dayAndTime } from './times.ts';

const WIDTH = 960;
const LEFT = 24;
const ROOM = WIDTH - 2 * LEFT;
const HEAD = 92;
const LANE = 66;
const TICKS = 6;

/** Colours with a contrast of 4.5 or more on their ground. Plain values, since not every viewer knows variables. */
const LIGHT = {
  back: '#ffffff',
  ink: '#1c1f23',
  soft: '#57606a',
  line: '#d0d7de',
  bar: '#b6d4fb',
  dot: '#0550ae',
  own: '#8a4b00',
  bad: '#b3121d',
};
const DARK = {
  back: '#16191d',
  ink: '#e8eaed',
  soft: '#a8b0b9',
  line: '#3a414a',
  bar: '#1f4a80',
  dot: '#79b8ff',
  own: '#f0b35e',
  bad: '#ff7b72',
};

function colours(c: typeof LIGHT): string {
  return [
    `.back { fill: ${c.back} } text { fill: ${c.ink} } .soft { fill: ${c.soft} } .bad { fill: ${c.bad} } .line { stroke: ${c.line} }`,
    `.bar { stroke: ${c.bar} } .dot { stroke: ${c.dot} } .own { stroke: ${c.own} } .cross { stroke: ${c.bad} }`,
  ].join(' ');
}

const STYLE = `
    :root { color-scheme: light dark }
    text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif }
    .title { font-size: 20px; font-weight: 600 } .soft { font-size: 13px } .bad { font-weight: 600 }
    path { fill: none } .line { stroke-width: 1 } .bar { stroke-width: 12 } .dot { stroke-width: 7; stroke-linecap: round }
    .own { stroke-width: 8; stroke-linecap: square } .cross { stroke-width: 2.5; stroke-linecap: round }
    ${colours(LIGHT)}
    @media (prefers-color-scheme: dark) { ${colours(DARK)} }
  `;

export function timelineSvg(timeline: Timeline): string {
  const { families, familiesTotal, singles, replies, from, to, dispatches, tooClose } = timeline;
  const lanes: { title: string; facts: string; dispatches: readonly Dispatch[] }[] = families.map((family) => ({
    title: titleOf(family),
    facts: factsOf(family, to),
    dispatches: family.dispatches,
  }));
  if (singles.length > 0)
    lanes.push({
      title: 'Other texts',
      facts: `${count(singles.length, 'text')} that nothing else was near to`,
      dispatches: singles,
    });
  if (replies.length > 0)
    lanes.push({
      title: 'Replies',
      facts: `${count(replies.length, 'reply', 'replies')}; they keep no distance`,
      dispatches: replies,
    });
  const bottom = HEAD + LANE * lanes.length;
  const height = bottom + 56;
  const title = `Dispatches from ${dayAndTime(from)} to ${clockTime(to, from)}`;
  const verdict =
    tooClose === 0
      ? 'None was too close to a near-same text.'
      : `${count(tooClose, 'dispatch', 'dispatches')} too close to a near-same text.`;
  const hidden = familiesTotal - families.length;
  const more = hidden > 0 ? ` ${count(hidden, 'more family', 'more families')} not shown.` : '';
  const summary = `${count(dispatches, 'dispatch', 'dispatches')}, ${count(familiesTotal, 'family', 'families')} of near-same texts.${more}`;
  const spoken = [summary, verdict, ...lanes.map((lane) => `${lane.title}: ${lane.facts}.`)].join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title desc">`,
    `  <title id="title">${escaped(title)}</title>`,
    `  <desc id="desc">${escaped(spoken)}</desc>`,
    `  <style>${STYLE}</style>`,
    `  <rect class="back" width="${WIDTH}" height="${height}"/>`,
    `  <text class="title" x="${LEFT}" y="36">${escaped(title)}</text>`,
    `  <text x="${LEFT}" y="62">${escaped(summary)} <tspan class="${tooClose > 0 ? 'bad' : ''}">${verdict}</tspan></text>`,
    ...axis(timeline, bottom),
    ...lanes.flatMap((lane, i) => laneOf(lane, timeline, HEAD + LANE * i)),
    `  <text class="soft" x="${LEFT}" y="${height - 12}">A dot is a dispatch, the bar before it the distance that it had to keep. Squares: the owner’s own hand. Crosses: too close.</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function titleOf({ name, textStart }: FamilyOfTexts): string {
  return textStart === null ? `Family ${name}` : `${quoted(textStart)} (${name})`;
}

function axis({ from, to }: Timeline, bottom: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i <= TICKS; i += 1) {
    const x = LEFT + (ROOM * i) / TICKS;
    const time = dayAndTime(from + ((to - from) * i) / TICKS);
    const words = to - from > 86_400_000 ? time.slice(5, 16) : time.slice(11, 16);
    const anchor = i === 0 ? 'start' : i === TICKS ? 'end' : 'middle';
    lines.push(
      `  <path class="line" d="M${place(x)} ${HEAD - 10}V${bottom}"/>`,
      `  <text class="soft" x="${place(x)}" y="${bottom + 18}" text-anchor="${anchor}">${words}</text>`,
    );
  }
  return lines;
}

function laneOf(
  lane: { title: string; facts: string; dispatches: readonly Dispatch[] },
  timeline: Timeline,
  top: number,
): string[] {
  const y = top + 50;
  const { dots, own, crosses, bars } = marksOf(lane.dispatches, timeline, y);
  return [
    '  <g>',
    `    <text x="${LEFT}" y="${top + 14}">${escaped(lane.title)}</text>`,
    `    <text class="soft" x="${LEFT}" y="${top + 31}">${escaped(lane.facts)}</text>`,
    `    <path class="line" d="M${LEFT} ${y}H${LEFT + ROOM}"/>`,
    ...path('bar', bars),
    ...path('dot', dots),
    ...path('own', own),
    ...path('cross', crosses),
    '  </g>',
  ];
}

function marksOf(dispatches: readonly Dispatch[], { from, to }: Timeline, y: number) {
  const marks = { dots: [] as string[], own: [] as string[], crosses: [] as string[], bars: [] as string[] };
  const drawn = new Set<string>();
  const xOf = (at: number) => LEFT + (ROOM * Math.min(to, Math.max(from, at)) - ROOM * from) / (to - from);
  for (const { at, kind, gapMs, intervalMs, tooClose } of dispatches) {
    // Half a unit is less than anybody sees.
    const x = place(Math.round(2 * xOf(at)) / 2);
    const key = `${kind}${tooClose}${x}`;
    if (drawn.has(key)) continue;
    drawn.add(key);
    if (intervalMs !== null && gapMs !== null) {
      const begin = xOf(at - intervalMs);
      if (Number(x) - begin >= 0.5) marks.bars.push(`M${place(begin)} ${y}H${x}`);
    }
    if (tooClose) marks.crosses.push(`M${place(Number(x) - 5)} ${y - 5}l10 10m0 -10l-10 10`);
    else if (kind === 'own_hand') marks.own.push(`M${x} ${y}h0.01`);
    else marks.dots.push(`M${x} ${y}h0.01`);
  }
  return marks;
}

function path(style: string, marks: string[]): string[] {
  return marks.length === 0 ? [] : [`    <path class="${style}" d="${marks.join('')}"/>`];
}

function place(x: number): string {
  return String(Math.round(x * 100) / 100);
}

/** For XML: its five signs, and nothing that it does not allow. */
function escaped(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f\ufffe\uffff]/g, '·')
    .replace(/[&<>"']/g, (sign) => names[sign] ?? '');
}
