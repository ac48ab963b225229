/** `relayctl contact`: what the relay knows of a person: consent, opt-out, the last talk; and a person's word at the Mac on it. */
import { Command } from 'commander';
import type { LocalResult } from '../local/client.ts';
import type { ContactState, Opted } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { paragraph } from './table.ts';
import { oneLine } from './terminal.ts';
import { whenAgo } from './times.ts';
import type { Asking, World } from './world.ts';

const LABEL = 15;

export function contactCommand(world: World): Command {
  const one = (name: string, description: string) =>
    new Command(name).description(description).argument('<handle>', 'a phone number or an e-mail address');
  const show = one('show', 'consent, opt-out and the last talk')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl contact show +15550101234')
    .action((handle: string, _: object, command: Command) =>
      world.run(command, (asking) => showContact(asking, handle)),
    );
  const out = one('opt-out', 'nothing is written to them any more; what waits for them ends')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl contact opt-out +15550101234')
    .action((handle: string, _: object, command: Command) =>
      world.run(command, async (asking) =>
        opted(
          asking,
          await (await asking.client()).optOut(handle),
          'is not written to any more',
          'was not written to before',
        ),
      ),
    );
  const back = one('opt-in', 'lifts an opt-out, a STOP of theirs too')
    .addHelpText('after', '\nOnly if they have asked for it: you stand in for the word that they did not\nwrite.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl contact opt-in +15550101234')
    .action((handle: string, _: object, command: Command) =>
      world.run(command, async (asking) =>
        opted(asking, await (await asking.client()).optIn(handle), 'may be written to again', 'had not opted out'),
      ),
    );
  return new Command('contact')
    .description('what is known of a contact; opt-out and opt-in by a person at the Mac')
    .addHelpText('after', '\nrelayctl contact COMMAND --help has an example and the exit codes.')
    .addCommand(show)
    .addCommand(out)
    .addCommand(back);
}

async function showContact(asking: Asking, handle: string): Promise<ExitCode> {
  const result = await (await asking.client()).contact(handle);
  if (result.kind !== 'ok') return asking.without(result);
  const { terminal } = asking;
  if (asking.json) {
    await terminal.json({ now: result.now, ...result.data });
    return EXIT.ok;
  }
  const { data, now } = result;
  const out = data.opted_out !== null;
  await terminal.line(terminal.paint(['bold', out ? 'red' : 'green'], headline(data, now)));
  await terminal.line();
  for (const [label, words] of facts(data, now)) {
    const [first = '', ...more] = paragraph(oneLine(words), terminal.width, LABEL, '');
    await terminal.line(terminal.paint('dim', label.padEnd(LABEL)) + first);
    for (const line of more) await terminal.line(line);
  }
  return EXIT.ok;
}

const SOURCES = { message: 'by a word of theirs', command: 'by the controller', person: 'at this Mac' } as const;

function headline({ handle, opted_out: out }: ContactState, now: number): string {
  if (out === null) return `${oneLine(handle)} may be written to.`;
  return `${oneLine(handle)} opted out ${SOURCES[out.source]}, ${whenAgo(out.at, now)}.`;
}

function facts(c: ContactState, now: number): [string, string][] {
  const consent =
    c.consent === null
      ? 'none recorded'
      : `${c.consent.state} ${whenAgo(c.consent.at, now)}; recorded: ${c.consent.source}`;
  const marketing = c.marketing.allowed ? 'allowed' : `not allowed: ${c.marketing.words ?? c.marketing.code ?? ''}`;
  return [
    ['wrote last', whenAgo(c.last_in_at, now)],
    ['written to', `${whenAgo(c.last_out_at, now)}${c.unanswered > 0 ? `, ${c.unanswered} without an answer` : ''}`],
    ['delivered', whenAgo(c.delivered_at, now)],
    ['known', c.is_new ? 'no: no talk in 30 days, so a new contact' : 'yes'],
    ['wrote first', c.wrote_first ? 'yes' : 'no'],
    ['replies left', String(c.replies_left)],
    ['consent', consent],
    ['marketing', marketing],
  ];
}

async function opted(asking: Asking, result: LocalResult<Opted>, now: string, before: string): Promise<ExitCode> {
  if (result.kind !== 'ok') return asking.without(result);
  const { handle, changed } = result.data;
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else await asking.terminal.line(`${oneLine(handle)} ${changed ? now : before}.`);
  return EXIT.ok;
}
