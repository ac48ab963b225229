/**
 * Families of texts that went out: connected groups of near-same ones. Near is not transitive, so a text may join families that were apart.
 * Kept beside the known texts, so that the store gets the few links that join a text to its family, and not one for each near text.
 *
 * Where more people got near texts than are counted, a search leaves the older ones out; families that only those would join stay apart.
 */
import type { Family, Load, Send } from './known-texts.ts';
import type { KnownText } from './near-index.ts';

/** More families than this are not joined at once; only the picture of them would suffer. */
const LINKS = 64;

/** Joins a text with all near ones that went; the newest send of each family that was apart until now, the newest of all first. */
export function joinNear(text: KnownText<Load>, near: KnownText<Load>[]): Send[] {
  const newest = new Map<Family, Send>();
  for (const { load } of near) {
    const last = load.sends.at(-1);
    if (!last) continue;
    const family = familyOf(load);
    const known = newest.get(family);
    if (!known || last.mono > known.mono) newest.set(family, last);
  }
  for (const family of newest.keys()) join(family, familyOf(text.load));
  return [...newest.values()].sort((a, b) => b.mono - a.mono).slice(0, LINKS);
}

/** As it was found in the store. */
export function joinKnown(text: KnownText<Load>, other: KnownText<Load>): void {
  join(familyOf(text.load), familyOf(other.load));
}

function join(a: Family, b: Family): void {
  if (a !== b) a.into = b;
}

function familyOf(load: Load): Family {
  load.family ??= { into: null };
  let family = load.family;
  while (family.into) family = family.into;
  // The next look is one step.
  load.family = family;
  return family;
}
