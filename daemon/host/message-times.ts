/**
 * What the metrics must remember of a message from one status event to the next: its last state, and when it was accepted and sent.
 * Bounded: of more than MOST messages the oldest are forgotten, and measure nothing any more.
 */
const MOST = 5_000;

const OPEN_AFTER_SENT = new Set(['sent', 'delivered', 'unknown']);
const WAITING = new Set(['accepted', 'held', 'dispatching']);

interface Known {
  state: string;
  rule: string | undefined;
  acceptedAt: number | undefined;
  sentAt: number | undefined;
}

export interface Change {
  /** It was in another state before, or is not known. */
  newState: boolean;
  /** A rule keeps it that did not before. */
  newHold: boolean;
  /** At the hand-over to Messages: since its acceptance. */
  waitedMs?: number;
  /** At its delivery: since it was sent. */
  deliveredInMs?: number;
}

export class MessageTimes {
  readonly #known = new Map<string, Known>();

  /** A message is in this state since `at` (Unix ms). */
  moved(message: string, { state, at, rule }: { state: string; at: number; rule?: string }): Change {
    const before = this.#known.get(message);
    this.#known.delete(message);
    const change: Change = {
      newState: before?.state !== state,
      newHold: state === 'held' && (before?.state !== 'held' || before.rule !== rule),
    };
    if (state === 'dispatching' && before?.acceptedAt !== undefined) change.waitedMs = at - before.acceptedAt;
    if (state === 'delivered' && change.newState && before?.sentAt !== undefined)
      change.deliveredInMs = Math.max(0, at - before.sentAt);
    if (WAITING.has(state) || OPEN_AFTER_SENT.has(state)) {
      this.#known.set(message, {
        state,
        rule,
        acceptedAt: state === 'accepted' ? at : before?.acceptedAt,
        sentAt: state === 'sent' ? (before?.sentAt ?? at) : before?.sentAt,
      });
      const oldest = this.#known.keys().next();
      if (this.#known.size > MOST && !oldest.done) this.#known.delete(oldest.value);
    }
    return change;
  }
}
