/** Numbers different grams as they come, from 0 on: a hash table in one flat array. For the time in which a block is made. */

const FIRST_BITS = 12;
const SPREAD = 0x9e3779b1;

export class GramNumbers {
  /** A gram and its number plus one (0: nothing here), side by side. */
  #table = new Int32Array(2 << FIRST_BITS);
  #shift = 32 - FIRST_BITS;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  of(gram: number): number {
    this.#reserve(1);
    const table = this.#table;
    const mask = table.length - 1;
    let at = (Math.imul(gram, SPREAD) >>> this.#shift) << 1;
    while (table[at + 1] !== 0 && table[at] !== gram) at = (at + 2) & mask;
    if (table[at + 1] === 0) {
      this.#count += 1;
      table[at] = gram;
      table[at + 1] = this.#count;
    }
    return (table[at + 1] as number) - 1;
  }

  /** Writes the numbers of the grams from there to before `last` into `into`, from `to` on. */
  ofAll(grams: Int32Array, from: number, last: number, into: Uint32Array, to: number): void {
    this.#reserve(last - from);
    const table = this.#table;
    const mask = table.length - 1;
    const shift = this.#shift;
    let count = this.#count;
    for (let i = from; i < last; i += 1) {
      const gram = grams[i] as number;
      let at = (Math.imul(gram, SPREAD) >>> shift) << 1;
      let number = table[at + 1] as number;
      while (number !== 0 && table[at] !== gram) {
        at = (at + 2) & mask;
        number = table[at + 1] as number;
      }
      if (number === 0) {
        count += 1;
        number = count;
        table[at] = gram;
        table[at + 1] = number;
      }
      into[to + i - from] = number - 1;
    }
    this.#count = count;
  }

  /** Half of the table stays empty. */
  #reserve(more: number): void {
    while (4 * (this.#count + more) > this.#table.length) this.#grow();
  }

  /** All grams in their order, and by number which one each is there. */
  sorted(): { grams: Int32Array; ranks: Uint32Array } {
    const grams = new Int32Array(this.#count);
    const table = this.#table;
    let end = 0;
    for (let at = 0; at < table.length; at += 2)
      if (table[at + 1] !== 0) {
        grams[end] = table[at] as number;
        end += 1;
      }
    grams.sort();
    const ranks = new Uint32Array(this.#count);
    for (let i = 0; i < grams.length; i += 1) ranks[this.of(grams[i] as number)] = i;
    return { grams, ranks };
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(2 * before.length);
    this.#shift -= 1;
    const table = this.#table;
    const mask = table.length - 1;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from + 1] === 0) continue;
      let at = (Math.imul(before[from] as number, SPREAD) >>> this.#shift) << 1;
      while (table[at + 1] !== 0) at = (at + 2) & mask;
      table[at] = before[from] as number;
      table[at + 1] = before[from + 1] as number;
    }
  }
}
