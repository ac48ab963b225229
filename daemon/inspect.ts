/**
 * What relayctl can do without a running relay: compare two texts as the gate does, read what went when from the relay's store, read
 * a chat.db as the bridge does, ask Messages whether it answers, and say what the policy's fields mean. Each part is loaded only when it is asked for.
 */

/** `compare(a, b)` of the gate: verdict, Jaccard and containment (0 to 1), and which part of the definition decided. */
export async function textComparer() {
  const { compare } = await import('./gate/near.ts');
  return compare;
}

/** All rows with a ROWID above `since`, read only. Throws a RelayError if the file is missing, not readable or no chat.db. */
export async function chatRows(path: string, since: number) {
  const { readRows } = await import('./bridge/inspect-rows.ts');
  return readRows(path, since);
}

/** What this process, not the relay, may do with Messages: a real SELECT on a chat.db, and the lane's read-only question. */
export async function macInspector() {
  const { lookAtChatDb, probeMessages } = await import('./bridge/inspect-mac.ts');
  return { lookAtChatDb, probeMessages };
}

/** Dispatches by families of near-same texts, read only. Throws a RelayError if the store is missing or not readable. */
export async function timelineReader() {
  const { readTimeline } = await import('./gate/timeline.ts');
  return readTimeline;
}

/** The fields of the policy with their meanings, and what is wrong with a policy that was written. */
export async function policyRules() {
  const [{ PolicySchema, policyMistakes }, { isLive }] = await Promise.all([
    import('./gate/policy.ts'),
    import('./gate/policy-floor.ts'),
  ]);
  return { schema: PolicySchema, mistakes: policyMistakes, isLive };
}

export type { Dispatch, FamilyOfTexts, Timeline } from './gate/timeline.ts';
