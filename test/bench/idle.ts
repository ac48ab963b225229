/** The built daemon with nothing to do: memory and CPU. */
import { setTimeout as pause } from 'node:timers/promises';
import { BuiltRelay, LibraryEnd } from './built-relay.ts';
import type { Bench } from './figure.ts';

const SETTLE_MS = 5_000;
const WATCH_MS = 60_000;

export const idle: Bench = {
  name: 'The idle daemon, built',
  async run() {
    const end = await LibraryEnd.listen();
    const relay = await BuiltRelay.start(end.url);
    await end.opened;
    await relay.ready();
    await pause(SETTLE_MS);
    const before = relay.cpuMs();
    await pause(WATCH_MS);
    const share = ((relay.cpuMs() - before) / WATCH_MS) * 100;
    const resident = relay.residentMb();
    await relay.stop();
    await end.close();
    return [
      { name: 'resident', value: resident, unit: 'MiB', limit: { most: 110 } },
      { name: `of one core, over ${WATCH_MS / 1_000} s`, value: share, unit: '%', limit: { most: 0.5 } },
    ];
  },
};
