/**
 * The fingerprint of a text: all that the gate keeps of it. Keyed, so that nobody without this installation's key can try texts out on it.
 *
 * `grams`: the 4-grams of the canonical text with one space at each end, 2-grams where two CJK letters stand together, as keyed 32-bit
 * hashes, sorted; beyond 512 the 512 smallest. Exact-match keys are 128 bits of an HMAC. About 700 bytes for a text of 160 letters.
 */

import {
  CANONICAL_VERSION,
  canonical,
  holdsMask,
  isCjk,
  letterCount,
  lettersOf,
  tokensOf,
  unmasked,
  variablesMasked,
} from './canonical.ts';
import { KeyedHash } from './keyed-hash.ts';

export const MAX_GRAMS = 512;
/** Texts of more words than this are not compared word by word. */
export const MAX_TOKENS = 32;
/** No policy takes texts of so many grams for short ones (`near.min_grams`). */
export const LONGEST_SHORT = 24;
/** A mask, with spaces beside it or none, is part of so many grams; so are both ends of a text. A changed word is of so many beside its letters. */
const AROUND_MASK = 6;
const AROUND_ENDS = 6;
const AROUND_WORD = 5;
/** More attachments of one message than this are not looked at. */
export const MAX_ATTACHMENTS = 32;

export interface Fingerprint {
  /** Equal for texts that are the same. */
  exact: string;
  /** Equal for texts of the same letters, their variables, numbers, signs and spaces left out; null with too few letters. */
  variables: string | null;
  grams: Int32Array;
  /** There were more grams than are kept. */
  truncated: boolean;
  /** More than half of its letters are CJK. */
  cjk: boolean;
  /** Keyed hashes of words and masks in their order; null without a mask, with too many, or where no short text can hold nearly the same. */
  tokens: Int32Array | null;
  /** Keys of its attachments, sorted, each once; null without any. */
  attachments: string[] | null;
}

export interface LetterMinima {
  /** From here on equal canonical texts are the same. */
  same: number;
  variables: number;
}

export class FingerprintMaker {
  readonly #hmac: KeyedHash;
  readonly #factors: Int32Array;
  readonly #minima: LetterMinima;
  #codes = new Int32Array(1024);
  #found = new Int32Array(1024);
  #last: { text: string; more: string; print: Fingerprint } | null = null;

  /** `key`: 32 random bytes. */
  constructor(key: Uint8Array, minima: LetterMinima) {
    this.#hmac = new KeyedHash(key);
    this.#minima = minima;
    const bytes = Buffer.from(this.#hmac.of('grams', 32), 'latin1');
    this.#factors = Int32Array.from({ length: 8 }, (_, i) => bytes.readInt32LE(4 * i) | (i > 0 ? 1 : 0));
  }

  /**
   * The same text with the same variables, asked twice in a row, costs nothing: a request and its messages share it. `attachments`: SHA-256
   * of the bytes of each, in any form that is the same for the same bytes; without those of vCards, which everybody gets.
   */
  make(text: string, variables: readonly string[] = [], attachments: readonly string[] = []): Fingerprint {
    const more = variables.length + attachments.length === 0 ? '' : JSON.stringify([variables, attachments]);
    if (this.#last?.text === text && this.#last.more === more) return this.#last.print;
    const print = this.#make(text, canonical(text), variables, attachments);
    this.#last = { text, more, print };
    return print;
  }

  #make(text: string, shape: string, variables: readonly string[], attachments: readonly string[]): Fingerprint {
    const letters = letterCount(shape);
    const keys = [...new Set(attachments)].slice(0, MAX_ATTACHMENTS).map((hash) => this.#mac(`a:${hash}`));
    keys.sort();
    const general = variables.length > 0 ? variablesMasked(shape, variables) : shape;
    const generalLetters = general === shape ? letters : letterCount(general);
    const grams = this.#gramsOf(shape);
    return {
      exact: this.#exact(text, shape, letters, keys),
      variables: generalLetters >= this.#minima.variables ? this.#mac(`l:${lettersOf(general)}`) : null,
      ...grams,
      tokens: this.#tokensOf(shape, grams.grams.length),
      attachments: keys.length > 0 ? keys : null,
    };
  }

  #exact(text: string, shape: string, letters: number, attachments: string[]): string {
    if (letters >= this.#minima.same) return this.#mac(`c:${shape}`);
    const little = unmasked(text);
    // With nothing written, two messages are the same only by what is attached.
    return this.#mac(little === '' ? `a:${attachments.join('')}` : `u:${little}`);
  }

  #mac(text: string): string {
    return this.#hmac.of(`${CANONICAL_VERSION}${text}`, 16);
  }

  #gramsOf(shape: string): Pick<Fingerprint, 'grams' | 'truncated' | 'cjk'> {
    if (shape === '') return { grams: new Int32Array(0), truncated: false, cjk: false };
    if (this.#codes.length < shape.length + 2) {
      this.#codes = new Int32Array(2 * shape.length + 2);
      this.#found = new Int32Array(2 * shape.length + 2);
    }
    const codes = this.#codes;
    const found = this.#found;
    codes[0] = 0x20;
    const size = writeCodes(shape, codes, 1) + 1;
    codes[size - 1] = 0x20;
    let count = 0;
    let cjk = 0;
    let others = 0;
    for (let i = 0; i < size; i += 1) {
      const code = codes[i] ?? 0;
      const here = isCjk(code);
      if (here) cjk += 1;
      else if (code !== 0x20) others += 1;
      if (here && i + 1 < size && isCjk(codes[i + 1] ?? 0)) {
        found[count] = this.#hash(code, codes[i + 1] ?? 0, 0x110000, 0x110000);
        count += 1;
      } else if (i + 3 < size) {
        found[count] = this.#hash(code, codes[i + 1] ?? 0, codes[i + 2] ?? 0, codes[i + 3] ?? 0);
        count += 1;
      }
    }
    const sorted = found.subarray(0, count).sort();
    let kept = 0;
    for (let i = 0; i < count; i += 1)
      if (i === 0 || sorted[i] !== sorted[kept - 1]) {
        sorted[kept] = sorted[i] ?? 0;
        kept += 1;
      }
    return {
      grams: sorted.slice(0, Math.min(kept, MAX_GRAMS)),
      truncated: kept > MAX_GRAMS,
      cjk: cjk > others,
    };
  }

  #tokensOf(shape: string, grams: number): Int32Array | null {
    if (!holdsMask(shape)) return null;
    const tokens = tokensOf(shape);
    if (tokens.length > MAX_TOKENS || !mayHaveShortKin(shape, tokens, grams)) return null;
    return Int32Array.from(tokens, (token) => {
      let hash = 0;
      for (const sign of token) hash = this.#hash(hash, sign.codePointAt(0) ?? 0, 0x110001, token.length);
      return hash;
    });
  }

  #hash(a: number, b: number, c: number, d: number): number {
    const f = this.#factors;
    let h =
      (f[0] ?? 0) ^
      Math.imul(a ^ (f[5] ?? 0), f[1] ?? 0) ^
      rotated(Math.imul(b ^ (f[6] ?? 0), f[2] ?? 0), 8) ^
      rotated(Math.imul(c ^ (f[7] ?? 0), f[3] ?? 0), 16) ^
      rotated(Math.imul(d, f[4] ?? 0), 24);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }
}

/**
 * Can a short text hold the same words and masks but one? Between words, a word has the same grams in each text; so one that has more of these
 * than one changed word can take is near to no short text. Asked only where all grams are of four letters.
 */
function mayHaveShortKin(shape: string, tokens: string[], grams: number): boolean {
  let masks = 0;
  let longest = 0;
  for (const token of tokens) {
    if (holdsMask(token)) masks += 1;
    longest = Math.max(longest, token.length);
  }
  if (grams - AROUND_MASK * masks - AROUND_ENDS - AROUND_WORD - longest < LONGEST_SHORT) return true;
  for (const sign of shape) if (isCjk(sign.codePointAt(0) ?? 0)) return true;
  return false;
}

function rotated(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Writes the code points of a text from `at` on; returns where the next would go. */
function writeCodes(text: string, codes: Int32Array, at: number): number {
  let next = at;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    const code = unit < 0xd800 || unit > 0xdbff ? unit : (text.codePointAt(i) ?? unit);
    if (code > 0xffff) i += 1;
    codes[next] = code;
    next += 1;
  }
  return next;
}
