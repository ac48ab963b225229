/**
 * Which texts have this key? A hash table of the texts alone, since their heads hold the key: a third of what a Map takes. As a rule
 * a key leads to one text; where it leads to more, they stand together.
 */
import { KEY_BYTES } from './print-head.ts';

interface Headed {
  readonly head: string;
}

type Cell<T> = T | T[] | undefined;

const FIRST_BITS = 8;
const NONE: readonly never[] = [];

export class KeyTable<T extends Headed> {
  /** Where in a head the key stands. */
  readonly #at: number;
  /** By place: 32 bits of the key (0: nothing here), and the texts that have it. A key stands where its bits say, or soon after. */
  #tags = new Int32Array(1 << FIRST_BITS);
  #cells: Cell<T>[] = emptyCells(1 << FIRST_BITS);
  #used = 0;

  constructor(at: number) {
    this.#at = at;
  }

  /** All texts with the key that this head has. Not to be changed, nor kept. */
  get(head: string): readonly T[] {
    const cell = this.#cells[this.#place(head)];
    if (cell === undefined) return NONE;
    return Array.isArray(cell) ? cell : [cell];
  }

  put(text: T): void {
    if (3 * (this.#used + 1) > 2 * this.#cells.length) this.#grow();
    const place = this.#place(text.head);
    const cell = this.#cells[place];
    if (cell === undefined) {
      this.#tags[place] = this.#tagOf(text.head);
      this.#cells[place] = text;
      this.#used += 1;
    } else if (Array.isArray(cell)) cell.push(text);
    else this.#cells[place] = [cell, text];
  }

  take(text: T): void {
    const place = this.#place(text.head);
    const cell = this.#cells[place];
    if (Array.isArray(cell)) {
      const at = cell.indexOf(text);
      const last = cell.at(-1);
      if (at < 0 || last === undefined) return;
      cell[at] = last;
      cell.pop();
      if (cell.length === 1) this.#cells[place] = cell[0];
    } else if (cell === text) this.#empty(place);
  }

  /** Whatever stands behind only because this place was taken moves up. */
  #empty(place: number): void {
    const tags = this.#tags;
    const cells = this.#cells;
    const mask = tags.length - 1;
    this.#used -= 1;
    let hole = place;
    for (let at = (place + 1) & mask; tags[at] !== 0; at = (at + 1) & mask) {
      const tag = tags[at] as number;
      if (((at - tag) & mask) < ((at - hole) & mask)) continue;
      tags[hole] = tag;
      cells[hole] = cells[at];
      hole = at;
    }
    tags[hole] = 0;
    cells[hole] = undefined;
  }

  /** Where the cell of this key is, or would be. */
  #place(head: string): number {
    const tags = this.#tags;
    const mask = tags.length - 1;
    const wanted = this.#tagOf(head);
    let at = wanted & mask;
    for (let tag = tags[at]; tag !== 0; tag = tags[at]) {
      if (tag === wanted && this.#isSame(headIn(this.#cells[at] as T | T[]), head)) break;
      at = (at + 1) & mask;
    }
    return at;
  }

  #isSame(a: string, b: string): boolean {
    for (let i = this.#at; i < this.#at + KEY_BYTES; i += 1) if (a.charCodeAt(i) !== b.charCodeAt(i)) return false;
    return true;
  }

  /** Keys are hashes themselves: some of their bits are as good as all. */
  #tagOf(head: string): number {
    const at = this.#at;
    const low = head.charCodeAt(at) | (head.charCodeAt(at + 1) << 8);
    return low | (head.charCodeAt(at + 2) << 16) | (head.charCodeAt(at + 3) << 24) || 1;
  }

  #grow(): void {
    const tags = this.#tags;
    const cells = this.#cells;
    const mask = 2 * tags.length - 1;
    this.#tags = new Int32Array(2 * tags.length);
    this.#cells = emptyCells(2 * tags.length);
    for (let from = 0; from < tags.length; from += 1) {
      const tag = tags[from] as number;
      if (tag === 0) continue;
      let at = tag & mask;
      while (this.#tags[at] !== 0) at = (at + 1) & mask;
      this.#tags[at] = tag;
      this.#cells[at] = cells[from];
    }
  }
}

function emptyCells<T>(count: number): Cell<T>[] {
  return new Array<Cell<T>>(count).fill(undefined);
}

function headIn<T extends Headed>(cell: T | T[]): string {
  return Array.isArray(cell) ? (cell[0] as T).head : cell.head;
}
