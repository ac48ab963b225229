/** `relayctl tail`: events as the controller gets them, live. */
import { Command } from 'commander';
import type { LocalEvent } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { cut } from './table.ts';
import { oneLine } from './terminal.ts';
import { clockTime } from './times.ts';
import type { Asking, World } from './world.ts';

export function tailCommand(world: World): Command {
  return new Command('tail')
    .description('events as the controller gets them, live, until Ctrl-C')
    .option('--since <seq>', 'first those after this number that are still held; 0 for all', wholeNumber(0))
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl tail --since 0 --json | grep message.inbound')
    .action((o: { since?: number }, command: Command) => world.run(command, (asking) => tail(asking, o.since)));
}

async function tail(asking: Asking, after: number | undefined): Promise<ExitCode> {
  const { terminal } = asking;
  const client = await asking.client();
  const signal = asking.world.interruption();
  const end = await client.events({ after, signal }, (event) =>
    asking.json ? terminal.json(event) : terminal.line(lineOf(event, asking)),
  );
  if (end.kind !== 'ended') return asking.without(end);
  if (signal.aborted) return EXIT.ok;
  return asking.without({ kind: 'not_running' });
}

function lineOf(event: LocalEvent, { terminal }: Asking): string {
  const head = `${clockTime(event.at, Date.now())}  ${String(event.seq).padStart(5)}  ${event.name.padEnd(17)}`;
  const words = cut(oneLine(summary(event)).trim(), Math.max(20, terminal.width - head.length - 2));
  return `${terminal.paint('dim', head)}  ${words}`;
}

function summary({ name, data }: LocalEvent): string {
  const said = (field: string) => (data[field] === undefined || data[field] === null ? '' : String(data[field]));
  switch (name) {
    case 'message.status':
      return `${said('to')} ${said('state')} ${untilOf(data)} ${said('rule')} ${said('code')} ${wordsOf(data)}`;
    case 'message.inbound':
      return `${said('from')}: ${said('text') || said('kind')}`;
    case 'message.observed':
      return `to ${said('to')}: ${said('text') || said('kind')}`;
    case 'message.reaction':
      return `${whoOf(data)} ${data.removed === true ? 'took back ' : ''}${said('emoji') || said('reaction')} on ${said('target')}`;
    case 'message.edited':
      return `${whoOf(data)} now: ${said('text')}`;
    case 'message.unsent':
      return `${whoOf(data)} took back ${data.part === null ? 'all' : `part ${said('part')}`} of ${said('guid')}`;
    case 'chat.changed':
      return `${chatOf(data)}: ${[said('change'), said('name') || said('handle')].join(' ').trim()} by ${whoOf(data)}`;
    case 'attachment.ready':
      return `${said('name') || said('attachment')} from ${whoOf(data)}, ${said('bytes')} bytes`;
    case 'command.result':
      return `${said('name')} ${data.ok === true ? 'done' : `refused: ${said('code')}`} ${said('message')} (${said('command')})`;
    case 'sender.health':
      return `${said('state')}: ${said('reason')}`;
    case 'relay.health':
      return `${data.ready === true ? 'ready' : 'not ready'}${listed(data.conditions, 'name')}`;
    case 'snapshot':
      return `${said('part')} of ${said('parts')}: ${count(data.messages)} messages, ${count(data.opted_out)} opted out`;
    case 'gap':
      return `${said('dropped')} dropped: ${said('reason')}`;
    case 'contact.opted_out':
    case 'contact.opted_in':
      return `${said('handle') || said('chat')} by ${said('source')} ${said('word')}`;
    default:
      return JSON.stringify(data);
  }
}

/** Who did it: a handle, or the owner. */
function whoOf({ from_me: own, from }: Record<string, unknown>): string {
  return own === true ? 'the owner' : typeof from === 'string' ? from : 'somebody';
}

function chatOf({ chat }: Record<string, unknown>): string {
  const { name, id } = Object(chat) as Record<string, unknown>;
  return String(name ?? id ?? '');
}

function count(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

function listed(list: unknown, field: string): string {
  const names = Array.isArray(list) ? list.map((one: Record<string, unknown>) => String(one[field])) : [];
  return names.length === 0 ? '' : `: ${names.join(', ')}`;
}

function untilOf({ until }: Record<string, unknown>): string {
  return typeof until === 'number' ? `until about ${clockTime(until, Date.now())}` : '';
}

function wordsOf(data: Record<string, unknown>): string {
  const { apple_error: error, evidence, words } = data;
  if (typeof words === 'string') return words;
  for (const [thing, field] of [
    [evidence, 'words'],
    [error, 'name'],
  ] as const)
    if (typeof thing === 'object' && thing !== null && field in thing) return String(Reflect.get(thing, field));
  return '';
}
