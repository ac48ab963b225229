/** The work of `relayctl gate timeline`: reads the relay's store itself, so that the relay is not held up and need not run. */
import { existsSync, writeFileSync } from 'node:fs';
import { messageOf, RelayError } from '../host/errors.ts';
import { type Dispatch, type FamilyOfTexts, type Timeline, timelineReader } from '../inspect.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { timelineLines } from './timeline-lanes.ts';
import { timelineSvg } from './timeline-svg.ts';
import type { Asking } from './world.ts';

const HOUR = 3_600_000;

/** Throws `store_missing` and its kin, `file_unwritable`. */
export async function gateTimeline(
  asking: Asking,
  o: { hours: number; limit: number; svg?: string },
): Promise<ExitCode> {
  const { terminal, paths } = asking;
  const read = await timelineReader();
  const now = await nowOf(asking);
  const timeline = read(paths.db, { from: now - o.hours * HOUR, to: now, limit: o.limit });
  if (o.svg !== undefined) {
    write(o.svg, timelineSvg(timeline));
    terminal.say(`Wrote ${o.svg}.`);
  }
  if (asking.json) await terminal.json({ now, hours: o.hours, ...asJson(timeline) });
  else if (o.svg === undefined)
    for (const line of timelineLines(timeline, terminal.width))
      await terminal.line(
        line
          .map(({ text, style }) => (style ? terminal.paint(style, text) : text))
          .join('')
          .trimEnd(),
      );
  return EXIT.ok;
}

/** The relay's clock if it runs: times in its store are of that one. */
async function nowOf(asking: Asking): Promise<number> {
  if (!existsSync(asking.paths.socket)) return Date.now();
  const client = await asking.client();
  const status = await client.status();
  return status.kind === 'ok' ? status.now : Date.now();
}

function write(file: string, content: string): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new RelayError('file_unwritable', `${file} cannot be written: ${messageOf(error)}`, {
      hint: 'Name a file in a folder of yours that is there.',
      cause: error,
    });
  }
}

function asJson({ families, familiesTotal, tooClose, singles, replies, ...rest }: Timeline): object {
  return {
    ...rest,
    too_close: tooClose,
    families_total: familiesTotal,
    families: families.map(familyAsJson),
    singles: singles.map(dispatchAsJson),
    replies: replies.map(dispatchAsJson),
  };
}

function familyAsJson(family: FamilyOfTexts): object {
  const { name, textStart, people, leastGapMs, intervalMs, tooClose, dispatches } = family;
  return {
    ...{ name, text_start: textStart, people, too_close: tooClose, least_gap_ms: leastGapMs, interval_ms: intervalMs },
    dispatches: dispatches.map(dispatchAsJson),
  };
}

function dispatchAsJson({ message, to, kind, state, at, gapMs, intervalMs, tooClose }: Dispatch): object {
  return { message, to, kind, state, at, gap_ms: gapMs, interval_ms: intervalMs, too_close: tooClose };
}
