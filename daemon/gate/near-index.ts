/**
 * Which of the known texts are near this one? Exact: what it finds is what comparing with every text would find.
 *
 * Grams lead to the texts that may be near by their grams (gram-index.ts). Keys lead to the same texts, and short texts with a mask are
 * compared word by word with those of nearly as many words.
 *
 * The caller owes: `drop` for every `keep`.
 */
import { type Fingerprint, isSame } from './fingerprint.ts';
import { type Enlisted, NEVER } from './gram-blocks.ts';
import { type BlockSizes, type Enough, GramIndex, NEAR, UNCOUNTED } from './gram-index.ts';
import { likeness, nearByGrams, sharedCount } from './near.ts';
import type { NearRules } from './policy.ts';

/** A text that somebody refers to. Equal texts are one. `T` is what the caller hangs on it. */
export interface KnownText<T> extends Enlisted {
  readonly load: T;
  /** The last search that judged it. */
  search: number;
}

/** Looks at all that a search finds, as it finds it, and says when that is enough. */
export interface Search<T> extends Enough {
  takes(text: KnownText<T>): void;
}

export class NearIndex<T> {
  readonly #rules: NearRules;
  readonly #makeLoad: () => T;
  /** By both keys of a text, which are one as a rule; nearly always a key leads to one text. */
  readonly #keys = new Map<string, KnownText<T> | KnownText<T>[]>();
  #size = 0;
  /** By number of words: short texts with a mask, and the others with one. */
  readonly #words = new Map<number, { short: Set<KnownText<T>>; long: Set<KnownText<T>> }>();
  readonly #grams: GramIndex<KnownText<T>>;
  #generation = 0;
  #searches = 0;

  constructor(rules: NearRules, makeLoad: () => T, blockSizes?: BlockSizes) {
    this.#rules = rules;
    this.#makeLoad = makeLoad;
    this.#grams = new GramIndex(rules, blockSizes);
  }

  get size(): number {
    return this.#size;
  }

  /** Grows whenever the answer to `near` may have changed. */
  get generation(): number {
    return this.#generation;
  }

  find(print: Fingerprint): KnownText<T> | undefined {
    return this.#withKey(print.exact).find((text) => isSame(text.print, print));
  }

  /** The known text with this fingerprint, made if it is new. */
  keep(print: Fingerprint): KnownText<T> {
    const known = this.find(print);
    if (known) return known;
    const text: KnownText<T> = {
      print,
      load: this.#makeLoad(),
      block: null,
      slot: -1,
      newest: NEVER,
      awaited: false,
      search: 0,
    };
    this.#generation += 1;
    this.#size += 1;
    for (const key of keysOf(print)) put(this.#keys, key, text);
    this.#wordsOf(print)?.add(text);
    this.#grams.add(text);
    return text;
  }

  /** For many at once, as at start: `work` may keep and drop, but not search. */
  inBulk(work: () => void): void {
    this.#grams.beginBulk();
    try {
      work();
    } finally {
      this.#grams.endBulk();
    }
  }

  /** Forgets a text that nobody refers to any more. */
  drop(text: KnownText<T>): void {
    if (this.find(text.print) !== text) return;
    this.#generation += 1;
    this.#size -= 1;
    for (const key of keysOf(text.print)) take(this.#keys, key, text);
    this.#wordsOf(text.print)?.delete(text);
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
    for (const key of keysOf(print))
      for (const text of this.#withKey(key)) {
        // A key in common is near by itself: of a campaign there may be very many.
        if (text.search === number) continue;
        text.search = number;
        judged = true;
        take(text);
      }
    this.#shortCandidates(print, judge);
    const foundByGrams = (text: KnownText<T>, counted: number) => {
      if (judged && text.search === number) return;
      if (counted === NEAR) take(text);
      else if (print.truncated || text.print.truncated) judge(text);
      else {
        const both = counted === UNCOUNTED ? sharedCount(print.grams, text.print.grams) : counted;
        if (nearByGrams(print, text.print, both, rules)) take(text);
      }
    };
    this.#grams.search(print, foundByGrams, search);
    return found;
  }

  #withKey(key: string): KnownText<T>[] {
    const held = this.#keys.get(key);
    if (held === undefined) return [];
    return Array.isArray(held) ? held : [held];
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
}

function keysOf({ exact, variables, attachments }: Fingerprint): string[] {
  const keys = variables === null ? [exact] : [exact, variables];
  return attachments === null ? keys : [...keys, ...attachments];
}

function put<T>(map: Map<string, T | T[]>, key: string, value: T): void {
  const held = map.get(key);
  if (held === undefined) map.set(key, value);
  else if (Array.isArray(held)) held.push(value);
  else map.set(key, [held, value]);
}

function take<T>(map: Map<string, T | T[]>, key: string, value: T): void {
  const held = map.get(key);
  const left = Array.isArray(held) ? held.filter((other) => other !== value) : [];
  if (left.length > 0) map.set(key, left);
  else map.delete(key);
}
