/**
 * When to call the controller again.
 *
 *   soon    full jitter between 1 s and min(60 s, 2 s, 4 s, 8 s, …); begins anew after a connection that lasted a minute
 *   slowly  15 to 60 minutes, after a close that says that hurrying is of no use: 4400, 4401, 4403, 4406, 4409
 *   at once the event stream was renewed: the same two sides open again with the new name, once
 *
 * `retry_after_ms` is never undercut, and two identifies are never closer than 5 s. Being fenced (4409) is met with one
 * quick return, since a cloud that moves a device between its servers does that too; fenced twice within 10 minutes means
 * that another relay uses this identity: then slowly. All durations run on the monotonic clock.
 */
import { CLOSE_CODES, isCloseCode } from '../../protocol/codes.ts';
import {
  IDENTIFY_INTERVAL_MS,
  RECONNECT_MAX_MS,
  RECONNECT_MIN_MS,
  SLOW_RECONNECT_MAX_MS,
  SLOW_RECONNECT_MIN_MS,
} from '../../protocol/limits.ts';
import type { Clock } from '../host/clock.ts';

export const CLONE_WINDOW_MS = 10 * 60_000;
/** A connection that lasted this long clears what went wrong before. */
const STABLE_MS = 60_000;

export interface Pace {
  minMs: number;
  maxMs: number;
  slowMinMs: number;
  slowMaxMs: number;
  identifyMs: number;
}

export const PACE: Pace = {
  minMs: RECONNECT_MIN_MS,
  maxMs: RECONNECT_MAX_MS,
  slowMinMs: SLOW_RECONNECT_MIN_MS,
  slowMaxMs: SLOW_RECONNECT_MAX_MS,
  identifyMs: IDENTIFY_INTERVAL_MS,
};

/** How a connection, or the try to get one, ended. */
export type Ended =
  | { kind: 'unreachable' }
  | { kind: 'renewed' }
  | { kind: 'closed'; code: number; openMs: number; reconnect?: boolean; retryAfterMs?: number };

export interface Comeback {
  delayMs: number;
  /** A person should look: hurrying is of no use. */
  slowly: boolean;
  /** Fenced twice within 10 minutes. */
  cloned: boolean;
}

export class Reconnect {
  readonly #clock: Pick<Clock, 'mono'>;
  readonly #random: () => number;
  readonly #pace: Pace;
  #tries = 0;
  #identifiedAt: number | undefined;
  #fencedAt: number | undefined;
  #renewedBefore = false;

  /** `random` gives numbers from 0 up to 1. */
  constructor(o: { clock: Pick<Clock, 'mono'>; random: () => number; pace?: Partial<Pace> }) {
    this.#clock = o.clock;
    this.#random = o.random;
    this.#pace = { ...PACE, ...o.pace };
  }

  /** How often in a row no lasting connection came about. */
  get tries(): number {
    return this.#tries;
  }

  /** An `identify` went out. */
  identified(): void {
    this.#identifiedAt = this.#clock.mono();
  }

  after(ended: Ended): Comeback {
    const now = this.#clock.mono();
    if (ended.kind === 'renewed' && !this.#renewedBefore) {
      this.#renewedBefore = true;
      return { delayMs: 0, slowly: false, cloned: false };
    }
    if (ended.kind === 'closed' && ended.openMs > 0) this.#renewedBefore = false;
    if (ended.kind === 'closed' && ended.openMs >= STABLE_MS) this.#tries = 0;
    const cloned = ended.kind === 'closed' && ended.code === 4409 && this.#fencedAgain(now);
    const slowly = cloned || (ended.kind === 'closed' && this.#saysSlowly(ended));
    const pace = this.#pace;
    let delayMs: number;
    if (slowly) {
      delayMs = between(pace.slowMinMs, pace.slowMaxMs, this.#random());
    } else {
      const most = Math.min(pace.maxMs, pace.minMs * 2 ** Math.min(30, this.#tries + 1));
      delayMs = between(pace.minMs, most, this.#random());
      this.#tries += 1;
    }
    if (ended.kind === 'closed' && ended.retryAfterMs !== undefined)
      delayMs = Math.max(delayMs, Math.min(ended.retryAfterMs, pace.slowMaxMs) + this.#random() * pace.minMs);
    if (this.#identifiedAt !== undefined) delayMs = Math.max(delayMs, this.#identifiedAt + this.#pace.identifyMs - now);
    return { delayMs, slowly, cloned };
  }

  #saysSlowly(ended: { code: number; reconnect?: boolean }): boolean {
    if (ended.code === 4409) return false;
    if (ended.reconnect === false) return true;
    return isCloseCode(ended.code) && CLOSE_CODES[ended.code].reconnect === 'slowly';
  }

  #fencedAgain(now: number): boolean {
    const again = this.#fencedAt !== undefined && now - this.#fencedAt <= CLONE_WINDOW_MS;
    this.#fencedAt = now;
    return again;
  }
}

function between(least: number, most: number, share: number): number {
  return least + (Math.max(least, most) - least) * share;
}
