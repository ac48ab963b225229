/** `relayctl chatdb read`: what the bridge understands of any chat.db; needs no relay and changes nothing. */
import { Command } from 'commander';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { cut } from './table.ts';
import { oneLine } from './terminal.ts';
import { clockTime } from './times.ts';
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
  return new Command('chatdb').description('look into a chat.db').addCommand(read);
}

async function readRows({ terminal, json }: Asking, path: string, since: number): Promise<ExitCode> {
  const { chatRows } = await import('../inspect.ts');
  for (const row of await chatRows(path, since)) {
    if (json) await terminal.json(row);
    else await terminal.line(cut(lineOf({ ...row }), terminal.width));
  }
  return EXIT.ok;
}

function lineOf(row: Record<string, unknown>): string {
  const said = (field: string) => (row[field] === undefined || row[field] === null ? '' : String(row[field]));
  const at = typeof row.at === 'number' ? clockTime(row.at, Date.now()) : '';
  const who = row.from_me === true ? `to ${said('handle')}` : said('handle');
  return `${said('rowid').padStart(7)}  ${at.padEnd(19)}  ${oneLine(who)}: ${oneLine(said('text') || `[${said('kind')}]`)}`;
}
