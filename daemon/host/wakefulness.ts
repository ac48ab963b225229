/**
 * A Mac that sleeps sends nothing. `caffeinate` keeps it awake as long as this process lives (`-w` ties it to our pid, also when we are
 * killed); if the Mac slept all the same, that is noticed by a timer that came late, and told.
 *
 *   start ─▶ caffeinate runs (else `may_sleep`); each LOOK_MS a look at the clocks (`slept`, for an hour) ─▶ stop
 *
 * On macOS the monotonic clock counts sleep (clock.ts) while timers do not fire. A loop that stood still so long looks the same.
 */

import type { Clock, Timer } from './clock.ts';
import { type Companion, companion } from './companion.ts';
import type { Health } from './health.ts';
import type { Log } from './log.ts';

const LOOK_MS = 10_000;
/** Later than any busy machine makes a timer. */
const SLEPT_MS = 60_000;
const TOLD_MS = 3_600_000;
const AGAIN_MS = 60_000;
/** One that has lived so long does its work. */
const LIVED_MS = 10_000;

export class Wakefulness {
  readonly #o: { clock: Clock; health: Health; log: Log; caffeinate: string | null };
  #companion: Companion | null = null;
  #look: Timer | undefined;
  #again: Timer | undefined;
  #lived: Timer | undefined;
  #forget: Timer | undefined;
  #lastMono = 0;

  /** `caffeinate`: its path, or null to let the Mac sleep. */
  constructor(o: { clock: Clock; health: Health; log: Log; caffeinate: string | null }) {
    this.#o = o;
  }

  start(): void {
    this.#lastMono = this.#o.clock.mono();
    this.#tick();
    this.#keepAwake();
  }

  stop(): void {
    for (const timer of [this.#look, this.#again, this.#lived, this.#forget]) timer?.cancel();
    this.#companion?.end();
    this.#companion = null;
  }

  #keepAwake(): void {
    const { caffeinate, clock, health, log } = this.#o;
    if (caffeinate === null) return;
    // -i: no idle sleep; -s: none at all while on mains power (caffeinate(8)).
    this.#companion = companion(caffeinate, ['-i', '-s', '-w', String(process.pid)], () => {
      this.#companion = null;
      this.#lived?.cancel();
      log.warn('caffeinate_gone', { path: caffeinate });
      health.raise(
        'may_sleep',
        'warning',
        'This Mac may fall asleep: caffeinate does not run.',
        'Check tools.caffeinate in config.json, or switch sleep off in System Settings › Energy and set power.caffeinate to false.',
      );
      this.#again = clock.after(AGAIN_MS, () => this.#keepAwake());
    });
    // Not before: one that ends at once would have the condition come and go with every try.
    this.#lived = clock.after(LIVED_MS, () => health.clear('may_sleep'));
  }

  #tick(): void {
    this.#look = this.#o.clock.after(LOOK_MS, () => {
      const mono = this.#o.clock.mono();
      const lateMs = mono - this.#lastMono - LOOK_MS;
      this.#lastMono = mono;
      if (lateMs >= SLEPT_MS) this.#slept(lateMs);
      this.#tick();
    });
  }

  #slept(ms: number): void {
    const { clock, health, log } = this.#o;
    const minutes = Math.round(ms / 60_000);
    log.warn('slept', { ms: Math.round(ms) });
    health.raise(
      'slept',
      'warning',
      `This Mac slept for ${minutes === 1 ? 'a minute' : `${minutes} minutes`}; what was to be sent then waited.`,
      'Switch sleep off in System Settings › Energy, and leave power.caffeinate on.',
    );
    this.#forget?.cancel();
    this.#forget = clock.after(TOLD_MS, () => health.clear('slept'));
  }
}
