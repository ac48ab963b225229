/**
 * The time of the simulated Mac. Virtual time runs `factor` times as fast as real time:
 *
 *   wall clock       virtualOrigin + (real − realOrigin) × factor
 *   monotonic clock  real monotonic × factor
 *
 * All processes of one simulated Mac share one line in their environment, `SIM_CLOCK=<real origin>:<virtual origin>:<factor>`
 * (milliseconds), and so have the same time. `virtual-clock.ts` makes a whole process live by it.
 */

export interface ClockTerms {
  realOrigin: number;
  virtualOrigin: number;
  factor: number;
}

export type ClockEnv = { SIM_CLOCK: string };

/** `start`: the virtual time now, as a date, ISO text or Unix ms; the real time if not given. */
export function simClockEnv(o: { factor?: number; start?: Date | string | number } = {}): ClockEnv {
  const factor = o.factor ?? 1;
  if (!(factor > 0 && Number.isFinite(factor))) throw new RangeError(`a factor above 0, not ${factor}`);
  const real = Date.now();
  const virtual = o.start === undefined ? real : new Date(o.start).getTime();
  if (!Number.isFinite(virtual)) throw new RangeError(`not a time: ${String(o.start)}`);
  return { SIM_CLOCK: `${real}:${virtual}:${factor}` };
}

/** Null without `SIM_CLOCK`. Throws if it is not as above. */
export function clockTerms(env: Record<string, string | undefined>): ClockTerms | null {
  if (!env.SIM_CLOCK) return null;
  const [realOrigin = Number.NaN, virtualOrigin = Number.NaN, factor = Number.NaN] =
    env.SIM_CLOCK.split(':').map(Number);
  if (!Number.isFinite(realOrigin + virtualOrigin) || !(factor > 0 && Number.isFinite(factor)))
    throw new RangeError(`SIM_CLOCK=${env.SIM_CLOCK} is not <real origin ms>:<virtual origin ms>:<factor>`);
  return { realOrigin, virtualOrigin, factor };
}

/** The virtual wall clock in Unix ms. Must be called with real time, not in a process that itself lives by `virtual-clock.ts`. */
export function virtualNow(env: Record<string, string | undefined>): number {
  const terms = clockTerms(env);
  return terms ? toVirtual(terms, Date.now()) : Date.now();
}

export function toVirtual(terms: ClockTerms, real: number): number {
  return terms.virtualOrigin + Math.floor((real - terms.realOrigin) * terms.factor);
}

/** What the simulator needs of a clock; the daemon's own kind of clock fits too. */
export interface SimClock {
  now(): number;
  after(delayMs: number, work: () => void): { cancel(): void };
}

/** Virtual time for a process that itself runs on real time.. */
export function simClock(env: Record<string, string | undefined>): SimClock {
  const factor = clockTerms(env)?.factor ?? 1;
  const origin = performance.now();
  const mono = () => (performance.now() - origin) * factor;
  return {
    now: () => virtualNow(env),
    after(delayMs, work) {
      const due = mono() + delayMs;
      let timer: NodeJS.Timeout;
      const wait = () => {
        const left = due - mono();
        if (left <= 0) return work();
        timer = setTimeout(wait, Math.min(Math.ceil(left / factor), 2 ** 31 - 1));
      };
      timer = setTimeout(wait, Math.min(Math.ceil(delayMs / factor), 2 ** 31 - 1));
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
