/**
 * Pivots: texts from which others are known to be how far. How many grams only one of two texts holds is a distance. So of two texts that are
 * near one pivot it is known, without comparing them, that they are no further apart than both distances together, and no nearer than the
 * difference of both. Of a campaign there are thousands of texts near one another: so each is compared once, with the pivot.
 *
 * Pivots are learned while searching: if many had to be compared, what was asked about is a pivot for them from then on.
 */
import { sharedCount } from './near.ts';

export interface PivotLimits {
  /** When there are so many, the oldest one is given up for a new one. */
  most: number;
  /** So many must have been compared in a search, and be known better by a new pivot. */
  worthIt: number;
}

/** Where distances are kept: a block, by slot. */
interface Kept {
  readonly pivots: Uint16Array;
  readonly distances: Uint16Array;
}

/** What a search learns of distances. */
export class AskedDistances {
  readonly #grams: Int32Array;
  readonly #pivots: Pivots;
  /** By number of the pivot: how far it is from the asked text; -1 until it was met. */
  readonly #known: Int32Array;
  #nearest: { pivot: number; distance: number } | null = null;
  readonly #compared: { block: Kept; slot: number; distance: number }[] = [];

  constructor(grams: Int32Array, pivots: Pivots) {
    this.#grams = grams;
    this.#pivots = pivots;
    this.#known = new Int32Array(pivots.limits.most + 1).fill(-1);
  }

  /** From the asked text to the pivot of that number. */
  to(pivot: number): number {
    const known = this.#known[pivot] as number;
    return known >= 0 ? known : this.#meet(pivot, this.#pivots.distance(pivot, this.#grams));
  }

  /** One had to be compared with the asked text. */
  note(block: Kept, slot: number, distance: number): void {
    this.#compared.push({ block, slot, distance });
  }

  /** The nearest pivot that was met. */
  get nearest(): { pivot: number; distance: number } | null {
    return this.#nearest;
  }

  /** Makes the asked text a pivot of those that were compared, if these are many; `forget` is called for one that is given up for it. */
  learn(forget: (pivot: number) => void): void {
    const { worthIt } = this.#pivots.limits;
    if (this.#compared.length < worthIt) return;
    const better = this.#compared.filter(
      ({ block, slot, distance }) => block.pivots[slot] === 0 || distance < (block.distances[slot] as number),
    );
    if (better.length < worthIt) return;
    const pivot = this.#pivots.add(this.#grams, forget);
    this.#meet(pivot, 0);
    for (const { block, slot, distance } of better) {
      block.pivots[slot] = pivot;
      block.distances[slot] = distance;
    }
  }

  #meet(pivot: number, distance: number): number {
    this.#known[pivot] = distance;
    if (!this.#nearest || distance < this.#nearest.distance) this.#nearest = { pivot, distance };
    return distance;
  }
}

export class Pivots {
  /** By number, from 1 on. */
  readonly #grams: Int32Array[] = [];
  #last = 0;
  readonly limits: PivotLimits;

  constructor(limits: PivotLimits) {
    this.limits = limits;
  }

  distance(pivot: number, grams: Int32Array): number {
    const own = this.#grams[pivot] as Int32Array;
    return own.length + grams.length - 2 * sharedCount(own, grams);
  }

  /** Its number. */
  add(grams: Int32Array, forget: (pivot: number) => void): number {
    this.#last = (this.#last % this.limits.most) + 1;
    if (this.#grams[this.#last]) forget(this.#last);
    this.#grams[this.#last] = grams;
    return this.#last;
  }
}
