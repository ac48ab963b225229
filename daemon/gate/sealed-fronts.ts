/** Makes the fronts of a block that is sealed (sealed-postings.ts): which texts have a gram among their rarest ones. */
import type { SealingRoom } from './sealing-room.ts';

export interface Fronts {
  /** By place: where its slots begin, times two, and one more if these are the slots that do not hold it. And where all end. */
  starts: Uint32Array;
  slots: Uint16Array;
  /** By place: how many bits the number of its texts has. */
  bits: Uint8Array;
  /** Slots with fewer grams in front than they should have, all of which are not common; and how many they have, at the most. */
  short: { slots: Uint16Array; longest: number; is: Uint8Array };
}

export interface Sealing {
  /** The places of the grams of each text, one text after the other, of `sizes` grams each. */
  held: Uint32Array;
  sizes: Uint16Array;
  /** By place: how many texts hold it. Is not the same afterwards. */
  counts: Uint16Array;
  /** How many grams of a text of so many belong in front. */
  wantedOf: (size: number) => number;
  room: SealingRoom;
}

export function frontsOf({ held, sizes, counts, wantedOf, room }: Sealing): Fronts {
  const different = counts.length;
  const bits = new Uint8Array(different);
  const common: number[] = [];
  for (let place = 0; place < different; place += 1) {
    const count = counts[place] as number;
    bits[place] = 32 - Math.clz32(count);
    if (2 * count > sizes.length) common.push(place);
  }
  const { starts, slots } = listsOf(held, sizes, counts, common, room);
  const missing = new Uint16Array(sizes.length);
  for (let slot = 0; slot < sizes.length; slot += 1) missing[slot] = wantedOf(sizes[slot] as number);
  const fronts = counts;
  const places = byFrequency(counts, sizes.length);
  for (let i = 0; i < places.length; i += 1) {
    const place = places[i] as number;
    fronts[place] = keepWanted(slots, starts[place] as number, starts[place + 1] as number, missing);
  }
  for (const place of common) fronts[place] = (starts[place + 1] as number) - (starts[place] as number);
  return { ...moved(starts, slots, fronts, common), bits, short: shortOf(sizes, missing, wantedOf) };
}

/** By place the slots that hold a gram; of a common one those that do not. */
function listsOf(
  held: Uint32Array,
  sizes: Uint16Array,
  counts: Uint16Array,
  common: number[],
  room: SealingRoom,
): { starts: Uint32Array; slots: Uint16Array } {
  const starts = new Uint32Array(counts.length + 1);
  /** By place which of the common ones it is, plus one. */
  const isCommon = new Uint16Array(counts.length);
  for (const [which, place] of common.entries()) isCommon[place] = which + 1;
  for (let place = 0; place < counts.length; place += 1) {
    const count = counts[place] as number;
    starts[place + 1] = (starts[place] as number) + ((isCommon[place] as number) > 0 ? sizes.length - count : count);
  }
  const next = starts.slice();
  const slots = room.lists(starts.at(-1) ?? 0);
  const last = new Int32Array(common.length).fill(-1);
  let at = 0;
  for (let slot = 0; slot < sizes.length; slot += 1) {
    const end = at + (sizes[slot] as number);
    for (; at < end; at += 1) {
      const place = held[at] as number;
      const which = isCommon[place] as number;
      if (which > 0) last[which - 1] = slot;
      else {
        const to = next[place] as number;
        slots[to] = slot;
        next[place] = to + 1;
      }
    }
    for (let which = 0; which < last.length; which += 1) {
      if (last[which] === slot) continue;
      const place = common[which] as number;
      const to = next[place] as number;
      slots[to] = slot;
      next[place] = to + 1;
    }
  }
  return { starts, slots };
}

/** The places of all grams that are not common, the rarest first. */
function byFrequency(counts: Uint16Array, size: number): Uint32Array {
  const next = new Uint32Array(size + 2);
  let kept = 0;
  for (let place = 0; place < counts.length; place += 1) {
    const count = counts[place] as number;
    if (2 * count > size) continue;
    next[count + 1] = (next[count + 1] as number) + 1;
    kept += 1;
  }
  for (let count = 1; count < next.length; count += 1)
    next[count] = (next[count] as number) + (next[count - 1] as number);
  const sorted = new Uint32Array(kept);
  for (let place = 0; place < counts.length; place += 1) {
    const count = counts[place] as number;
    if (2 * count > size) continue;
    const to = next[count] as number;
    sorted[to] = place;
    next[count] = to + 1;
  }
  return sorted;
}

/** Of a list keeps the slots that want more grams in front, at its beginning; returns how many. */
function keepWanted(slots: Uint16Array, start: number, last: number, missing: Uint16Array): number {
  let end = start;
  for (let i = start; i < last; i += 1) {
    const slot = slots[i] as number;
    const more = missing[slot] as number;
    if (more === 0) continue;
    missing[slot] = more - 1;
    slots[end] = slot;
    end += 1;
  }
  return end - start;
}

/** Brings together what is kept of each list. */
function moved(
  from: Uint32Array,
  slots: Uint16Array,
  kept: Uint16Array,
  common: number[],
): { starts: Uint32Array; slots: Uint16Array } {
  const starts = new Uint32Array(from.length);
  let end = 0;
  for (let place = 0; place < kept.length; place += 1) {
    const start = from[place] as number;
    const count = kept[place] as number;
    starts[place] = 2 * end;
    for (let i = 0; i < count; i += 1) slots[end + i] = slots[start + i] as number;
    end += count;
  }
  starts[kept.length] = 2 * end;
  for (const place of common) starts[place] = (starts[place] as number) + 1;
  return { starts, slots: slots.slice(0, end) };
}

function shortOf(sizes: Uint16Array, missing: Uint16Array, wantedOf: (size: number) => number): Fronts['short'] {
  const is = new Uint8Array(sizes.length);
  const short: number[] = [];
  let longest = 0;
  for (let slot = 0; slot < sizes.length; slot += 1) {
    const more = missing[slot] as number;
    if (more === 0) continue;
    is[slot] = 1;
    short.push(slot);
    longest = Math.max(longest, wantedOf(sizes[slot] as number) - more);
  }
  return { slots: Uint16Array.from(short), longest, is };
}
