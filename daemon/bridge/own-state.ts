/**
 * What the columns of an own row say of its message, and what must not be believed of them. Pure; receipts.ts decides when it is told.
 */
import type { Attempt } from './attempts.ts';
import type { OwnState } from './chat-row.ts';
import type { AttemptState, SightedState } from './sightings.ts';

/** A later one of these is news. What was called not delivered, or unknown, may still turn out to have gone. */
export const RANK = { unknown: 0, not_delivered: 0, sent: 1, delivered: 2, read: 3 } as const satisfies Record<
  SightedState,
  number
>;

export interface Reading {
  /** It shows a failure that no receipt speaks against. */
  fault: boolean;
  reached: 'sent' | 'delivered' | 'read' | null;
  downgraded: boolean;
}

/** Groups and SMS end at `sent`: their columns say no more. A receipt outweighs an error, whichever came first. */
export function readingOf(a: Attempt, s: OwnState): Reading {
  const receipt = receiptOf(a, s);
  const received = receipt !== null || a.told === 'delivered' || a.told === 'read';
  const bad = s.error !== 0 || (a.ghost && s.isEmpty);
  const reached = receipt ?? (s.isSent && !bad ? 'sent' : null);
  // A ghost is of SMS and went nowhere.
  const downgraded = !a.ghost && (s.downgraded || (a.service === 'imessage' && /^(sms|rcs)$/i.test(s.service)));
  return { fault: bad && !received, reached, downgraded };
}

function receiptOf(a: Attempt, s: OwnState): 'delivered' | 'read' | null {
  if (a.isGroup || !/^(imessage|rcs)/i.test(s.service)) return null;
  if (s.isRead && s.readAt !== null) return 'read';
  return s.isDelivered || s.deliveredAt !== null ? 'delivered' : null;
}

/** The row's own date of the receipt, Unix ms, or null. */
export function whenOf(state: SightedState, s: OwnState): number | null {
  const at = state === 'read' ? s.readAt : state === 'delivered' ? s.deliveredAt : null;
  return at === null ? null : Math.round(at);
}

export function factsOf(a: Attempt, s: OwnState, downgraded: boolean): Partial<AttemptState> {
  return {
    guid: s.guid,
    ...(s.service ? { service: s.service } : {}),
    ...(a.ownAddress ? { from: a.ownAddress } : {}),
    ...(downgraded ? { downgraded: true } : {}),
  };
}

/** One sentence for a person, where a good state is not the whole story; undefined where it is. */
export function wordsOf(a: Attempt, s: OwnState, downgraded: boolean): string | undefined {
  if (downgraded) return `It went out as ${s.service || 'SMS'}, not as iMessage.`;
  if (a.told === 'not_delivered')
    return 'It went out after all: somebody sent it again on the Mac, or Messages did by itself.';
  return undefined;
}

/** Several rows that are one message: it is as far as the slowest of them, and failed if one did. `rows` is not empty. */
export function joined(main: OwnState, parts: OwnState[]): OwnState {
  const all = [main, ...parts];
  return {
    ...main,
    isSent: all.every((s) => s.isSent),
    isDelivered: all.every((s) => s.isDelivered || s.deliveredAt !== null),
    isRead: all.every((s) => s.isRead),
    error: all.find((s) => s.error !== 0)?.error ?? 0,
    deliveredAt: latest(all.map((s) => s.deliveredAt)),
    readAt: latest(all.map((s) => s.readAt)),
    service: all.find((s) => !/^imessage/i.test(s.service))?.service ?? main.service,
    downgraded: all.some((s) => s.downgraded),
  };
}

function latest(dates: (number | null)[]): number | null {
  const said = dates.filter((at) => at !== null);
  return said.length === dates.length ? Math.max(...said) : null;
}
