/** `relayctl sender`: the health of the sender and what its caps still allow; `pause` and `resume`. */
import { Command } from 'commander';
import type { SenderHealth } from '../../protocol/events.ts';
import type { LocalResult } from '../local/client.ts';
import type { SenderState } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { paragraph, table } from './table.ts';
import { oneLine, type Style } from './terminal.ts';
import { clockTime, whenAgo } from './times.ts';
import type { Asking, World } from './world.ts';

const STYLES: Record<SenderHealth['state'], Style> = {
  healthy: 'green',
  at_risk: 'yellow',
  suspicious: 'red',
  paused: 'red',
};

const CAPS: Record<string, string> = {
  new_contacts_day: 'new contacts in a day',
  new_contacts_hour: 'new contacts in an hour',
  unanswered: 'to one person without an answer',
  pair_rate: 'to one person in a minute',
  daily_volume: 'messages in a day',
};

export function senderCommand(world: World): Command {
  const show = new Command('show')
    .description('its health, and what its caps still allow')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl sender')
    .action((_: object, command: Command) => world.run(command, showSender));
  const pause = new Command('pause')
    .description('nothing goes out any more, until it is resumed')
    .argument('[reason]', 'told to the controller')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl sender pause "moving the Mac"')
    .action((reason: string | undefined, _: object, command: Command) =>
      world.run(command, async (asking) => changed(asking, await (await asking.client()).pause(reason))),
    );
  const resume = new Command('resume')
    .description('ends a pause, or the doubt in a sender that was taken for suspicious')
    .addHelpText('after', '\nLook first why it is suspicious: what goes out now may be its last messages.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl sender resume')
    .action((_: object, command: Command) =>
      world.run(command, async (asking) => changed(asking, await (await asking.client()).resume())),
    );
  return new Command('sender')
    .description('the sender: its health and its caps; pause and resume')
    .addHelpText(
      'after',
      '\nWithout a command: show.\nrelayctl sender COMMAND --help has an example and the exit codes.',
    )
    .addCommand(show, { isDefault: true })
    .addCommand(pause)
    .addCommand(resume);
}

async function showSender(asking: Asking): Promise<ExitCode> {
  const result = await (await asking.client()).sender();
  if (result.kind !== 'ok') return asking.without(result);
  const { terminal } = asking;
  if (asking.json) {
    await terminal.json({ now: result.now, ...result.data });
    return EXIT.ok;
  }
  await showHealth(asking, result.data.health, result.now);
  await terminal.line();
  for (const line of paragraph(about(result.data), terminal.width)) await terminal.line(line);
  await terminal.line();
  const columns = [
    { title: 'CAP', flex: true },
    { title: 'USED' },
    { title: 'LIMIT' },
    { title: 'LEFT' },
    { title: 'NEXT FREE' },
  ];
  const rows = result.data.caps.map(({ name, used, limit, remaining, next_slot_at: next }) => [
    CAPS[name] ?? name.replaceAll('_', ' '),
    ...[used, limit, remaining].map((count) => count.toLocaleString('en')),
    next === null ? '' : next <= result.now ? 'now' : whenAgo(next, result.now),
  ]);
  const [title = '', ...lines] = table(columns, rows, terminal.width);
  await terminal.line(terminal.paint('dim', title));
  for (const line of lines) await terminal.line(line);
  return EXIT.ok;
}

async function showHealth({ terminal }: Asking, health: SenderHealth, now: number): Promise<void> {
  const { state, since, reason, remedy } = health;
  const head = `${state.replace('_', ' ')} since ${clockTime(since, now)}: ${oneLine(reason)}`;
  for (const line of paragraph(head, terminal.width))
    await terminal.line(terminal.paint(['bold', STYLES[state]], line));
  if (remedy) for (const line of paragraph(oneLine(remedy), terminal.width, 4, '  → ')) await terminal.line(line);
}

function about({ kind, since, waiting, opted_out: out, policy_version: policy }: SenderState): string {
  const age = since === null ? 'of unknown age, so taken for young' : `in use since ${since}`;
  const people = `${out.toLocaleString('en')} ${out === 1 ? 'contact has' : 'contacts have'} opted out`;
  return `A ${kind} sender, ${age}. ${waiting.toLocaleString('en')} waiting; ${people}; policy ${policy}.`;
}

async function changed(asking: Asking, result: LocalResult<SenderHealth>): Promise<ExitCode> {
  if (result.kind !== 'ok') return asking.without(result);
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else await showHealth(asking, result.data, result.now);
  return EXIT.ok;
}
