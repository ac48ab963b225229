/** Which estimates are worth telling again: told at acceptance, then only if one moved by more than 10 minutes and 10 %, at most hourly. */
import type { Clock } from '../host/clock.ts';
import type { Waiting } from './known-texts.ts';
import type { Hold } from './requests.ts';

/** Looks for each call, so that none holds up anything. */
const MOVED_PER_CALL = 50;
const MOVED_LEAST_MS = 10 * 60_000;
const MOVED_LEAST_SHARE = 0.1;
const TOLD_EVERY_MS = 60 * 60_000;
export const LOOK_EVERY_MS = 5 * 60_000;

export class MovedHolds {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Of some of these, those that moved; they are remembered as told. */
  of(all: Iterable<Waiting>, holdOf: (waiting: Waiting) => Hold | null): { message: string; hold: Hold }[] {
    const moved: { message: string; hold: Hold }[] = [];
    const mono = this.#clock.mono();
    let looks = 0;
    for (const waiting of all) {
      if (waiting.lookAt > mono) continue;
      waiting.lookAt = Math.round(mono + LOOK_EVERY_MS);
      const hold = holdOf(waiting);
      if (hold && this.#hasMoved(waiting, hold.until)) moved.push({ message: waiting.message, hold });
      looks += 1;
      if (looks === MOVED_PER_CALL) break;
    }
    return moved;
  }

  #hasMoved(waiting: Waiting, until: number): boolean {
    const mono = Math.round(this.#clock.mono());
    const now = this.#clock.now();
    const { toldUntil, toldAt } = waiting;
    if (toldUntil === null) {
      tell(waiting, until, mono);
      return false;
    }
    const by = Math.abs(until - toldUntil);
    const waitThen = toldUntil - (now - (mono - toldAt));
    if (by <= MOVED_LEAST_MS || by <= MOVED_LEAST_SHARE * waitThen) return false;
    if (toldUntil > 0 && waitThen > 0 && mono - toldAt < TOLD_EVERY_MS) return false;
    tell(waiting, until, mono);
    return true;
  }
}

function tell(waiting: Waiting, until: number, mono: number): void {
  waiting.toldUntil = until;
  waiting.toldAt = mono;
}
