/** Time as the two halves of the protocol need it. The daemon's `Clock` fits; so does the plain one below. */

export interface LineClock {
  /** Milliseconds since the Unix epoch; only ever told, never ordered by. */
  now(): number;
  /** Milliseconds that never go back. */
  mono(): number;
  /** Calls `work` once, `delayMs` from now. */
  after(delayMs: number, work: () => void): { cancel(): void };
}

/** The clock of the machine, for a controller that brings none of its own. */
export const machineClock: LineClock = {
  now: () => Date.now(),
  mono: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
