/**
 * Which slots hold a gram, once a block takes no more texts: sorted grams, and their lists one after the other, in a fifth of the room. A gram
 * that most texts hold is kept as the slots that do not: what a whole campaign shares then costs next to nothing to read and to keep.
 *
 * Each list begins with its front: the texts for which this gram is among their rarest ones. Two texts that share many grams share some
 * of the rarest of both; so who looks for those need not read the rest.
 */
import type { Lists } from './postings.ts';
import { countSlots, meetSlots } from './slot-counts.ts';

/** The slots of a block are numbers below this. */
export const MAX_SLOTS = 4_096;

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

  /** By slot: the grams of its text, sorted, and how many of them belong in front. */
  constructor(texts: Int32Array[], wanted: Uint16Array) {
    const { table, slots } = listsOf(texts);
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
    return meetSlots(this.#slots, this.#start(place), this.#start(place + WIDTH), met, touched, count);
  }

  /** As `meet`, for the front of a list alone. */
  meetFront(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    const front = this.#table[place + FRONT] as number;
    if (front === 0) return count;
    const start = this.#start(place);
    return meetSlots(this.#slots, start, start + front, met, touched, count);
  }

  count(place: number, met: Int16Array, by: number): void {
    countSlots(this.#slots, this.#start(place), this.#start(place + WIDTH), met, by);
  }

  #start(place: number): number {
    return (this.#table[place + START] as number) >>> 1;
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

/** Digits by which entries are sorted, the last ones first: 32 bits in three. */
const DIGITS = [
  { shift: 0, bits: 11 },
  { shift: 11, bits: 11 },
  { shift: 22, bits: 10 },
];

/** A gram and a slot each. */
interface Entries {
  grams: Int32Array;
  slots: Uint16Array;
}

/** All entries by their grams, those of one gram by their slots. Sorting by digits, since nothing but the order of numbers is asked for. */
function sortedEntries(texts: Int32Array[]): Entries {
  const count = texts.reduce((sum, grams) => sum + grams.length, 0);
  let from: Entries = { grams: new Int32Array(count), slots: new Uint16Array(count) };
  let to: Entries = { grams: new Int32Array(count), slots: new Uint16Array(count) };
  let at = 0;
  texts.forEach((grams, slot) => {
    from.grams.set(grams, at);
    from.slots.fill(slot, at, at + grams.length);
    at += grams.length;
  });
  for (const { shift, bits } of DIGITS) {
    // The sign is turned in the last digit, so that negative grams come first.
    const turned = shift + bits === 32 ? 1 << (bits - 1) : 0;
    const mask = (1 << bits) - 1;
    const next = new Uint32Array((1 << bits) + 1);
    for (let i = 0; i < count; i += 1) {
      const digit = (((from.grams[i] as number) >>> shift) & mask) ^ turned;
      next[digit + 1] = (next[digit + 1] as number) + 1;
    }
    for (let digit = 1; digit <= mask; digit += 1) next[digit] = (next[digit] as number) + (next[digit - 1] as number);
    for (let i = 0; i < count; i += 1) {
      const gram = from.grams[i] as number;
      const digit = ((gram >>> shift) & mask) ^ turned;
      const place = next[digit] as number;
      next[digit] = place + 1;
      to.grams[place] = gram;
      to.slots[place] = from.slots[i] as number;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** The lists of all these texts; of the fronts nothing is known yet. */
function listsOf(texts: Int32Array[]): { table: Int32Array; slots: Uint16Array } {
  const size = texts.length;
  const { grams, slots: named } = sortedEntries(texts);
  let different = 0;
  for (let i = 0; i < grams.length; i += 1) if (i === 0 || grams[i] !== grams[i - 1]) different += 1;
  const table = new Int32Array(WIDTH * (different + 1));
  const slots = new Uint16Array(grams.length);
  let at = 0;
  let end = 0;
  for (let start = 0; start < grams.length; ) {
    const gram = grams[start] as number;
    let last = start + 1;
    while (last < grams.length && grams[last] === gram) last += 1;
    const allBut = 2 * (last - start) > size;
    table[at] = gram;
    table[at + START] = 2 * end + (allBut ? 1 : 0);
    at += WIDTH;
    if (allBut) end = writeOthers(named.subarray(start, last), size, slots, end);
    else for (let i = start; i < last; i += 1, end += 1) slots[end] = named[i] as number;
    start = last;
  }
  table[at + START] = 2 * end;
  return { table, slots: slots.slice(0, end) };
}

/** Writes the slots below `size` that are not named (ascending) to `slots`, from `at` on; returns where they end. */
function writeOthers(named: Uint16Array, size: number, slots: Uint16Array, at: number): number {
  let end = at;
  let next = 0;
  for (let slot = 0; slot < size; slot += 1) {
    if (named[next] === slot) {
      next += 1;
      continue;
    }
    slots[end] = slot;
    end += 1;
  }
  return end;
}
