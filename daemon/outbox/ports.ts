/** What the outbox needs of its neighbours. `daemon/relay.ts` hands the real ones in; tests hand in small fakes. */
import type { RefusalCode } from '../../protocol/codes.ts';
import type { CommandData } from '../../protocol/commands.ts';
import type { ContactOpted, Evidence, SenderHealth } from '../../protocol/events.ts';
import type { Category, ErrorMeaning, EventName, MessageState, Pacing } from '../../protocol/names.ts';
import type { GateAnswer, ResultData } from '../../protocol/queries.ts';

/** Whom a message goes to: one handle (normalised), or an existing group with its present members. */
export type Recipient = { kind: 'handle'; handle: string } | { kind: 'group'; chat: string; members: string[] };

/** A whole `message.send`, normalised and without doubles, before anything is stored. */
export interface GateRequest {
  command: string;
  recipients: Recipient[];
  text: string;
  /** SHA-256 of the bytes of each attachment, as far as known; without vCards. */
  attachments?: string[];
  variables: string[];
  category: Category;
  pacing: Pacing;
  notBefore: number | null;
  expiresAt: number;
  timeZone: string | null;
}

/** One waiting message. The gate keeps a fingerprint of the text, never the text. */
export interface GateMessage {
  message: string;
  command: string;
  /** Order of acceptance, unique, growing. */
  order: number;
  recipient: Recipient;
  text: string;
  /** SHA-256 of the bytes of each attachment, without vCards. */
  attachments?: string[];
  variables: string[];
  category: Category;
  /** Decided once, at acceptance: a held message never becomes a reply. */
  reply: boolean;
  acceptedAt: number;
  notBefore: number | null;
  expiresAt: number;
  timeZone: string | null;
}

export interface Refusal {
  code: RefusalCode;
  /** Name of the rule in GATE terms, e.g. `interval`, `blast`, `opt_out`. */
  rule: string;
  words: string;
  retryable: boolean;
  retryAfterMs?: number;
  evidence?: Evidence;
}

/** The one text to somebody who has opted out. */
export interface Confirmation {
  to: string;
  text: string;
  /** The row that said STOP. */
  guid: string;
  expiresAt: number;
}

/** A message that may go later. `until` (Unix ms) is an estimate. */
export interface Hold {
  until: number;
  rule: string;
  evidence: Evidence;
}

export type RecipientVerdict =
  | { kind: 'go'; reply: boolean }
  | { kind: 'hold'; reply: boolean; hold: Hold }
  | { kind: 'refuse'; refusal: Refusal };

/** `verdicts` run beside `request.recipients`. */
export type Admission = { ok: false; refusal: Refusal } | { ok: true; verdicts: RecipientVerdict[] };

export type Pick =
  | { kind: 'go'; message: string }
  | { kind: 'refuse'; message: string; refusal: Refusal }
  /** Nothing may go now; look again after `wakeInMs` (monotonic), or when something changes if null. */
  | { kind: 'idle'; wakeInMs: number | null };

/** What became of a dispatched message, as far as the gate cares. */
export interface GateOutcome {
  state: Extract<MessageState, 'sent' | 'delivered' | 'read' | 'not_delivered' | 'unknown' | 'failed'>;
  meaning?: ErrorMeaning;
  appleError?: number;
  /** As the row says: iMessage, SMS, RCS. */
  service?: string;
}

export type OptResult = { ok: true; changed: boolean; event?: ContactOpted } | { ok: false; refusal: Refusal };

export type TextAnswer = { ok: true; detail: Record<string, number> } | { ok: false; refusal: Refusal };

export interface Gate {
  /** Reads everything anew from the store and forgets what waits: at start, and after a rolled-back transaction. */
  load(): void;
  /** Decides on a request; changes nothing. */
  admit(request: GateRequest): Admission;
  /** These wait from now on. Called in the accepting transaction, and at start with all that waits in the store. */
  add(messages: GateMessage[]): void;
  /** This one waits no longer (cancelled, expired, rejected, or its transaction was rolled back). Unknown ids are fine. */
  remove(message: string): void;
  /** Which waiting message goes next? Changes nothing. Replies first, then the order of acceptance. */
  pick(): Pick;
  /** In the transaction that stores the attempt: the text is in flight, its fingerprint is stored, the caps are drawn. */
  dispatched(message: string): void;
  /** In the transaction that stores the new state. `failed` frees the slot, all others count. */
  outcome(message: string, outcome: GateOutcome): void;
  /** Waiting messages that may never go any more (opt-outs). */
  sweep(): { message: string; refusal: Refusal }[];
  /** What time alone brings about, in a transaction, every half minute or so. */
  tend(): void;
  /** From another sender, or by a person: this text is taken for junk, or is not any more. */
  blockText(text: string, variables: string[], reason: string | undefined, source: 'command' | 'person'): TextAnswer;
  clearText(text: string, variables: string[], source: 'command' | 'person'): TextAnswer;
  /** The one of that number in the list that a person sees. */
  clearNumbered(number: number): TextAnswer;
  /** The present hold of a waiting message, or null if it may go now. */
  holdOf(message: string): Hold | null;
  /** The near messages that go before a waiting one: how many, and the first few of them in their order. */
  before(message: string): { count: number; first: string[] };
  /** Estimates that moved enough to be told again (GATE: more than 10 minutes and 10 %, at most hourly). Remembers them as told. */
  movedHolds(): { message: string; hold: Hold }[];
  optOut(handle: string, source: 'command' | 'person'): OptResult;
  optIn(handle: string, source: 'command' | 'person'): OptResult;
  readonly people: {
    readonly confirmations: {
      /** In the transaction that stores it, before `add`: this message may go although they have opted out. */
      expect(to: string, message: string): void;
    };
    /** In a transaction. */
    consentPut(put: CommandData<'consent.put'>): { ok: true; changed: boolean } | { ok: false; refusal: Refusal };
    contact(handle: string): ResultData<'contact.get'>;
  };
  readonly permission: {
    /** Between the parts of a message: may the rest go to them, must it wait (the sender is paused), or never? */
    mayGoOn(recipient: Recipient, reply: boolean): 'go' | 'wait' | Refusal;
  };
  readonly policies: {
    /** In a transaction; holds from then on. `version`: of what holds then. */
    put(put: CommandData<'policy.put'>): { ok: true; version: string } | { ok: false; refusal: Refusal };
    state(): ResultData<'policy.get'>;
  };
  /** Both return the health that holds afterwards, or a refusal. */
  pause(reason: string): SenderHealth;
  resume(source: 'command' | 'person'): { ok: true; health: SenderHealth } | { ok: false; refusal: Refusal };
  check(request: GateRequest): {
    request: { verdict: 'go' | 'hold' | 'refuse'; code?: RefusalCode; words: string };
    recipients: GateAnswer[];
  };
}

/** One try to hand one text, or one file, to Messages. */
export interface AttemptRequest {
  attempt: string;
  message: string;
  recipient: Recipient;
  /** '' where a file is sent. */
  text: string;
  /** Absolute path of the one file that is sent, instead of a text. */
  file?: string;
  /** `any` allows SMS/RCS; `imessage` reports it and stops. */
  service: 'imessage' | 'any';
}

export type SendOutcome =
  /** Messages took it. What became of it is told by sightings of its row. */
  | { kind: 'accepted' }
  /** Proven: nothing left this Mac. `again`: worth another attempt by ourselves. */
  | {
      kind: 'not_started';
      code: RefusalCode | 'interrupted' | 'script_error';
      appleNumber?: number;
      words: string;
      again: boolean;
    }
  /** Nobody can tell yet. Never sent again by itself. */
  | { kind: 'may_have_gone'; words: string };

export interface Bridge {
  /** Resolves when `chat.db` has been read to its present end and all that was seen is committed, and the lane is open. */
  ready(): Promise<{ ok: true } | { ok: false; condition: string }>;
  /**
   * In the dispatching transaction: stores the attempt with the ROWID baseline. False, and nothing is stored, if `chat.db` has
   * grown since it was read to its end: ask `ready` again, a STOP may be in what came.
   */
  begin(attempt: AttemptRequest): boolean;
  /** Runs a stored attempt. Never throws for what Messages does. */
  run(attempt: string): Promise<SendOutcome>;
  /** After a restart: what became of attempts without a stored outcome. Waits for or ends a leftover child first. */
  recover(): Promise<{ attempt: string; message: string; outcome: SendOutcome }[]>;
  /** The stored outcome of a message's newest attempt; null if it has none. */
  lastOutcome(message: string): SendOutcome | null;
}

/** An attachment as the controller asks for it. */
export interface WantedFile {
  url: string;
  /** Lower-case hex, if given. */
  sha256: string | null;
  filename: string | null;
  mime: string | null;
}

/** A file as chat.db may show it: by its name on this Mac, or before it is here by what will name it. */
export type SoughtFile = { name: string } | { url: string; filename?: string; mime?: string };

/** An attachment that is on this Mac. */
export interface StagedFile {
  folder: string;
  name: string;
  bytes: number;
  sha256: string;
  vcard: boolean;
}

export type Staged =
  | ({ ok: true } & StagedFile)
  /** `again`: it may fare better later, not before `retryAfterMs`. */
  | { ok: false; again: boolean; words: string; retryAfterMs?: number };

/** Where files lie until Messages has sent them. */
export interface FileStore {
  /** Fetches; never rejects. */
  stage(wanted: WantedFile, signal: AbortSignal): Promise<Staged>;
  /** Is it there as it was fetched? */
  has(file: StagedFile): boolean;
  pathOf(file: StagedFile): string;
  /** What Messages keeps of a name, whatever it makes of the ending: chat.db cannot tell two files of one stem apart. */
  stemOf(name: string): string;
  release(folder: string): Promise<void>;
  /** At the start: all others go. */
  sweep(needed: { folder: string; bytes: number }[]): void;
}

export interface Journal {
  /** Must be called in the transaction of the change that it tells. Returns the event's id. */
  append(name: EventName, data: Record<string, unknown>, options?: { id?: string }): string;
}

/** Files of messages, for the controller. */
export interface Files {
  /** A piece of at most ATTACHMENT_CHUNK_BYTES from `offset` on, with size and SHA-256 (hex) of the whole file. */
  piece(attachment: string, offset: number): Promise<FilePiece>;
}

export type FilePiece =
  | { ok: true; piece: { name: string | null; mimeType: string | null; bytes: number; sha256: string; data: Buffer } }
  | { ok: false; code: RefusalCode; words: string };
