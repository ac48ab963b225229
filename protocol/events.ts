/** The data of each event (relay → controller). The relay builds these; the controller library checks them. */
import { z } from 'zod';
import { REFUSAL_CODES } from './codes.ts';
import { Instant } from './commands.ts';
import { ERROR_MEANINGS, type EventName, MESSAGE_STATES, PART_STATES } from './names.ts';

/** Why a message waits or was refused, in numbers and in one sentence for a person. */
export const Evidence = z.object({
  /** Distinct recipients of near texts in the trailing 24 h, counted to 51 and no further. */
  near_count: z.int().optional(),
  interval_ms: z.int().optional(),
  /** 0 to 1: how alike the nearest counting text is (Jaccard of 4-grams), 1 when it is the same. */
  alike: z.number().optional(),
  last_message: z.string().optional(),
  last_at: Instant.optional(),
  limit: z.int().optional(),
  used: z.int().optional(),
  words: z.string(),
});
export type Evidence = z.infer<typeof Evidence>;

export const Chat = z.object({
  /** Stable name of the conversation on this relay: the handle for 1:1, `group:<uuid>` for a group. */
  id: z.string(),
  /** Apple's row guid, as found; never build one. */
  guid: z.string().nullable(),
  kind: z.enum(['direct', 'group', 'unknown']),
  name: z.string().nullable().optional(),
  /** Handles of the others; the own address is not in it. */
  participants: z.array(z.string()),
});
export type Chat = z.infer<typeof Chat>;

export const AppleError = z.object({ number: z.int(), name: z.string(), meaning: z.enum(ERROR_MEANINGS) });

export type AppleError = z.infer<typeof AppleError>;

export const CommandResult = z.object({
  command: z.string(),
  name: z.string(),
  ok: z.boolean(),
  code: z.enum(REFUSAL_CODES).optional(),
  message: z.string().optional(),
  retryable: z.boolean().optional(),
  retry_after_ms: z.int().optional(),
  detail: z.record(z.string(), z.unknown()).optional(),
  duplicate: z.boolean().optional(),
});
export type CommandResult = z.infer<typeof CommandResult>;

/** The text or one file of a message, in the order in which they go. */
export const MessagePart = z.object({
  kind: z.enum(['text', 'attachment']),
  state: z.enum(PART_STATES),
  /** The row's, once there is one. */
  guid: z.string().optional(),
  /** The name under which the file goes. */
  name: z.string().optional(),
  bytes: z.int().optional(),
  sha256: z.string().optional(),
  apple_error: AppleError.optional(),
  code: z.string().optional(),
  words: z.string().optional(),
});
export type MessagePart = z.infer<typeof MessagePart>;

export const MessageStatus = z.object({
  message: z.string(),
  command: z.string(),
  to: z.string(),
  /**
   * Grows with each change of this message, not by one: the highest wins. It is the time of the change (Unix ms) unless that would not be
   * higher than before; so a relay whose store was lost or set back goes on above what it told, unless its clock went back as well.
   */
  n: z.int().min(1),
  state: z.enum(MESSAGE_STATES),
  at: Instant,
  /** The own address that the row names, once there is a row. */
  from: z.string().optional(),
  until: Instant.optional(),
  rule: z.string().optional(),
  evidence: Evidence.optional(),
  guid: z.string().optional(),
  service: z.string().optional(),
  downgraded: z.boolean().optional(),
  /** Of a message with attachments; its state is that of its worst part. */
  parts: z.array(MessagePart).optional(),
  apple_error: AppleError.optional(),
  code: z.string().optional(),
  /** One sentence for a person: what happened and what to do. */
  words: z.string().optional(),
  retryable: z.boolean().optional(),
  passthrough: z.string().optional(),
});
export type MessageStatus = z.infer<typeof MessageStatus>;

const MessageContent = {
  guid: z.string(),
  at: Instant,
  text: z.string(),
  truncated: z.boolean().optional(),
  chat: Chat,
  service: z.string(),
  late: z.boolean(),
  /** What the row is when it is not a plain text, with Apple's type numbers for what is not understood. */
  kind: z.string(),
  /** By kind; the names in it stand at the head of daemon/bridge/row-kinds.ts and row-about.ts. More may come: ignore what is unknown. */
  detail: z.record(z.string(), z.unknown()).optional(),
};

export const MessageInbound = z.object({ ...MessageContent, from: z.string(), own_address: z.string().optional() });
export type MessageInbound = z.infer<typeof MessageInbound>;

/** The owner wrote from another device or by hand. */
export const MessageObserved = z.object({ ...MessageContent, to: z.array(z.string()) });
export type MessageObserved = z.infer<typeof MessageObserved>;

/** What every event about something in a conversation says. */
const InChat = {
  /** Apple's guid of the row that says it; of an edit or an unsending, that of the message itself. */
  guid: z.string(),
  at: Instant,
  chat: Chat,
  service: z.string(),
  /** It happened more than 24 hours before this relay first saw it. */
  late: z.boolean(),
  /** The owner did it, by hand or on another device. */
  from_me: z.boolean(),
  /** Who did it; absent for the owner, or if Apple does not say. */
  from: z.string().optional(),
  own_address: z.string().optional(),
};

/** A tapback, an emoji or a sticker on a message, or one taken back. */
export const MessageReaction = z.object({
  ...InChat,
  /** love, like, dislike, laugh, emphasis, question, emoji, sticker, or what a later version adds. */
  reaction: z.string(),
  emoji: z.string().optional(),
  removed: z.boolean(),
  /** Guid of the message that it is on; null if the row does not say. */
  target: z.string().nullable(),
  /** The bubble of that message, from 0; null: the message as a whole. */
  part: z.int().nullable(),
  /** Messages' own sentence about it, in the language of the Mac. */
  text: z.string().optional(),
  detail: z.record(z.string(), z.unknown()).optional(),
});
export type MessageReaction = z.infer<typeof MessageReaction>;

/** A message says something else now. Each version is told once, in order; the first is in `message.inbound` or `message.observed`. */
export const MessageEdited = z.object({
  ...InChat,
  /** The bubble, from 0; null if Apple keeps no history of it. */
  part: z.int().nullable(),
  /** From 1, which is what was first written; 1 comes here only if it was edited before it was seen. Null: there is no history. */
  version: z.int().min(1).nullable(),
  text: z.string(),
  truncated: z.boolean().optional(),
});
export type MessageEdited = z.infer<typeof MessageEdited>;

/** A bubble of a message, or all of it (`part` null), was taken back. Who has read it has read it. */
export const MessageUnsent = z.object({ ...InChat, part: z.int().nullable() });
export type MessageUnsent = z.infer<typeof MessageUnsent>;

/** Something about a conversation changed; `chat` is as it is at the telling. */
export const ChatChanged = z.object({
  ...InChat,
  /**
   * member_added, member_removed, member_left, renamed, photo_changed, photo_removed, background_changed, …; filter_changed: Messages sets the
   * conversation apart (`detail.filter`, null for not any more), and `guid` is the chat's; or what a later version adds.
   */
  change: z.string(),
  /** The member that it is about. */
  handle: z.string().optional(),
  /** The new name; '' for none any more. */
  name: z.string().optional(),
  detail: z.record(z.string(), z.unknown()).optional(),
});
export type ChatChanged = z.infer<typeof ChatChanged>;

/** A file of a message that was told before is on this Mac's disk now: `attachment.get` can have it. */
export const AttachmentReady = z.object({
  ...InChat,
  /** Apple's guid of the file, as in the message's `detail.attachments`. */
  attachment: z.string(),
  name: z.string().optional(),
  mime_type: z.string().optional(),
  bytes: z.int().min(0),
});
export type AttachmentReady = z.infer<typeof AttachmentReady>;

export const ContactOpted = z.object({
  handle: z.string().optional(),
  chat: z.string().optional(),
  source: z.enum(['message', 'command', 'person']),
  word: z.string().optional(),
  guid: z.string().optional(),
});

export const Condition = z.object({
  name: z.string(),
  severity: z.enum(['info', 'warning', 'error']),
  since: Instant,
  words: z.string(),
  remedy: z.string(),
});
export type Condition = z.infer<typeof Condition>;

export type ContactOpted = z.infer<typeof ContactOpted>;

export const SenderHealth = z.object({
  state: z.enum(['healthy', 'at_risk', 'suspicious', 'paused']),
  since: Instant,
  /** What happened, to whom (only the end of a handle) and when. */
  reason: z.string(),
  /** What to do. */
  remedy: z.string().optional(),
});
export type SenderHealth = z.infer<typeof SenderHealth>;

/** A text that seems to be taken for junk, whoever sends it. Which text: that of these messages. */
export const TextSuspected = z.object({
  /** Messages of this relay that carried it; none if it was sent by hand. */
  messages: z.array(z.string()),
  /** `errors`: it was not delivered, while others were. `volume`: many got it as messages ceased to be delivered. */
  cause: z.enum(['errors', 'volume']),
  /** Distinct recipients: who did not get it, or (`volume`, counted to 51) who did. */
  people: z.int(),
  since: Instant,
  until: Instant,
  words: z.string(),
  remedy: z.string(),
});
export type TextSuspected = z.infer<typeof TextSuspected>;

export const EVENT_DATA = {
  'command.result': CommandResult,
  'message.status': MessageStatus,
  'message.inbound': MessageInbound,
  'message.observed': MessageObserved,
  'message.reaction': MessageReaction,
  'message.edited': MessageEdited,
  'message.unsent': MessageUnsent,
  'chat.changed': ChatChanged,
  'attachment.ready': AttachmentReady,
  'contact.opted_out': ContactOpted,
  'contact.opted_in': ContactOpted,
  'sender.health': SenderHealth,
  'text.suspected': TextSuspected,
  'relay.health': z.object({ ready: z.boolean(), conditions: z.array(Condition) }),
  /** The present state, in parts: replaces what the controller believes once `part` = `parts`. */
  snapshot: z.object({
    snapshot: z.string(),
    part: z.int().min(1),
    parts: z.int().min(1),
    sender: SenderHealth.optional(),
    opted_out: z.array(z.string()).optional(),
    messages: z.array(MessageStatus).optional(),
    reason: z.string().optional(),
  }),
  /** Status events with these numbers were dropped; the present state of each touched message follows. */
  gap: z.object({ from: z.int(), to: z.int(), dropped: z.int(), reason: z.string() }),
} as const satisfies Record<EventName, z.ZodType>;

export type EventData<N extends EventName> = z.infer<(typeof EVENT_DATA)[N]>;
