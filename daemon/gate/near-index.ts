/**
 * Which of the known texts are near this one? Exact: what it finds is what comparing with every text would find.
 *
 * Grams lead to the texts that hold them. A near text shares at least `share` of the asked text's grams, so the longest lists need not be
 * read; whoever is met too seldom in the others cannot be near, and the rest is compared in full. Keys lead to the same texts, and short
 * texts with a mask are compared word by word with those of nearly as many words.
 *
 * The caller owes: `drop` for every `keep`.
 */
import { type Fingerprint, MAX_GRAMS, nameOf } from './fingerprint.ts';
import { type Likeness, likeness } from './near.ts';
import type { NearRules } from './policy.ts';
import { Postings } from './postings.ts';

/** A text that somebody refers to. Equal texts are one. `T` is what the caller hangs on it. */
export interface KnownText<T> {
  readonly print: Fingerprint;
  readonly name: string;
  readonly load: T;
  slot: number;
  /** The last search that judged it. */
  search: number;
}

export interface NearText<T> {
  text: KnownText<T>;
  likeness: Likeness;
}

/** A candidate must be met this often beyond what the unread lists could hide: fewer candidates for a few more, but longer, lists. */
const MEETINGS = 6;
/** Lists up to this long are read anyway. */
const SHORT_LIST = 32;

export class NearIndex<T> {
  readonly #rules: NearRules;
  readonly #makeLoad: () => T;
  readonly #share: number;
  readonly #names = new Map<string, KnownText<T>>();
  readonly #exact = new Map<string, KnownText<T>[]>();
  readonly #variables = new Map<string, KnownText<T>[]>();
  /** By number of words: short texts with a mask, and the others with one. */
  readonly #words = new Map<number, { short: Set<KnownText<T>>; long: Set<KnownText<T>> }>();
  #slots: (KnownText<T> | null)[] = [];
  #lists = new Postings();
  #met = new Uint16Array(1024);
  #touched = new Uint32Array(1024);
  /** Grams by slot. */
  #sizes = new Uint16Array(1024);
  #dead = 0;
  #generation = 0;
  #searches = 0;
  readonly #places = new Int32Array(MAX_GRAMS);
  readonly #lengths = new Uint32Array(MAX_GRAMS);

  constructor(rules: NearRules, makeLoad: () => T) {
    this.#rules = rules;
    this.#makeLoad = makeLoad;
    // Of Jaccard ≥ j follows |A∩B| ≥ j·|A|; of containment ≥ c with sizes ≥ r apart, |A∩B| ≥ c·r·|A|.
    this.#share = Math.min(rules.jaccard, rules.containment * Math.min(1, rules.contained_size));
  }

  get size(): number {
    return this.#names.size;
  }

  /** Grows whenever the answer to `near` may have changed. */
  get generation(): number {
    return this.#generation;
  }

  find(print: Fingerprint): KnownText<T> | undefined {
    return this.#names.get(nameOf(print));
  }

  /** The known text with this fingerprint, made if it is new. */
  keep(print: Fingerprint): KnownText<T> {
    const name = nameOf(print);
    const known = this.#names.get(name);
    if (known) return known;
    const text: KnownText<T> = { print, name, load: this.#makeLoad(), slot: this.#slots.length, search: 0 };
    this.#generation += 1;
    this.#names.set(name, text);
    this.#slots.push(text);
    if (this.#slots.length > this.#met.length) {
      this.#met = new Uint16Array(2 * this.#met.length);
      this.#touched = new Uint32Array(this.#met.length);
      const sizes = new Uint16Array(this.#met.length);
      sizes.set(this.#sizes);
      this.#sizes = sizes;
    }
    put(this.#exact, print.exact, text);
    if (print.variables !== null) put(this.#variables, print.variables, text);
    this.#wordsOf(print)?.add(text);
    this.#enlist(text);
    return text;
  }

  /** Forgets a text that nobody refers to any more. */
  drop(text: KnownText<T>): void {
    if (this.#slots[text.slot] !== text) return;
    this.#generation += 1;
    this.#slots[text.slot] = null;
    this.#names.delete(text.name);
    take(this.#exact, text.print.exact, text);
    if (text.print.variables !== null) take(this.#variables, text.print.variables, text);
    this.#wordsOf(text.print)?.delete(text);
    this.#dead += 1;
    if (this.#dead > 256 && this.#dead > this.#names.size) this.#rebuild();
  }

  /** All known texts near this one, itself included if it is known. */
  near(print: Fingerprint): NearText<T>[] {
    const found: NearText<T>[] = [];
    this.#searches += 1;
    const search = this.#searches;
    const judge = (text: KnownText<T>) => {
      if (text.search === search) return;
      text.search = search;
      const alike = likeness(print, text.print, this.#rules);
      if (alike.verdict !== 'apart') found.push({ text, likeness: alike });
    };
    for (const text of this.#exact.get(print.exact) ?? []) judge(text);
    if (print.variables !== null) for (const text of this.#variables.get(print.variables) ?? []) judge(text);
    this.#shortCandidates(print, judge);
    this.#gramCandidates(print.grams, judge);
    return found;
  }

  #gramCandidates(grams: Int32Array, judge: (text: KnownText<T>) => void): void {
    const least = Math.min(this.#rules.min_grams, this.#rules.min_grams_cjk);
    if (grams.length < least) return;
    const lists = this.#lists;
    const places = this.#places;
    let count = 0;
    for (let i = 0; i < grams.length; i += 1) {
      const place = lists.find(grams[i] as number);
      if (place < 0) continue;
      places[count] = place;
      count += 1;
    }
    const shared = Math.ceil(this.#share * grams.length - 1e-9);
    if (count < shared) return;
    const skip = Math.max(0, Math.min(count, shared - MEETINGS));
    const bound = skip > 0 ? this.#lengthOfLongest(count, skip) : Number.POSITIVE_INFINITY;
    let skipped = 0;
    let touched = 0;
    const met = this.#met;
    const slots = this.#touched;
    for (let i = 0; i < count; i += 1) {
      const place = places[i] as number;
      const length = lists.length(place);
      if (length >= bound && skipped < skip && length > SHORT_LIST) skipped += 1;
      else touched = lists.meet(place, met, slots, touched);
    }
    for (let i = 0; i < touched; i += 1) {
      const slot = slots[i] as number;
      const most = (met[slot] as number) + skipped;
      met[slot] = 0;
      if (most < shared || most < this.#leastShared(grams.length, this.#sizes[slot] as number)) continue;
      const text = this.#slots[slot];
      if (text) judge(text);
    }
  }

  /** Texts of so many grams that share fewer than this are not near by their grams. */
  #leastShared(a: number, b: number): number {
    const { jaccard, containment, contained_size } = this.#rules;
    if (a === MAX_GRAMS || b === MAX_GRAMS) return Math.ceil(this.#share * Math.min(a, b) - 1e-9);
    const byJaccard = ((a + b) * jaccard) / (1 + jaccard);
    const smaller = Math.min(a, b);
    const byContainment = smaller >= contained_size * Math.max(a, b) ? containment * smaller : byJaccard;
    return Math.ceil(Math.min(byJaccard, byContainment) - 1e-9);
  }

  /** The length from which on the `longest` longest of the `count` lists begin. */
  #lengthOfLongest(count: number, longest: number): number {
    for (let i = 0; i < count; i += 1) this.#lengths[i] = this.#lists.length(this.#places[i] as number);
    return this.#lengths.subarray(0, count).sort()[count - longest] ?? 0;
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

  #wordsOf(print: Fingerprint): Set<KnownText<T>> | null {
    if (print.tokens === null) return null;
    let words = this.#words.get(print.tokens.length);
    if (!words) {
      words = { short: new Set(), long: new Set() };
      this.#words.set(print.tokens.length, words);
    }
    return print.grams.length < this.#rules.min_grams ? words.short : words.long;
  }

  #enlist(text: KnownText<T>): void {
    this.#sizes[text.slot] = text.print.grams.length;
    const { grams } = text.print;
    for (let i = 0; i < grams.length; i += 1) this.#lists.add(grams[i] as number, text.slot);
  }

  /** Lists keep the slots of forgotten texts until there are more of these than of the living. */
  #rebuild(): void {
    const living = this.#slots.filter((text) => text !== null);
    this.#slots = living;
    this.#lists = new Postings();
    this.#dead = 0;
    living.forEach((text, slot) => {
      text.slot = slot;
      this.#enlist(text);
    });
  }
}

function put<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function take<T>(map: Map<string, T[]>, key: string, value: T): void {
  const left = (map.get(key) ?? []).filter((other) => other !== value);
  if (left.length > 0) map.set(key, left);
  else map.delete(key);
}
