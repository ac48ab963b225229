/**
 * Which texts share so many grams with this one that they may be near? By size, in blocks.
 *
 * Of the sizes of two texts follows how many grams they must share to be near. So texts are kept by size class: a search passes over the
 * classes in which nothing can be near, and in each of the others the longest lists need not be read, since whoever is met too seldom in
 * the rest cannot be near. A class is a row of blocks: one that is open, and sealed ones. Blocks have few slots, so that counting stays in the
 * fastest memory, and sealing one is done in some milliseconds. A search that has found enough passes over blocks in which all is older.
 */
import { type Fingerprint, MAX_GRAMS } from './fingerprint.ts';
import { FoundLists } from './found-lists.ts';
import {
  type Block,
  bitsOf,
  type Enlisted,
  emptyBlock,
  FRONT_MEETINGS,
  frontOf,
  leastShared,
  place,
  sealed,
} from './gram-blocks.ts';
import type { NearRules } from './policy.ts';
import { type Lists, Postings } from './postings.ts';
import { MAX_SLOTS, SealedPostings } from './sealed-postings.ts';

interface SizeClass {
  /** Numbers of grams, both included. */
  from: number;
  to: number;
  open: Block;
  postings: Postings;
  sealed: Block[];
  /** How many grams of a text of so many belong in front. */
  frontOf: (size: number) => number;
}

interface Asked<T> {
  grams: Int32Array;
  /** By size: how many grams must be shared. `least`: the least of these in this class. */
  needed: Uint16Array;
  least: number;
  /** The fronts of texts of this class are long enough for one of so many grams. */
  fronts: boolean;
  /** All that share as many as `needed` says are near. */
  sure: boolean;
  found: Found<T>;
}

/** When has a search found enough? `isEnough`: what was used at `newest` or earlier, and is not awaited, adds nothing to it. */
export interface Enough {
  isEnough(newest: number): boolean;
}

/** `both`: how many grams the text shares, UNCOUNTED, or NEAR if it is known to be near. */
export type Found<T> = (text: T, both: number) => void;
export const UNCOUNTED = -1;
export const NEAR = Number.POSITIVE_INFINITY;

/** How many texts a block takes. */
export interface BlockSizes {
  /** An open one, and all that one is made of. At most MAX_SLOTS. */
  large: number;
  /** An open one is looked at whenever it has so many more: what is said again and again is read faster when it is sealed. */
  small: number;
}

export const BLOCK_SIZES: BlockSizes = { large: MAX_SLOTS, small: 1_024 };
/** Most texts hold so many grams of each: a campaign. */
const SAID_AGAIN = 16;
/** A candidate must be met this often beyond what the unread lists could hide: fewer candidates for a few more, but longer, lists. */
const MEETINGS = 6;
const MARK_BITS = (1 << 13) - 1;
/** So many grams are looked at between two looks at whether it is worth going on. */
const STRETCH = 16;
/** So many candidates of one block are rather counted than compared one by one. */
const MANY = 64;
/** Comparing two texts costs as much as reading this many numbers for each gram. */
const COMPARE_COST = 2;

export class GramIndex<T extends Enlisted> {
  readonly #rules: NearRules;
  readonly #blockSizes: BlockSizes;
  readonly #least: number;
  #inBulk = false;
  /** Both of so many grams: then sharing as many as needed is enough. */
  readonly #sureFrom: number;
  readonly #classes: (SizeClass | undefined)[] = [];
  /** By the size of the asked text: how many grams it must share with one of each size. */
  readonly #needed: (Uint16Array | undefined)[] = [];
  readonly #lists = new FoundLists();
  readonly #unread = new Int32Array(MAX_GRAMS);
  readonly #met = new Int16Array(MAX_SLOTS);
  /** By the last bits of a gram: does the asked text hold one like it? */
  readonly #marks = new Uint8Array(MARK_BITS + 1);
  readonly #touched = new Uint16Array(MAX_SLOTS);

  constructor(rules: NearRules, blockSizes = BLOCK_SIZES) {
    this.#rules = rules;
    this.#blockSizes = blockSizes;
    this.#least = Math.min(rules.min_grams, rules.min_grams_cjk, rules.min_grams_contained);
    this.#sureFrom = Math.max(rules.min_grams, rules.min_grams_cjk);
  }

  add(text: T): void {
    const { grams } = text.print;
    if (grams.length < this.#least) return;
    const sizeClass = this.#classOf(grams.length);
    const { open, postings } = sizeClass;
    place(text, open);
    if (!this.#inBulk) addTo(postings, text);
    const held = open.texts.length;
    const { large, small } = this.#blockSizes;
    if (held === large || (!this.#inBulk && held % small === 0 && postings.longer(held / 2) >= SAID_AGAIN))
      this.#seal(sizeClass);
  }

  /** Between these many texts come at once, and nothing is searched: most go into sealed blocks without having been in an open one. */
  beginBulk(): void {
    this.#inBulk = true;
  }

  endBulk(): void {
    this.#inBulk = false;
    for (const sizeClass of this.#classes) {
      if (!sizeClass) continue;
      const { open, postings } = sizeClass;
      // What was there before is in the lists already.
      postings.clear();
      if (open.living >= this.#blockSizes.small) this.#seal(sizeClass);
      else for (const text of open.texts) if (text) addTo(postings, text);
    }
  }

  /** Lists keep the slots of forgotten texts until most of a block is forgotten. */
  drop(text: T): void {
    const { block } = text;
    if (!block) return;
    block.texts[text.slot] = null;
    text.block = null;
    block.living -= 1;
    if (text.awaited) block.awaited -= 1;
    const sizeClass = this.#classOf(text.print.grams.length);
    const at = sizeClass.sealed.indexOf(block);
    if (at < 0) {
      if (block.living === 0) this.#reopen(sizeClass);
    } else if (block.living === 0) sizeClass.sealed.splice(at, 1);
    else if (2 * block.living < block.texts.length) {
      sizeClass.sealed.splice(at, 1, sealed([block], sizeClass.frontOf));
      this.#mergeSmall(sizeClass);
    }
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
  search({ grams }: Fingerprint, found: Found<T>, enough?: Enough): void {
    if (grams.length < this.#least) return;
    const needed = this.#neededBy(grams.length);
    for (let i = 0; i < grams.length; i += 1) this.#marks[(grams[i] as number) & MARK_BITS] = 1;
    const blocks: { block: Block; asked: Asked<T> }[] = [];
    for (const sizeClass of this.#classes) {
      if (!sizeClass) continue;
      let least = MAX_GRAMS + 1;
      for (let size = sizeClass.from; size <= sizeClass.to; size += 1)
        if ((needed[size] as number) < least) least = needed[size] as number;
      if (least > MAX_GRAMS) continue;
      const fronts = grams.length >= sizeClass.from;
      const sure = Math.min(grams.length, sizeClass.from) >= this.#sureFrom && !isCut(grams.length, sizeClass.to);
      const asked = { grams, needed, least, fronts, sure, found };
      for (const block of sizeClass.sealed) blocks.push({ block, asked });
      if (sizeClass.open.living > 0) blocks.push({ block: sizeClass.open, asked });
    }
    if (enough) blocks.sort((a, b) => b.block.newest - a.block.newest);
    for (const { block, asked } of blocks)
      if (block.awaited > 0 || !enough?.isEnough(block.newest)) this.#searchBlock(block, asked);
    for (let i = 0; i < grams.length; i += 1) this.#marks[(grams[i] as number) & MARK_BITS] = 0;
  }

  #searchBlock(block: Block, asked: Asked<T>): void {
    const { lists } = block;
    const byFronts = asked.fronts && lists instanceof SealedPostings;
    if (!byFronts || !this.#searchFronts(block, lists, asked)) this.#searchRarest(block, asked);
    this.#met.fill(0, 0, block.texts.length);
  }

  /**
   * What is near and has no more grams than the asked text has at least FRONT_MEETINGS of the asked text's grams in its front, or a short
   * front. Returns false, and leaves no trace, if they are so many that counting all is cheaper.
   */
  #searchFronts(block: Block, lists: SealedPostings, asked: Asked<T>): boolean {
    const { grams, least } = asked;
    const met = this.#met;
    const touched = this.#touched;
    const { places } = this.#lists;
    const found = this.#lists.find(lists, grams, grams.length - least);
    if (found < 0) return true;
    const common = this.#lists.sort(lists, found);
    // Of what is shared the rarest are not among the most frequent of the asked text either.
    const bound = this.#lists.boundOf(least - FRONT_MEETINGS - common).bits;
    let count = 0;
    for (let i = common; i < found; i += 1) {
      const list = places[i] as number;
      if (bitsOf(lists.cost(list)) <= bound) count = lists.meetFront(list, met, touched, count);
    }
    const { short } = lists;
    const often = Math.min(FRONT_MEETINGS, least);
    let candidates = 0;
    for (let i = 0; i < count; i += 1) {
      const slot = touched[i] as number;
      if ((met[slot] as number) < often || short.is[slot] === 1) continue;
      touched[candidates] = slot;
      candidates += 1;
    }
    if (candidates > MANY) {
      met.fill(0, 0, block.texts.length);
      return false;
    }
    this.#compare(block, candidates, asked);
    if (short.slots.length === 0 || common + short.longest < least) return true;
    // All grams of these are counted, be they in front or of those that most hold.
    for (let i = 0; i < found; i += 1) {
      const list = places[i] as number;
      if (i < common) lists.count(list, met, -1);
      else if (bitsOf(lists.cost(list)) > bound) lists.meetFront(list, met, touched, 0);
    }
    this.#judge(block, short.slots, short.slots.length, common, asked);
    return true;
  }

  /** What is near shares at least MEETINGS grams with the rarest of the asked text. */
  #searchRarest(block: Block, asked: Asked<T>): void {
    const { grams, needed, least } = asked;
    const { lists, texts } = block;
    const count = this.#lists.find(lists, grams, grams.length - least);
    if (count < 0) return;
    const { base, touched, skipped, unreadCost } = this.#readLists(lists, count, least - MEETINGS);
    const all = base + skipped >= least;
    if (all) for (let slot = 0; slot < texts.length; slot += 1) this.#touched[slot] = slot;
    const candidates = this.#keepPossible(block, all ? texts.length : touched, base + skipped, needed);
    // Many candidates are counted by reading the rest, few are compared one by one.
    if (skipped > 0 && unreadCost >= candidates * COMPARE_COST * grams.length) this.#compare(block, candidates, asked);
    else {
      for (let i = 0; i < skipped; i += 1) lists.count(this.#unread[i] as number, this.#met, 1);
      this.#judge(block, this.#touched, candidates, base, asked);
    }
  }

  /** Compares the first `count` of the touched slots. */
  #compare({ texts, sizes }: Block, count: number, { needed, found }: Asked<T>): void {
    for (let i = 0; i < count; i += 1) {
      const slot = this.#touched[i] as number;
      const text = texts[slot] as T | null;
      if (text && this.#mayShare(text.print.grams, needed[sizes[slot] as number] as number)) found(text, UNCOUNTED);
    }
  }

  /** The first `count` of these slots share `base` grams more than `#met` says. */
  #judge({ texts, sizes }: Block, slots: Uint16Array, count: number, base: number, asked: Asked<T>): void {
    const { needed, sure, found } = asked;
    const met = this.#met;
    for (let i = 0; i < count; i += 1) {
      const slot = slots[i] as number;
      const both = base + (met[slot] as number);
      if (both < (needed[sizes[slot] as number] as number)) continue;
      const text = texts[slot] as T | null;
      if (text) found(text, sure ? NEAR : both);
    }
  }

  /** Are so many of these grams among the marked ones? Some that are not look as if they were. */
  #mayShare(grams: Int32Array, least: number): boolean {
    const marks = this.#marks;
    let missing = grams.length - least;
    for (let i = 0; i < grams.length && missing >= 0; ) {
      const end = Math.min(grams.length, i + STRETCH);
      missing -= end - i;
      for (; i < end; i += 1) missing += marks[(grams[i] as number) & MARK_BITS] as number;
    }
    return missing >= 0;
  }

  /**
   * Counts in `#met` by all lists but the longest ones, which go to `#unread`. What most slots have in common is in `base`; it and the unread
   * are `most` together, or `base` alone is more.
   */
  #readLists(lists: Lists, count: number, most: number) {
    const { places } = this.#lists;
    const met = this.#met;
    const base = this.#lists.sort(lists, count);
    let { bits, room } = this.#lists.boundOf(most - base);
    const read = { base, touched: 0, skipped: 0, unreadCost: 0 };
    for (let i = base; i < count; i += 1) {
      const list = places[i] as number;
      const cost = lists.cost(list);
      const length = bitsOf(cost);
      if (length > bits || (length === bits && room > 0)) {
        if (length === bits) room -= 1;
        this.#unread[read.skipped] = list;
        read.skipped += 1;
        read.unreadCost += cost;
      } else read.touched = lists.meet(list, met, this.#touched, read.touched);
    }
    // These last: only while counts never fall does a slot at 0 mean one that was not met yet.
    for (let i = 0; i < base; i += 1) lists.count(places[i] as number, met, -1);
    return read;
  }

  /** Of the first `count` touched slots keeps those that, with so many more at the most, have what their size needs. */
  #keepPossible({ sizes }: Block, count: number, more: number, needed: Uint16Array): number {
    const touched = this.#touched;
    const met = this.#met;
    let kept = 0;
    for (let i = 0; i < count; i += 1) {
      const slot = touched[i] as number;
      if ((met[slot] as number) + more < (needed[sizes[slot] as number] as number)) continue;
      touched[kept] = slot;
      kept += 1;
    }
    return kept;
  }

  #neededBy(size: number): Uint16Array {
    let needed = this.#needed[size];
    if (!needed) {
      needed = Uint16Array.from({ length: MAX_GRAMS + 1 }, (_, other) => leastShared(size, other, this.#rules));
      this.#needed[size] = needed;
    }
    return needed;
  }

  #classOf(size: number): SizeClass {
    // A class reaches up to twice its smallest size.
    const at = bitsOf(size) - 1;
    let sizeClass = this.#classes[at];
    if (!sizeClass) {
      const from = 1 << at;
      const postings = new Postings();
      const open = emptyBlock(postings, this.#blockSizes.large);
      sizeClass = {
        from,
        to: Math.min(2 * from - 1, MAX_GRAMS),
        open,
        postings,
        sealed: [],
        frontOf: this.#frontsFrom(from),
      };
      this.#classes[at] = sizeClass;
    }
    return sizeClass;
  }

  #frontsFrom(from: number): SizeClass['frontOf'] {
    const known: number[] = [];
    return (size) => {
      const front = known[size] ?? frontOf(size, from, this.#rules);
      known[size] = front;
      return front;
    };
  }

  #seal(sizeClass: SizeClass): void {
    sizeClass.sealed.push(sealed([sizeClass.open], sizeClass.frontOf));
    this.#reopen(sizeClass);
    this.#mergeSmall(sizeClass);
  }

  #reopen(sizeClass: SizeClass): void {
    sizeClass.postings.clear();
    sizeClass.open = emptyBlock(sizeClass.postings, this.#blockSizes.large);
  }

  #mergeSmall(sizeClass: SizeClass): void {
    const { large, small } = this.#blockSizes;
    const few = sizeClass.sealed.filter(({ texts }) => texts.length <= small);
    if (few.length < large / small) return;
    sizeClass.sealed = sizeClass.sealed.filter(({ texts }) => texts.length > small);
    sizeClass.sealed.push(sealed(few, sizeClass.frontOf));
  }
}

function addTo(postings: Postings, { print, slot }: Enlisted): void {
  const { grams } = print;
  for (let i = 0; i < grams.length; i += 1) postings.add(grams[i] as number, slot);
}

/** Of one of two texts not all grams may be kept. */
function isCut(a: number, b: number): boolean {
  return a === MAX_GRAMS || b === MAX_GRAMS;
}
