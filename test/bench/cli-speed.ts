/** How soon relayctl, built, answers. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BuiltRelay, LibraryEnd } from './built-relay.ts';
import { type Bench, percentile } from './figure.ts';

const RELAYCTL = fileURLToPath(new URL('../../dist/relayctl.js', import.meta.url));
const RUNS = 10;

function medianMs(args: string[], home: string): number {
  const times = Array.from({ length: RUNS }, () => {
    const began = performance.now();
    const { status } = spawnSync(process.execPath, [RELAYCTL, ...args], {
      env: { ...process.env, SENDER_RELAY_HOME: home },
    });
    if (status !== 0) throw new Error(`relayctl ${args.join(' ')} ended with ${status}`);
    return performance.now() - began;
  });
  return percentile(times, 0.5);
}

export const cliSpeed: Bench = {
  name: `relayctl, built, median of ${RUNS}`,
  async run() {
    const end = await LibraryEnd.listen();
    const relay = await BuiltRelay.start(end.url);
    await end.opened;
    const home = join(relay.folder, 'relay');
    const waited = spawnSync(process.execPath, [RELAYCTL, 'status', '--wait', '30s'], {
      env: { ...process.env, SENDER_RELAY_HOME: home },
    });
    if (waited.status !== 0) throw new Error('the relay did not become ready');
    const status = medianMs(['status'], home);
    const help = medianMs(['--help'], home);
    await relay.stop();
    await end.close();
    return [
      { name: 'status', value: status, unit: 'ms', limit: { most: 150 } },
      { name: '--help', value: help, unit: 'ms', limit: { most: 120 } },
    ];
  },
};
