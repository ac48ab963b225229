/**
 * After a change of the canonical text: what was sent under the old one gets a fingerprint of today, out of the texts that others still
 * have (the relay's own messages, the own rows of chat.db). Until then the gate takes it for near everything, so nothing here is urgent, and
 * what cannot be found stays so until it counts no longer.
 */
import type { GroupCommit } from '../host/commit.ts';

/** Texts for each transaction: some milliseconds. */
const AT_ONCE = 100;

export interface Rereadable {
  unread(): { name: string; at: number }[];
  reread(name: string, text: string, variables: readonly string[]): void;
}

export interface FoundText {
  text: string;
  variables: readonly string[];
}

/** The name under which the gate counts a row that the relay did not send. */
export function nameOfRow(guid: string): string {
  return `row:${guid}`;
}

/** Resolves with the number of those that got one. `find` is asked for each name that is still open; null: not known there. */
export async function reread(o: {
  gate: Rereadable;
  commit: GroupCommit;
  find: (name: string) => FoundText | null;
}): Promise<number> {
  const open = o.gate.unread().map(({ name }) => name);
  let count = 0;
  for (let at = 0; at < open.length; at += AT_ONCE) {
    const some = open.slice(at, at + AT_ONCE);
    count += await o.commit.run(() => {
      const found = some.flatMap((name) => {
        const text = o.find(name);
        return text ? [{ name, ...text }] : [];
      });
      for (const { name, text, variables } of found) o.gate.reread(name, text, variables);
      return found.length;
    });
  }
  return count;
}
