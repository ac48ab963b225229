/** `relayctl queue show`: one message, in the first sentence why it is where it is, then all that is known of it. */
import { handleEnd } from '../host/handle-end.ts';
import type { MessageDetail } from '../local/schemas.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { paragraph } from './table.ts';
import { oneLine, type Style } from './terminal.ts';
import { clockTime, whenAgo } from './times.ts';
import type { Asking } from './world.ts';

const LABEL = 11;

/** What a state means where nothing else was said of it. */
const MEANINGS: Record<MessageDetail['state'], string> = {
  accepted: 'It may go; it goes as soon as Messages is free.',
  held: 'It waits.',
  dispatching: 'It is being handed to Messages.',
  sent: 'Messages has sent it; nothing says yet that it arrived.',
  delivered: 'It was delivered.',
  read: 'It was delivered, and read.',
  not_delivered: 'It was not delivered.',
  failed: 'Nothing left this Mac; it may be sent again under a new id.',
  unknown: 'Nobody can tell whether it went; it is not sent again.',
  rejected: 'It was refused.',
  cancelled: 'It was cancelled before it could go.',
  expired: 'Its time was over before it could go.',
};

const STYLES: Partial<Record<MessageDetail['state'], Style>> = {
  held: 'yellow',
  delivered: 'green',
  read: 'green',
  not_delivered: 'red',
  failed: 'red',
  unknown: 'red',
  rejected: 'red',
  expired: 'red',
};

/** Ends with 1 (`not_found`) if there is no such message. */
export async function showMessage(asking: Asking, id: string): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.message(id);
  if (result.kind !== 'ok') return asking.without(result);
  const { terminal } = asking;
  if (asking.json) await terminal.json({ now: result.now, ...result.data });
  else {
    const style = STYLES[result.data.state];
    for (const line of paragraph(oneLine(answerOf(result.data)), terminal.width))
      await terminal.line(terminal.paint(style ? ['bold', style] : 'bold', line));
    await terminal.line();
    for (const [label, words] of facts(result.data, result.now)) {
      const [first = '', ...more] = paragraph(oneLine(words), terminal.width, LABEL, '');
      await terminal.line(terminal.paint('dim', label.padEnd(LABEL)) + first);
      for (const line of more) await terminal.line(line);
    }
  }
  return EXIT.ok;
}

/** The gate's own sentence where it waits, as in the event and in `gate check`. */
function answerOf(message: MessageDetail): string {
  return message.evidence?.words ?? message.words ?? MEANINGS[message.state];
}

function facts(m: MessageDetail, now: number): [string, string][] {
  const facts: [string, string][] = [
    ['message', m.message],
    ['to', handleEnd(m.to)],
    ['text', `“${m.text_start}${[...m.text_start].length < 30 ? '' : '…'}”`],
    ['category', m.reply ? `${m.category}, a reply` : m.category],
    ['state', stateOf(m, now)],
    ['accepted', whenAgo(m.accepted_at, now)],
  ];
  const waits = m.state === 'accepted' || m.state === 'held';
  if (m.not_before !== null) facts.push(['not before', whenAgo(m.not_before, now)]);
  if (waits) facts.push(...factsBefore(m.before), ['expires', whenAgo(m.expires_at, now)]);
  if (m.tries > 1) facts.push(['tries', String(m.tries)]);
  if (m.apple_error) facts.push(['Apple says', `${m.apple_error.number} ${m.apple_error.name}`]);
  for (const [i, { state, at }] of m.steps.entries())
    facts.push([i === 0 ? 'history' : '', `${clockTime(at, now)} ${state.replace('_', ' ')}`]);
  return facts;
}

function stateOf({ state, steps, at, code, rule, until }: MessageDetail, now: number): string {
  const since = steps.at(-1)?.at ?? at;
  const due = until === undefined ? '' : `, until about ${whenAgo(until, now)}`;
  const why = code ? `, code ${code}` : rule ? `, rule ${rule}` : '';
  return `${state.replace('_', ' ')} since ${clockTime(since, now)}${why}${due}`;
}

function factsBefore({ count, first }: MessageDetail['before']): [string, string][] {
  if (count === 0) return [['before it', 'nothing near-same']];
  const more = count - first.length;
  return [
    ['before it', `${count} near-same`],
    ...first.map(({ message, to }): [string, string] => ['', `${message} to ${handleEnd(to)}`]),
    ...(more > 0 ? [['', `and ${more} more`] satisfies [string, string]] : []),
  ];
}
