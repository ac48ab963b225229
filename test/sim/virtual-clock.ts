/**
 * Makes a process live in the time of the simulated Mac: `node --import <this file> program`, with SIM_CLOCK in the environment
 * (sim-clock.ts). The program does not know: it is as if the whole machine were faster. Without SIM_CLOCK nothing is changed.
 *
 * Changed: Date, performance.now and timeOrigin, process.hrtime and uptime, the timers (global, node:timers, node:timers/promises),
 * AbortSignal.timeout. A timer never fires before its virtual time, and at the earliest after 1 ms of real time, as ever.
 * Not changed: times of files, time-outs inside Node (sockets, SQLite), `Intl` and `Temporal` asked for the present.
 *
 * When time is skipped, all clocks are ahead from one moment to the next, and setTimeout and setInterval fire that are due by then. What
 * node:timers/promises and AbortSignal.timeout wait for is not brought forward.
 */
import { watch } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import { promisify } from 'node:util';
import { type ClockTerms, clockTerms, skippedMs, toVirtual } from './sim-clock.ts';

type Callback = (...args: unknown[]) => void;

/** Node's longest timer. Whatever is longer (or no number) becomes 1 ms, with a warning; so it does here. */
const LONGEST_MS = 2 ** 31 - 1;

/** Real time between two looks for a skip that no file event told of. */
const LOOK_MS = 250;

/** How much is skipped, for all clocks of this process at once. */
class Skips {
  ms: number;
  readonly atStart: number;
  readonly #listeners = new Set<() => void>();

  constructor(clock: ClockTerms) {
    this.ms = skippedMs(clock);
    this.atStart = this.ms;
    if (clock.skips === undefined) return;
    const look = () => {
      const ms = skippedMs(clock);
      if (ms === this.ms) return;
      this.ms = ms;
      for (const listener of [...this.#listeners]) listener();
    };
    setInterval(look, LOOK_MS).unref();
    try {
      watch(dirname(clock.skips), { persistent: false }, look).on('error', () => {});
    } catch {
      // Then the timer alone tells.
    }
  }

  onSkip(listener: () => void): void {
    this.#listeners.add(listener);
  }
}

const terms = clockTerms(process.env);
if (terms) install(terms);

function install(clock: ClockTerms): void {
  const { factor } = clock;
  const skips = new Skips(clock);
  const mono = virtualMonotonic(factor, skips);
  virtualDate(clock, mono, skips);
  virtualTimers(factor, skips);
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  AbortSignal.timeout = (delayMs) => timeout(Math.ceil(delayMs / factor));
  syncBuiltinESMExports();
}

function virtualMonotonic(factor: number, skips: Skips): () => number {
  const realHrtime = process.hrtime.bigint.bind(process.hrtime);
  const realNow = performance.now.bind(performance);
  const realUptime = process.uptime.bind(process);
  // A factor may have decimals; nanoseconds do not fit into a double.
  const scale = BigInt(Math.round(factor * 1e6));
  const bigint = () => (realHrtime() * scale) / 1_000_000n + BigInt(skips.ms) * 1_000_000n;
  const sinceStart = () => skips.ms - skips.atStart;
  const hrtime = (since?: [number, number]): [number, number] => {
    const now = bigint() - (since ? BigInt(since[0]) * 1_000_000_000n + BigInt(since[1]) : 0n);
    return [Number(now / 1_000_000_000n), Number(now % 1_000_000_000n)];
  };
  process.hrtime = Object.assign(hrtime, { bigint });
  process.uptime = () => realUptime() * factor + sinceStart() / 1000;
  performance.now = () => realNow() * factor + sinceStart();
  return performance.now;
}

function virtualDate(clock: ClockTerms, mono: () => number, skips: Skips): void {
  const Real = Date;
  const realNow = Real.now.bind(Real);
  const now = () => toVirtual(clock, realNow()) + skips.ms;
  const origin = now() - mono();
  Object.defineProperty(performance, 'timeOrigin', { get: () => origin, configurable: true });
  Real.now = now;
  const Virtual = new Proxy(Real, {
    apply: () => new Real(now()).toString(),
    construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  });
  Real.prototype.constructor = Virtual;
  globalThis.Date = Virtual;
}

function virtualTimers(factor: number, skips: Skips): void {
  const real = { setTimeout: timers.setTimeout, setInterval: timers.setInterval, promises: { ...timersPromises } };
  const now = performance.now.bind(performance);
  const usual = (delayMs: number) => delayMs >= 1 && delayMs <= LONGEST_MS;
  /** Rounded up: Node cuts off what is behind the point. */
  const shorter = (delayMs: number) => (usual(delayMs) ? Math.ceil(delayMs / factor) : delayMs);
  /** When a timer set now is due at the earliest; Node's own may be up to 1 ms early, which is much in virtual time. */
  const dueIn = (delayMs: number) => (usual(delayMs) ? now() + delayMs : 0);
  const reach = (due: number) => {
    while (now() < due);
  };

  /** Timers that may be waiting, and how each is brought forward. */
  const waiting = new Map<NodeJS.Timeout, () => void>();
  let room = 256;
  const dropOver = () => {
    for (const timer of waiting.keys()) if (Reflect.get(timer, '_destroyed') === true) waiting.delete(timer);
  };
  const track = (timer: NodeJS.Timeout, bringForward: () => void) => {
    waiting.set(timer, bringForward);
    if (waiting.size < room) return;
    dropOver();
    room = Math.max(256, waiting.size * 2);
  };
  skips.onSkip(() => {
    dropOver();
    for (const bringForward of [...waiting.values()]) bringForward();
  });

  const punctual =
    (set: typeof real.setTimeout) =>
    (work: Callback, delay?: unknown, ...args: unknown[]): NodeJS.Timeout => {
      const delayMs = Number(delay);
      if (typeof work !== 'function') return set(work, delayMs);
      let due = dueIn(delayMs);
      const timer = set(
        function (this: unknown, ...given: unknown[]) {
          reach(due);
          try {
            work.apply(this, given);
          } finally {
            due = dueIn(delayMs);
          }
        },
        shorter(delayMs),
        ...args,
      );
      const refresh = timer.refresh.bind(timer);
      const again = (realMs: number) => {
        // Node's own field for how long a timer waits; `refresh` goes by it.
        Reflect.set(timer, '_idleTimeout', realMs);
        return refresh();
      };
      timer.refresh = () => {
        due = dueIn(delayMs);
        return again(shorter(delayMs));
      };
      track(timer, () => void again(Math.max(1, Math.ceil((due - now()) / factor))));
      return timer;
    };
  const setTimeout = punctual(real.setTimeout);
  const setInterval = punctual(real.setInterval as typeof real.setTimeout);

  const pause: typeof timersPromises.setTimeout = async (delay, value, options) => {
    const due = dueIn(Number(delay));
    const result = await real.promises.setTimeout(shorter(Number(delay)), value, options);
    reach(due);
    return result;
  };
  const ticks = async function* (...[delay, value, options]: Parameters<typeof timersPromises.setInterval>) {
    let due = dueIn(Number(delay));
    for await (const tick of real.promises.setInterval(shorter(Number(delay)), value, options)) {
      reach(due);
      due = dueIn(Number(delay));
      yield tick;
    }
  };

  Object.defineProperty(setTimeout, promisify.custom, { value: pause });
  timersPromises.setTimeout = pause;
  timersPromises.setInterval = ticks as typeof timersPromises.setInterval;
  timersPromises.scheduler.wait = (delayMs, options) => pause(delayMs, undefined, options);
  Object.assign(timers, { setTimeout, setInterval });
  Object.assign(globalThis, { setTimeout, setInterval });
}
