/**
 * The grams of the texts of a block that takes no more: which slots hold a gram, and which grams a slot holds. All different grams stand
 * there once, sorted, and elsewhere each is named by its number among these. A gram that most texts hold is kept as the slots that do not:
 * what a whole campaign shares then costs next to nothing to read and to keep.
 *
 * The list of a gram begins with its front: the texts for which this gram is among their rarest ones. Two texts that share many grams share
 * some of the rarest of both; so who looks for those need not read the rest.
 */
import { GramNumbers } from './gram-numbers.ts';
import { countSlots, meetSlots } from './slot-counts.ts';

/** The slots of a block are numbers below this. */
export const MAX_SLOTS = 4_096;

/** The grams of texts, by slot. */
export interface GramsBySlot {
  size(slot: number): number;
  /** Sorted; a copy. */
  grams(slot: number): Int32Array;
  /** Writes the numbers of the grams of all these slots into `into`, from there on; returns where they end. */
  number(slots: readonly number[], numbers: GramNumbers, into: Uint32Array, from: number): number;
}

/** Some slots of what a block is made of. */
export interface Part {
  from: GramsBySlot;
  slots: readonly number[];
}

type Numbers = Uint16Array | Uint32Array;

/** About this many grams are looked through for one. */
const GRAMS_PER_BUCKET = 4;
/** So many grams are looked at between two looks at whether it is worth going on. */
const STRETCH = 16;
const SMALL = 1 << 16;

export class SealedPostings implements GramsBySlot {
  /** All different ones, sorted. */
  readonly #grams: Int32Array;
  /** By the first bits of a gram: where the first of these stands. */
  readonly #buckets: Numbers;
  readonly #shift: number;
  /** By gram: where its list begins, times two, and one more if it is all but these; and how many slots are in front. */
  readonly #starts: Uint32Array;
  readonly #fronts: Uint16Array;
  readonly #slots: Uint16Array;
  /** By slot, where its grams begin, and these. */
  readonly #texts: Uint32Array;
  readonly #held: Numbers;
  /** Slots with fewer grams in front than they should have: all their others are held by most texts. And how many they have, at the most. */
  readonly short: { slots: Uint16Array; longest: number; is: Uint8Array };

  /** `wantedOf`: how many grams of a text of so many belong in front. */
  constructor(parts: readonly Part[], wantedOf: (size: number) => number) {
    this.#texts = startsOf(parts);
    const numbers = new GramNumbers();
    const numbered = new Uint32Array(this.#texts.at(-1) ?? 0);
    let end = 0;
    for (const { from, slots } of parts) end = from.number(slots, numbers, numbered, end);
    const { grams, ranks } = numbers.sorted();
    this.#grams = grams;
    this.#held = grams.length <= SMALL ? new Uint16Array(numbered.length) : new Uint32Array(numbered.length);
    rank(numbered, ranks, this.#held);
    let bits = 1;
    while (bits < 20 && grams.length > GRAMS_PER_BUCKET << bits) bits += 1;
    this.#shift = 32 - bits;
    this.#buckets = bucketsOf(grams, bits);
    this.#fronts = new Uint16Array(grams.length);
    const lists = listsOf(this.#held, this.#texts, grams.length);
    this.#starts = lists.starts;
    this.#slots = lists.slots;
    this.short = this.#makeFronts(wantedOf);
  }

  /** How many different grams there are: their places are below this. */
  get different(): number {
    return this.#grams.length;
  }

  /** Where the list of a gram is, or -1. */
  find(gram: number): number {
    const grams = this.#grams;
    const bucket = (gram >> this.#shift) + ((this.#buckets.length - 1) >> 1);
    const end = this.#buckets[bucket + 1] as number;
    let at = this.#buckets[bucket] as number;
    while (at < end && (grams[at] as number) < gram) at += 1;
    return at < end && grams[at] === gram ? at : -1;
  }

  /** How many numbers have to be read for a list. */
  cost(place: number): number {
    return this.#start(place + 1) - this.#start(place);
  }

  /** It names the slots without the gram, all others have it. */
  isAllBut(place: number): boolean {
    return ((this.#starts[place] as number) & 1) === 1;
  }

  /** Adds one in `met` for each slot of a list; slots that were at 0 are written to `touched` from `count` on. Returns where it ended. */
  meet(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    return meetSlots(this.#slots, this.#start(place), this.#start(place + 1), met, touched, count);
  }

  /** As `meet`, for the front of a list alone. */
  meetFront(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    const front = this.#fronts[place] as number;
    if (front === 0) return count;
    const start = this.#start(place);
    return meetSlots(this.#slots, start, start + front, met, touched, count);
  }

  /** Adds `by` in `met` for each slot that a list names. */
  count(place: number, met: Int16Array, by: number): void {
    countSlots(this.#slots, this.#start(place), this.#start(place + 1), met, by);
  }

  size(slot: number): number {
    return (this.#texts[slot + 1] as number) - (this.#texts[slot] as number);
  }

  grams(slot: number): Int32Array {
    const start = this.#texts[slot] as number;
    const grams = new Int32Array(this.size(slot));
    for (let i = 0; i < grams.length; i += 1) grams[i] = this.#grams[this.#held[start + i] as number] as number;
    return grams;
  }

  /** How many of the grams whose places are marked a text holds; -1 if they are fewer than `least`. */
  shared(slot: number, marks: Uint8Array, least: number): number {
    const held = this.#held;
    const last = this.#texts[slot + 1] as number;
    let at = this.#texts[slot] as number;
    const size = last - at;
    let missing = 0;
    while (at < last) {
      const end = Math.min(last, at + STRETCH);
      missing += end - at;
      for (; at < end; at += 1) missing -= marks[held[at] as number] as number;
      if (missing > size - least) return -1;
    }
    return size - missing;
  }

  number(slots: readonly number[], numbers: GramNumbers, into: Uint32Array, from: number): number {
    const held = this.#held;
    // Each gram is looked for once; one that no living text holds is left behind.
    const known = new Int32Array(this.#grams.length).fill(-1);
    let end = from;
    for (const slot of slots) {
      const last = this.#texts[slot + 1] as number;
      for (let at = this.#texts[slot] as number; at < last; at += 1) {
        const place = held[at] as number;
        let number = known[place] as number;
        if (number < 0) {
          number = numbers.of(this.#grams[place] as number);
          known[place] = number;
        }
        into[end] = number;
        end += 1;
      }
    }
    return end;
  }

  #start(place: number): number {
    return (this.#starts[place] as number) >>> 1;
  }

  /** Brings the slots of each front to the beginning of their lists. Returns `short`. */
  #makeFronts(wantedOf: (size: number) => number): SealedPostings['short'] {
    const slots = this.#slots;
    const size = this.#texts.length - 1;
    const missing = new Uint16Array(size);
    for (let slot = 0; slot < size; slot += 1) missing[slot] = wantedOf(this.size(slot));
    const places = this.#byFrequency();
    for (let i = 0; i < places.length; i += 1) {
      const place = places[i] as number;
      const start = this.#start(place);
      const last = this.#start(place + 1);
      let at = start;
      for (let j = start; j < last; j += 1) {
        const slot = slots[j] as number;
        const more = missing[slot] as number;
        if (more === 0) continue;
        missing[slot] = more - 1;
        slots[j] = slots[at] as number;
        slots[at] = slot;
        at += 1;
      }
      this.#fronts[place] = at - start;
    }
    const is = new Uint8Array(size);
    const short: number[] = [];
    let longest = 0;
    for (let slot = 0; slot < size; slot += 1) {
      const more = missing[slot] as number;
      if (more === 0) continue;
      is[slot] = 1;
      short.push(slot);
      longest = Math.max(longest, wantedOf(this.size(slot)) - more);
    }
    return { slots: Uint16Array.from(short), longest, is };
  }

  /** All lists of slots that hold a gram, the shortest first. */
  #byFrequency(): Uint32Array {
    const different = this.#grams.length;
    const next = new Uint32Array(this.#texts.length + 1);
    let count = 0;
    for (let place = 0; place < different; place += 1) {
      if (this.isAllBut(place)) continue;
      const after = this.cost(place) + 1;
      next[after] = (next[after] as number) + 1;
      count += 1;
    }
    for (let length = 1; length < next.length; length += 1)
      next[length] = (next[length] as number) + (next[length - 1] as number);
    const sorted = new Uint32Array(count);
    for (let place = 0; place < different; place += 1) {
      if (this.isAllBut(place)) continue;
      const length = this.cost(place);
      sorted[next[length] as number] = place;
      next[length] = (next[length] as number) + 1;
    }
    return sorted;
  }
}

/** By slot of the block to be made: where its grams begin; and where all end. */
function startsOf(parts: readonly Part[]): Uint32Array {
  const starts = new Uint32Array(parts.reduce((sum, { slots }) => sum + slots.length, 1));
  let next = 0;
  for (const { from, slots } of parts)
    for (const slot of slots) {
      starts[next + 1] = (starts[next] as number) + from.size(slot);
      next += 1;
    }
  return starts;
}

function rank(numbered: Uint32Array, ranks: Uint32Array, held: Numbers): void {
  for (let i = 0; i < numbered.length; i += 1) held[i] = ranks[numbered[i] as number] as number;
}

function bucketsOf(grams: Int32Array, bits: number): Numbers {
  const count = 1 << bits;
  const buckets = grams.length < SMALL ? new Uint16Array(count + 1) : new Uint32Array(count + 1);
  const shift = 32 - bits;
  const half = count >> 1;
  let next = 0;
  for (let bucket = 0; bucket <= count; bucket += 1) {
    while (next < grams.length && ((grams[next] as number) >> shift) + half < bucket) next += 1;
    buckets[bucket] = next;
  }
  return buckets;
}

/** The lists of all grams; of the fronts nothing is known yet. */
function listsOf(held: Numbers, texts: Uint32Array, different: number): { starts: Uint32Array; slots: Uint16Array } {
  const size = texts.length - 1;
  const starts = new Uint32Array(different + 1);
  for (let i = 0; i < held.length; i += 1) {
    const place = held[i] as number;
    starts[place] = (starts[place] as number) + 1;
  }
  /** What most hold: where each is written to, and by place which of these it is, plus one. */
  const common: number[] = [];
  const isCommon = new Uint16Array(different);
  const next = new Uint32Array(different);
  let end = 0;
  for (let place = 0; place < different; place += 1) {
    const count = starts[place] as number;
    const allBut = 2 * count > size;
    starts[place] = 2 * end + (allBut ? 1 : 0);
    next[place] = end;
    end += allBut ? size - count : count;
    if (!allBut) continue;
    common.push(place);
    isCommon[place] = common.length;
  }
  starts[different] = 2 * end;
  const slots = new Uint16Array(end);
  const last = new Int32Array(common.length).fill(-1);
  for (let slot = 0; slot < size; slot += 1) {
    for (let i = texts[slot] as number; i < (texts[slot + 1] as number); i += 1) {
      const place = held[i] as number;
      const which = isCommon[place] as number;
      if (which > 0) last[which - 1] = slot;
      else {
        const at = next[place] as number;
        slots[at] = slot;
        next[place] = at + 1;
      }
    }
    for (let which = 0; which < last.length; which += 1) {
      if (last[which] === slot) continue;
      const place = common[which] as number;
      const at = next[place] as number;
      slots[at] = slot;
      next[place] = at + 1;
    }
  }
  return { starts, slots };
}
