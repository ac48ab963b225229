/**
 * The grams of the texts of a block that takes no more. All different grams stand there once, sorted, and are named by their places. Of each
 * text the places of its grams are kept, and of each gram the texts for which it is among their rarest ones: its front. Two texts that share
 * many grams share some of the rarest of both; so who looks for near ones reads a few fronts, and compares what was met there often.
 *
 * A gram that most texts hold is in no front; of it those slots are kept that do not hold it. So a text of a campaign, which has hardly
 * any other grams, is counted by reading next to nothing.
 */
import { GramNumbers } from './gram-numbers.ts';
import { type Fronts, frontsOf } from './sealed-fronts.ts';
import type { SealingRoom } from './sealing-room.ts';
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
const SMALL = 1 << 16;
/** A step in the places of a text that goes on with the next one. */
const FULL = 255;

export class SealedPostings implements GramsBySlot {
  /** All different ones, sorted. */
  readonly #grams: Int32Array;
  /** By the first bits of a gram: where the first of these stands. */
  readonly #buckets: Numbers;
  readonly #shift: number;
  /** By place: where its front begins, times two; or, and one more, where those begin that do not hold it. */
  readonly #starts: Uint32Array;
  readonly #slots: Uint16Array;
  /** By place: how many bits the number of its texts has. */
  readonly #bits: Uint8Array;
  /** By slot: how many grams it holds, where these begin, and their places as steps from one to the next. */
  readonly #sizes: Uint16Array;
  readonly #texts: Uint32Array;
  readonly #held: Uint8Array;
  /** Slots with fewer grams in front than they should have: all their others are held by most texts. And how many they have, at the most. */
  readonly short: Fronts['short'];

  /** `wantedOf`: how many grams of a text of so many belong in front. */
  constructor(parts: readonly Part[], wantedOf: (size: number) => number, room: SealingRoom) {
    const sizes = sizesOf(parts);
    const numbers = new GramNumbers();
    const held = room.held(sizes.reduce((sum, size) => sum + size, 0));
    let end = 0;
    for (const { from, slots } of parts) end = from.number(slots, numbers, held, end);
    const { grams, ranks } = numbers.sorted();
    const counts = rankAndCount(held, ranks);
    this.#grams = grams;
    let bits = 1;
    while (bits < 20 && grams.length > GRAMS_PER_BUCKET << bits) bits += 1;
    this.#shift = 32 - bits;
    this.#buckets = bucketsOf(grams, bits);
    const made = frontsOf({ held, sizes, counts, wantedOf, room });
    this.#starts = made.starts;
    this.#slots = made.slots;
    this.#bits = made.bits;
    this.short = made.short;
    this.#sizes = sizes;
    const steps = stepsOf(held, sizes, room.steps(held.length + sizes.length * Math.floor(grams.length / FULL)));
    this.#texts = steps.starts;
    this.#held = steps.steps;
  }

  /** How many different grams there are: their places are below this. */
  get different(): number {
    return this.#grams.length;
  }

  /** The place of a gram, or -1. */
  find(gram: number): number {
    const grams = this.#grams;
    const bucket = (gram >> this.#shift) + ((this.#buckets.length - 1) >> 1);
    const end = this.#buckets[bucket + 1] as number;
    let at = this.#buckets[bucket] as number;
    while (at < end && (grams[at] as number) < gram) at += 1;
    return at < end && grams[at] === gram ? at : -1;
  }

  /** How many bits the number of texts has that hold it. */
  bits(place: number): number {
    return this.#bits[place] as number;
  }

  /** Do most texts hold it? */
  isCommon(place: number): boolean {
    return ((this.#starts[place] as number) & 1) === 1;
  }

  /** Adds one in `met` for each slot of a front; slots that were at 0 are written to `touched` from `count` on. Returns where it ended. */
  meetFront(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    return meetSlots(this.#slots, this.#start(place), this.#start(place + 1), met, touched, count);
  }

  /** Takes one off in `met` for each slot that does not hold a common gram. */
  countMissing(place: number, met: Int16Array): void {
    countSlots(this.#slots, this.#start(place), this.#start(place + 1), met, -1);
  }

  size(slot: number): number {
    return this.#sizes[slot] as number;
  }

  grams(slot: number): Int32Array {
    const held = this.#held;
    const grams = new Int32Array(this.size(slot));
    let at = this.#texts[slot] as number;
    let place = 0;
    for (let i = 0; i < grams.length; at += 1) {
      const step = held[at] as number;
      place += step;
      if (step === FULL) continue;
      grams[i] = this.#grams[place] as number;
      i += 1;
      place += 1;
    }
    return grams;
  }

  /** How many of the grams whose places are marked a text holds; -1 if they are fewer than `least`. */
  shared(slot: number, marks: Uint8Array, least: number): number {
    const held = this.#held;
    const last = this.#texts[slot + 1] as number;
    let left = this.size(slot) - least;
    let place = 0;
    for (let at = this.#texts[slot] as number; at < last && left >= 0; at += 1) {
      const step = held[at] as number;
      place += step;
      if (step === FULL) continue;
      left -= 1 - (marks[place] as number);
      place += 1;
    }
    return left < 0 ? -1 : least + left;
  }

  number(slots: readonly number[], numbers: GramNumbers, into: Uint32Array, from: number): number {
    const held = this.#held;
    // Each gram is looked for once; one that no living text holds is left behind.
    const known = new Int32Array(this.#grams.length).fill(-1);
    let end = from;
    for (const slot of slots) {
      const last = this.#texts[slot + 1] as number;
      let place = 0;
      for (let at = this.#texts[slot] as number; at < last; at += 1) {
        const step = held[at] as number;
        place += step;
        if (step === FULL) continue;
        let number = known[place] as number;
        if (number < 0) {
          number = numbers.of(this.#grams[place] as number);
          known[place] = number;
        }
        into[end] = number;
        end += 1;
        place += 1;
      }
    }
    return end;
  }

  #start(place: number): number {
    return (this.#starts[place] as number) >>> 1;
  }
}

function sizesOf(parts: readonly Part[]): Uint16Array {
  const sizes = new Uint16Array(parts.reduce((sum, { slots }) => sum + slots.length, 0));
  let next = 0;
  for (const { from, slots } of parts)
    for (const slot of slots) {
      sizes[next] = from.size(slot);
      next += 1;
    }
  return sizes;
}

/** Turns numbers into places, and counts how often each comes. */
function rankAndCount(held: Uint32Array, ranks: Uint32Array): Uint16Array {
  const counts = new Uint16Array(ranks.length);
  for (let i = 0; i < held.length; i += 1) {
    const place = ranks[held[i] as number] as number;
    held[i] = place;
    counts[place] = (counts[place] as number) + 1;
  }
  return counts;
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

/** The places of each text, which stand one text after the other, as steps in bytes. */
function stepsOf(held: Uint32Array, sizes: Uint16Array, steps: Uint8Array): { starts: Uint32Array; steps: Uint8Array } {
  const starts = new Uint32Array(sizes.length + 1);
  let end = 0;
  let at = 0;
  for (let slot = 0; slot < sizes.length; slot += 1) {
    const last = at + (sizes[slot] as number);
    for (let next = 0; at < last; at += 1) {
      const place = held[at] as number;
      let step = place - next;
      for (; step >= FULL; step -= FULL) {
        steps[end] = FULL;
        end += 1;
      }
      steps[end] = step;
      end += 1;
      next = place + 1;
    }
    starts[slot + 1] = end;
  }
  return { starts, steps: steps.slice(0, end) };
}
