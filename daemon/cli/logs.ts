/** `relayctl logs`: the relay's log as a person reads it, the newest lines or live. Needs no relay. */
import { Command, Option } from 'commander';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { followLog, lastLines } from './log-lines.ts';
import { wholeNumber } from './numbers.ts';
import { oneLine, type Style } from './terminal.ts';
import { clockTime } from './times.ts';
import type { Asking, World } from './world.ts';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

const STYLES: Record<Level, Style> = { debug: 'dim', info: 'cyan', warn: 'yellow', error: 'red' };

interface Options {
  follow?: boolean;
  lines: number;
  level?: Level;
  room?: string;
}

export function logsCommand(world: World): Command {
  return new Command('logs')
    .description('the log of the relay; with -f live, until Ctrl-C')
    .option('-f, --follow', 'go on with what is written from now on')
    .option('-n, --lines <number>', 'the newest so many lines (0 to 100000)', wholeNumber(0, 100_000), 50)
    .addOption(new Option('-l, --level <level>', 'only from this level on').choices(LEVELS))
    .option('--room <name>', 'only of this room: link, gate, outbox, bridge, local')
    .addHelpText(
      'after',
      '\nHandles are short keyed hashes there and texts are left out, unless\nlog.unredacted is set.',
    )
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText('after', '\nExample:\n  relayctl logs -f --level warn')
    .action((o: Options, command: Command) => world.run(command, (asking) => logs(asking, o)));
}

async function logs(asking: Asking, o: Options): Promise<ExitCode> {
  const { terminal, paths } = asking;
  const wanted = (line: string) => isWanted(line, o);
  const show = (line: string) => terminal.line(asking.json ? jsonOf(line) : shown(asking, line));
  const past = lastLines(paths.logs, o.lines, wanted);
  if (past === null && !o.follow) {
    const error = {
      code: 'not_found',
      message: `There is no log in ${paths.logs}.`,
      hint: 'It is made when the relay starts.',
    };
    terminal.complain(error, asking.json);
    return EXIT.failed;
  }
  for (const line of past?.lines ?? []) await show(line);
  if (!o.follow) return EXIT.ok;
  const signal = asking.world.interruption();
  for await (const line of followLog(paths.logs, past?.end ?? 0, signal)) if (wanted(line)) await show(line);
  return EXIT.ok;
}

function parsed(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isWanted(line: string, { level, room }: Options): boolean {
  if (level === undefined && room === undefined) return true;
  const fields = parsed(line);
  if (!fields) return false;
  const rank = (LEVELS as readonly unknown[]).indexOf(fields.level);
  return (level === undefined || rank >= LEVELS.indexOf(level)) && (room === undefined || fields.room === room);
}

/** The line as it is, with the schema's number. */
function jsonOf(line: string): string {
  return JSON.stringify({ schema: 1, ...(parsed(line) ?? { text: line }) });
}

function shown({ terminal }: Asking, line: string): string {
  const fields = parsed(line);
  if (!fields) return oneLine(line);
  const { at, level, room, event, ...rest } = fields;
  const time = Date.parse(String(at));
  const when = Number.isNaN(time) ? String(at) : clockTime(time, Date.now());
  const name = LEVELS.find((one) => one === level) ?? 'info';
  const more = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const head = `${terminal.paint('dim', when)} ${terminal.paint(STYLES[name], name.padEnd(5))}`;
  return `${head} ${oneLine([room, event].filter(Boolean).join('.'))}${more.length > 0 ? `  ${oneLine(more.join(' '))}` : ''}`;
}
