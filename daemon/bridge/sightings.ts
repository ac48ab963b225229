/**
 * What the bridge tells: what a row of chat.db says of an attempt, and rows that no attempt made. All of it is told inside the
 * transaction that moves the cursor or stores the change, so that each thing is told exactly once.
 */
import type { Chat } from '../../protocol/events.ts';
import type { ErrorMeaning } from '../../protocol/names.ts';
import type { SettledRow } from './chat-row.ts';
import type { SoughtFile } from './file-names.ts';

export type SightedState = 'sent' | 'delivered' | 'read' | 'not_delivered' | 'unknown';

/** What is now known of an attempt. `unknown`: Messages took it, but no row shows it yet. */
export interface AttemptState {
  state: SightedState;
  /** Unix ms: the row's own date of the receipt where it has one, else when it was seen. */
  at: number;
  guid?: string;
  /** As the row says: iMessage, SMS, RCS. */
  service?: string;
  /** It was to go as iMessage and did not. */
  downgraded?: boolean;
  /** The own address that the row names. */
  from?: string;
  words?: string;
  appleError?: AppleFault;
}

/** An error number of a row, with what it means and one sentence: what happened and what to do. */
export interface AppleFault {
  number: number;
  name: string;
  meaning: ErrorMeaning;
  words: string;
  /** May the same text be worth another try, once what the words say is mended? */
  retryable: boolean;
}

/** A row that is nobody's attempt: somebody wrote to us, or the owner wrote by hand or from another device. */
export interface RowSighting {
  guid: string;
  at: number;
  text: string;
  truncated: boolean;
  chat: Chat;
  service: string;
  late: boolean;
  kind: string;
  detail?: Record<string, unknown>;
  /** The other side; '' if the row names none. */
  handle: string;
  ownAddress: string | null;
  /** The row may be from before the relay's memory begins. */
  recovering: boolean;
  seenMonoMs: number;
}

/** What happened to a message that was told before (or is told right before this). */
export interface RowChange {
  /** The message as it is now; `at` and `late` are those of the change. */
  row: Omit<RowSighting, 'text' | 'truncated' | 'detail'> & { fromMe: boolean };
  change: MessageEdit | PartTakenBack | FileCame | SetApart;
}

/** `version` counts from 1, which is what was first written. Both null: Apple keeps no history of it. */
export interface MessageEdit {
  kind: 'edited';
  part: number | null;
  version: number | null;
  text: string;
  truncated: boolean;
}

/** Null: the message as a whole. */
export interface PartTakenBack {
  kind: 'unsent';
  part: number | null;
}

/** A file of it is on this Mac's disk now. */
export interface FileCame {
  kind: 'file';
  attachment: string;
  name: string | null;
  mimeType: string | null;
  bytes: number;
}

/** The conversation is set apart otherwise than before (no message did it: `row` has the chat's guid). */
export interface SetApart {
  kind: 'set_apart';
  /** As messages of the conversation say it in `detail.filter`; undefined for not any more. */
  filter: Record<string, unknown> | undefined;
}

/** Where it goes. Each call is made inside a transaction of the group commit. */
export interface Sightings {
  attempt(message: string, attempt: string, seen: AttemptState): void;
  inbound(row: RowSighting): void;
  ownHand(row: RowSighting): void;
  /** Of such a row, a little later: SHA-256 (hex) of its files that are on this Mac, without vCards. */
  ownFiles?(row: RowSighting, sha256: string[]): void;
  /** Each version, part and file once, in a transaction. */
  changed?(change: RowChange): void;
  /** Short inbound texts from before this store's memory, in their order: no news, but who said STOP then has said it. */
  past?(row: RowSighting): void;
  /**
   * After a restart: osascript was about to send something that this store knows nothing of, since it was lost or set back. `isIt` says
   * whether a text, or one of some files, to an address (as messages name it) is that one. '' is no text.
   */
  forgotten?(isIt: (address: string, text: string, files?: readonly SoughtFile[]) => boolean): void;
  /** chat.db is another one than before, or was set back. */
  generation(reason: string): void;
}

export function sightingOf(row: SettledRow): RowSighting {
  const { guid, at, text, truncated, service, late, kind, detail, handle, ownAddress, recovering, seenMonoMs } = row;
  const sighting: RowSighting = {
    guid,
    at: Math.round(at),
    text,
    truncated,
    chat: row.chat ?? chatOfNobody(handle),
    service,
    late,
    kind,
    handle,
    ownAddress,
    recovering,
    seenMonoMs,
  };
  if (detail) sighting.detail = detail;
  return sighting;
}

/** For a row that was never joined to a chat. */
function chatOfNobody(handle: string): Chat {
  return { id: handle || 'unknown', guid: null, kind: 'unknown', participants: handle ? [handle] : [] };
}
