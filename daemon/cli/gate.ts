/** `relayctl gate check` (asks the relay); `gate near` (gate-near.ts) and `gate timeline` (timeline.ts), which need none. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { MAX_RECIPIENTS } from '../../protocol/limits.ts';
import { CATEGORIES } from '../../protocol/names.ts';
import type { GateCheck } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { paragraph } from './table.ts';
import { oneLine } from './terminal.ts';
import { afterTime, clockTime } from './times.ts';
import type { Asking, World } from './world.ts';

export function gateCommand(world: World): Command {
  const check = new Command('check')
    .description('a dry run: might this be sent now, and why (not); nothing is reserved')
    .argument('<to>', 'a phone number or an e-mail address; several with commas between', recipients)
    .argument('<text>', 'the text')
    .addOption(new Option('-c, --category <name>', 'what kind of text').choices(CATEGORIES).default('conversational'))
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nThe code is 0 whatever the verdict is. Several are judged as one request with')
    .addHelpText('after', '"pacing": "queue"; without it, more than ten people are refused as a blast.')
    .addHelpText('after', '\nExample:\n  relayctl gate check +15550101234 "Your table is ready."')
    .action((to: string[], text: string, o: { category: string }, command: Command) =>
      world.run(command, (asking) => checkGate(asking, to, text, o.category)),
    );
  const near = new Command('near')
    .description('how alike two texts are in the eyes of the gate; works without a relay')
    .requiredOption('-f, --file <path>', 'two texts a line, a tab between them; - for standard input')
    .addHelpText('after', '\nPrints for each pair: same, near or apart, Jaccard, containment; tabs between.')
    .addHelpText('after', 'A line that is no pair is told on stderr; the others are compared all the same.')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText(
      'after',
      '\nExample:\n  printf "Hi Ann, your table is ready.\\tHi Bob, your table is ready.\\n" |\n    relayctl gate near --file -',
    )
    .action((o: { file: string }, command: Command) =>
      world.run(command, async (asking) => (await import('./gate-near.ts')).gateNear(asking, o.file)),
    );
  const timeline = new Command('timeline')
    .description('what went when, by families of near-same texts, with their distances; works without a relay')
    .option('--hours <number>', 'so many hours back (1 to 168)', wholeNumber(1, 168), 24)
    .option('-n, --limit <number>', 'at most so many families, most people first (1 to 1000)', wholeNumber(1, 1000), 20)
    .option('--svg <file>', 'a picture into this file instead of the drawing')
    .addHelpText('after', '\nA family is what is near-same, directly or over others. Times are when Messages')
    .addHelpText('after', 'had sent a text, distances those that the gate decided by. A text is named by')
    .addHelpText('after', 'its first 30 characters while the store has it, always by its fingerprint.')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText('after', '\nExample:\n  relayctl gate timeline --hours 24 --svg timeline.svg')
    .action((o: { hours: number; limit: number; svg?: string }, command: Command) =>
      world.run(command, async (asking) => (await import('./timeline.ts')).gateTimeline(asking, o)),
    );
  return new Command('gate')
    .description('what the gate would say, and what it let go')
    .addHelpText('after', '\nrelayctl gate COMMAND --help has an example and the exit codes.')
    .addCommand(check)
    .addCommand(near)
    .addCommand(timeline);
}

function recipients(written: string): string[] {
  const handles = written
    .split(',')
    .map((handle) => handle.trim())
    .filter(Boolean);
  if (handles.length === 0) throw new InvalidArgumentError('It names nobody.');
  if (handles.length > MAX_RECIPIENTS)
    throw new InvalidArgumentError(`It names ${handles.length}; the most is ${MAX_RECIPIENTS}.`);
  return handles;
}

async function checkGate(asking: Asking, to: string[], text: string, category: string): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.gateCheck({ to, text, category });
  if (result.kind !== 'ok') return asking.without(result);
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else await show(asking, result.data, result.now);
  return EXIT.ok;
}

const VERDICTS = { go: 'may go now', hold: 'waits', refuse: 'refused' } as const;
const STYLES = { go: 'green', hold: 'yellow', refuse: 'red' } as const;

async function show({ terminal }: Asking, { request, recipients }: GateCheck, now: number): Promise<void> {
  // The sentences of what may go or waits say so themselves.
  const refused = request.verdict === 'refuse' ? `Refused (${request.code ?? 'bad_request'}): ` : '';
  for (const line of paragraph(`${refused}${oneLine(request.words)}`, terminal.width))
    await terminal.line(terminal.paint(['bold', STYLES[request.verdict]], line));
  for (const one of recipients) {
    const until = one.until === undefined ? '' : ` until about ${clockTime(one.until, now)}`;
    const rule = one.code ?? one.rule;
    const why = `${until}${rule ? ` (${rule})` : ''}${one.reply ? ', a reply' : ''}`;
    await terminal.line(`  ${oneLine(one.to)}  ${terminal.paint(STYLES[one.verdict], VERDICTS[one.verdict])}${why}`);
    const words = one.evidence?.words;
    if (words && words !== request.words)
      for (const line of paragraph(afterTime(oneLine(words), one.until, now), terminal.width, 4))
        await terminal.line(line);
  }
}
