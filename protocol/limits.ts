/** Fixed numbers of protocol version 1. Both ends rely on them; a change is a new protocol version. */
export const SUBPROTOCOL = 'sender-relay.v1';
export const PROTOCOL_VERSION = 1;

/** A frame's size in UTF-8 bytes, both directions. */
export const MAX_FRAME_BYTES = 256 * 1024;
/** hello, identify and welcome together. */
export const OPENING_TIMEOUT_MS = 10_000;
export const DEFAULT_HEARTBEAT_MS = 30_000;
/** Pings left unanswered before the line is given up with 4408. */
export const MISSED_HEARTBEATS = 2;
/** An ack goes out after this many frames (or half the window, if smaller) … */
export const ACK_AFTER_FRAMES = 32;
/** … and at the latest after this long. */
export const ACK_AFTER_MS = 250;
/** How long `bye` leaves the other side to finish. */
export const DRAIN_MS = 5_000;
export const DEFAULT_WINDOW = { frames: 256, bytes: 1024 * 1024 } as const;
/** At most one `identify` in this time (4429 otherwise). */
export const IDENTIFY_INTERVAL_MS = 5_000;
export const RECONNECT_MIN_MS = 1_000;
export const RECONNECT_MAX_MS = 60_000;
/** After a close that says "do not hurry back" (4400, 4401, 4403, 4406, 4409). */
export const SLOW_RECONNECT_MIN_MS = 15 * 60_000;
export const SLOW_RECONNECT_MAX_MS = 60 * 60_000;

export const MAX_ID_LENGTH = 128;
export const MAX_TEXT_CHARACTERS = 10_000;
export const MAX_RECIPIENTS = 100;
export const MAX_ATTACHMENTS = 10;
export const MAX_PASSTHROUGH_CHARACTERS = 1_000;
/** `expires_at` may lie this far after `created`. */
export const MAX_LIFETIME_MS = 30 * 86_400_000;
/** Command ids are remembered this long after `expires_at`. */
export const ID_MEMORY_MS = 30 * 86_400_000;
/** An inbound text beyond this (UTF-8) is cut and marked `truncated`. */
export const MAX_INBOUND_TEXT_BYTES = 64 * 1024;
export const MAX_WAITING_MESSAGES = 100_000;
export const JOURNAL_LIMITS = { events: 100_000, bytes: 256 * 1024 * 1024, ageMs: 7 * 86_400_000 } as const;
/** Raw bytes of a file in one result of `attachment.get`: with base64 it fits a frame. */
export const ATTACHMENT_CHUNK_BYTES = 128 * 1024;
/** Page size of list queries when none is asked for, and the most that can be asked for. */
export const LIST_LIMIT = { default: 50, max: 200 } as const;
/** `query`/`result` is lost with the line; the asker gives up after this. */
export const QUERY_TIMEOUT_MS = 30_000;
