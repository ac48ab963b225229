/**
 * Time, handed in. `now` is the wall clock and may jump; it is only ever told, never ordered by.
 * `mono` never goes back; waits run on it. On macOS it counts sleep (libuv reads mach_continuous_time), on Linux it does not.
 */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since some moment before the process started, the same moment until the next boot. */
  mono(): number;
  /** Calls `work` once, `delayMs` from now on the monotonic clock. Keeps the process alive until then. */
  after(delayMs: number, work: () => void): Timer;
}

/** Node's longest timer; longer waits are cut into pieces by whoever waits. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  mono: () => Number(process.hrtime.bigint()) / 1e6,
  after(delayMs, work) {
    const handle = setTimeout(work, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A promise that resolves after `delayMs`, or at once when `signal` aborts. It never rejects. */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.after(delayMs, done);
    signal?.addEventListener('abort', done, { once: true });
  });
}
