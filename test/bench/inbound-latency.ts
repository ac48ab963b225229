/** From the commit of a row in chat.db, by another process, to its event at the controller. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BuiltRelay, type BuiltRelayOptions, LibraryEnd } from './built-relay.ts';
import { type Bench, type Figure, percentile } from './figure.ts';

const ROWS = 400;
const RUNS = 20;
const WRITER = fileURLToPath(new URL('./row-writer.ts', import.meta.url));
/** The last row has no other behind it; this is how long it may take before it counts as never seen. */
const PATIENCE_MS = 10_000;
/** In a user namespace of its own the kernel gives the daemon no file watches: what is left is the timer. */
const WITHOUT_WATCHES = [
  'unshare',
  '-Ur',
  'sh',
  '-c',
  'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"',
  'sh',
];

/** Milliseconds on the system's monotonic clock, the same in all processes. */
const mono = () => Number(process.hrtime.bigint()) / 1e6;

export const inboundLatency: Bench = {
  name: 'A row committed to chat.db → event at the controller',
  async run() {
    const latencies = await measure();
    return [...figures(latencies, 1), ...(await withoutWatches())];
  },
};

export const inboundRuns: Bench = {
  name: `The same, ${RUNS} runs in a row`,
  async run() {
    const runs: number[][] = [];
    while (runs.length < RUNS) runs.push(await measure());
    const worst = (p: number) => Math.max(...runs.map((latencies) => percentile(latencies, p)));
    return [
      ...figures(runs.flat(), RUNS),
      { name: 'p50 of the slowest run', value: worst(0.5), unit: 'ms' },
      { name: 'p99 of the slowest run', value: worst(0.99), unit: 'ms' },
    ];
  },
};

function figures(latencies: number[], runs: number): Figure[] {
  const rows = runs * ROWS;
  return [
    { name: 'p50', value: percentile(latencies, 0.5), unit: 'ms', limit: { most: 3 } },
    { name: 'p99', value: percentile(latencies, 0.99), unit: 'ms', limit: { most: 15 } },
    { name: 'slowest', value: percentile(latencies, 1), unit: 'ms' },
    { name: `rows seen of ${rows}, the last one too`, value: latencies.length, unit: 'rows', limit: { least: rows } },
  ];
}

async function withoutWatches(): Promise<Figure[]> {
  if (spawnSync(WITHOUT_WATCHES[0] ?? '', [...WITHOUT_WATCHES.slice(1), 'true']).status !== 0) {
    console.log('  (no user namespaces here: not measured without file watches)');
    return [];
  }
  const latencies = await measure({ under: WITHOUT_WATCHES });
  return [
    { name: 'without file watches: p50', value: percentile(latencies, 0.5), unit: 'ms' },
    { name: 'without file watches: slowest', value: percentile(latencies, 1), unit: 'ms', limit: { most: 250 } },
    { name: `without file watches: rows seen`, value: latencies.length, unit: 'rows', limit: { least: ROWS } },
  ];
}

/** Milliseconds, one for each row that was seen. */
async function measure(o: BuiltRelayOptions = {}): Promise<number[]> {
  const seenAt = new Map<string, number>();
  const complete = Promise.withResolvers<void>();
  const end = await LibraryEnd.listen((event) => {
    if (event.name !== 'message.inbound') return;
    const text = String(event.data.text);
    if (!seenAt.has(text)) seenAt.set(text, mono());
    if (seenAt.size === ROWS) complete.resolve();
  });
  const relay = await BuiltRelay.start(end.url, o);
  await end.opened;
  const writtenAt = new Map<string, number>();
  const writer = spawn(process.execPath, [WRITER, relay.sim.chatDb, String(ROWS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: writer.stdout })) {
    const [text = '', at = ''] = line.split('\t');
    writtenAt.set(text, Number(at));
  }
  const timer = setTimeout(complete.resolve, PATIENCE_MS);
  await complete.promise;
  clearTimeout(timer);
  await relay.stop();
  await end.close();
  return [...seenAt].map(([text, at]) => at - (writtenAt.get(text) ?? Number.NaN));
}
