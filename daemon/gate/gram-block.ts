/**
 * A block of the index: some hundred texts whose signatures have one length, in the order in which they came. Of each the numbers of its grams
 * are kept (gram-dictionary.ts), in as few bytes of seven bits as each one needs.
 *
 * The caller owes: `leave` in the dictionary for all that a text held, by `forget`.
 */
import type { GramDictionary } from './gram-dictionary.ts';
import { ROOM_SLOTS, type Room } from './signatures.ts';

/** A text, and where it stands. */
export interface Enlisted {
  block: GramBlock | null;
  slot: number;
  /** When it was last used, as far as is known: not later than this. */
  newest: number;
  /** It must be found however much else is near. */
  awaited: boolean;
}

/** Earlier than any use. */
export const NEVER = Number.NEGATIVE_INFINITY;

/** A number that goes on in the next byte. */
const MORE = 128;
/** A number is below 2^28. */
const MOST_BYTES = 4;
const FIRST_BYTES = 1 << 10;

export class GramBlock {
  readonly room: Room;
  /** By slot; null once forgotten. */
  readonly texts: (Enlisted | null)[] = [];
  living = 0;
  /** Of its texts: none was used later than this; so many are awaited. */
  newest = NEVER;
  awaited = 0;
  /** By slot: how many grams it has; and from which pivot (pivots.ts; 0: none) it is how far. */
  readonly sizes = new Uint16Array(ROOM_SLOTS);
  readonly pivots = new Uint16Array(ROOM_SLOTS);
  readonly distances = new Uint16Array(ROOM_SLOTS);
  readonly #dictionary: GramDictionary;
  readonly #ends = new Uint32Array(ROOM_SLOTS);
  #bytes = new Uint8Array(FIRST_BYTES);

  constructor(room: Room, dictionary: GramDictionary) {
    this.room = room;
    this.#dictionary = dictionary;
  }

  /** Takes in a text that holds so many grams, those with the first ones of these numbers, in the order of the grams; returns its slot. */
  enlist(text: Enlisted, numbers: Uint32Array, size: number): number {
    const slot = this.#place(text, size);
    this.#reserve(slot, MOST_BYTES * size);
    const bytes = this.#bytes;
    let end = this.#start(slot);
    for (let i = 0; i < size; i += 1) {
      let rest = numbers[i] as number;
      for (; rest >= MORE; rest >>>= 7) {
        bytes[end] = (rest & (MORE - 1)) | MORE;
        end += 1;
      }
      bytes[end] = rest;
      end += 1;
    }
    this.#ends[slot] = end;
    return slot;
  }

  /** Takes over a text of another block. */
  takeOver(from: GramBlock, other: number): number {
    const text = from.texts[other] as Enlisted;
    const slot = this.#place(text, from.sizes[other] as number);
    const [start, end] = [from.#start(other), from.#ends[other] as number];
    this.#reserve(slot, end - start);
    this.#bytes.set(from.#bytes.subarray(start, end), this.#start(slot));
    this.#ends[slot] = this.#start(slot) + end - start;
    this.pivots[slot] = from.pivots[other] as number;
    this.distances[slot] = from.distances[other] as number;
    return slot;
  }

  /** It takes no more: room that it does not need is given back. */
  close(): void {
    this.#bytes = this.#bytes.slice(0, this.#start(this.texts.length));
  }

  forget(slot: number): void {
    const text = this.texts[slot];
    if (!text) return;
    this.texts[slot] = null;
    this.living -= 1;
    if (text.awaited) this.awaited -= 1;
    text.block = null;
    for (const number of this.#numbers(slot)) this.#dictionary.leave(number);
  }

  /** Sorted; a copy. */
  grams(slot: number): Int32Array {
    return Int32Array.from(this.#numbers(slot), (number) => this.#dictionary.gram(number));
  }

  /** Does it hold the grams from there to before `last`, and no others? Both sorted. */
  holds(slot: number, grams: Int32Array, from: number, last: number): boolean {
    if (last - from !== this.sizes[slot]) return false;
    const numbers = this.#numbers(slot);
    for (let i = 0; i < numbers.length; i += 1)
      if (this.#dictionary.gram(numbers[i] as number) !== grams[from + i]) return false;
    return true;
  }

  /** How many of the grams whose numbers are marked a text holds; -1 if they are fewer than `least`. */
  shared(slot: number, marks: Uint8Array, least: number): number {
    const bytes = this.#bytes;
    const end = this.#ends[slot] as number;
    let missing = (this.sizes[slot] as number) - least;
    for (let at = this.#start(slot); at < end && missing >= 0; ) {
      const number = numberAt(bytes, at);
      missing -= 1 - (marks[number] as number);
      at += bytesOf(number);
    }
    return missing < 0 ? -1 : least + missing;
  }

  #numbers(slot: number): Uint32Array {
    const numbers = new Uint32Array(this.sizes[slot] as number);
    const bytes = this.#bytes;
    let at = this.#start(slot);
    for (let i = 0; i < numbers.length; i += 1) {
      const number = numberAt(bytes, at);
      numbers[i] = number;
      at += bytesOf(number);
    }
    return numbers;
  }

  #place(text: Enlisted, size: number): number {
    const slot = this.texts.length;
    text.block = this;
    text.slot = slot;
    this.texts.push(text);
    this.living += 1;
    this.newest = Math.max(this.newest, text.newest);
    if (text.awaited) this.awaited += 1;
    this.sizes[slot] = size;
    return slot;
  }

  #start(slot: number): number {
    return slot === 0 ? 0 : (this.#ends[slot - 1] as number);
  }

  #reserve(slot: number, more: number): void {
    const needed = this.#start(slot) + more;
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, Math.ceil(1.5 * this.#bytes.length)));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}

function numberAt(bytes: Uint8Array, at: number): number {
  let byte = bytes[at] as number;
  let number = byte;
  for (let i = 1; byte >= MORE; i += 1) {
    byte = bytes[at + i] as number;
    number = (number & ((1 << (7 * i)) - 1)) | (byte << (7 * i));
  }
  return number;
}

/** How many bytes it takes. */
function bytesOf(number: number): number {
  if (number < MORE) return 1;
  if (number < 1 << 14) return 2;
  return number < 1 << 21 ? 3 : MOST_BYTES;
}
