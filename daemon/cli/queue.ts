/**
 * `relayctl queue list`: what waits, until when, and why; `queue show` (queue-show.ts): one message; `queue cancel`; `queue settle`: an
 * unknown one.
 */
import { Command, Option } from 'commander';
import type { MessageStatus } from '../../protocol/events.ts';
import type { QueuePage } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { paragraph, table } from './table.ts';
import { oneLine } from './terminal.ts';
import { afterTime, clockTime } from './times.ts';
import type { Asking, World } from './world.ts';

export function queueCommand(world: World): Command {
  const list = new Command('list')
    .description('what waits, until when, and why; oldest first')
    .option('-n, --limit <number>', 'at most so many messages (1 to 200)', wholeNumber(1, 200), 50)
    .option('--cursor <cursor>', 'the next page, as the last one named it')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl queue list --limit 10')
    .action((o: { limit: number; cursor?: string }, command: Command) =>
      world.run(command, (asking) => listQueue(asking, o)),
    );
  const show = new Command('show')
    .description('one message: why it waits or what became of it, what goes before it, its history')
    .argument('<message>', 'its id, as queue list and the events name it')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nThe code is 1 (not_found) if there is no such message. The recipient is named by')
    .addHelpText('after', 'the end of the handle, so that the screen may be passed on; --json has it whole.')
    .addHelpText('after', '\nExample:\n  relayctl queue show m_Vb3kQ0rT9xYc2LhW8nZp4A')
    .action((message: string, _: object, command: Command) =>
      world.run(command, async (asking) => (await import('./queue-show.ts')).showMessage(asking, message)),
    );
  const cancel = new Command('cancel')
    .description('one message that waits does not go out')
    .argument('<message>', 'its id')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nThe code is 1 (too_late) if it has gone out or is going.')
    .addHelpText('after', '\nExample:\n  relayctl queue cancel m_Vb3kQ0rT9xYc2LhW8nZp4A')
    .action((message: string, _: object, command: Command) =>
      world.run(command, async (asking) => (await import('./queue-cancel.ts')).cancelMessage(asking, message)),
    );
  const settle = new Command('settle')
    .description('says of an unknown message whether it is in the conversation on the Mac')
    .argument('<message>', 'its id, as queue list and the events name it')
    .addOption(new Option('--as <what>', 'what you saw there').choices(['sent', 'not-sent']).makeOptionMandatory())
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nLook at the conversation in Messages first. The controller is told that a person')
    .addHelpText('after', 'said so. If chat.db shows otherwise later, that is told as well. The code is 1')
    .addHelpText('after', 'if the message is not unknown.')
    .addHelpText('after', '\nExample:\n  relayctl queue settle m_Vb3kQ0rT9xYc2LhW8nZp4A --as not-sent')
    .action((message: string, o: { as: 'sent' | 'not-sent' }, command: Command) =>
      world.run(command, (asking) => settleMessage(asking, message, o.as)),
    );
  return new Command('queue')
    .description('the messages that wait')
    .addHelpText(
      'after',
      '\nWithout a command: list.\nrelayctl queue COMMAND --help has an example and the exit codes.',
    )
    .addCommand(list, { isDefault: true })
    .addCommand(show)
    .addCommand(cancel)
    .addCommand(settle);
}

async function listQueue(asking: Asking, o: { limit: number; cursor?: string }): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.queue(o);
  if (result.kind !== 'ok') return asking.without(result);
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else await show(asking, result.data, result.now);
  return EXIT.ok;
}

async function settleMessage(asking: Asking, message: string, as: 'sent' | 'not-sent'): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.settle(message, as);
  if (result.kind !== 'ok') return asking.without(result);
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else await asking.terminal.line(`${oneLine(message)} is ${result.data.state.replace('_', ' ')} now.`);
  return EXIT.ok;
}

async function show({ terminal }: Asking, page: QueuePage, now: number): Promise<void> {
  if (page.total === 0) return terminal.line('Nothing waits.');
  const rows = page.messages.map((m) => [
    oneLine(m.message),
    oneLine(m.to),
    m.state,
    m.until === undefined ? '' : clockTime(m.until, now),
  ]);
  const columns = [{ title: 'MESSAGE' }, { title: 'TO', flex: true }, { title: 'STATE' }, { title: 'UNTIL ABOUT' }];
  const [title = '', ...lines] = table(columns, rows, terminal.width);
  await terminal.line(terminal.paint('dim', title));
  for (const [i, line] of lines.entries()) {
    await terminal.line(line);
    const why = whyOf(page.messages[i], now);
    if (why) for (const words of paragraph(oneLine(why), terminal.width, 4)) await terminal.line(words);
  }
  if (page.next !== undefined)
    terminal.say(`${page.messages.length} of ${page.total}; go on with --cursor ${page.next}`);
}

function whyOf(message: MessageStatus | undefined, now: number): string {
  const words = message?.evidence?.words ?? message?.words;
  return [message?.rule, words && afterTime(oneLine(words), message?.until, now)].filter(Boolean).join(': ');
}
