/**
 * Restarts a Messages that hangs, if the Mac's owner allows that (`messages.restart_hung`): asked to quit first, ended if it does not, then
 * launched. It is told as a condition that stays for an hour.
 *
 *   three probes in a row without an answer ─▶ quit ─ no answer ─▶ SIGKILL ─▶ launch ─▶ the next probe decides       (once in 30 minutes)
 *
 * What was being sent stays unknown: nobody can tell what Messages had done with it, and what it has done Apple has.
 */
import type { Clock, Timer } from '../host/clock.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';
import type { Osascript } from './osascript.ts';

const HUNG_PROBES = 3;
const AT_MOST_EVERY_MS = 30 * 60_000;
const TOLD_MS = 3_600_000;
/** As the app is started on all versions of macOS, from whatever volume. */
const MESSAGES = /\/Messages\.app\/Contents\/MacOS\/Messages$/;

export class Restart {
  readonly #osascript: Osascript;
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #log: Log;
  readonly #limitMs: number;
  #hung = 0;
  #lastMono = Number.NEGATIVE_INFINITY;
  #told: Timer | null = null;

  constructor(o: { osascript: Osascript; clock: Clock; health: Health; log: Log; limitMs: number }) {
    this.#osascript = o.osascript;
    this.#clock = o.clock;
    this.#health = o.health;
    this.#log = o.log;
    this.#limitMs = o.limitMs;
  }

  /** A probe was good, or failed for another reason. */
  answered(): void {
    this.#hung = 0;
  }

  /** A probe got no answer. Resolves when Messages was restarted, or need not be yet; the lane is closed all the while. */
  async hung(signal: AbortSignal): Promise<void> {
    this.#hung += 1;
    if (this.#hung < HUNG_PROBES || this.#clock.mono() - this.#lastMono < AT_MOST_EVERY_MS || signal.aborted) return;
    this.#hung = 0;
    this.#lastMono = this.#clock.mono();
    const quit = await this.#osascript.ask('quit-messages', this.#limitMs, signal);
    const ended = quit.code === 0 ? 0 : await this.#kill();
    if (signal.aborted) return;
    const launched = await this.#osascript.ask('launch-messages', this.#limitMs, signal);
    this.#log.warn('messages_restarted', { quit: quit.code === 0, ended, launched: launched.code === 0 });
    this.#health.raise(
      'messages_restarted',
      'warning',
      'Messages did not answer and was restarted; what was being sent then stays unknown.',
      'Look for a dialog on the Mac’s screen; if it happens again and again, restart the Mac.',
    );
    this.#told?.cancel();
    this.#told = this.#clock.after(TOLD_MS, () => this.#health.clear('messages_restarted'));
  }

  stop(): void {
    this.#told?.cancel();
  }

  async #kill(): Promise<number> {
    const running = (await this.#osascript.running()) ?? [];
    const found = running.filter(({ command }) => MESSAGES.test(command));
    for (const { pid } of found) this.#osascript.kill(pid);
    return found.length;
  }
}
