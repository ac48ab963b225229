/**
 * Numbers grams, so that texts can be kept as small numbers: the more often a gram is met, the earlier it got its number, as a rule. A gram that
 * no text holds any more loses its number, which goes to another one.
 */

const FIRST_BITS = 10;
/** What was in so many texts at once keeps its number for good. */
const ALWAYS = 0xffff;
const SPREAD = 0x9e3779b1;

export class GramDictionary {
  /** A gram and its number plus one (0: nothing here), side by side; a gram stands where its bits say, or soon after. */
  #table = new Int32Array(2 << FIRST_BITS);
  #shift = 32 - FIRST_BITS;
  /** By number: the gram, and how many texts hold it. */
  #grams = new Int32Array(1 << FIRST_BITS);
  #uses = new Uint16Array(1 << FIRST_BITS);
  #count = 0;
  readonly #free: number[] = [];

  /** All numbers are below this. */
  get limit(): number {
    return this.#count;
  }

  gram(number: number): number {
    return this.#grams[number] as number;
  }

  /** Writes the numbers of these grams into `numbers`, those that are known; returns how many these are. */
  find(grams: Int32Array, numbers: Uint32Array): number {
    const table = this.#table;
    const mask = table.length - 1;
    const shift = this.#shift;
    let known = 0;
    for (let i = 0; i < grams.length; i += 1) {
      const gram = grams[i] as number;
      let at = (Math.imul(gram, SPREAD) >>> shift) << 1;
      while (table[at + 1] !== 0 && table[at] !== gram) at = (at + 2) & mask;
      if (table[at + 1] === 0) continue;
      numbers[known] = (table[at + 1] as number) - 1;
      known += 1;
    }
    return known;
  }

  /** A text holds the grams from there to before `last`: their numbers are written into `numbers`, from 0 on. */
  enter(grams: Int32Array, from: number, last: number, numbers: Uint32Array): void {
    // Half of the table stays empty.
    while (4 * (this.#count - this.#free.length + last - from) > this.#table.length) this.#grow();
    const table = this.#table;
    const mask = table.length - 1;
    const shift = this.#shift;
    for (let i = from; i < last; i += 1) {
      const gram = grams[i] as number;
      let at = (Math.imul(gram, SPREAD) >>> shift) << 1;
      while (table[at + 1] !== 0 && table[at] !== gram) at = (at + 2) & mask;
      if (table[at + 1] === 0) {
        table[at] = gram;
        table[at + 1] = this.#number(gram) + 1;
      }
      const number = (table[at + 1] as number) - 1;
      const uses = this.#uses[number] as number;
      if (uses < ALWAYS) this.#uses[number] = uses + 1;
      numbers[i - from] = number;
    }
  }

  /** One text less holds it. */
  leave(number: number): void {
    const uses = this.#uses[number] as number;
    if (uses === ALWAYS) return;
    this.#uses[number] = uses - 1;
    if (uses > 1) return;
    this.#take(this.#grams[number] as number);
    this.#free.push(number);
  }

  #number(gram: number): number {
    let number = this.#free.pop();
    if (number === undefined) {
      number = this.#count;
      this.#count += 1;
      if (number === this.#grams.length) {
        this.#grams = grown(this.#grams, new Int32Array(2 * number));
        this.#uses = grown(this.#uses, new Uint16Array(2 * number));
      }
    }
    this.#grams[number] = gram;
    return number;
  }

  /** Whatever stands behind only because this place was taken moves up. */
  #take(gram: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let hole = this.#home(gram);
    while (table[hole] !== gram || table[hole + 1] === 0) hole = (hole + 2) & mask;
    for (let at = (hole + 2) & mask; table[at + 1] !== 0; at = (at + 2) & mask) {
      const home = this.#home(table[at] as number);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      table[hole] = table[at] as number;
      table[hole + 1] = table[at + 1] as number;
      hole = at;
    }
    table[hole + 1] = 0;
  }

  #home(gram: number): number {
    return (Math.imul(gram, SPREAD) >>> this.#shift) << 1;
  }

  #grow(): void {
    const before = this.#table;
    this.#table = new Int32Array(2 * before.length);
    this.#shift -= 1;
    const table = this.#table;
    const mask = table.length - 1;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from + 1] === 0) continue;
      let at = this.#home(before[from] as number);
      while (table[at + 1] !== 0) at = (at + 2) & mask;
      table[at] = before[from] as number;
      table[at + 1] = before[from + 1] as number;
    }
  }
}

function grown<A extends Int32Array | Uint16Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
