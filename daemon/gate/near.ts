/**
 * When are two texts near-same? The definition of GATE.md, on fingerprints. Symmetric, deterministic, not transitive.
 *
 * `compare` is the same for two texts, for people who want to see it (`relayctl gate near`).
 */
import { type Fingerprint, FingerprintMaker, MAX_GRAMS } from './fingerprint.ts';
import { DEFAULT_POLICY, type NearRules } from './policy.ts';

export type Arm = 'same' | 'letters' | 'attachment' | 'jaccard' | 'containment' | 'short' | 'none';

export interface Likeness {
  verdict: 'same' | 'near' | 'apart';
  /** 0 to 1; estimated when a text has more than 512 grams. */
  jaccard: number;
  /** 0 to 1: how much of the smaller is in the larger; 0 where it is not used. */
  containment: number;
  /** The part of the definition that decided. */
  arm: Arm;
}

/** How alike are these two? */
export function likeness(a: Fingerprint, b: Fingerprint, rules: NearRules): Likeness {
  if (a.exact === b.exact) return { verdict: 'same', jaccard: 1, containment: 1, arm: 'same' };
  const measured = measure(a, b);
  if (a.variables !== null && a.variables === b.variables) return { verdict: 'same', ...measured, arm: 'letters' };
  if (a.attachments?.some((key) => b.attachments?.includes(key)))
    return { verdict: 'same', ...measured, arm: 'attachment' };
  const arm = nearArm(a, b, measured, rules);
  return { verdict: arm === 'none' ? 'apart' : 'near', ...measured, arm };
}

/** What is asked of a text beside the grams that it shares. */
export interface Extent {
  /** Its grams. */
  size: number;
  cjk: boolean;
}

/** Are they near by their grams, of which they share `both`? As `likeness` says it, where neither is truncated. */
export function nearByGrams(a: Extent, b: Extent, both: number, rules: NearRules): boolean {
  const measured = measuredBy(a.size, b.size, both);
  return byJaccard(a, b, measured.jaccard, rules) || byContainment(a, b, measured.containment, rules);
}

function nearArm(a: Fingerprint, b: Fingerprint, { jaccard, containment }: Measured, rules: NearRules): Arm {
  const one = { size: a.grams.length, cjk: a.cjk };
  const other = { size: b.grams.length, cjk: b.cjk };
  if (byJaccard(one, other, jaccard, rules)) return 'jaccard';
  if (byContainment(one, other, containment, rules)) return 'containment';
  const smaller = Math.min(a.grams.length, b.grams.length);
  return smaller < rules.min_grams && shortAlike(a.tokens, b.tokens) ? 'short' : 'none';
}

function byJaccard(a: Extent, b: Extent, jaccard: number, rules: NearRules): boolean {
  return (
    jaccard >= rules.jaccard &&
    a.size >= (a.cjk ? rules.min_grams_cjk : rules.min_grams) &&
    b.size >= (b.cjk ? rules.min_grams_cjk : rules.min_grams)
  );
}

function byContainment(a: Extent, b: Extent, containment: number, rules: NearRules): boolean {
  const smaller = Math.min(a.size, b.size);
  const larger = Math.max(a.size, b.size);
  return (
    containment >= rules.containment && smaller >= rules.min_grams_contained && smaller >= rules.contained_size * larger
  );
}

type Measured = Pick<Likeness, 'jaccard' | 'containment'>;

function measure(a: Fingerprint, b: Fingerprint): Measured {
  if (a.grams.length === 0 || b.grams.length === 0) return { jaccard: 0, containment: 0 };
  if (a.truncated || b.truncated) return { jaccard: estimatedJaccard(a.grams, b.grams), containment: 0 };
  return measuredBy(a.grams.length, b.grams.length, sharedCount(a.grams, b.grams));
}

function measuredBy(a: number, b: number, both: number): Measured {
  return { jaccard: both / (a + b - both), containment: both / Math.min(a, b) };
}

/** Numbers that two sorted lists without doubles share. */
export function sharedCount(a: Int32Array, b: Int32Array): number {
  let count = 0;
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i] as number;
    const y = b[j] as number;
    if (x === y) {
      count += 1;
      i += 1;
      j += 1;
    } else if (x < y) i += 1;
    else j += 1;
  }
  return count;
}

/** The share of the smallest grams of the union that lie in both. */
function estimatedJaccard(a: Int32Array, b: Int32Array): number {
  let seen = 0;
  let both = 0;
  let i = 0;
  let j = 0;
  while (seen < MAX_GRAMS && (i < a.length || j < b.length)) {
    const x = a[i] ?? Number.POSITIVE_INFINITY;
    const y = b[j] ?? Number.POSITIVE_INFINITY;
    if (x === y) both += 1;
    if (x <= y) i += 1;
    if (y <= x) j += 1;
    seen += 1;
  }
  return both / seen;
}

/** Word by word: at least two shared, at most one replaced, added or dropped. */
export function shortAlike(a: Int32Array | null, b: Int32Array | null): boolean {
  if (a === null || b === null) return false;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  const more = long.length - short.length;
  if (more > 1) return false;
  let front = 0;
  while (front < short.length && short[front] === long[front]) front += 1;
  let back = 0;
  while (back < short.length - front && short[short.length - 1 - back] === long[long.length - 1 - back]) back += 1;
  const changed = short.length - front - back;
  return (more === 1 ? changed === 0 : changed <= 1) && front + back >= 2;
}

/** Two texts, as the gate compares them by its default policy. Variables are not known here. */
export function compare(a: string, b: string): Likeness {
  const { near } = DEFAULT_POLICY;
  const maker = new FingerprintMaker(new Uint8Array(32), {
    same: near.same_letters,
    variables: near.variables_letters,
  });
  return likeness(maker.make(a), maker.make(b), near);
}
