/** What the gate is asked and what it answers. The outbox states the same shapes in its own ports; `daemon/relay.ts` joins the two. */
import type { RefusalCode } from '../../protocol/codes.ts';
import type { ContactOpted, Evidence } from '../../protocol/events.ts';
import type { Category, ErrorMeaning, MessageState, Pacing } from '../../protocol/names.ts';
import type { GateAnswer } from '../../protocol/queries.ts';

export type Recipient = { kind: 'handle'; handle: string } | { kind: 'group'; chat: string; members: string[] };

/** A whole request, normalised and without doubles. Times are Unix ms. */
export interface GateRequest {
  command: string;
  recipients: Recipient[];
  text: string;
  /** SHA-256 of the bytes of each attachment, without vCards. */
  attachments?: string[];
  variables: string[];
  category: Category;
  pacing: Pacing;
  notBefore: number | null;
  expiresAt: number;
  timeZone: string | null;
}

export interface GateMessage {
  message: string;
  command: string;
  order: number;
  recipient: Recipient;
  text: string;
  /** SHA-256 of the bytes of each attachment, without vCards. */
  attachments?: string[];
  variables: string[];
  category: Category;
  reply: boolean;
  acceptedAt: number;
  notBefore: number | null;
  expiresAt: number;
  timeZone: string | null;
}

export interface Refusal {
  code: RefusalCode;
  rule: string;
  words: string;
  retryable: boolean;
  retryAfterMs?: number;
  evidence?: Evidence;
}

export interface Hold {
  until: number;
  rule: string;
  evidence: Evidence;
}

export type RecipientVerdict =
  | { kind: 'go'; reply: boolean }
  | { kind: 'hold'; reply: boolean; hold: Hold }
  | { kind: 'refuse'; refusal: Refusal };

export type Admission = { ok: false; refusal: Refusal } | { ok: true; verdicts: RecipientVerdict[] };

export type Pick =
  | { kind: 'go'; message: string }
  | { kind: 'refuse'; message: string; refusal: Refusal }
  | { kind: 'idle'; wakeInMs: number | null };

export interface GateOutcome {
  state: Extract<MessageState, 'sent' | 'delivered' | 'read' | 'not_delivered' | 'unknown' | 'failed'>;
  meaning?: ErrorMeaning;
  appleError?: number;
  /** As the row says: iMessage, SMS, RCS. */
  service?: string;
}

export type OptResult = { ok: true; changed: boolean; event?: ContactOpted } | { ok: false; refusal: Refusal };

/** Of text.block and text.clear; `detail` goes into the command's result. */
export type TextAnswer = { ok: true; detail: Record<string, number> } | { ok: false; refusal: Refusal };

export interface CheckAnswer {
  request: { verdict: 'go' | 'hold' | 'refuse'; code?: RefusalCode; words: string };
  recipients: GateAnswer[];
}

/** A row of chat.db that somebody wrote to us. */
export interface Inbound {
  guid: string;
  handle: string;
  /** The address that the 1:1 conversation is named after, where they wrote from another one of theirs. */
  alias?: string;
  /** Stable name of the conversation. */
  chat: string;
  group: boolean;
  text: string;
  kind: 'text' | 'tapback' | 'other';
  /** The row's own time, Unix ms. */
  at: number;
  late: boolean;
  /** When the relay saw it, on the monotonic clock. */
  seenMonoMs: number;
}

/** A from-me row that the relay did not send: the owner's hand, another device, another tool. */
export interface OwnHand {
  guid: string;
  recipients: string[];
  text: string;
  /** SHA-256 of the bytes of each attachment, without vCards. */
  attachments?: string[];
  at: number;
  late: boolean;
}

/** The one text to somebody who has opted out: that nothing more will come. */
export interface Confirmation {
  to: string;
  text: string;
  /** The row that said STOP. */
  guid: string;
  /** Unix ms; it is of no use any more then. */
  expiresAt: number;
}

/** What an inbound row changed, to be told upstream. */
export interface OptEffect {
  kind: 'opted_out' | 'opted_in';
  event: ContactOpted;
}

/** How a recipient is named in lists and events. */
export function addressOf(recipient: Recipient): string {
  return recipient.kind === 'handle' ? recipient.handle : recipient.chat;
}

/** The people behind a recipient: a group counts as its members. */
export function peopleOf(recipient: Recipient): string[] {
  if (recipient.kind === 'handle') return [recipient.handle];
  return recipient.members.length > 0 ? recipient.members : [recipient.chat];
}
