/** Has an estimate moved so much that it is told again? Told at accept, then only if it moved by more than 10 minutes and 10 %, at most hourly. */
import type { Clock } from '../host/clock.ts';
import type { Waiting } from './known-texts.ts';

const MOVED_LEAST_MS = 10 * 60_000;
const MOVED_LEAST_SHARE = 0.1;
const TOLD_EVERY_MS = 60 * 60_000;

/** If so, it counts as told. */
export function hasMoved(waiting: Waiting, until: number, clock: Clock): boolean {
  const mono = clock.mono();
  const now = clock.now();
  const { told } = waiting;
  if (!told) {
    waiting.told = { until, mono };
    return false;
  }
  const by = Math.abs(until - told.until);
  const waitThen = told.until - (now - (mono - told.mono));
  if (by <= MOVED_LEAST_MS || by <= MOVED_LEAST_SHARE * waitThen) return false;
  if (told.until > 0 && waitThen > 0 && mono - told.mono < TOLD_EVERY_MS) return false;
  waiting.told = { until, mono };
  return true;
}
