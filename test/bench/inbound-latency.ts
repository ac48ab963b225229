/** From the commit of a row in chat.db, by another process, to its event at the controller. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { BuiltRelay, LibraryEnd } from './built-relay.ts';
import { type Bench, percentile } from './figure.ts';

const ROWS = 400;
const WRITER = fileURLToPath(new URL('./row-writer.ts', import.meta.url));
/** The last row has no other behind it; this is how long it may take before it counts as never seen. */
const PATIENCE_MS = 10_000;

/** Milliseconds on the system's monotonic clock, the same in all processes. */
const mono = () => Number(process.hrtime.bigint()) / 1e6;

export const inboundLatency: Bench = {
  name: 'A row committed to chat.db → event at the controller',
  async run() {
    const seenAt = new Map<string, number>();
    let all: () => void = () => {};
    const complete = new Promise<void>((resolve) => {
      all = resolve;
    });
    const end = await LibraryEnd.listen((event) => {
      if (event.name !== 'message.inbound') return;
      const text = String(event.data.text);
      if (!seenAt.has(text)) seenAt.set(text, mono());
      if (seenAt.size === ROWS) all();
    });
    const relay = await BuiltRelay.start(end.url);
    await end.opened;
    const writtenAt = new Map<string, number>();
    const writer = spawn(process.execPath, [WRITER, relay.sim.chatDb, String(ROWS)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: writer.stdout })) {
      const [text = '', at = ''] = line.split('\t');
      writtenAt.set(text, Number(at));
    }
    const timer = setTimeout(() => all(), PATIENCE_MS);
    await complete;
    clearTimeout(timer);
    await relay.stop();
    await end.close();
    const latencies = [...seenAt].map(([text, at]) => at - (writtenAt.get(text) ?? Number.NaN));
    return [
      { name: 'p50', value: percentile(latencies, 0.5), unit: 'ms', limit: { most: 5 } },
      { name: 'p99', value: percentile(latencies, 0.99), unit: 'ms', limit: { most: 25 } },
      { name: 'slowest', value: percentile(latencies, 1), unit: 'ms' },
      { name: `rows seen of ${ROWS}, the last one too`, value: seenAt.size, unit: 'rows', limit: { least: ROWS } },
    ];
  },
};
