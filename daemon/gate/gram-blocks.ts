/** The blocks in which texts stand by their size, and what their sizes say about how many grams they must share. */
import { type Fingerprint, MAX_GRAMS } from './fingerprint.ts';
import type { NearRules } from './policy.ts';
import type { Lists } from './postings.ts';
import { SealedPostings } from './sealed-postings.ts';

/** A text, and where it stands. */
export interface Enlisted {
  readonly print: Fingerprint;
  block: Block | null;
  slot: number;
  /** When it was last used, as far as is known: not later than this. */
  newest: number;
  /** It must be found however much else is near. */
  awaited: boolean;
}

/** Earlier than any use. */
export const NEVER = Number.NEGATIVE_INFINITY;

export interface Block {
  lists: Lists;
  texts: (Enlisted | null)[];
  /** Grams by slot. */
  sizes: Uint16Array;
  living: number;
  /** Of its texts: none was used later than this; so many are awaited. */
  newest: number;
  awaited: number;
}

/** What is met so often in fronts is compared in full. Fronts are longer for it, but far fewer are met by chance. */
export const FRONT_MEETINGS = 12;

export function emptyBlock(lists: Lists, slots: number): Block {
  return { lists, texts: [], sizes: new Uint16Array(slots), living: 0, newest: NEVER, awaited: 0 };
}

export function place(text: Enlisted, block: Block): void {
  text.block = block;
  text.slot = block.texts.length;
  block.sizes[text.slot] = text.print.grams.length;
  block.texts.push(text);
  block.living += 1;
  block.newest = Math.max(block.newest, text.newest);
  if (text.awaited) block.awaited += 1;
}

/** One block of the living of these. `frontOfSize`: how many grams of a text of so many belong in front. */
export function sealed(blocks: Block[], frontOfSize: (size: number) => number): Block {
  const texts = blocks.flatMap((block) => block.texts.filter((text) => text !== null));
  const grams = texts.map((text) => text.print.grams);
  const sizes = Uint16Array.from(grams, (each) => each.length);
  const living = texts.length;
  const made: Block = {
    lists: new SealedPostings(grams, sizes.map(frontOfSize)),
    texts,
    sizes,
    living,
    newest: NEVER,
    awaited: 0,
  };
  texts.forEach((text, slot) => {
    text.block = made;
    text.slot = slot;
    made.newest = Math.max(made.newest, text.newest);
    if (text.awaited) made.awaited += 1;
  });
  return made;
}

/**
 * Of what two texts share the rarest FRONT_MEETINGS are not among the most frequent of either, which must be as many as the others that they
 * share. How many are left then of a text of `size` grams, with others of `from` grams and more.
 */
export function frontOf(size: number, from: number, rules: NearRules): number {
  let shared = MAX_GRAMS;
  for (let other = from; other <= MAX_GRAMS; other += 1) shared = Math.min(shared, leastShared(size, other, rules));
  return Math.min(size, Math.max(0, size - shared + FRONT_MEETINGS));
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
