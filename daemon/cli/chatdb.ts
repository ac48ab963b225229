/** `relayctl chatdb read`: what the bridge understands of any chat.db; needs no relay and changes nothing. */
import { Command } from 'commander';
import { RelayError } from '../host/errors.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { wholeNumber } from './numbers.ts';
import { columnsOf, cut } from './table.ts';
import { oneLine } from './terminal.ts';
import { dayAndTime } from './times.ts';
import type { Asking, World } from './world.ts';

const JSON_FIELDS = `
One line for each message: ROWID, time, from (<) or to (>) whom, how far an
own message came, and what it says; what is no text stands in brackets.
With --json one object each:
  rowid, guid      Apple's numbers for it
  at               Unix ms, null if the row has no time
  from_me, handle  who wrote, and the other side ("": an own one to a group)
  own_address      where it was received, or sent from; null if not said
  kind             text, attachment, sticker, tapback, tapback_removed, app,
                   poll_vote, unsent, group_event, location_sharing,
                   audio_kept, facetime, unsupported
  text, truncated  the words; truncated: true if they were cut at 64 KiB
  detail           what more is known, by kind; of what is unsupported
                   Apple's numbers
  service, chat    iMessage, SMS, RCS, …; id, guid, kind, name and
                   participants of the conversation, null if there is none
  state            of own messages: sent, delivered, read, error,
                   delivered_at, read_at, downgraded`;

export function chatdbCommand(world: World): Command {
  const read = new Command('read')
    .description('every message of a chat.db as the relay understands it, read only; works without a relay')
    .argument('<path>', 'a chat.db')
    .option('--since <rowid>', 'only rows after this ROWID', wholeNumber(0), 0)
    .addHelpText('after', exitCodesHelp([0, 1, 2, 4]))
    .addHelpText('after', JSON_FIELDS)
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
    let first = true;
    for (const row of await chatRows(path, since)) {
      if (json) {
        await terminal.json(row);
        continue;
      }
      if (first && terminal.isTTY) await terminal.line(terminal.paint('dim', cut(TITLES, terminal.width)));
      first = false;
      await terminal.line(cut(lineOf(row), terminal.width));
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

const WHO_COLUMNS = 18;
const TITLES = `${'ROWID'.padStart(7)}  ${'TIME'.padEnd(19)}  ${'  WITH'.padEnd(WHO_COLUMNS)}  WHAT`;

function lineOf(row: Row): string {
  const at = row.at === null ? '' : dayAndTime(row.at);
  const group = row.chat?.kind === 'group' ? row.chat.name || 'a group' : '';
  const whom = oneLine(row.handle || group || row.chat?.id || '');
  const who = `${row.from_me ? '>' : '<'} ${whom}`;
  const there = group && row.handle ? `in ${oneLine(group)}: ` : '';
  const columns = cut(who, WHO_COLUMNS);
  const gap = ' '.repeat(Math.max(0, WHO_COLUMNS - columnsOf(columns)));
  const what = [stateOf(row), there + notesOf(row), oneLine(row.text)].filter(Boolean).join(' ');
  return `${String(row.rowid).padStart(7)}  ${at.padEnd(19)}  ${columns}${gap}  ${what}`.trimEnd();
}

/** What it is beside its words, in brackets. */
function notesOf({ kind, detail = {} }: Row): string {
  const said = (name: string) => (typeof detail[name] === 'string' ? oneLine(String(detail[name])) : '');
  const notes: string[] = [];
  if (kind === 'tapback' || kind === 'tapback_removed')
    notes.push(`${said('emoji') || said('tapback')}${kind === 'tapback' ? '' : ' taken back'}`);
  else if (kind === 'group_event' || kind === 'location_sharing')
    notes.push(
      [kind === 'group_event' ? 'group' : 'location sharing', said('event'), said('handle'), said('title')]
        .filter(Boolean)
        .join(' '),
    );
  else if (kind === 'app')
    notes.push([said('title') || said('app_name') || said('app'), said('summary')].filter(Boolean).join(': '));
  else if (kind === 'unsupported') notes.push(`unsupported ${numbersOf(detail)}`);
  else if (kind !== 'text' && kind !== 'attachment') notes.push(kind.replaceAll('_', ' '));
  if (Array.isArray(detail.attachments))
    for (const { name, mime_type, state } of detail.attachments)
      notes.push(oneLine(`${name ?? mime_type ?? 'a file'}${state === 'ready' ? '' : `, ${state}`}`));
  if (detail.reply_to) notes.push('reply');
  if (kind === 'text' && detail.edited_at) notes.push('edited');
  if (detail.effect) notes.push(oneLine(effectName(detail.effect)));
  if (detail.scheduled) notes.push('for later');
  if (isJunk(detail.filter)) notes.push('junk');
  return notes.map((note) => `[${note}]`).join('');
}

function numbersOf(detail: Record<string, unknown>): string {
  const { item_type, group_action_type, associated_message_type } = detail;
  return [item_type, group_action_type, associated_message_type].map(String).join('.');
}

function effectName(effect: unknown): string {
  const { name, id } = effect as { name?: string; id?: string };
  return name ?? id ?? '';
}

function isJunk(filter: unknown): boolean {
  return typeof filter === 'object' && filter !== null && 'junk' in filter;
}

function stateOf({ state }: Row): string {
  if (!state) return '';
  if (state.error !== 0) return `(error ${state.error})`;
  if (state.downgraded) return '(as SMS)';
  if (state.read) return '(read)';
  if (state.delivered) return '(delivered)';
  return state.sent ? '(sent)' : '(not sent yet)';
}
