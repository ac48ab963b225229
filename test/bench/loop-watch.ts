/**
 * Loaded before a program (`--import`): watches how long its event loop stands still, and at its end writes the longest time (ms) to the
 * file that LOOP_WATCH names.
 */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const { LOOP_WATCH } = process.env;
if (LOOP_WATCH) {
  const delays = monitorEventLoopDelay({ resolution: 1 });
  // What the start takes is no catch-up.
  setTimeout(() => delays.enable(), 500).unref();
  process.on('exit', () => writeFileSync(LOOP_WATCH, String(delays.max / 1e6)));
}
