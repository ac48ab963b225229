/** The lists of the asked grams that a block holds, and which of them are so long that they need not be read. */
import { MAX_GRAMS } from './fingerprint.ts';
import { bitsOf } from './gram-blocks.ts';
import type { SealedPostings } from './sealed-postings.ts';

/** Lists are told apart by the number of bits of their length. */
const LENGTHS = 14;

export class FoundLists {
  readonly places = new Int32Array(MAX_GRAMS);
  readonly #byLength = new Int32Array(LENGTHS);

  /** Writes the lists of these grams to `places`; returns how many, or -1 if more than `missing` have none. */
  find(lists: SealedPostings, grams: Int32Array, missing: number): number {
    const { places } = this;
    let count = 0;
    let left = missing;
    for (let i = 0; i < grams.length; i += 1) {
      const place = lists.find(grams[i] as number);
      if (place >= 0) {
        places[count] = place;
        count += 1;
      } else if (left === 0) return -1;
      else left -= 1;
    }
    return count;
  }

  /** Brings lists that are all but some slots to the front of `places`, and returns how many; of the others counts those of each length. */
  sort(lists: SealedPostings, count: number): number {
    const { places } = this;
    const byLength = this.#byLength.fill(0);
    let allBut = 0;
    for (let i = 0; i < count; i += 1) {
      const list = places[i] as number;
      if (lists.isAllBut(list)) {
        places[i] = places[allBut] as number;
        places[allBut] = list;
        allBut += 1;
        continue;
      }
      const length = bitsOf(lists.cost(list));
      byLength[length] = (byLength[length] as number) + 1;
    }
    return allBut;
  }

  /** The longest `room` lists are those of more bits than this, and so many of as many as are then left of the room. */
  boundOf(most: number): { bits: number; room: number } {
    const byLength = this.#byLength;
    let room = Math.max(0, most);
    let bits = LENGTHS - 1;
    for (; bits > 0 && (byLength[bits] as number) <= room; bits -= 1) room -= byLength[bits] as number;
    return { bits, room };
  }
}
