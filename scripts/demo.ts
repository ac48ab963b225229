/**
 * `npm start` (installed: sender-relay-demo): the whole product on a simulated Mac. Starts the Mac, the daemon and a controller as separate processes, plays a story of
 * about a minute, and ends with a table of what was promised and what was seen. Exit code 0 only if every promise holds.
 */
import { parseArgs } from 'node:util';
import { readRows } from '../test/sim/own-rows.ts';
import { ANN } from './demo/cast.ts';
import { readEvents } from './demo/controller-events.ts';
import { Narrator } from './demo/narrator.ts';
import { judge } from './demo/promises.ts';
import { Stage } from './demo/stage.ts';
import { play, prepare } from './demo/story.ts';
import { type Promised, Timeline } from './demo/timeline.ts';

/** In an installed package the built file is started by scripts/sender-relay-demo. */
const IS_BUILT = import.meta.url.endsWith('.js');

const HELP = `Usage: ${IS_BUILT ? 'sender-relay-demo [options]' : 'npm start [-- options]'}

Plays the relay's day on a simulated Mac, on any machine: about a minute.

Options:
  --json         one JSON object a line: {"type": "chapter" | "event" | "note" | "promise" | "verdict", …}
  --stay         keeps everything running behind the table and says how to look inside (Ctrl-C ends it)
  --speed <n>    virtual seconds in a real one, 1 to 40 (20 if not given)
  --short        only a message and five answers: ten seconds instead of a minute
  --help

Exit codes: 0 every promise holds · 1 one does not, or the story broke off · 2 wrong options
`;

const START = '2026-11-24T09:00:00Z';

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === 'number') return options;
  const { json, stay, short, speed } = options;
  let now = () => Date.parse(START);
  const say = new Timeline({ json, now: () => now() });
  const narrator = new Narrator(say);
  const trouble: string[] = [];
  const stage = await Stage.open({
    factor: speed,
    start: START,
    // One text goes to twelve customers: their own orders, so this Mac's owner lets it go as what it is.
    config: { policy: { bulk_transactional: 'allow' } },
    onEvent: (event) => narrator.event(event),
    onRelayWords: (words) => trouble.push(words),
  });
  now = () => stage.sim.now();
  const interrupted = interruption();
  try {
    say.note(
      `A simulated Mac, the daemon and a controller, as three processes. Its clock runs ${speed} times as fast; times are the Mac’s.`,
    );
    await prepare(stage);
    stage.startRelay();
    const broke = await Promise.race([
      play(stage, say, { short }).then(() => null, wordsOf),
      interrupted.then(() => 'interrupted'),
    ]);
    if (broke === 'interrupted') return 130;
    const promised = verdict(stage, short, broke ?? (await stage.settle().then(() => null, wordsOf)));
    say.table(promised);
    const holds = promised.every((row) => row.holds);
    if (!holds && !json) explain(stage, say, trouble);
    if (stay) await lookInside(stage, say, interrupted);
    return holds ? 0 : 1;
  } finally {
    await stage.close({ keep: false });
  }
}

function readOptions(): { json: boolean; stay: boolean; short: boolean; speed: number } | number {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'boolean', default: false },
        stay: { type: 'boolean', default: false },
        short: { type: 'boolean', default: false },
        speed: { type: 'string', default: '20' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const speed = Number(values.speed);
    if (!(speed >= 1 && speed <= 40)) throw new Error(`--speed must be a number from 1 to 40, not ${values.speed}`);
    return { json: values.json, stay: values.stay, short: values.short, speed };
  } catch (error) {
    process.stderr.write(`demo: ${wordsOf(error)}\n\n${HELP}`);
    return 2;
  }
}

function verdict(stage: Stage, short: boolean, broke: string | null): Promised[] {
  const rows = judge({ rows: readRows(stage.sim.chatDb), events: readEvents(stage.controllerStore) }, { short });
  if (broke) rows.push({ promise: 'the story ends', seen: broke, holds: false });
  return rows;
}

async function lookInside(stage: Stage, say: Timeline, interrupted: Promise<void>): Promise<void> {
  const relayctl = IS_BUILT ? 'relayctl' : 'scripts/relayctl';
  say.note(`
Everything keeps running. In another terminal:

  export SENDER_RELAY_HOME=${stage.home}
  ${relayctl} status
  ${relayctl} queue list
  ${relayctl} tail --since 0
  ${relayctl} gate check ${ANN} "Your order is ready."
  ${relayctl} chatdb read ${stage.sim.chatDb}

Ctrl-C here ends it.`);
  await interrupted;
}

function explain(stage: Stage, say: Timeline, trouble: string[]): void {
  for (const words of trouble.slice(-12)) say.note(`  relayd: ${words}`);
  for (const words of stage.log(20)) say.note(`  log: ${words}`);
}

function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve());
  });
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

process.exitCode = await main();
