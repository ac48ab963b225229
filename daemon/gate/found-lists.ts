/** The grams of an asked text that a block holds, and which of them are so frequent that they need not be read. */
import { MAX_GRAMS } from './fingerprint.ts';
import type { SealedPostings } from './sealed-postings.ts';

/** Grams are told apart by the number of bits of the number of their texts. */
const LENGTHS = 14;

export class FoundLists {
  readonly places = new Int32Array(MAX_GRAMS);
  readonly #byLength = new Int32Array(LENGTHS);

  /** Writes the places of these grams to `places`; returns how many, or -1 if the block does not hold more than `missing`. */
  find(block: SealedPostings, grams: Int32Array, missing: number): number {
    const { places } = this;
    let count = 0;
    let left = missing;
    for (let i = 0; i < grams.length; i += 1) {
      const place = block.find(grams[i] as number);
      if (place >= 0) {
        places[count] = place;
        count += 1;
      } else if (left === 0) return -1;
      else left -= 1;
    }
    return count;
  }

  /** Brings common grams to the beginning of `places`, and returns how many; of the others counts how many are how frequent. */
  sort(block: SealedPostings, count: number): number {
    const { places } = this;
    const byLength = this.#byLength.fill(0);
    let common = 0;
    for (let i = 0; i < count; i += 1) {
      const place = places[i] as number;
      if (block.isCommon(place)) {
        places[i] = places[common] as number;
        places[common] = place;
        common += 1;
        continue;
      }
      const length = block.bits(place);
      byLength[length] = (byLength[length] as number) + 1;
    }
    return common;
  }

  /** The most frequent `room` grams (or fewer, if these are not told from others) are those of more bits than this. */
  boundOf(room: number): number {
    const byLength = this.#byLength;
    let left = Math.max(0, room);
    let bits = LENGTHS - 1;
    for (; bits > 0 && (byLength[bits] as number) <= left; bits -= 1) left -= byLength[bits] as number;
    return bits;
  }
}
