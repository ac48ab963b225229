/** The grams of the newest texts of a size class, one text after the other in one flat array, until they are sealed (sealed-postings.ts). */
import type { GramNumbers } from './gram-numbers.ts';
import type { GramsBySlot } from './sealed-postings.ts';

const FIRST_ROOM = 64;

export class OpenGrams implements GramsBySlot {
  #grams = new Int32Array(0);
  /** By slot: where its grams end. */
  #ends = new Uint32Array(FIRST_ROOM);
  #count = 0;

  /** Takes in the grams from there to before `last`. Slots are given in the order in which texts come. */
  add(grams: Int32Array, from = 0, last = grams.length): number {
    const slot = this.#count;
    const start = this.#start(slot);
    const end = start + last - from;
    if (end > this.#grams.length) this.#grams = grown(this.#grams, new Int32Array(Math.max(FIRST_ROOM, 2 * end)));
    if (slot === this.#ends.length) this.#ends = grown(this.#ends, new Uint32Array(2 * slot));
    const own = this.#grams;
    for (let i = from; i < last; i += 1) own[start + i - from] = grams[i] as number;
    this.#ends[slot] = end;
    this.#count = slot + 1;
    return slot;
  }

  size(slot: number): number {
    return (this.#ends[slot] as number) - this.#start(slot);
  }

  grams(slot: number): Int32Array {
    return this.#grams.slice(this.#start(slot), this.#ends[slot]);
  }

  /** How many of these a text holds, both sorted. */
  shared(slot: number, asked: Int32Array): number {
    const grams = this.#grams;
    const end = this.#ends[slot] as number;
    let at = this.#start(slot);
    let i = 0;
    let count = 0;
    while (at < end && i < asked.length) {
      const x = grams[at] as number;
      const y = asked[i] as number;
      if (x <= y) at += 1;
      if (y <= x) i += 1;
      if (x === y) count += 1;
    }
    return count;
  }

  /** Can it be that a text holds so many of the grams that are marked by their last bits? */
  mayShare(slot: number, marks: Uint8Array, least: number): boolean {
    const grams = this.#grams;
    const mask = marks.length - 1;
    const end = this.#ends[slot] as number;
    let at = this.#start(slot);
    let missing = end - at - least;
    for (; at < end && missing >= 0; at += 1) missing -= 1 - (marks[(grams[at] as number) & mask] as number);
    return missing >= 0;
  }

  number(slots: readonly number[], numbers: GramNumbers, into: Uint32Array, from: number): number {
    let end = from;
    for (const slot of slots) {
      const start = this.#start(slot);
      const last = this.#ends[slot] as number;
      numbers.ofAll(this.#grams, start, last, into, end);
      end += last - start;
    }
    return end;
  }

  #start(slot: number): number {
    return slot === 0 ? 0 : (this.#ends[slot - 1] as number);
  }
}

function grown<A extends Int32Array | Uint32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
