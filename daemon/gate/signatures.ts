/**
 * Signatures of texts: of each gram one bit. Two texts that share many grams share many bits; so whichever share too few bits need not be
 * compared. A signature rules out, it never decides: no text that is near is passed over, and who is left is compared gram by gram.
 *
 * The signatures stand in the memory of a small WebAssembly module (signature-scan.wat), which goes through them. The longer a text, the
 * longer its signature; rooms of signatures of one length are taken and given back.
 */
import { MAX_GRAMS } from './fingerprint.ts';
import { SIGNATURE_SCAN } from './signature-scan.generated.ts';

/** What is used of the WebAssembly of the runtime; TypeScript knows it only together with browsers. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  class Module {
    constructor(code: Uint8Array);
  }
  class Instance {
    readonly exports: unknown;
    constructor(module: Module);
  }
}

/** See signature-scan.wat. */
interface Kernel {
  memory: WebAssembly.Memory;
  scan(
    signatures: number,
    extents: number,
    count: number,
    length: number,
    asked: number,
    collisions: number,
    needed: number,
    found: number,
  ): number;
}

/** Signatures of one room, at the most. */
export const ROOM_SLOTS = 1_024;
/** A signature has so many bits for a gram: with fewer of them, more texts are compared for nothing; with more, there is more to go through. */
const BITS_PER_GRAM = 3;
/** The same of texts that are cut: so long that they share nearly half with all others of their language, and comparing them takes long. */
const BITS_PER_GRAM_CUT = 32;
const STEP_BYTES = 32;
const STEP_BITS = 8 * STEP_BYTES;
const STEPS_UNCUT = Math.ceil((MAX_GRAMS * BITS_PER_GRAM) / STEP_BITS);
/** Lengths are numbered from 1 on; the last one is for texts that are cut. */
export const LENGTHS = STEPS_UNCUT + 1;
const EXTENT_BYTES = 4;
const SPREAD = 0x9e3779b1;
const PAGE = 1 << 16;

/** In the first page: what is asked, and what was found. */
const NEEDED_AT = 0;
const FOUND_AT = 2_048;
const ASKED_AT = 4_096;
const ASKED_BYTES = STEP_BYTES * (STEPS_UNCUT + 1);
const ROOMS_AT = ASKED_AT + ASKED_BYTES * LENGTHS + (MAX_GRAMS * BITS_PER_GRAM_CUT) / 8;

/** Of that number no text has enough grams. */
export const TOO_MANY = 0xffff;

/** A place for ROOM_SLOTS signatures of a length, by where it begins. */
export interface Room {
  readonly length: number;
  readonly signatures: number;
  readonly extents: number;
}

/** The number of the length that a text of so many grams gets. */
export function lengthOf(grams: number): number {
  return grams === MAX_GRAMS ? LENGTHS : Math.max(1, Math.ceil((grams * BITS_PER_GRAM) / STEP_BITS));
}

function bytesOf(length: number): number {
  return length === LENGTHS ? (MAX_GRAMS * BITS_PER_GRAM_CUT) / 8 : STEP_BYTES * length;
}

export class Signatures {
  readonly #kernel: Kernel;
  #bytes: Uint8Array;
  #halves: Uint16Array;
  #found: Uint16Array;
  #end = ROOMS_AT;
  readonly #free: Room[][] = Array.from({ length: LENGTHS + 1 }, () => []);
  #asked: Int32Array = new Int32Array(0);
  /** By length: how many grams of the asked text fell on bits that were set; -1 until its signature of that length is there. */
  readonly #collisions = new Int32Array(LENGTHS + 1);

  constructor() {
    const module = new WebAssembly.Module(Buffer.from(SIGNATURE_SCAN, 'base64'));
    this.#kernel = new WebAssembly.Instance(module).exports as Kernel;
    this.#bytes = new Uint8Array(this.#kernel.memory.buffer);
    this.#halves = new Uint16Array(this.#kernel.memory.buffer);
    this.#found = this.#halves.subarray(FOUND_AT >> 1, (FOUND_AT >> 1) + ROOM_SLOTS);
  }

  /** An empty room for signatures of this length. */
  take(length: number): Room {
    const known = this.#free[length]?.pop();
    if (known) return known;
    const signatures = this.#end;
    const extents = signatures + ROOM_SLOTS * bytesOf(length);
    this.#end = extents + ROOM_SLOTS * EXTENT_BYTES;
    const missing = this.#end - this.#bytes.length;
    if (missing > 0) {
      this.#kernel.memory.grow(Math.ceil(missing / PAGE));
      this.#bytes = new Uint8Array(this.#kernel.memory.buffer);
      this.#halves = new Uint16Array(this.#kernel.memory.buffer);
      this.#found = this.#halves.subarray(FOUND_AT >> 1, (FOUND_AT >> 1) + ROOM_SLOTS);
    }
    return { length, signatures, extents };
  }

  giveBack(room: Room): void {
    this.#free[room.length]?.push(room);
  }

  /** Of the grams from there to before `last`. */
  write({ length, signatures, extents }: Room, slot: number, grams: Int32Array, from: number, last: number): void {
    const collisions = this.#sign(signatures + slot * bytesOf(length), length, grams, from, last);
    const at = (extents + slot * EXTENT_BYTES) >> 1;
    this.#halves[at] = last - from;
    this.#halves[at + 1] = collisions;
  }

  /** From one room into another of the same length. */
  copy(from: Room, slot: number, to: Room, into: number): void {
    const bytes = bytesOf(from.length);
    const signature = from.signatures + slot * bytes;
    this.#bytes.copyWithin(to.signatures + into * bytes, signature, signature + bytes);
    const extent = from.extents + slot * EXTENT_BYTES;
    this.#bytes.copyWithin(to.extents + into * EXTENT_BYTES, extent, extent + EXTENT_BYTES);
  }

  /** It is found no more: of no text that has no gram there are enough. */
  erase({ extents }: Room, slot: number): void {
    this.#halves[(extents + slot * EXTENT_BYTES) >> 1] = 0;
  }

  /** What all scans are about, until it is asked anew. `needed`: by number of grams, how many of the asked ones a text must share, or TOO_MANY. */
  ask(grams: Int32Array, needed: Uint16Array): void {
    this.#asked = grams;
    this.#collisions.fill(-1);
    this.#halves.set(needed, NEEDED_AT >> 1);
  }

  /** How many of the first `count` signatures of a room share enough bits; which, says `found`. */
  scan({ length, signatures, extents }: Room, count: number): number {
    const asked = ASKED_AT + ASKED_BYTES * length;
    let collisions = this.#collisions[length] as number;
    if (collisions < 0) {
      collisions = this.#sign(asked, length, this.#asked, 0, this.#asked.length);
      this.#collisions[length] = collisions;
    }
    return this.#kernel.scan(signatures, extents, count, bytesOf(length), asked, collisions, NEEDED_AT, FOUND_AT);
  }

  /** The slots of those that the last scan found, until something is written. */
  get found(): Uint16Array {
    return this.#found;
  }

  /** Returns how many grams fell on bits that were set already. */
  #sign(at: number, length: number, grams: Int32Array, from: number, last: number): number {
    const bytes = this.#bytes;
    const size = bytesOf(length);
    bytes.fill(0, at, at + size);
    const scale = (8 * size) / 2 ** 32;
    let collisions = 0;
    for (let i = from; i < last; i += 1) {
      // Mixed: of a text that is cut the smallest grams are kept, which lie close together.
      const bit = (Math.imul(grams[i] as number, SPREAD) >>> 0) * scale;
      const byte = at + (bit >>> 3);
      const mask = 1 << (bit & 7);
      const before = bytes[byte] as number;
      if ((before & mask) === 0) bytes[byte] = before | mask;
      else collisions += 1;
    }
    return collisions;
  }
}
