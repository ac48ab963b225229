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
    const table = this.#table;
    const mask = table.length - 1;
    let at = (Math.imul(gram, SPREAD) >>> this.#shift) << 1;
    for (;;) {
      const number = table[at + 1] as number;
      if (number === 0) break;
      if (table[at] === gram) return number - 1;
      at = (at + 2) & mask;
    }
    this.#count += 1;
    table[at] = gram;
    table[at + 1] = this.#count;
    if (4 * this.#count > table.length) this.#grow();
    return this.#count - 1;
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
