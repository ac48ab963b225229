/**
 * Which slots hold a gram, while texts still come: a hash table and its lists in flat arrays of numbers. Lists only grow. When a block is
 * full they are sealed (sealed-postings.ts), and the arrays serve the next one.
 */

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
  /** All grams, ascending. */
  grams(): Int32Array;
  /** Writes the slots that hold a gram to `slots`; returns how many. */
  slotsOf(gram: number, slots: Uint16Array): number;
}

/**
 * A list is a chain of pieces, the newest first: where the next one stands, how many slots it holds, how many it can hold, the slots. Each
 * piece is larger than the one before it, so that long lists are read in long stretches.
 */
const HEAD = 3;
const FIRST_PIECE = 2;
const LARGEST_PIECE = 512;

export class Postings implements Lists {
  #keys = new Int32Array(1 << 11);
  /** By place in the table: how long the list is (0: nothing here), and where its newest piece stands. */
  #lengths = new Int32Array(1 << 11);
  #heads = new Int32Array(1 << 11);
  #pieces: Int32Array = new Int32Array(1 << 12);
  #used = 0;
  #end = HEAD;

  find(gram: number): number {
    const mask = this.#keys.length - 1;
    for (let at = gram & mask; this.#lengths[at] !== 0; at = (at + 1) & mask) if (this.#keys[at] === gram) return at;
    return -1;
  }

  cost(place: number): number {
    return this.#lengths[place] as number;
  }

  isAllBut(_place: number): boolean {
    return false;
  }

  add(gram: number, slot: number): void {
    if (this.#used * 2 > this.#keys.length) this.#grow();
    const place = this.#place(gram);
    const length = this.#lengths[place] as number;
    if (length === 0) {
      this.#keys[place] = gram;
      this.#used += 1;
    }
    let piece = this.#heads[place] as number;
    if (length === 0 || this.#pieces[piece + 1] === this.#pieces[piece + 2])
      piece = this.#addPiece(place, length, piece);
    const held = this.#pieces[piece + 1] as number;
    this.#pieces[piece + HEAD + held] = slot;
    this.#pieces[piece + 1] = held + 1;
    this.#lengths[place] = length + 1;
  }

  meet(place: number, met: Int16Array, touched: Uint16Array, count: number): number {
    const pieces = this.#pieces;
    let end = count;
    for (let piece = this.#heads[place] as number; piece !== 0; piece = pieces[piece] as number) {
      const last = piece + HEAD + (pieces[piece + 1] as number);
      for (let i = piece + HEAD; i < last; i += 1) {
        const slot = pieces[i] as number;
        const times = met[slot] as number;
        if (times === 0) {
          touched[end] = slot;
          end += 1;
        }
        met[slot] = times + 1;
      }
    }
    return end;
  }

  count(place: number, met: Int16Array, by: number): void {
    const pieces = this.#pieces;
    for (let piece = this.#heads[place] as number; piece !== 0; piece = pieces[piece] as number) {
      const last = piece + HEAD + (pieces[piece + 1] as number);
      for (let i = piece + HEAD; i < last; i += 1) {
        const slot = pieces[i] as number;
        met[slot] = (met[slot] as number) + by;
      }
    }
  }

  grams(): Int32Array {
    const found = new Int32Array(this.#used);
    let count = 0;
    for (let i = 0; i < this.#keys.length; i += 1) {
      if (this.#lengths[i] === 0) continue;
      found[count] = this.#keys[i] as number;
      count += 1;
    }
    return found.sort();
  }

  slotsOf(gram: number, slots: Uint16Array): number {
    const place = this.find(gram);
    if (place < 0) return 0;
    let count = 0;
    const pieces = this.#pieces;
    for (let piece = this.#heads[place] as number; piece !== 0; piece = pieces[piece] as number) {
      const held = pieces[piece + 1] as number;
      for (let i = 0; i < held; i += 1) slots[count + i] = pieces[piece + HEAD + i] as number;
      count += held;
    }
    return count;
  }

  /** How many lists are longer than this. */
  longer(length: number): number {
    let count = 0;
    for (let i = 0; i < this.#lengths.length; i += 1) if ((this.#lengths[i] as number) > length) count += 1;
    return count;
  }

  /** Forgets all of it and keeps the room. */
  clear(): void {
    this.#lengths.fill(0);
    this.#used = 0;
    this.#end = HEAD;
  }

  #addPiece(place: number, length: number, newest: number): number {
    const before = length === 0 ? 0 : newest;
    const room = before === 0 ? FIRST_PIECE : Math.min(LARGEST_PIECE, 4 * (this.#pieces[before + 2] as number));
    if (this.#end + HEAD + room > this.#pieces.length) this.#pieces = grown(this.#pieces);
    const piece = this.#end;
    this.#end += HEAD + room;
    this.#pieces[piece] = before;
    this.#pieces[piece + 1] = 0;
    this.#pieces[piece + 2] = room;
    this.#heads[place] = piece;
    return piece;
  }

  #place(gram: number): number {
    const mask = this.#keys.length - 1;
    let at = gram & mask;
    while (this.#lengths[at] !== 0 && this.#keys[at] !== gram) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [keys, lengths, heads] = [this.#keys, this.#lengths, this.#heads];
    this.#keys = new Int32Array(2 * keys.length);
    this.#lengths = new Int32Array(2 * keys.length);
    this.#heads = new Int32Array(2 * keys.length);
    for (let i = 0; i < keys.length; i += 1) {
      if (lengths[i] === 0) continue;
      const place = this.#place(keys[i] as number);
      this.#keys[place] = keys[i] as number;
      this.#lengths[place] = lengths[i] as number;
      this.#heads[place] = heads[i] as number;
    }
  }
}

function grown(array: Int32Array): Int32Array {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
