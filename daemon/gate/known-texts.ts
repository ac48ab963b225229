/** What hangs on a known text: the sends that count, and the messages that wait with it. */

import type { Category } from '../../protocol/names.ts';
import type { Kind } from './kinds.ts';
import type { KnownText } from './near-index.ts';
import type { Recipient } from './requests.ts';
import type { RowCounts } from './row-counts.ts';

export interface Send {
  name: string;
  address: string;
  people: string[];
  text: KnownText<Load> | null;
  /** Since when it counts, monotonic; while in flight since when it is. Wall time beside it, only to be told. */
  mono: number;
  at: number;
  /** `unknown` counts, and counts anew if its row shows up after all. */
  phase: 'in_flight' | 'unknown' | 'settled';
  /** Counts no longer from here on (monotonic). */
  until: number;
}

/** One of a chain; the last of the chain is the family of texts that went out (families.ts). */
export interface Family {
  into: Family | null;
}

export interface Load {
  sends: Send[];
  /** How many of the sends are in flight. */
  inFlight: number;
  waiting: WaitingText | null;
  /** Set once it has gone near another one. */
  family: Family | null;
}

/** All messages that wait with one text, in the order of acceptance. */
export interface WaitingText {
  /** The kind that all of them are of, if none has a `notBefore`, or null; how many they are, and the order of the youngest. */
  kind: Kind | null;
  count: number;
  last: number;
  text: KnownText<Load>;
  members: Waiting[];
  /** How many of them have a `notBefore`. */
  timed: number;
  /** Of a long row: made when it is asked for. */
  counts: RowCounts | null;
  /** Monotonic; before this none of them can go, as far as is known. */
  readyAt: number;
  /** Replies with this text wait elsewhere; they keep it known. */
  replies?: number;
}

export interface Waiting {
  message: string;
  command: string;
  order: number;
  recipient: Recipient;
  address: string;
  text: KnownText<Load>;
  category: Category;
  reply: boolean;
  notBefore: number | null;
  expiresAt: number;
  timeZone: string | null;
  /** No talk either way in 30 days; more people than a blast got its text. As far as is known: asked anew right before it goes. */
  fresh: boolean;
  bulk: boolean;
  /** By these; null for a reply, and until it waits. */
  kind: Kind | null;
  /** The estimate that was told last, Unix ms, and when, monotonic. Null until the first look. */
  toldUntil: number | null;
  toldAt: number;
  lookAt: number;
  /** When it was accepted, monotonic. */
  since: number;
}

/** Is replaced with the first send, not written to. */
const NO_SENDS = Object.freeze<Send[]>([]) as Send[];

export function emptyLoad(): Load {
  return { sends: NO_SENDS, inFlight: 0, waiting: null, family: null };
}

/** Must this be found however many near it are known? What waits, and what is in flight, decides by itself. */
export function isAwaited({ load }: KnownText<Load>): boolean {
  return load.waiting !== null || load.inFlight > 0;
}

/** Nobody refers to this text any more. */
export function isUnused(text: KnownText<Load>): boolean {
  return text.load.sends.length === 0 && text.load.waiting === null;
}
