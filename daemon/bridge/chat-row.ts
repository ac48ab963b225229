/**
 * One row of Apple's `message` table as the bridge understands it: decoded once by `chat-db.ts`, then only handed on.
 * Absent values are '' , 0 or null as each field says; nothing here is ever guessed from another row.
 */
import type { Chat } from '../../protocol/events.ts';

/** One row of `message`, decoded, with the chat it is joined to. */
export interface ChatRow {
  rowid: number;
  /** Stable on all devices of the account. */
  guid: string;
  /** Unix ms; 0 if the row has no date. */
  at: number;
  /** Own row, from any device of the account. */
  fromMe: boolean;
  /** The decoded body, '' if there is none; object replacement characters (the slots of attachments and apps) are kept out. */
  text: string;
  /** `text` was cut at MAX_INBOUND_TEXT_BYTES. */
  truncated: boolean;
  /** 'text', 'attachment', 'tapback', … or 'unsupported': see row-kinds.ts. */
  kind: string;
  /** What more is known, by kind; of an unsupported row Apple's type numbers. */
  detail?: Record<string, unknown>;
  /** The other side: the sender if inbound, the recipient of an own 1:1 row; '' if there is none. */
  handle: string;
  /** The own address that the message was received on or sent from. */
  ownAddress: string | null;
  /** As stored: iMessage, SMS, RCS, … */
  service: string;
  /** Null: the row is not joined to a chat (yet). */
  chat: Chat | null;
  /** Unix ms of the last edit or unsending, null if there was none. */
  editedAt: number | null;
  /** Meaningful for own rows only. */
  state: OwnState;
}

/** How far an own message has got. These columns change in place, without a new ROWID. */
export interface OwnState {
  rowid: number;
  guid: string;
  isSent: boolean;
  isDelivered: boolean;
  isRead: boolean;
  /** Apple's error number, 0 for none. */
  error: number;
  /** Unix ms, null if not said. */
  deliveredAt: number | null;
  readAt: number | null;
  service: string;
  /** iMessage that went as SMS or RCS. */
  downgraded: boolean;
  /** Apple marks a row without a body. */
  isEmpty: boolean;
}

/** A row that is told, once per guid, in ROWID order. */
export interface SettledRow extends ChatRow {
  /** Older than 24 h when this relay first saw it. */
  late: boolean;
  /** Read again after a lost cursor, in a new generation of chat.db, or before this store's memory begins. */
  recovering: boolean;
  /** Monotonic clock at the first sight of the row by this process. */
  seenMonoMs: number;
}
