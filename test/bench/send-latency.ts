/** How long a send takes on this side of Messages: from the command to the start of osascript, and from the row that says sent to its event. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BuiltRelay, DEVICE, LibraryEnd } from './built-relay.ts';
import { type Bench, percentile } from './figure.ts';

const SENDS = 60;
const PATIENCE_MS = 20_000;

/** Unix ms with fractions, comparable with `date +%s%N`. */
const wall = () => performance.timeOrigin + performance.now();

/** In front of the simulated osascript: notes when it was started. Its own start and that of `date` count against the relay. */
function noteStarts(home: string, starts: string): void {
  const path = join(home, 'config.json');
  const config = JSON.parse(readFileSync(path, 'utf8')) as { messages: { osascript: string } };
  const script = join(home, 'osascript');
  writeFileSync(script, `#!/bin/sh\necho "$(date +%s%N) $1" >>'${starts}'\nexec '${config.messages.osascript}' "$@"\n`);
  chmodSync(script, 0o755);
  config.messages.osascript = script;
  writeFileSync(path, JSON.stringify(config));
}

/** Starts of scripts that send, Unix ms. */
function startsIn(file: string): number[] {
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  return lines
    .filter((line) => !line.includes('probe'))
    .map((line) => Number(BigInt(line.split(' ')[0] ?? 0) / 1000n) / 1000);
}

export const sendLatency: Bench = {
  name: 'A send, on this side of Messages',
  async run() {
    const told = new Map<string, number>();
    let heard: () => void = () => {};
    const end = await LibraryEnd.listen(({ name, data }) => {
      const { state, guid } = data as { state?: string; guid?: string };
      if (name !== 'message.status' || state !== 'sent' || guid === undefined || told.has(guid)) return;
      told.set(guid, wall());
      heard();
    });
    let starts = '';
    const relay = await BuiltRelay.start(end.url, {
      prepare: (home) => {
        starts = join(home, 'starts');
        noteStarts(home, starts);
      },
    });
    await end.opened;
    const sentAt: number[] = [];
    for (let n = 0; n < SENDS; n += 1) {
      const created = Date.now();
      const text = Array.from({ length: 8 }, (_, i) => ((n + 1) * 7919 + i * 104_729).toString(36)).join(' ');
      const message = {
        category: 'conversational',
        pacing: 'queue',
        created,
        expires_at: created + 86_400_000,
      } as const;
      const isTold = new Promise<void>((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`send ${n} was never told as sent`)), PATIENCE_MS);
        heard = () => {
          clearTimeout(late);
          resolve();
        };
      });
      sentAt.push(wall());
      await end.controller.send(DEVICE, 'message.send', { ...message, to: `+1415${String(3_000_000 + n)}`, text });
      await isTold;
    }
    const begun = startsIn(starts).slice(-SENDS);
    const toStart = begun.map((at, n) => at - (sentAt[n] ?? Number.NaN));
    const rows = relay.sim.events.filter(({ kind, guid }) => kind === 'sent' && guid !== undefined && told.has(guid));
    const toEvent = rows.map(({ at, guid }) => (told.get(guid ?? '') ?? Number.NaN) - at);
    await relay.stop();
    await end.close();
    return [
      {
        name: 'command sent → osascript started, p50',
        value: percentile(toStart, 0.5),
        unit: 'ms',
        limit: { most: 15 },
      },
      { name: 'the same, p95', value: percentile(toStart, 0.95), unit: 'ms' },
      { name: 'row says sent → event, p50', value: percentile(toEvent, 0.5), unit: 'ms', limit: { most: 15 } },
      { name: 'the same, p95', value: percentile(toEvent, 0.95), unit: 'ms' },
      { name: `sends told as sent of ${SENDS}`, value: told.size, unit: 'sends', limit: { least: SENDS } },
    ];
  },
};
