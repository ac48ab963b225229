/** The blocks in which texts stand by their size, and what their sizes say about how many grams they must share. */
import { MAX_GRAMS } from './fingerprint.ts';
import { OpenGrams } from './open-grams.ts';
import type { NearRules } from './policy.ts';
import { SealedPostings } from './sealed-postings.ts';
import { SealingRoom } from './sealing-room.ts';

/** A text, and where it stands. */
export interface Enlisted {
  block: Block | null;
  slot: number;
  /** When it was last used, as far as is known: not later than this. */
  newest: number;
  /** It must be found however much else is near. */
  awaited: boolean;
}

/** Earlier than any use. */
export const NEVER = Number.NEGATIVE_INFINITY;

/** `G`: of an open block, to which texts come, or of a sealed one. */
export interface Block<G extends OpenGrams | SealedPostings = OpenGrams | SealedPostings> {
  grams: G;
  /** By slot; null once forgotten. */
  texts: (Enlisted | null)[];
  living: number;
  /** Of its texts: none was used later than this; so many are awaited. */
  newest: number;
  awaited: number;
}

/**
 * What is met so often in fronts is compared in full. Fronts are longer for it, but far fewer are met by chance. A text of fewer grams than
 * any of the class meets what is near it in fronts less often.
 */
export const FRONT_MEETINGS = { usual: 12, smaller: 4 };

export function emptyBlock(): Block<OpenGrams> {
  return { grams: new OpenGrams(), texts: [], living: 0, newest: NEVER, awaited: 0 };
}

/** `from`, `last`: where its grams are among these. */
export function place(text: Enlisted, block: Block<OpenGrams>, grams: Int32Array, from: number, last: number): void {
  text.block = block;
  text.slot = block.grams.add(grams, from, last);
  block.texts.push(text);
  block.living += 1;
  block.newest = Math.max(block.newest, text.newest);
  if (text.awaited) block.awaited += 1;
}

/** One block of the living of these. `frontOfSize`: how many grams of a text of so many belong in front. */
export function sealed(
  blocks: Block[],
  frontOfSize: (size: number) => number,
  room = new SealingRoom(),
): Block<SealedPostings> {
  const texts = new Array<Enlisted | null>(blocks.reduce((sum, { living }) => sum + living, 0)).fill(null);
  let next = 0;
  let newest = NEVER;
  let awaited = 0;
  const parts = blocks.map((block) => {
    const slots: number[] = [];
    for (const [slot, text] of block.texts.entries()) {
      if (!text) continue;
      slots.push(slot);
      texts[next] = text;
      next += 1;
      newest = Math.max(newest, text.newest);
      if (text.awaited) awaited += 1;
    }
    return { from: block.grams, slots };
  });
  const grams = new SealedPostings(parts, frontOfSize, room);
  const made: Block<SealedPostings> = { grams, texts, living: texts.length, newest, awaited };
  for (const [slot, text] of texts.entries()) {
    if (!text) continue;
    text.block = made;
    text.slot = slot;
  }
  return made;
}

/**
 * Of what two texts share the rarest few are not among the most frequent of either, which must be as many as the others that they
 * share. How many are left then of a text of `size` grams, with others of `from` grams and more, and with smaller ones.
 */
export function frontOf(size: number, from: number, rules: NearRules): number {
  let shared = MAX_GRAMS;
  let sharedBySmaller = MAX_GRAMS;
  for (let other = 1; other <= MAX_GRAMS; other += 1) {
    const least = leastShared(size, other, rules);
    if (other >= from) shared = Math.min(shared, least);
    else sharedBySmaller = Math.min(sharedBySmaller, least);
  }
  const { usual, smaller } = FRONT_MEETINGS;
  return Math.min(size, Math.max(0, size - Math.min(shared - usual, sharedBySmaller - smaller)));
}

export function bitsOf(length: number): number {
  return 32 - Math.clz32(length);
}

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
