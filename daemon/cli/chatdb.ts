/** `relayctl chatdb read`: what the bridge understands of any chat.db; needs no relay and changes nothing. */
import { Command } from 'commander';
import { RelayError } from '../host/errors.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { cut } from './table.ts';
import { oneLine } from './terminal.ts';
import { dayAndTime } from './times.ts';
import type { Asking, World } from './world.ts';

export function chatdbCommand(world: World): Command {
  const read = new Command('read')
    .description('every message of a chat.db as the relay understands it, read only; works without a relay')
    .argument('<path>', 'a chat.db')
    .option('--since <rowid>', 'only rows after this ROWID', wholeNumber(0), 0)
    .addHelpText('after', exitCodesHelp([0, 1, 2, 4]))
    .addHelpText('after', '\nExample:\n  relayctl chatdb read ~/Library/Messages/chat.db --since 1000 --json')
    .action((path: string, o: { since: number }, command: Command) =>
      world.run(command, (asking) => readRows(asking, path, o.since)),
    );
  return new Command('chatdb')
    .description('look into a chat.db')
    .addHelpText('after', '\nrelayctl chatdb read --help has an example and the exit codes.')
    .addCommand(read);
}

async function readRows({ terminal, json }: Asking, path: string, since: number): Promise<ExitCode> {
  const { chatRows } = await import('../inspect.ts');
  try {
    for (const row of await chatRows(path, since)) {
      if (json) await terminal.json(row);
      else await terminal.line(cut(lineOf(row), terminal.width));
    }
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    // The relay's remedies speak of its configuration; here the path was typed, and the permission is the terminal's.
    const denied = error.code === 'chat_db_denied';
    const hint = denied
      ? 'System Settings > Privacy & Security > Full Disk Access: switch on the program that runs relayctl (your terminal).'
      : 'Name a chat.db; that of a Mac’s user is ~/Library/Messages/chat.db.';
    terminal.complain({ code: error.code, message: error.message, hint }, json);
    return denied ? EXIT.needsPerson : EXIT.failed;
  }
}

type Row = Awaited<ReturnType<typeof import('../inspect.ts').chatRows>> extends Iterable<infer R> ? R : never;

function lineOf(row: Row): string {
  const at = row.at === null ? '' : dayAndTime(row.at);
  const who = row.from_me ? `to ${row.handle || row.chat?.id || ''}` : row.handle;
  const what = oneLine(row.text || `[${row.kind}]`);
  return `${String(row.rowid).padStart(7)}  ${at.padEnd(19)}  ${oneLine(who)}${stateOf(row)}: ${what}`;
}

function stateOf({ state }: Row): string {
  if (!state) return '';
  if (state.error !== 0) return ` (error ${state.error})`;
  if (state.downgraded) return ' (as SMS)';
  if (state.read) return ' (read)';
  if (state.delivered) return ' (delivered)';
  return state.sent ? ' (sent)' : ' (not sent yet)';
}
