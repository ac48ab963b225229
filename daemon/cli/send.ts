/** `relayctl send`: one message by hand, on the same way and under the same rules as the controller's. */
import { Command } from 'commander';
import type { MessageStatus } from '../../protocol/events.ts';
import type { MessageState } from '../../protocol/names.ts';
import type { LocalClient } from '../local/client.ts';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { timeSpan } from './numbers.ts';
import { paragraph } from './table.ts';
import { oneLine } from './terminal.ts';
import { afterTime, clockTime } from './times.ts';
import type { Asking, World } from './world.ts';

const LOOK_EVERY_MS = 250;
/** Nothing more is to be waited for. */
const SETTLED: ReadonlySet<MessageState> = new Set([
  ...(['delivered', 'read', 'not_delivered', 'failed', 'unknown', 'rejected', 'cancelled', 'expired'] as const),
]);
const GOOD: ReadonlySet<MessageState> = new Set(['accepted', 'held', 'dispatching', 'sent', 'delivered', 'read']);

export function sendCommand(world: World): Command {
  return new Command('send')
    .description('sends one message, under the same rules as the controller’s')
    .argument('<to>', 'a phone number or an e-mail address')
    .argument('<text>', 'the text')
    .option('-w, --wait <span>', 'look on until it is delivered or failed, at most so long (30s, 5min)', timeSpan)
    .addHelpText('after', '\nThe code is 1 if it is refused, or seen to fail while --wait looks on.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl send +15550101234 "A test from the Mac." --wait 30s')
    .action((to: string, text: string, o: { wait?: number }, command: Command) =>
      world.run(command, (asking) => send(asking, to, text, o.wait ?? 0)),
    );
}

async function send(asking: Asking, to: string, text: string, waitMs: number): Promise<ExitCode> {
  const { terminal } = asking;
  const show = async (status: MessageStatus, now: number) => {
    if (asking.json) return terminal.json({ now, ...status });
    const [first = '', ...more] = wordsOf(status, now);
    const good = GOOD.has(status.state);
    await terminal.line(terminal.paint(good ? 'green' : 'red', `${clockTime(now, now)}  ${first}`));
    for (const line of more.flatMap((words) => paragraph(words, terminal.width, 10))) await terminal.line(line);
  };
  const end = await sendAndLook(asking, { to, text, waitMs }, show);
  if (end.kind === 'none') return end.because ? asking.without(end.because) : EXIT.failed;
  return end.good ? EXIT.ok : EXIT.failed;
}

export type SendEnd =
  | { kind: 'told'; status: MessageStatus; good: boolean }
  | { kind: 'none'; because: Parameters<Asking['without']>[0] | null; words: string };

/** Sends, and shows each state until it is settled or `waitMs` are over. `good`: not refused, and not seen to fail so far. */
export async function sendAndLook(
  asking: Asking,
  o: { to: string; text: string; waitMs: number },
  show: (status: MessageStatus, now: number) => Promise<void>,
): Promise<SendEnd> {
  const client = await asking.client();
  const result = await client.send({ to: o.to, text: o.text });
  if (result.kind !== 'ok')
    return {
      kind: 'none',
      because: result,
      words: result.kind === 'refused' ? result.error.message : 'The relay is not running.',
    };
  let [message] = result.data.messages;
  if (!message) return { kind: 'none', because: null, words: 'Nobody to send to.' };
  await show(message, result.now);
  for await (const next of changes(client, message, o.waitMs, () => asking.world.interruption())) {
    message = next.status;
    await show(next.status, next.now);
  }
  return { kind: 'told', status: message, good: GOOD.has(message.state) };
}

/** Each new state, until it is settled or the time is over. */
async function* changes(
  client: LocalClient,
  first: MessageStatus,
  waitMs: number,
  interruption: () => AbortSignal,
): AsyncGenerator<{ status: MessageStatus; now: number }> {
  if (waitMs === 0 || SETTLED.has(first.state)) return;
  const { setTimeout } = await import('node:timers/promises');
  const signal = interruption();
  const end = performance.now() + waitMs;
  let last = first;
  while (!SETTLED.has(last.state) && performance.now() < end && !signal.aborted) {
    await setTimeout(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    const looked = await client.message(last.message);
    if (looked.kind !== 'ok') return;
    const { data, now } = looked;
    if (data.n === last.n) continue;
    last = data;
    yield { status: data, now };
  }
}

function wordsOf(status: MessageStatus, now: number): string[] {
  const { message, to, state, until, evidence, words, apple_error: error } = status;
  const about = until === undefined || state !== 'held' ? '' : ` until about ${clockTime(until, now)}`;
  const why = words ?? evidence?.words ?? (error ? `${error.name} (${error.number})` : undefined);
  return [
    `${state.replaceAll('_', ' ')}${about}: ${oneLine(message)} to ${oneLine(to)}`,
    ...(why ? [afterTime(oneLine(why), until, now)] : []),
  ];
}
