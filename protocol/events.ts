/** The data of each event (relay → controller). The relay builds these; the controller library checks them. */
import { z } from 'zod';
import { REFUSAL_CODES } from './codes.ts';
import { Instant } from './commands.ts';
import { ERROR_MEANINGS, type EventName, MESSAGE_STATES } from './names.ts';

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

export const MessageStatus = z.object({
  message: z.string(),
  command: z.string(),
  to: z.string(),
  /** Counts the changes of this message, from 1. The highest wins. */
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
  detail: z.record(z.string(), z.unknown()).optional(),
};

export const MessageInbound = z.object({ ...MessageContent, from: z.string(), own_address: z.string().optional() });
export type MessageInbound = z.infer<typeof MessageInbound>;

/** The owner wrote from another device or by hand. */
export const MessageObserved = z.object({ ...MessageContent, to: z.array(z.string()) });
export type MessageObserved = z.infer<typeof MessageObserved>;

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
