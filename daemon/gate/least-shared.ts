/** What the sizes of two texts say about how many grams they must share to be near. */
import { MAX_GRAMS } from './fingerprint.ts';
import type { NearRules } from './policy.ts';

/** Texts of so many grams that share fewer than this are not near by their grams; more than all can hold if they cannot be. */
export function leastShared(a: number, b: number, rules: NearRules): number {
  const smaller = Math.min(a, b);
  let least = ((a + b) * rules.jaccard) / (1 + rules.jaccard);
  if (smaller >= rules.min_grams_contained && smaller >= rules.contained_size * Math.max(a, b))
    least = Math.min(least, rules.containment * smaller);
  // Of texts cut at this many grams Jaccard is estimated by as many of the smallest.
  if (a === MAX_GRAMS || b === MAX_GRAMS) least = Math.min(least, rules.jaccard * MAX_GRAMS);
  const whole = Math.ceil(least - 1e-9);
  return whole <= smaller ? whole : MAX_GRAMS + 1;
}
