/** `relayctl status`: is the relay ready, and what is it doing. */
import { Command } from 'commander';
import type { Condition } from '../../protocol/events.ts';
import type { LocalClient, LocalResult } from '../local/client.ts';
import type { Status } from '../local/schemas.ts';
import { EXIT, type ExitCode, exitCodeOf, exitCodesHelp } from './exit-codes.ts';
import { timeSpan } from './numbers.ts';
import { paragraph } from './table.ts';
import { oneLine, type Style, type Terminal } from './terminal.ts';
import { clockTime, span, whenAgo } from './times.ts';
import type { Asking, World } from './world.ts';

const WATCH_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 200;
const LABEL = 14;

export function statusCommand(world: World): Command {
  return new Command('status')
    .description('is the relay ready, and what is it doing; the first line is the answer')
    .option('-w, --watch', 'look again every second, until Ctrl-C; with --json one object a second')
    .option(
      '--wait <span>',
      'until it is ready, at most so long (30s, 5min); the code is that of the last look',
      timeSpan,
    )
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3, 4, 5]))
    .addHelpText('after', '\nExample:\n  relayctl status --wait 30s || echo "look after the relay"')
    .action((o: { watch?: boolean; wait?: number }, command: Command) =>
      world.run(command, (asking) => (o.watch ? watch(asking) : once(asking, o.wait ?? 0))),
    );
}

async function once(asking: Asking, waitMs: number): Promise<ExitCode> {
  const client = await asking.client();
  const result = await ready(client, waitMs, waitMs > 0 ? asking.world.interruption() : undefined);
  if (result.kind !== 'ok') return asking.without(result);
  await show(asking, result.data);
  return exitCodeOf(result.data);
}

/** The first answer that says ready, or the last one before the time is over. A relay that does not run may be starting. */
async function ready(client: LocalClient, waitMs: number, signal?: AbortSignal): Promise<LocalResult<Status>> {
  const { setTimeout } = await import('node:timers/promises');
  const end = performance.now() + waitMs;
  for (;;) {
    const result = await client.status();
    const isThere = result.kind === 'refused' || (result.kind === 'ok' && result.data.ready);
    if (isThere || performance.now() >= end || signal?.aborted) return result;
    await setTimeout(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

async function watch(asking: Asking): Promise<ExitCode> {
  const { setTimeout } = await import('node:timers/promises');
  const client = await asking.client();
  const interruption = asking.world.interruption();
  let code: ExitCode = EXIT.ok;
  for (let first = true; !interruption.aborted; first = false) {
    const result = await client.status();
    if (!asking.json) await asking.terminal.fresh(first);
    if (result.kind === 'ok') {
      await show(asking, result.data);
      code = exitCodeOf(result.data);
    } else code = asking.without(result);
    await setTimeout(WATCH_EVERY_MS, undefined, { signal: interruption }).catch(() => {});
  }
  return code;
}

async function show({ terminal, json }: Asking, status: Status): Promise<void> {
  if (json) return terminal.json(status);
  const headline = paragraph(oneLine(status.headline), terminal.width);
  for (const line of headline) await terminal.line(terminal.paint(['bold', status.ready ? 'green' : 'red'], line));
  await terminal.line();
  for (const [label, words] of facts(status)) {
    const [first = '', ...more] = paragraph(oneLine(words), terminal.width, LABEL, '');
    await terminal.line(terminal.paint('dim', label.padEnd(LABEL)) + first);
    for (const line of more) await terminal.line(line);
  }
  for (const condition of status.conditions) await showCondition(terminal, condition, status.now);
}

function facts(s: Status): [string, string][] {
  const { controller: line, queue, chat_db: db } = s;
  const unacked =
    line.unacked_events === 0 ? 'all events confirmed' : `${line.unacked_events} events not confirmed yet`;
  const since = line.since === null ? '' : ` since ${clockTime(line.since, s.now)}`;
  const trouble = line.last_error && line.state !== 'connected' ? `; last error: ${line.last_error}` : '';
  const next: [string, string][] = queue.next_at
    ? [['next held', queue.next_at > s.now ? `goes by about ${whenAgo(queue.next_at, s.now)}` : 'is due']]
    : [];
  const row = db.last_row_at === null ? '' : `, newest row of ${whenAgo(db.last_row_at, s.now)}`;
  const read = db.readable ? `read up to row ${db.cursor_rowid ?? 0}${row}` : 'NOT readable';
  return [
    ['relay', `${s.device}, version ${s.version}, process ${s.pid}, up ${span(s.now - s.started_at)}`],
    [
      'controller',
      line.state === 'off' ? 'none configured' : `${line.state}${since}, ${line.url}, ${unacked}${trouble}`,
    ],
    [
      'queue',
      `${queue.waiting} waiting, ${queue.held} held, ${queue.dispatching} being sent, ${queue.unknown} unknown`,
    ],
    ...next,
    ['last send', whenAgo(s.last_send_at, s.now, 'none since it started')],
    ['last inbound', whenAgo(s.last_inbound_at, s.now, 'none since it started')],
    ['chat.db', `${read}; ${db.path}`],
    ['sender', `${s.sender.state.replace('_', ' ')} since ${clockTime(s.sender.since, s.now)}: ${s.sender.reason}`],
  ];
}

async function showCondition(terminal: Terminal, c: Condition, now: number): Promise<void> {
  const styles: Record<Condition['severity'], Style> = { error: 'red', warning: 'yellow', info: 'cyan' };
  await terminal.line();
  await terminal.line(terminal.paint(styles[c.severity], `${c.severity}: ${c.name}, since ${clockTime(c.since, now)}`));
  for (const line of paragraph(oneLine(c.words), terminal.width, 2)) await terminal.line(line);
  for (const line of paragraph(oneLine(c.remedy), terminal.width, 4, '  → ')) await terminal.line(line);
}
