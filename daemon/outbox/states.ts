/**
 * The states of a message, and the only ways between them.
 *
 *   accepted ─▶ held ─▶ dispatching ─▶ sent ─▶ delivered ─▶ read
 *      │          │          ├────────▶ not_delivered  (also late, after sent) ─▶ sent  (it went after all: by hand, or re-routed late)
 *      │          │          ├────────▶ failed         (proven: nothing left this Mac)
 *      │          │          └────────▶ unknown ─▶ sent | delivered | not_delivered
 *      └──────────┴─▶ rejected · cancelled · expired
 *
 * A person at the Mac may settle an unknown one: as sent, or as not delivered.
 * accepted may go to dispatching without being held; a held message is told again as held when its estimate moves.
 */
import type { MessageState } from '../../protocol/names.ts';

const ARROWS: Record<MessageState, readonly MessageState[]> = {
  accepted: ['held', 'dispatching', 'rejected', 'cancelled', 'expired'],
  held: ['held', 'dispatching', 'rejected', 'cancelled', 'expired'],
  dispatching: ['sent', 'not_delivered', 'failed', 'unknown'],
  sent: ['delivered', 'not_delivered'],
  delivered: ['read'],
  unknown: ['sent', 'delivered', 'not_delivered'],
  read: [],
  not_delivered: ['sent'],
  failed: [],
  rejected: [],
  cancelled: [],
  expired: [],
};

export function mayMove(from: MessageState, to: MessageState): boolean {
  return ARROWS[from].includes(to);
}

/** Nothing left to happen: no arrow leads away. `sent`, `delivered` and `not_delivered` are open: what rows say may come late. */
export function isFinal(state: MessageState): boolean {
  return ARROWS[state].length === 0;
}

/** Waiting for its turn: may still be cancelled, refused or expire. */
export function isWaiting(state: MessageState): boolean {
  return state === 'accepted' || state === 'held';
}

/**
 * The states to tell, one after another, to get from `from` to what was seen. A row may be seen for the first time when it is already
 * delivered or read; the steps between happened all the same. Empty if what was seen is no news or cannot follow.
 */
export function stepsTo(from: MessageState, seen: MessageState): MessageState[] {
  if (mayMove(from, seen)) return [seen];
  const chain: MessageState[] = ['sent', 'delivered', 'read'];
  const goal = chain.indexOf(seen);
  if (goal < 0) return [];
  const start = chain.indexOf(from);
  const steps = start >= 0 ? chain.slice(start + 1, goal + 1) : chain.slice(0, goal + 1);
  let at = from;
  for (const step of steps) {
    if (!mayMove(at, step)) return [];
    at = step;
  }
  return steps;
}
