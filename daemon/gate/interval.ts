/** How far near-same texts keep apart: by how many people got one, by the sender's age, and by its health. */
import type { Policy } from './policy.ts';

const DAY = 86_400_000;

/** What the interval depends on besides the text. */
export interface SenderFacts {
  /** Since when this sender sends, Unix ms; null (not configured) counts as young. */
  since: number | null;
  now: number;
  /** Both sides wrote within 30 days. */
  activeConversations: number;
  atRisk: boolean;
}

/** People beyond this many are not told apart: no step lies higher. */
export const COUNT_LIMIT = 51;

/** The multiplier of a sender, 1 or more. */
export function senderTimes(facts: SenderFacts, policy: Policy['interval']): number {
  const risk = facts.atRisk ? policy.at_risk_times : 1;
  if (facts.activeConversations >= policy.active_conversations) return risk;
  const age = facts.since === null ? 0 : Math.max(0, facts.now - facts.since) / DAY;
  const young = policy.young.filter((step) => age < step.days).map((step) => step.times);
  return risk * Math.max(1, ...young);
}

/** The interval in ms with `count` people in the window. */
export function intervalFor(count: number, times: number, steps: Policy['interval']['steps']): number {
  const step = steps.find(({ up_to }) => up_to === null || count <= up_to);
  return Math.round((step?.ms ?? 0) * times);
}

/** How long `following` more take, one after the other, when `count` people have got a near text before the first of them. */
export function rowOfIntervals(
  count: number,
  following: number,
  times: number,
  steps: Policy['interval']['steps'],
): number {
  let total = 0;
  let done = 0;
  for (const { up_to, ms } of steps) {
    const room = up_to === null ? Number.POSITIVE_INFINITY : Math.max(0, up_to - count - done);
    const here = Math.min(following - done, room);
    total += here * Math.round(ms * times);
    done += here;
  }
  return total;
}
