/** A near text that is in flight holds back its kin; more than 10 minutes of that is worth a word. */
import type { Clock } from '../host/clock.ts';
import type { Health } from '../host/health.ts';

const STUCK_MS = 10 * 60_000;

/** `since`: since when (monotonic) the oldest is in flight, or null. */
export function noticeStuck(since: number | null, clock: Clock, health: Health): void {
  if (since === null || clock.mono() - since < STUCK_MS) return health.clear('send_in_flight');
  health.raise(
    'send_in_flight',
    'warning',
    'A message has been on its way out of Messages for more than 10 minutes; near-same texts wait for it.',
    'Look at Messages and at the network of this Mac.',
  );
}
