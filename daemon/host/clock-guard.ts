/**
 * Watches the wall clock against the monotonic one.
 *
 *   trusted ── jump of more than 5 minutes, or set back over a restart ──▶ doubted ── the controller's `hello.time` agrees ──▶ trusted
 *
 * While it is doubted nothing expires and no id is forgotten. Waits never run on the wall clock, so they do not care.
 */
import type { Clock, Timer } from './clock.ts';
import type { Health } from './health.ts';

const TOLERANCE_MS = 5 * 60_000;
const LOOK_EVERY_MS = 30_000;

export class WallClockGuard {
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #remember: (now: number) => void;
  #offset: number;
  #trusted = true;
  #timer: Timer | undefined;

  /** `lastSeenAt`: the wall time that the store remembers from before; `remember` stores the present one. */
  constructor(o: { clock: Clock; health: Health; lastSeenAt: number | null; remember: (now: number) => void }) {
    this.#clock = o.clock;
    this.#health = o.health;
    this.#remember = o.remember;
    this.#offset = o.clock.now() - o.clock.mono();
    if (o.lastSeenAt !== null && o.clock.now() < o.lastSeenAt - TOLERANCE_MS)
      this.#doubt('It is earlier now than when the relay last ran.');
  }

  /** Compares the clocks first: what is asked in the moment of a jump must not be decided by the wrong clock. */
  get trusted(): boolean {
    this.#compare();
    return this.#trusted;
  }

  start(): void {
    this.look();
    this.#timer = this.#clock.after(LOOK_EVERY_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Compares the clocks now. */
  look(): void {
    this.#compare();
    if (this.#trusted) this.#remember(this.#clock.now());
  }

  #compare(): void {
    const offset = this.#clock.now() - this.#clock.mono();
    const jump = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(jump) > TOLERANCE_MS)
      this.#doubt(
        `The clock of this Mac jumped ${jump > 0 ? 'forward' : 'back'} by ${Math.round(Math.abs(jump) / 60_000)} minutes.`,
      );
  }

  /** What the controller says the time is (Unix ms). Agreement within 5 minutes restores trust. */
  controllerSays(time: number): void {
    this.look();
    const apart = Math.abs(this.#clock.now() - time);
    if (apart <= TOLERANCE_MS) {
      this.#trusted = true;
      this.#health.clear('clock_jump');
    } else {
      this.#doubt(`The clock of this Mac and the controller’s are ${Math.round(apart / 60_000)} minutes apart.`);
    }
  }

  #doubt(words: string): void {
    this.#trusted = false;
    this.#health.raise(
      'clock_jump',
      'warning',
      `${words} Until the controller’s clock agrees, nothing expires.`,
      'Switch on “Set time and date automatically” in System Settings › General › Date & Time.',
    );
  }
}
