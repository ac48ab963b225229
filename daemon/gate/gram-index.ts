/**
 * Which texts share so many grams with this one that they may be near? All of them, and few others.
 *
 * Of the sizes of two texts follows how many grams they must share to be near. A search goes through the signatures of all texts of sizes that
 * can be near (signatures.ts), which takes some nanoseconds for each; whoever is left is judged by a pivot (pivots.ts), or compared gram by
 * gram. Texts stand in blocks, those with signatures of one length together; the newest blocks are searched first, and a search that has found
 * enough passes over those in which all is older.
 */
import { MAX_GRAMS } from './fingerprint.ts';
import { type Enlisted, GramBlock } from './gram-block.ts';
import { GramDictionary } from './gram-dictionary.ts';
import { leastShared } from './least-shared.ts';
import { AskedDistances, type PivotLimits, Pivots } from './pivots.ts';
import type { NearRules } from './policy.ts';
import { LENGTHS, lengthOf, ROOM_SLOTS, Signatures, TOO_MANY } from './signatures.ts';

/** Texts whose signatures have one length. */
interface Shelf {
  length: number;
  /** To it texts come; null until the first one. */
  open: GramBlock | null;
  full: GramBlock[];
}

/** By number of grams, how many a text must share with an asked one; and by length of signature: can any text be near? */
interface Needed {
  shared: Uint16Array;
  onShelf: boolean[];
}

/** When has a search found enough? `isEnough`: what was used at `newest` or earlier, and is not awaited, adds nothing to it. */
export interface Enough {
  isEnough(newest: number): boolean;
}

/** `both`: how many grams the text shares, of as many as it holds; or NEAR if it is known to be near. */
export type Found<T> = (text: T, both: number, size: number) => void;
export const NEAR = Number.POSITIVE_INFINITY;

export interface IndexLimits {
  /** Texts of one block, at most ROOM_SLOTS. */
  slots: number;
  pivots: PivotLimits;
}

export const INDEX_LIMITS: IndexLimits = { slots: ROOM_SLOTS, pivots: { most: 512, worthIt: 16 } };

export class GramIndex<T extends Enlisted> {
  readonly #rules: NearRules;
  readonly #slots: number;
  /** Texts of fewer grams are not near by them. */
  readonly #least: number;
  /** Both of so many grams: then sharing as many as needed is enough. */
  readonly #sureFrom: number;
  readonly #signatures = new Signatures();
  readonly #dictionary = new GramDictionary();
  readonly #pivots: Pivots;
  readonly #shelves: Shelf[] = Array.from({ length: LENGTHS + 1 }, (_, length) => ({ length, open: null, full: [] }));
  /** By the size of the asked text. */
  readonly #needed: (Needed | undefined)[] = [];
  /** For the numbers of a text. */
  readonly #numbers = new Uint32Array(MAX_GRAMS);
  /** By number of a gram: does the asked text hold it? */
  #marks: Uint8Array = new Uint8Array(1 << 10);
  /** What was asked about last: as a rule it is what comes next. */
  #asked: { grams: Int32Array; nearest: { pivot: number; distance: number } | null } | null = null;

  constructor(rules: NearRules, limits = INDEX_LIMITS) {
    this.#rules = rules;
    this.#slots = limits.slots;
    this.#pivots = new Pivots(limits.pivots);
    this.#least = Math.min(rules.min_grams, rules.min_grams_cjk, rules.min_grams_contained);
    this.#sureFrom = Math.max(rules.min_grams, rules.min_grams_cjk);
  }

  /** `from`, `last`: where its grams are among these, if they are not all. */
  add(text: T, grams: Int32Array, from = 0, last = grams.length): void {
    const block = this.#open(this.#shelfOf(last - from));
    this.#dictionary.enter(grams, from, last, this.#numbers);
    const slot = block.enlist(text, this.#numbers, last - from);
    this.#signatures.write(block.room, slot, grams, from, last);
    const nearest = this.#asked?.grams === grams ? this.#asked.nearest : null;
    block.pivots[slot] = nearest?.pivot ?? 0;
    block.distances[slot] = nearest?.distance ?? 0;
  }

  /** A block is dissolved when most of it is forgotten. */
  drop(text: T): void {
    const { block, slot } = text;
    if (!block) return;
    block.forget(slot);
    this.#signatures.erase(block.room, slot);
    const shelf = this.#shelfOf(block.sizes[slot] as number);
    if (block !== shelf.open && 2 * block.living < block.texts.length) this.#dissolve(block, shelf);
  }

  /** A text was used again, or is awaited or not any more. */
  note(text: T, newest: number, awaited: boolean): void {
    const { block } = text;
    if (block) {
      block.newest = Math.max(block.newest, newest);
      block.awaited += Number(awaited) - Number(text.awaited);
    }
    text.newest = Math.max(text.newest, newest);
    text.awaited = awaited;
  }

  /** Calls `found` for all that are near by their grams, and for few others; with `enough` for no more than are asked for. */
  search(grams: Int32Array, found: Found<T>, enough?: Enough): void {
    if (grams.length < this.#least) return;
    const needed = this.#neededBy(grams.length);
    const blocks: GramBlock[] = [];
    for (const { length, open, full } of this.#shelves) {
      if (!needed.onShelf[length]) continue;
      if (open) blocks.push(open);
      blocks.push(...full);
    }
    if (enough) blocks.sort((a, b) => b.newest - a.newest);
    this.#signatures.ask(grams, needed.shared);
    const isSureFor = grams.length >= this.#sureFrom && grams.length < MAX_GRAMS;
    const asked = new AskedGrams(grams, this.#dictionary, this.#marks);
    const distances = new AskedDistances(grams, this.#pivots);
    try {
      for (const block of blocks) {
        if (block.awaited === 0 && enough?.isEnough(block.newest)) continue;
        const { texts, sizes, pivots } = block;
        const count = this.#signatures.scan(block.room, texts.length);
        const slots = this.#signatures.found;
        // The last ones are the newest, as a rule.
        for (let i = count - 1; i >= 0; i -= 1) {
          const slot = slots[i] as number;
          const text = texts[slot] as T | null;
          if (!text || (!text.awaited && enough?.isEnough(text.newest))) continue;
          const size = sizes[slot] as number;
          const least = needed.shared[size] as number;
          const all = grams.length + size;
          // Of one that may be cut not all grams are known; for few grams, the kind of letters counts too.
          const sure = isSureFor && size >= this.#sureFrom && size < MAX_GRAMS;
          const pivot = pivots[slot] as number;
          if (pivot > 0) {
            // Shared is half of what both hold, less how far they are apart.
            const mine = distances.to(pivot);
            const other = block.distances[slot] as number;
            if (all - Math.abs(mine - other) < 2 * least) continue;
            if (sure && all - mine - other >= 2 * least) {
              found(text, NEAR, size);
              continue;
            }
          }
          const both = block.shared(slot, asked.marks(), least);
          if (both < 0) continue;
          distances.note(block, slot, all - 2 * both);
          found(text, sure ? NEAR : both, size);
        }
      }
    } finally {
      // Also when the caller throws: what is left marked would count for the next text.
      this.#marks = asked.end();
    }
    distances.learn((pivot) => this.#forget(pivot));
    this.#asked = { grams, nearest: distances.nearest };
  }

  #forget(pivot: number): void {
    for (const { open, full } of this.#shelves)
      for (const { pivots } of open ? [open, ...full] : full)
        for (let slot = 0; slot < pivots.length; slot += 1) if (pivots[slot] === pivot) pivots[slot] = 0;
    this.#asked = null;
  }

  #shelfOf(size: number): Shelf {
    return this.#shelves[lengthOf(size)] as Shelf;
  }

  /** A block with a free slot. */
  #open(shelf: Shelf): GramBlock {
    const { open, length } = shelf;
    if (open && open.texts.length < this.#slots) return open;
    const block = new GramBlock(this.#signatures.take(length), this.#dictionary);
    shelf.open = block;
    if (!open) return block;
    open.close();
    shelf.full.push(open);
    if (2 * open.living < open.texts.length) this.#dissolve(open, shelf);
    return shelf.open;
  }

  #dissolve(block: GramBlock, shelf: Shelf): void {
    shelf.full.splice(shelf.full.indexOf(block), 1);
    for (const [slot, text] of block.texts.entries()) {
      if (!text) continue;
      const open = this.#open(shelf);
      this.#signatures.copy(block.room, slot, open.room, open.takeOver(block, slot));
    }
    this.#signatures.giveBack(block.room);
  }

  #neededBy(size: number): Needed {
    let needed = this.#needed[size];
    if (!needed) {
      const shared = new Uint16Array(MAX_GRAMS + 1).fill(TOO_MANY);
      const onShelf = new Array<boolean>(LENGTHS + 1).fill(false);
      for (let other = 1; other <= MAX_GRAMS; other += 1) {
        const least = leastShared(size, other, this.#rules);
        if (least > MAX_GRAMS) continue;
        shared[other] = least;
        onShelf[lengthOf(other)] = true;
      }
      needed = { shared, onShelf };
      this.#needed[size] = needed;
    }
    return needed;
  }
}

/** The grams of the asked text, marked by their numbers once one has to be compared. */
class AskedGrams {
  readonly #grams: Int32Array;
  readonly #dictionary: GramDictionary;
  #marks: Uint8Array;
  #marked: Uint32Array | null = null;

  /** `marks`: all 0. */
  constructor(grams: Int32Array, dictionary: GramDictionary, marks: Uint8Array) {
    this.#grams = grams;
    this.#dictionary = dictionary;
    this.#marks = marks;
  }

  /** By number of a gram: does the asked text hold it? */
  marks(): Uint8Array {
    if (this.#marked) return this.#marks;
    const { limit } = this.#dictionary;
    if (this.#marks.length < limit) this.#marks = new Uint8Array(2 * limit);
    const numbers = new Uint32Array(this.#grams.length);
    this.#marked = numbers.subarray(0, this.#dictionary.find(this.#grams, numbers));
    for (const number of this.#marked) this.#marks[number] = 1;
    return this.#marks;
  }

  /** The marks, all 0 again. */
  end(): Uint8Array {
    for (const number of this.#marked ?? []) this.#marks[number] = 0;
    return this.#marks;
  }
}
