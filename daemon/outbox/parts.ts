/**
 * The parts of a message with attachments: its text, then each file, each sent by an attempt of its own, one after another.
 *
 *   waiting ─▶ dispatching ─▶ sent ─▶ delivered ─▶ read          the next part goes when this one is `sent`
 *      │            └────────▶ not_delivered · failed · unknown  the parts behind it:
 *      └──▶ not_sent ◀───────────────────────────────────────────┘
 *
 * The message's state is that of its worst part. Everything here is pure.
 */
import type { MessagePart } from '../../protocol/events.ts';
import type { MessageState, PartState } from '../../protocol/names.ts';
import type { StagedFile } from './ports.ts';

export interface Part {
  kind: 'text' | 'attachment';
  state: PartState;
  tries: number;
  /** The newest attempt at it. */
  attempt?: string;
  guid?: string;
  /** Number of the attachment in its command, from 1. */
  number?: number;
  /** Once it is on this Mac. */
  file?: StagedFile;
  code?: string;
  words?: string;
  retryable?: boolean;
  apple_error?: MessagePart['apple_error'];
  /** Given up since chat.db showed it before the store’s memory begins: no row will say more. */
  shown?: true;
}

const SETTLED_WELL: readonly PartState[] = ['sent', 'delivered', 'read'];
const ENDS_ALL: readonly PartState[] = ['not_delivered', 'failed', 'unknown', 'not_sent'];

/** Null for a text alone. */
export function partsOf(text: string, attachments: number): Part[] | null {
  if (attachments === 0) return null;
  const words: Part[] = text.trim() === '' ? [] : [{ kind: 'text', state: 'waiting', tries: 0 }];
  const files = Array.from({ length: attachments }, (_, index): Part => {
    return { kind: 'attachment', state: 'waiting', tries: 0, number: index + 1 };
  });
  return [...words, ...files];
}

/** What one of these is, in words for a person, when nobody knows which. Null is a text alone. */
export function namesOf(parts: readonly Part[] | null): string {
  const files = (parts ?? []).filter(({ kind }) => kind === 'attachment').length;
  if (files === 0) return 'this text';
  const file = files === 1 ? 'its file' : 'a file of it';
  return parts?.length === files ? (files === 1 ? 'this file' : 'one of these files') : `this text or ${file}`;
}

/** All its files are on this Mac. */
export function isWhole(parts: readonly Part[] | null): boolean {
  return parts === null || parts.every(({ kind, file }) => kind === 'text' || file !== undefined);
}

/** SHA-256 of what makes two messages alike: all files but vCards. */
export function hashesOf(parts: readonly Part[]): string[] {
  return parts.flatMap(({ file }) => (file && !file.vcard ? [file.sha256] : []));
}

/** Which part may go now: the first that waits, if all before it were sent. */
export function nextPart(parts: readonly Part[]): number | null {
  const next = parts.findIndex(({ state }) => !SETTLED_WELL.includes(state));
  return parts[next]?.state === 'waiting' ? next : null;
}

/** Behind one that did not go, or may not have gone, nothing goes any more. */
export function withRestStopped(parts: readonly Part[]): Part[] {
  const first = parts.findIndex(({ state }) => ENDS_ALL.includes(state));
  return parts.map((part, index) =>
    first >= 0 && index > first && part.state === 'waiting' ? { ...part, state: 'not_sent' } : part,
  );
}

/** The one that speaks for the whole when something went wrong. */
export function culprit(parts: readonly Part[]): Part | undefined {
  for (const state of ENDS_ALL) {
    const found = parts.find((part) => part.state === state);
    if (found) return found;
  }
  return undefined;
}

/** Has any part left this Mac, or may it have? */
export function hasLeft(parts: readonly Part[]): boolean {
  return parts.some(({ state }) => !['waiting', 'failed', 'not_sent'].includes(state));
}

/** Of a message that was begun. `failed` means that nothing at all has left. */
export function stateOf(parts: readonly Part[]): MessageState {
  const has = (...states: PartState[]) => parts.some(({ state }) => states.includes(state));
  if (has('not_delivered')) return 'not_delivered';
  if (has('unknown')) return 'unknown';
  if (has('failed', 'not_sent')) {
    if (!hasLeft(parts)) return 'failed';
    return has('dispatching') ? 'dispatching' : 'not_delivered';
  }
  if (has('waiting', 'dispatching')) return 'dispatching';
  return has('sent') ? 'sent' : has('delivered') ? 'delivered' : 'read';
}

/** The message moved as a whole: parts that have not begun go with it. */
export function followed(parts: readonly Part[], whole: MessageState): readonly Part[] {
  const ended = ['rejected', 'cancelled', 'expired', 'failed'].includes(whole);
  const doubtful = whole === 'unknown' && parts.every(({ state }) => state === 'waiting');
  if (!ended && !doubtful) return parts;
  const to = ended ? 'not_sent' : 'unknown';
  return parts.map((part) => (part.state === 'waiting' ? { ...part, state: to } : part));
}

/** As the controller is told. */
export function toldParts(parts: readonly Part[]): MessagePart[] {
  return parts.map(({ kind, state, guid, file, code, words, apple_error }) => ({
    kind,
    state,
    ...(guid === undefined ? {} : { guid }),
    ...(file ? { name: file.name, bytes: file.bytes, sha256: file.sha256 } : {}),
    ...(apple_error ? { apple_error } : {}),
    ...(code === undefined ? {} : { code }),
    ...(words === undefined ? {} : { words }),
  }));
}
