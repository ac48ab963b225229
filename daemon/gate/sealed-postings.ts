/**
 * Which slots hold a gram, once a block takes no more texts: sorted grams, and their lists one after the other, in a fifth of the room. A gram
 * that most texts hold is kept as the slots that do not: what a whole campaign shares then costs next to nothing to read and to keep.
 *
 * Each list begins with its front: the texts for which this gram is among their rarest ones. Two texts that share many grams share some
 * of the rarest of both; so who looks for those need not read the rest.
 */
import type { Lists } from './postings.ts';

/** The slots of a block are numbers below this. */
export const MAX_SLOTS = 4_096;

/** A block that goes into the sealed one: where its slots are there, or -1 for those that are forgotten. */
export interface Part {
  lists: Lists;
  places: Int16Array;
}

/** About this many grams are looked through for one. */
const GRAMS_PER_BUCKET = 3;
/** What is known of a list stands together: its gram, where it begins in the slots (times two, and one if it is all but these), its front. */
const WIDTH = 3;
const START = 1;
const FRONT = 2;

export class SealedPostings implements Lists {
  readonly #table: Int32Array;
  readonly #slots: Uint16Array;
  /** By the first bits of a gram: where the first of these stands in the table. */
  readonly #buckets: Uint32Array;
  readonly #shift: number;
  readonly #size: number;
  /** Slots with fewer grams in front than they should have: all their others are held by most texts. And how many they have, at the most. */
  readonly short: { slots: Uint16Array; longest: number; is: Uint8Array };

  /** `sizes`: by slot, how many grams it has; `wanted`: how many of them belong in front. */
  constructor(parts: Part[], sizes: Uint16Array, wanted: Uint16Array) {
    const entries = sizes.reduce((sum, size) => sum + size, 0);
    const { table, slots } = joined(parts, wanted.length, entries);
    this.#size = wanted.length;
    this.#table = table;
    this.#slots = slots;
    const grams = table.length / WIDTH - 1;
    let bits = 1;
    while (bits < 20 && grams > GRAMS_PER_BUCKET << bits) bits += 1;
    this.#shift = 32 - bits;
    this.#buckets = new Uint32Array((1 << bits) + 1);
    const half = 1 << (bits - 1);
    let next = 0;
    for (let bucket = 0; bucket <= 1 << bits; bucket += 1) {
      while (next < grams && ((table[next * WIDTH] as number) >> this.#shift) + half < bucket) next += 1;
      this.#buckets[bucket] = next * WIDTH;
    }
    this.short = this.#makeFronts(wanted);
  }

  find(gram: number): number {
    const table = this.#table;
    const bucket = (gram >> this.#shift) + ((this.#buckets.length - 1) >> 1);
    const end = this.#buckets[bucket + 1] as number;
    let at = this.#buckets[bucket] as number;
    while (at < end && (table[at] as number) < gram) at += WIDTH;
    return at < end && table[at] === gram ? at : -1;
  }

  cost(place: number): number {
    return this.#start(place + WIDTH) - this.#start(place);
  }

  isAllBut(place: number): boolean {
    return ((this.#table[place + START] as number) & 1) === 1;
  }

  meet(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    return this.#meet(this.#start(place), this.#start(place + WIDTH), met, touched, count);
  }

  /** As `meet`, for the front of a list alone. */
  meetFront(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    const front = this.#table[place + FRONT] as number;
    if (front === 0) return count;
    const start = this.#start(place);
    return this.#meet(start, start + front, met, touched, count);
  }

  count(place: number, met: Int16Array, by: number): void {
    const slots = this.#slots;
    const last = this.#start(place + WIDTH);
    for (let i = this.#start(place); i < last; i += 1) {
      const slot = slots[i] as number;
      met[slot] = (met[slot] as number) + by;
    }
  }

  all(): { grams: Int32Array; places: Int32Array } {
    const places = Int32Array.from({ length: this.#table.length / WIDTH - 1 }, (_, i) => i * WIDTH);
    return { grams: places.map((place) => this.#table[place] as number), places };
  }

  slotsOf(place: number, slots: Uint16Array, at: number): number {
    const start = this.#start(place);
    const length = this.cost(place);
    if (this.isAllBut(place)) return others(this.#slots.subarray(start, start + length), this.#size, slots, at);
    for (let i = 0; i < length; i += 1) slots[at + i] = this.#slots[start + i] as number;
    return length;
  }

  #start(place: number): number {
    return (this.#table[place + START] as number) >>> 1;
  }

  #meet(start: number, last: number, met: Int16Array, touched: Uint16Array, count: number): number {
    const slots = this.#slots;
    let end = count;
    for (let i = start; i < last; i += 1) {
      const slot = slots[i] as number;
      const times = met[slot] as number;
      if (times === 0) {
        touched[end] = slot;
        end += 1;
      }
      met[slot] = times + 1;
    }
    return end;
  }

  /** Brings the slots of each front to the beginning of their lists. Returns `short`. */
  #makeFronts(wanted: Uint16Array): SealedPostings['short'] {
    const slots = this.#slots;
    const inFront = new Uint16Array(wanted.length);
    for (const place of this.#byFrequency()) {
      const start = this.#start(place);
      const last = this.#start(place + WIDTH);
      let at = start;
      for (let i = start; i < last; i += 1) {
        const slot = slots[i] as number;
        if ((inFront[slot] as number) >= (wanted[slot] as number)) continue;
        inFront[slot] = (inFront[slot] as number) + 1;
        slots[i] = slots[at] as number;
        slots[at] = slot;
        at += 1;
      }
      this.#table[place + FRONT] = at - start;
    }
    const is = new Uint8Array(wanted.length);
    const short: number[] = [];
    let longest = 0;
    for (let slot = 0; slot < wanted.length; slot += 1) {
      const front = inFront[slot] as number;
      if (front >= (wanted[slot] as number)) continue;
      is[slot] = 1;
      short.push(slot);
      longest = Math.max(longest, front);
    }
    return { slots: Uint16Array.from(short), longest, is };
  }

  /** All lists of slots that hold a gram, the shortest first. */
  #byFrequency(): Uint32Array {
    const last = this.#table.length - WIDTH;
    const next = new Uint32Array(this.#size + 2);
    let count = 0;
    for (let place = 0; place < last; place += WIDTH) {
      if (this.isAllBut(place)) continue;
      const after = this.cost(place) + 1;
      next[after] = (next[after] as number) + 1;
      count += 1;
    }
    for (let length = 1; length < next.length; length += 1)
      next[length] = (next[length] as number) + (next[length - 1] as number);
    const sorted = new Uint32Array(count);
    for (let place = 0; place < last; place += WIDTH) {
      if (this.isAllBut(place)) continue;
      const length = this.cost(place);
      sorted[next[length] as number] = place;
      next[length] = (next[length] as number) + 1;
    }
    return sorted;
  }
}

/** Writes the slots below `size` that are not named to `slots`, from `at` on; returns how many. */
function others(named: Uint16Array, size: number, slots: Uint16Array, at: number): number {
  const marks = new Uint8Array(size);
  for (let i = 0; i < named.length; i += 1) marks[named[i] as number] = 1;
  let end = at;
  for (let slot = 0; slot < size; slot += 1)
    if (marks[slot] === 0) {
      slots[end] = slot;
      end += 1;
    }
  return end - at;
}

/** The lists of all parts in one, of `entries` numbers at the most; of the fronts nothing is known yet. */
function joined(parts: Part[], size: number, entries: number): { table: Int32Array; slots: Uint16Array } {
  const all = parts.map(({ lists }) => lists.all());
  const next = parts.map(() => 0);
  const most = all.reduce((sum, { grams }) => sum + grams.length, 0);
  const table = new Int32Array(WIDTH * (most + 1));
  // One list more, of those that are forgotten.
  const slots = new Uint16Array(entries + MAX_SLOTS);
  let at = 0;
  let end = 0;
  for (;;) {
    let gram = Number.POSITIVE_INFINITY;
    for (let i = 0; i < parts.length; i += 1) gram = Math.min(gram, all[i]?.grams[next[i] as number] ?? gram);
    if (gram === Number.POSITIVE_INFINITY) break;
    const start = end;
    for (let i = 0; i < parts.length; i += 1) {
      const nth = next[i] as number;
      if (all[i]?.grams[nth] !== gram) continue;
      next[i] = nth + 1;
      const { lists, places } = parts[i] as Part;
      const last = end + lists.slotsOf(all[i]?.places[nth] ?? -1, slots, end);
      for (let j = end; j < last; j += 1) {
        const place = places[slots[j] as number] as number;
        slots[end] = place;
        if (place >= 0) end += 1;
      }
    }
    if (end === start) continue;
    const allBut = 2 * (end - start) > size;
    if (allBut) end = start + others(slots.slice(start, end), size, slots, start);
    table[at] = gram;
    table[at + START] = 2 * start + (allBut ? 1 : 0);
    at += WIDTH;
  }
  table[at + START] = 2 * end;
  return { table: table.slice(0, at + WIDTH), slots: slots.slice(0, end) };
}
