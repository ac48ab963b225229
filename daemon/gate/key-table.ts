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

export class KeyTable<T extends Headed> {
  /** Where in a head the key stands. */
  readonly #at: number;
  #cells: Cell<T>[] = emptyCells(FIRST_BITS);
  #used = 0;

  constructor(at: number) {
    this.#at = at;
  }

  /** All texts with the key that this head has. Not to be changed, nor kept. */
  get(head: string): readonly T[] {
    const cell = this.#cells[this.#place(head)];
    if (cell === undefined) return [];
    return Array.isArray(cell) ? cell : [cell];
  }

  put(text: T): void {
    if (3 * (this.#used + 1) > 2 * this.#cells.length) this.#grow();
    const place = this.#place(text.head);
    const cell = this.#cells[place];
    if (cell === undefined) {
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
    const cells = this.#cells;
    const mask = cells.length - 1;
    this.#used -= 1;
    let hole = place;
    for (let at = (place + 1) & mask; ; at = (at + 1) & mask) {
      const cell = cells[at];
      if (cell === undefined) break;
      const wanted = this.#hash(headIn(cell));
      if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
      cells[hole] = cell;
      hole = at;
    }
    cells[hole] = undefined;
  }

  /** Where the cell of this key is, or would be. */
  #place(head: string): number {
    const cells = this.#cells;
    const mask = cells.length - 1;
    let at = this.#hash(head);
    for (let cell = cells[at]; cell !== undefined && !this.#isSame(headIn(cell), head); cell = cells[at])
      at = (at + 1) & mask;
    return at;
  }

  #isSame(a: string, b: string): boolean {
    for (let i = this.#at; i < this.#at + KEY_BYTES; i += 1) if (a.charCodeAt(i) !== b.charCodeAt(i)) return false;
    return true;
  }

  /** Keys are hashes themselves: some of their bits are as good as all. */
  #hash(head: string): number {
    const at = this.#at;
    const bits = head.charCodeAt(at) | (head.charCodeAt(at + 1) << 8) | (head.charCodeAt(at + 2) << 16);
    return (bits ^ (head.charCodeAt(at + 3) << 13)) & (this.#cells.length - 1);
  }

  #grow(): void {
    const before = this.#cells;
    this.#cells = emptyCells(1 + Math.log2(before.length));
    for (const cell of before) if (cell !== undefined) this.#cells[this.#place(headIn(cell))] = cell;
  }
}

function emptyCells<T>(bits: number): Cell<T>[] {
  return new Array<Cell<T>>(1 << bits).fill(undefined);
}

function headIn<T extends Headed>(cell: T | T[]): string {
  return Array.isArray(cell) ? (cell[0] as T).head : cell.head;
}
