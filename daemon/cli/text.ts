/** `relayctl text list|block|clear`: the texts that are refused because they seem to be taken for junk. A person may lift any of them. */
import { Command, Option } from 'commander';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { paragraph } from './table.ts';
import { oneLine } from './terminal.ts';
import { clockTime, dayAndTime } from './times.ts';
import type { Asking, World } from './world.ts';

export function textCommand(world: World): Command {
  const list = new Command('list')
    .description('the texts that are refused now, by number: no text itself is kept')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl text list')
    .action((_: object, command: Command) => world.run(command, listTexts));
  const block = new Command('block')
    .description('refuse a text, and all that is near it, for 30 days; replies with it go')
    .argument('<text>', 'the text')
    .option('-r, --reason <words>', 'why; told with each refusal')
    .addHelpText('after', '\nThe controller cannot lift it.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl text block "Big sale at Northwind, up to 70 % off all week!"')
    .action((text: string, o: { reason?: string }, command: Command) =>
      world.run(command, (asking) => blockText(asking, text, o.reason)),
    );
  const clear = new Command('clear')
    .description('lift it: of a text and all that is near it, or of one number of the list')
    .argument('[text]', 'the text')
    .addOption(
      new Option('-n, --number <number>', 'the one of that number instead').argParser(
        wholeNumber(1, Number.MAX_SAFE_INTEGER),
      ),
    )
    .addHelpText('after', '\nWhat was not delivered so far is forgotten for these texts too.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl text clear --number 3')
    .action((text: string | undefined, o: { number?: number }, command: Command) => {
      if ((text === undefined) === (o.number === undefined)) command.error('error: it takes either a text or --number');
      return world.run(command, (asking) => clearText(asking, text === undefined ? { number: o.number } : { text }));
    });
  return new Command('text')
    .description('texts that seem to be taken for junk: list, block, clear')
    .addHelpText('after', '\nrelayctl text COMMAND --help has an example and the exit codes.')
    .addCommand(list)
    .addCommand(block)
    .addCommand(clear);
}

const BY = { relay: 'found here', command: 'by the controller', person: 'by a person' } as const;

async function listTexts(asking: Asking): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.texts();
  if (result.kind !== 'ok') return asking.without(result);
  const { terminal } = asking;
  const { texts } = result.data;
  if (asking.json) {
    await terminal.json({ now: result.now, ...result.data });
    return EXIT.ok;
  }
  if (texts.length === 0) {
    await terminal.line('No text is refused.');
    return EXIT.ok;
  }
  for (const { number, since, until, source, reason } of texts) {
    // Weeks: minutes are enough.
    const [from, to] = [dayAndTime(since).slice(0, -3), dayAndTime(until).slice(0, -3)];
    await terminal.line(`${terminal.paint('bold', `Text ${number}`)}, ${BY[source]}: since ${from}, until about ${to}`);
    for (const line of paragraph(oneLine(reason), terminal.width, 2)) await terminal.line(line);
  }
  return EXIT.ok;
}

async function blockText(asking: Asking, text: string, reason: string | undefined): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.blockText(reason === undefined ? { text } : { text, reason });
  if (result.kind !== 'ok') return asking.without(result);
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else
    await say(asking, `It and all that is near it is refused until about ${clockTime(result.data.until, result.now)}.`);
  return EXIT.ok;
}

async function clearText(asking: Asking, what: { text?: string; number?: number }): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.clearText(what);
  if (result.kind !== 'ok') return asking.without(result);
  const { cleared } = result.data;
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else if (cleared === 0) await say(asking, 'No text like this was refused.');
  else await say(asking, cleared === 1 ? 'One text is refused no more.' : `${cleared} texts are refused no more.`);
  return EXIT.ok;
}

async function say({ terminal }: Asking, words: string): Promise<void> {
  for (const line of paragraph(words, terminal.width)) await terminal.line(line);
}
