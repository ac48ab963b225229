/**
 * Which texts share so many grams with this one that they may be near? By size, in blocks.
 *
 * Of the sizes of two texts follows how many grams they must share to be near. So texts are kept by size class: a search passes over the
 * classes in which nothing can be near, and in each of the others it need not read all, since whoever is met too seldom cannot be
 * near. A class is a row of blocks: one that is open, in which few texts are compared one by one, and sealed ones, of which
 * two of a size are joined, up to so many slots that counting stays in the fastest memory, and joining is done in some milliseconds. A search
 * that has found enough passes over blocks in which all is older.
 */
import { MAX_GRAMS } from './fingerprint.ts';
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
import type { OpenGrams } from './open-grams.ts';
import type { NearRules } from './policy.ts';
import { MAX_SLOTS, SealedPostings } from './sealed-postings.ts';
import { SealingRoom } from './sealing-room.ts';

type Open = Block<OpenGrams>;
type Sealed = Block<SealedPostings>;

interface SizeClass {
  /** Numbers of grams, both included. */
  from: number;
  to: number;
  /** Most texts of one block. */
  most: number;
  open: Open;
  sealed: Sealed[];
  /** How many grams of a text of so many belong in front. */
  frontOf: (size: number) => number;
}

interface Asked<T> {
  grams: Int32Array;
  /** By size: how many grams must be shared. `least`: the least of these in this class. */
  needed: Uint16Array;
  least: number;
  /** So often what is near is met in fronts. */
  meetings: number;
  /** All that share as many as `needed` says are near. */
  sure: boolean;
  found: Found<T>;
}

/** When has a search found enough? `isEnough`: what was used at `newest` or earlier, and is not awaited, adds nothing to it. */
export interface Enough {
  isEnough(newest: number): boolean;
}

/** `both`: how many grams the text shares, of as many as it holds; or NEAR if it is known to be near. */
export type Found<T> = (text: T, both: number, size: number) => void;
export const NEAR = Number.POSITIVE_INFINITY;

/** How many texts a block takes. */
export interface BlockSizes {
  /** All that one is made of; a power of two times `small`, at most MAX_SLOTS. */
  large: number;
  /** An open one. */
  small: number;
}

export const BLOCK_SIZES: BlockSizes = { large: MAX_SLOTS, small: 64 };
/** A block of texts of at least so many grams together is not made larger: sealing it would take too long. */
const MOST_GRAMS = 1 << 18;
const MARK_BITS = (1 << 13) - 1;
export class GramIndex<T extends Enlisted> {
  readonly #rules: NearRules;
  readonly #blockSizes: BlockSizes;
  /** Texts of fewer grams are not near by them. */
  readonly #least: number;
  /** While many come at once. */
  #bulk: SealingRoom | null = null;
  /** Both of so many grams: then sharing as many as needed is enough. */
  readonly #sureFrom: number;
  readonly #classes: (SizeClass | undefined)[] = [];
  /** By the size of the asked text: how many grams it must share with one of each size. */
  readonly #needed: (Uint16Array | undefined)[] = [];
  readonly #lists = new FoundLists();
  readonly #met = new Int16Array(MAX_SLOTS);
  /** By the last bits of a gram: does the asked text hold one like it? */
  readonly #marks = new Uint8Array(MARK_BITS + 1);
  /** By place in the block that is looked at: does the asked text hold this gram? */
  #heldBy = new Uint8Array(1 << 12);
  readonly #touched = new Uint16Array(MAX_SLOTS);

  constructor(rules: NearRules, blockSizes = BLOCK_SIZES) {
    this.#rules = rules;
    this.#blockSizes = blockSizes;
    this.#least = Math.min(rules.min_grams, rules.min_grams_cjk, rules.min_grams_contained);
    this.#sureFrom = Math.max(rules.min_grams, rules.min_grams_cjk);
  }

  /** `from`, `last`: where its grams are among these, if they are not all. */
  add(text: T, grams: Int32Array, from = 0, last = grams.length): void {
    const sizeClass = this.#classOf(last - from);
    place(text, sizeClass.open, grams, from, last);
    if (sizeClass.open.texts.length < (this.#bulk ? sizeClass.most : this.#blockSizes.small)) return;
    if (this.#bulk) return this.#seal(sizeClass);
    const full = sizeClass.open;
    sizeClass.open = emptyBlock();
    this.#join(sizeClass, full.living > 0 ? [full] : []);
  }

  /** Between these many texts come at once, and nothing is searched: most go into large blocks without having been in small ones. */
  beginBulk(): void {
    this.#bulk = new SealingRoom();
  }

  endBulk(): void {
    for (const sizeClass of this.#classes)
      if (sizeClass && sizeClass.open.texts.length >= this.#blockSizes.small) {
        this.#seal(sizeClass);
        this.#join(sizeClass);
      }
    this.#bulk = null;
  }

  /** Blocks keep the grams of forgotten texts until most of a block is forgotten. */
  drop(text: T): void {
    const { block } = text;
    if (!block) return;
    const sizeClass = this.#classOf(block.grams.size(text.slot));
    block.texts[text.slot] = null;
    text.block = null;
    block.living -= 1;
    if (text.awaited) block.awaited -= 1;
    if (block === sizeClass.open) {
      if (block.living === 0) sizeClass.open = emptyBlock();
      return;
    }
    const at = sizeClass.sealed.indexOf(block as Sealed);
    if (at < 0 || 2 * block.living >= block.texts.length) return;
    if (block.living === 0) sizeClass.sealed.splice(at, 1);
    else sizeClass.sealed.splice(at, 1, sealed([block], sizeClass.frontOf));
    this.#join(sizeClass);
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
    const blocks: { block: Block; asked: Asked<T> }[] = [];
    for (const sizeClass of this.#classes) {
      if (!sizeClass || sizeClass.to < this.#least) continue;
      let least = MAX_GRAMS + 1;
      for (let size = sizeClass.from; size <= sizeClass.to; size += 1)
        if ((needed[size] as number) < least) least = needed[size] as number;
      if (least > MAX_GRAMS) continue;
      const meetings = grams.length >= sizeClass.from ? FRONT_MEETINGS.usual : FRONT_MEETINGS.smaller;
      const sure = Math.min(grams.length, sizeClass.from) >= this.#sureFrom && !isCut(grams.length, sizeClass.to);
      const asked = { grams, needed, least, meetings, sure, found };
      for (const block of sizeClass.sealed) blocks.push({ block, asked });
      if (sizeClass.open.living > 0) blocks.push({ block: sizeClass.open, asked });
    }
    if (enough) blocks.sort((a, b) => b.block.newest - a.block.newest);
    for (let i = 0; i < grams.length; i += 1) this.#marks[(grams[i] as number) & MARK_BITS] = 1;
    for (const { block, asked } of blocks)
      if (block.awaited > 0 || !enough?.isEnough(block.newest)) {
        if (isSealed(block)) this.#searchSealed(block, asked);
        else this.#searchOpen(block as Open, asked);
      }
    for (let i = 0; i < grams.length; i += 1) this.#marks[(grams[i] as number) & MARK_BITS] = 0;
  }

  #searchOpen({ grams, texts }: Open, { grams: asked, needed, sure, found }: Asked<T>): void {
    for (let slot = 0; slot < texts.length; slot += 1) {
      const text = texts[slot] as T | null;
      if (!text) continue;
      const size = grams.size(slot);
      const least = needed[size] as number;
      if (least > size || !grams.mayShare(slot, this.#marks, least)) continue;
      const both = grams.shared(slot, asked);
      if (both >= least) found(text, sure ? NEAR : both, size);
    }
  }

  /**
   * What is near has at least so many of the asked text's grams in its front, or a short front. Whatever has a short front has all its grams
   * there that are not common.
   */
  #searchSealed(block: Sealed, asked: Asked<T>): void {
    const { grams, least } = asked;
    const lists = block.grams;
    const met = this.#met;
    const touched = this.#touched;
    const { places } = this.#lists;
    const found = this.#lists.find(lists, grams, grams.length - least);
    if (found < 0) return;
    const common = this.#lists.sort(lists, found);
    const often = Math.min(asked.meetings, least);
    // Of what is shared the rarest are not among the most frequent of the asked text either.
    const bound = this.#lists.boundOf(least - often - common);
    let count = 0;
    for (let i = common; i < found; i += 1) {
      const place = places[i] as number;
      if (lists.bits(place) <= bound) count = lists.meetFront(place, met, touched, count);
    }
    const { short } = lists;
    let candidates = 0;
    for (let i = 0; i < count; i += 1) {
      const slot = touched[i] as number;
      if ((met[slot] as number) < often || short.is[slot] === 1) continue;
      touched[candidates] = slot;
      candidates += 1;
    }
    this.#compare(block, found, candidates, asked);
    if (short.slots.length > 0 && common + short.longest >= least) {
      for (let i = 0; i < found; i += 1) {
        const place = places[i] as number;
        if (i < common) lists.countMissing(place, met);
        else if (lists.bits(place) > bound) lists.meetFront(place, met, touched, 0);
      }
      this.#judge(block, short.slots, short.slots.length, common, asked);
    }
    met.fill(0, 0, block.texts.length);
  }

  /** Compares the first `count` of the touched slots. Of the asked text the block knows the first `known` of the found grams. */
  #compare({ grams, texts }: Sealed, known: number, count: number, { needed, sure, found }: Asked<T>): void {
    if (count === 0) return;
    if (this.#heldBy.length < grams.different) this.#heldBy = new Uint8Array(2 * grams.different);
    const heldBy = this.#heldBy;
    const { places } = this.#lists;
    for (let i = 0; i < known; i += 1) heldBy[places[i] as number] = 1;
    for (let i = 0; i < count; i += 1) {
      const slot = this.#touched[i] as number;
      const text = texts[slot] as T | null;
      if (!text) continue;
      const size = grams.size(slot);
      const both = grams.shared(slot, heldBy, needed[size] as number);
      if (both >= 0) found(text, sure ? NEAR : both, size);
    }
    for (let i = 0; i < known; i += 1) heldBy[places[i] as number] = 0;
  }

  /** The first `count` of these slots share `base` grams more than `#met` says. */
  #judge({ grams, texts }: Sealed, slots: Uint16Array, count: number, base: number, asked: Asked<T>): void {
    const { needed, sure, found } = asked;
    const met = this.#met;
    for (let i = 0; i < count; i += 1) {
      const slot = slots[i] as number;
      const both = base + (met[slot] as number);
      const size = grams.size(slot);
      if (both < (needed[size] as number)) continue;
      const text = texts[slot] as T | null;
      if (text) found(text, sure ? NEAR : both, size);
    }
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
    const at = bitsOf(size);
    let sizeClass = this.#classes[at];
    if (!sizeClass) {
      const from = size === 0 ? 0 : 1 << (at - 1);
      let most = this.#blockSizes.large;
      while (most * from > MOST_GRAMS && most > this.#blockSizes.small) most /= 2;
      const to = Math.min(2 * from - 1, MAX_GRAMS);
      sizeClass = {
        from,
        to: Math.max(from, to),
        most,
        open: emptyBlock(),
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
    if (sizeClass.open.living > 0)
      sizeClass.sealed.push(sealed([sizeClass.open], sizeClass.frontOf, this.#bulk ?? undefined));
    sizeClass.open = emptyBlock();
  }

  /**
   * Two of a size are made one, and that with another one of its size, and so on: at once, since each text costs as much each time. `full`: an
   * open one that is to be sealed, alone or with these.
   */
  #join(sizeClass: SizeClass, full: Open[] = []): void {
    const { most, frontOf } = sizeClass;
    const blocks: Block[] = [...sizeClass.sealed, ...full];
    const joined: Block[] = [];
    let texts = 0;
    for (let size = this.#blockSizes.small; size < most; size *= 2) {
      const few = blocks.filter((block) => block.texts.length <= size && !joined.includes(block));
      const pair = few.slice(0, joined.length > 0 && texts <= size ? 1 : 2);
      if (pair.length === 0 || (joined.length === 0 && pair.length < 2) || texts + lengthOf(pair) > most) continue;
      joined.push(...pair);
      texts += lengthOf(pair);
    }
    const rest = blocks.filter((block) => !joined.includes(block));
    sizeClass.sealed = rest.map((block) => (isSealed(block) ? block : sealed([block], frontOf)));
    if (joined.length > 0) sizeClass.sealed.push(sealed(joined, frontOf));
  }
}

function lengthOf(blocks: Block[]): number {
  return blocks.reduce((sum, { texts }) => sum + texts.length, 0);
}

function isSealed(block: Block): block is Sealed {
  return block.grams instanceof SealedPostings;
}

/** Of one of two texts not all grams may be kept. */
function isCut(a: number, b: number): boolean {
  return a === MAX_GRAMS || b === MAX_GRAMS;
}
