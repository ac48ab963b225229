/**
 * Which slots hold a gram, while texts still come: a hash table and its lists in flat arrays of numbers. Lists only grow. When a block is
 * full they are sealed (sealed-postings.ts), and the arrays serve the next one.
 */
import { countSlots, meetSlots } from './slot-counts.ts';

/** Grams and the slots that hold them. A place is where the list of a gram stands. */
export interface Lists {
  /** Where the list of a gram is, or -1. Good until the lists change. */
  find(gram: number): number;
  /** How many numbers have to be read for it. */
  cost(place: number): number;
  /** It names the slots without the gram, all others have it. */
  isAllBut(place: number): boolean;
  /** Adds one in `met` for each slot of a list; slots that were at 0 are written to `touched` from `count` on. Returns where it ended. */
  meet(place: number, met: Int16Array, touched: Uint16Array, count: number): number;
  /** Adds `by` in `met` for each slot that a list names. */
  count(place: number, met: Int16Array, by: number): void;
}

/** What is known of a list stands together: its gram, where its slots begin, how many they are (0: nothing here); four, to fit memory. */
const WIDTH = 4;
const START = 1;
const LENGTH = 2;
/** A list has room for the next power of two of its length, and this at the least. */
const LEAST_ROOM = 4;
const FIRST_BITS = 10;
const SIGN = 1 << 31;

export class Postings implements Lists {
  #table = new Int32Array(WIDTH << FIRST_BITS);
  /** A list stands where the first bits of its gram say, or soon after. */
  #shift = 32 - FIRST_BITS;
  #slots = new Uint16Array(1 << 12);
  #used = 0;
  #end = 0;
  /** By the bits of its size: room that a list has grown out of. */
  readonly #left: number[][] = [];

  find(gram: number): number {
    const place = this.#place(gram);
    return this.#table[place + LENGTH] === 0 ? -1 : place;
  }

  cost(place: number): number {
    return this.#table[place + LENGTH] as number;
  }

  isAllBut(_place: number): boolean {
    return false;
  }

  add(gram: number, slot: number): void {
    if (this.#used * 2 * WIDTH > this.#table.length) this.#grow();
    const table = this.#table;
    const place = this.#place(gram);
    const length = table[place + LENGTH] as number;
    if (length === 0) {
      table[place] = gram;
      table[place + START] = this.#room(LEAST_ROOM);
      this.#used += 1;
    } else if (length >= LEAST_ROOM && (length & (length - 1)) === 0) {
      const from = table[place + START] as number;
      const to = this.#room(2 * length);
      this.#slots.copyWithin(to, from, from + length);
      this.#leave(from, length);
      table[place + START] = to;
    }
    this.#slots[(table[place + START] as number) + length] = slot;
    table[place + LENGTH] = length + 1;
  }

  meet(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    const start = this.#table[place + START] as number;
    return meetSlots(this.#slots, start, start + this.cost(place), met, touched, count);
  }

  count(place: number, met: Int16Array, by: number): void {
    const start = this.#table[place + START] as number;
    countSlots(this.#slots, start, start + this.cost(place), met, by);
  }

  /** How many lists are longer than this. */
  longer(length: number): number {
    let count = 0;
    for (let place = 0; place < this.#table.length; place += WIDTH) if (this.cost(place) > length) count += 1;
    return count;
  }

  /** Forgets all of it and keeps the room. */
  clear(): void {
    this.#table.fill(0);
    this.#used = 0;
    this.#end = 0;
    this.#left.length = 0;
  }

  /** Where a list of so many begins. */
  #room(size: number): number {
    const left = this.#left[Math.clz32(size)]?.pop();
    if (left !== undefined) return left;
    const start = this.#end;
    this.#end += size;
    if (this.#end > this.#slots.length) {
      const larger = new Uint16Array(2 * this.#slots.length);
      larger.set(this.#slots);
      this.#slots = larger;
    }
    return start;
  }

  #leave(start: number, size: number): void {
    const bits = Math.clz32(size);
    const left = this.#left[bits];
    if (left) left.push(start);
    else this.#left[bits] = [start];
  }

  /** Where the list of a gram is or would be. */
  #place(gram: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = ((gram ^ SIGN) >>> this.#shift) * WIDTH;
    while (table[at + LENGTH] !== 0 && table[at] !== gram) at = (at + WIDTH) & mask;
    return at;
  }

  #grow(): void {
    const table = this.#table;
    this.#table = new Int32Array(2 * table.length);
    this.#shift -= 1;
    for (let place = 0; place < table.length; place += WIDTH)
      if (table[place + LENGTH] !== 0)
        this.#table.set(table.subarray(place, place + WIDTH), this.#place(table[place] as number));
  }
}
