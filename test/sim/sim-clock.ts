/**
 * The time of the simulated Mac. Virtual time runs `factor` times as fast as real time:
 *
 *   wall clock       virtualOrigin + (real − realOrigin) × factor
 *   monotonic clock  real monotonic × factor
 *
 * All processes of one simulated Mac share one line in their environment, `SIM_CLOCK=<real origin>:<virtual origin>:<factor>`
 * (milliseconds), and so have the same time. `virtual-clock.ts` makes a whole process live by it.
 *
 * Time may also be skipped, as if the Mac had slept or nothing had happened for hours: both clocks are ahead by so much from then on. How
 * much stands in the file that a fourth field of SIM_CLOCK names, one line for each skip: `<real Unix ms> <ms skipped in all>`.
 */
import { appendFileSync, readFileSync } from 'node:fs';

export interface ClockTerms {
  realOrigin: number;
  virtualOrigin: number;
  factor: number;
  /** The file of skips; none if nothing is ever skipped. */
  skips?: string;
}

export type ClockEnv = { SIM_CLOCK: string };

/** `start`: the virtual time now, as a date, ISO text or Unix ms; the real time if not given. */
export function simClockEnv(
  o: { factor?: number; start?: Date | string | number; skips?: string | undefined } = {},
): ClockEnv {
  const factor = o.factor ?? 1;
  if (!(factor > 0 && Number.isFinite(factor))) throw new RangeError(`a factor above 0, not ${factor}`);
  const real = Date.now();
  const virtual = o.start === undefined ? real : new Date(o.start).getTime();
  if (!Number.isFinite(virtual)) throw new RangeError(`not a time: ${String(o.start)}`);
  return { SIM_CLOCK: [real, virtual, factor, ...(o.skips ? [o.skips] : [])].join(':') };
}

/** Null without `SIM_CLOCK`. Throws if it is not as above. */
export function clockTerms(env: Record<string, string | undefined>): ClockTerms | null {
  if (!env.SIM_CLOCK) return null;
  const [numbers, skips] = splitAt(env.SIM_CLOCK, 3);
  const [realOrigin = Number.NaN, virtualOrigin = Number.NaN, factor = Number.NaN] = numbers.map(Number);
  if (!Number.isFinite(realOrigin + virtualOrigin) || !(factor > 0 && Number.isFinite(factor)))
    throw new RangeError(`SIM_CLOCK=${env.SIM_CLOCK} is not <real origin ms>:<virtual origin ms>:<factor>[:<file>]`);
  return { realOrigin, virtualOrigin, factor, ...(skips ? { skips } : {}) };
}

/** The first fields, and all that is behind them: a path may have colons. */
function splitAt(text: string, fields: number): [string[], string] {
  const parts = text.split(':');
  return [parts.slice(0, fields), parts.slice(fields).join(':')];
}

/** Virtual ms skipped until now; 0 without a file of skips. */
export function skippedMs(terms: Pick<ClockTerms, 'skips'>): number {
  if (terms.skips === undefined) return 0;
  try {
    // A line that is being written has no end yet.
    const whole = readFileSync(terms.skips, 'utf8').split('\n').slice(0, -1);
    return Number(whole.at(-1)?.split(' ')[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Adds a skip; every process that lives by these terms sees it within moments. */
export function skip(terms: ClockTerms, ms: number): void {
  if (terms.skips === undefined) throw new RangeError('there is no file of skips in SIM_CLOCK');
  appendFileSync(terms.skips, `${Date.now()} ${Math.round(skippedMs(terms) + ms)}\n`);
}

/** The virtual wall clock in Unix ms. Must be called with real time, not in a process that itself lives by `virtual-clock.ts`. */
export function virtualNow(env: Record<string, string | undefined>): number {
  const terms = clockTerms(env);
  return terms ? toVirtual(terms, Date.now()) + skippedMs(terms) : Date.now();
}

export function toVirtual(terms: ClockTerms, real: number): number {
  return terms.virtualOrigin + Math.floor((real - terms.realOrigin) * terms.factor);
}

/** What the simulator needs of a clock; the daemon's own kind of clock fits too. */
export interface SimClock {
  now(): number;
  after(delayMs: number, work: () => void): { cancel(): void };
}

/** The simulator's own clock: it alone skips time. */
export interface SkippingClock extends SimClock {
  /** Both clocks are ahead by so much; what is due then is due now. */
  skip(ms: number): void;
  /** Nothing that was to be done is done any more. */
  close(): void;
}

/** Virtual time for a process that itself runs on real time. */
export function simClock(env: Record<string, string | undefined>): SkippingClock {
  const terms = clockTerms(env);
  const factor = terms?.factor ?? 1;
  const origin = performance.now();
  let skipped = terms ? skippedMs(terms) : 0;
  const mono = () => (performance.now() - origin) * factor + skipped;
  const waits = new Set<() => void>();
  let closed = false;
  return {
    now: () => (terms ? toVirtual(terms, Date.now()) + skipped : Date.now()),
    after(delayMs, work) {
      const due = mono() + delayMs;
      let timer: NodeJS.Timeout;
      const wait = () => {
        clearTimeout(timer);
        const left = due - mono();
        if (closed) waits.delete(wait);
        else if (left > 0) timer = setTimeout(wait, Math.min(Math.ceil(left / factor), 2 ** 31 - 1));
        else if (waits.delete(wait)) work();
      };
      waits.add(wait);
      timer = setTimeout(wait, Math.min(Math.ceil(delayMs / factor), 2 ** 31 - 1));
      return {
        cancel() {
          waits.delete(wait);
          clearTimeout(timer);
        },
      };
    },
    skip(ms) {
      if (terms) skip(terms, ms);
      skipped += Math.round(ms);
      for (const wait of [...waits]) wait();
    },
    close() {
      closed = true;
      for (const wait of [...waits]) wait();
    },
  };
}
