/** A clock that stands still until it is told to go on. Timers run in their order, each at its own moment. */
import type { Clock, Timer } from '../../daemon/host/clock.ts';

interface Waiting {
  due: number;
  order: number;
  work: () => void;
}

export class FakeClock implements Clock {
  #wall: number;
  #mono: number;
  #order = 0;
  #waiting: Waiting[] = [];

  constructor(wall = Date.UTC(2026, 10, 24, 9, 0, 0), mono = 1_000_000) {
    this.#wall = wall;
    this.#mono = mono;
  }

  now(): number {
    return this.#wall;
  }

  /** A real clock goes on from one look to the next: by so many ms here, if set. */
  flowMs = 0;

  mono(): number {
    if (this.flowMs > 0) this.#move(this.flowMs);
    return this.#mono;
  }

  after(delayMs: number, work: () => void): Timer {
    const waiting = { due: this.#mono + Math.max(0, delayMs), order: this.#order++, work };
    this.#waiting.push(waiting);
    return {
      cancel: () => {
        this.#waiting = this.#waiting.filter((w) => w !== waiting);
      },
    };
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#waiting.length;
  }

  /** Lets time pass on both clocks; timers that fall due run, with the clocks at their moment. */
  advance(ms: number): void {
    const end = this.#mono + ms;
    for (;;) {
      const next = this.#waiting.filter((w) => w.due <= end).sort((a, b) => a.due - b.due || a.order - b.order)[0];
      if (!next) break;
      this.#waiting = this.#waiting.filter((w) => w !== next);
      this.#move(Math.max(0, next.due - this.#mono));
      next.work();
    }
    this.#move(end - this.#mono);
  }

  /** As `advance`, but lets promises and I/O settle after each timer. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#mono + ms;
    await settle();
    for (;;) {
      const next = this.#waiting.filter((w) => w.due <= end).sort((a, b) => a.due - b.due || a.order - b.order)[0];
      if (!next) break;
      this.#waiting = this.#waiting.filter((w) => w !== next);
      this.#move(Math.max(0, next.due - this.#mono));
      next.work();
      await settle();
    }
    this.#move(end - this.#mono);
    await settle();
  }

  /** Somebody set the wall clock: only that one moves. */
  jumpWall(ms: number): void {
    this.#wall += ms;
  }

  /** The Mac slept: both clocks have gone on, and timers that fell due meanwhile run at the next step. */
  sleep(ms: number): void {
    this.#move(ms);
  }

  /** The Mac was started anew: the monotonic clock begins again. */
  reboot(mono = 5_000): void {
    this.#mono = mono;
    this.#waiting = [];
  }

  #move(ms: number): void {
    this.#wall += ms;
    this.#mono += ms;
  }
}

/** Some turns of the event loop, so that what is ready can happen (a group commit takes a turn and a flush). */
export async function settle(turns = 6): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Waits, by turns of the event loop, until `condition` holds; fails loudly after `patienceMs` of real time. */
export async function until(condition: () => boolean, what: string, patienceMs = 5_000): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > patienceMs) throw new Error(`waited ${patienceMs} ms in vain: ${what}`);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
