/**
 * Which of the known texts are near this one? Exact: what it finds is what comparing with every text would find.
 *
 * Grams lead to the texts that may be near by their grams (gram-index.ts). Keys lead to the same texts, and short texts with a mask are
 * compared word by word with those of nearly as many words.
 *
 * The caller owes: `drop` for every `keep`.
 */
import type { Fingerprint } from './fingerprint.ts';
import { type Enlisted, type GramBlock, NEVER } from './gram-block.ts';
import { type Enough, GramIndex, type IndexLimits, NEAR } from './gram-index.ts';
import { KeyTable } from './key-table.ts';
import { likeness, nearByGrams } from './near.ts';
import type { NearRules } from './policy.ts';
import {
  attachmentsOf,
  EXACT_AT,
  hasVariables,
  headLength,
  headOf,
  isCjkPrint,
  isTruncated,
  printOf,
  tokenCount,
  VARIABLES_AT,
} from './print-head.ts';

/** So many fingerprints that were asked for last are there as a whole. */
const WHOLE = 64;

/** Stored fingerprints, one after the other, each at a multiple of four. */
export interface Stored {
  bytes: Buffer;
  grams: Int32Array;
}

/** Looks at all that a search finds, as it finds it, and says when that is enough. */
export interface Search<T> extends Enough {
  takes(text: KnownText<T>): void;
}

/** A text that somebody refers to. Equal texts are one. `T` is what the caller hangs on it. */
export class KnownText<T> implements Enlisted {
  readonly load: T;
  /** All of its fingerprint but the grams (print-head.ts). */
  readonly head: string;
  block: GramBlock | null = null;
  slot = -1;
  newest = NEVER;
  awaited = false;
  /** The last search that judged it. */
  search = 0;
  /** The whole of it, while it was asked for lately, or once it stands in no block. */
  whole: Fingerprint | null = null;
  readonly #lately: Lately;

  constructor(load: T, head: string, lately: Lately) {
    this.load = load;
    this.head = head;
    this.#lately = lately;
  }

  /** The same object again while it is asked for again and again. */
  get print(): Fingerprint {
    if (this.whole) return this.whole;
    const print = printOf(this.head, this.block?.grams(this.slot) ?? new Int32Array(0));
    this.#lately.note(this, print);
    return print;
  }
}

/** Fingerprints that were asked for last. */
class Lately {
  readonly #texts: (KnownText<unknown> | undefined)[] = [];
  #at = 0;

  note(text: KnownText<unknown>, print: Fingerprint): void {
    const before = this.#texts[this.#at];
    if (before?.block) before.whole = null;
    this.#texts[this.#at] = text;
    this.#at = (this.#at + 1) % WHOLE;
    text.whole = print;
  }
}

export class NearIndex<T> {
  readonly #rules: NearRules;
  readonly #makeLoad: () => T;
  readonly #exact = new KeyTable<KnownText<T>>(EXACT_AT);
  readonly #variables = new KeyTable<KnownText<T>>(VARIABLES_AT);
  readonly #attachments = new Map<string, KnownText<T>[]>();
  #size = 0;
  /** By number of words: short texts with a mask, and the others with one. */
  readonly #words = new Map<number, { short: Set<KnownText<T>>; long: Set<KnownText<T>> }>();
  readonly #grams: GramIndex<KnownText<T>>;
  readonly #lately = new Lately();
  /** As a rule it is asked about several times in a row. */
  #headed: { print: Fingerprint; head: string } | null = null;
  #generation = 0;
  #searches = 0;

  constructor(rules: NearRules, makeLoad: () => T, limits?: IndexLimits) {
    this.#rules = rules;
    this.#makeLoad = makeLoad;
    this.#grams = new GramIndex(rules, limits);
  }

  get size(): number {
    return this.#size;
  }

  /** Grows whenever the answer to `near` may have changed. */
  get generation(): number {
    return this.#generation;
  }

  find(print: Fingerprint): KnownText<T> | undefined {
    return this.#find(this.#headOf(print), print.grams, 0, print.grams.length);
  }

  /** The known text with this fingerprint, made if it is new. */
  keep(print: Fingerprint): KnownText<T> {
    const head = this.#headOf(print);
    const known = this.#find(head, print.grams, 0, print.grams.length);
    if (known) return known;
    const text = this.#add(head, print.grams);
    this.#lately.note(text, print);
    return text;
  }

  /**
   * As `keep`, of a fingerprint as it is stored (from there to before `last`); null if that is of another version. `grams`: the same bytes as
   * numbers.
   */
  keepStored({ bytes, grams }: Stored, from: number, last: number): KnownText<T> | null {
    const length = headLength(bytes, from, last);
    if (length < 0) return null;
    const head = bytes.toString('latin1', from, from + length);
    const first = (from + length) >> 2;
    return this.#find(head, grams, first, last >> 2) ?? this.#add(head, grams, first, last >> 2);
  }

  #headOf(print: Fingerprint): string {
    if (this.#headed?.print !== print) this.#headed = { print, head: headOf(print) };
    return this.#headed.head;
  }

  #find(head: string, grams: Int32Array, from: number, last: number): KnownText<T> | undefined {
    const holds = ({ whole, block, slot }: KnownText<T>) =>
      (whole?.grams === grams && from === 0 && last === grams.length) || block?.holds(slot, grams, from, last);
    return this.#exact.get(head).find((text) => text.head === head && holds(text));
  }

  /** `from`, `last`: where its grams are among these, if they are not all. */
  #add(head: string, grams: Int32Array, from = 0, last = grams.length): KnownText<T> {
    const text = new KnownText(this.#makeLoad(), head, this.#lately);
    this.#generation += 1;
    this.#size += 1;
    this.#exact.put(text);
    if (hasVariables(head)) this.#variables.put(text);
    for (const key of attachmentsOf(head)) {
      const texts = this.#attachments.get(key);
      if (texts) texts.push(text);
      else this.#attachments.set(key, [text]);
    }
    this.#wordsOf(head, last - from)?.add(text);
    this.#grams.add(text, grams, from, last);
    return text;
  }

  /** Forgets a text that nobody refers to any more. Its fingerprint stays with it. */
  drop(text: KnownText<T>): void {
    const { head, block, slot } = text;
    if (!block) return;
    text.whole = text.print;
    this.#generation += 1;
    this.#size -= 1;
    this.#exact.take(text);
    if (hasVariables(head)) this.#variables.take(text);
    for (const key of attachmentsOf(head)) {
      const left = (this.#attachments.get(key) ?? []).filter((other) => other !== text);
      if (left.length > 0) this.#attachments.set(key, left);
      else this.#attachments.delete(key);
    }
    this.#wordsOf(head, block.sizes[slot] as number)?.delete(text);
    this.#grams.drop(text);
  }

  /** A text was used at `newest` (any clock that does not go back); an awaited one is found by every search. */
  note(text: KnownText<T>, newest: number, awaited: boolean): void {
    if ((newest > text.newest || awaited) && !text.awaited) this.#generation += 1;
    this.#grams.note(text, newest, awaited);
  }

  /** All known texts near this one, itself included if it is known. With `search` the awaited ones, and the newest until that has enough. */
  near(print: Fingerprint, search?: Search<T>): KnownText<T>[] {
    const found: KnownText<T>[] = [];
    const take = (text: KnownText<T>) => {
      found.push(text);
      search?.takes(text);
    };
    const rules = this.#rules;
    this.#searches += 1;
    const number = this.#searches;
    let judged = false;
    const judge = (text: KnownText<T>) => {
      if (text.search === number) return;
      text.search = number;
      judged = true;
      if (likeness(print, text.print, rules).verdict !== 'apart') take(text);
    };
    const head = this.#headOf(print);
    for (const texts of this.#withKeyOf(head))
      for (const text of texts) {
        // A key in common is near by itself: of a campaign there may be very many.
        if (text.search === number) continue;
        text.search = number;
        judged = true;
        take(text);
      }
    this.#shortCandidates(print, judge);
    const asked = { size: print.grams.length, cjk: print.cjk };
    const foundByGrams = (text: KnownText<T>, both: number, size: number) => {
      if (judged && text.search === number) return;
      if (both === NEAR) take(text);
      else if (print.truncated || isTruncated(text.head)) judge(text);
      else if (nearByGrams(asked, { size, cjk: isCjkPrint(text.head) }, both, rules)) take(text);
    };
    this.#grams.search(print.grams, foundByGrams, search);
    return found;
  }

  #withKeyOf(head: string): (readonly KnownText<T>[])[] {
    const found = [this.#exact.get(head)];
    if (hasVariables(head)) found.push(this.#variables.get(head));
    for (const key of attachmentsOf(head)) found.push(this.#attachments.get(key) ?? []);
    return found;
  }

  #shortCandidates(print: Fingerprint, judge: (text: KnownText<T>) => void): void {
    if (print.tokens === null) return;
    const short = print.grams.length < this.#rules.min_grams;
    for (let count = print.tokens.length - 1; count <= print.tokens.length + 1; count += 1) {
      const words = this.#words.get(count);
      if (!words) continue;
      for (const text of words.short) judge(text);
      if (short) for (const text of words.long) judge(text);
    }
  }

  #wordsOf(head: string, grams: number): Set<KnownText<T>> | null {
    const tokens = tokenCount(head);
    if (tokens < 0) return null;
    let words = this.#words.get(tokens);
    if (!words) {
      words = { short: new Set(), long: new Set() };
      this.#words.set(tokens, words);
    }
    return grams < this.#rules.min_grams ? words.short : words.long;
  }
}
