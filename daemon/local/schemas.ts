/**
 * What the local API says, field by field. Additive: fields are added, never renamed or given another meaning without a new `schema`.
 *
 * Every answer is one JSON object with `schema: 1` and `now` (Unix ms, the relay's clock); a stream is one such object per line.
 * Names ending in `_at`, `since`, `until` and `at` are Unix ms; null means "never" or "not known".
 */
import { z } from 'zod';
import { Instant } from '../../protocol/commands.ts';
import { Condition, MessageStatus, SenderHealth } from '../../protocol/events.ts';
import { LIST_LIMIT, MAX_RECIPIENTS } from '../../protocol/limits.ts';
import { CATEGORIES, MESSAGE_STATES } from '../../protocol/names.ts';
import { Check, RESULT_DATA } from '../../protocol/queries.ts';

export const LOCAL_SCHEMA = 1;

const Maybe = Instant.nullable();

export const Status = z.object({
  ready: z
    .boolean()
    .describe('True if messages can be sent and what becomes of them is seen: no condition of severity `error`.'),
  headline: z.string().describe('"Ready.", "Ready, with a warning: …" or "Not ready: …", one sentence.'),
  device: z.string(),
  version: z.string(),
  pid: z.int(),
  started_at: Instant,
  now: Instant,
  controller: z.object({
    state: z
      .enum(['connected', 'connecting', 'waiting', 'off'])
      .describe('`waiting`: the line is down and will be dialled again; `off`: none is configured.'),
    url: z.string().nullable(),
    since: Maybe.describe('Since when it is in this state.'),
    last_error: z.string().optional(),
    unacked_events: z.int().describe('Events that the controller has not confirmed yet.'),
  }),
  queue: z.object({
    waiting: z.int().describe('Accepted, and free to go as soon as the lane is.'),
    held: z.int().describe('Accepted, and kept back by a rule of the gate.'),
    dispatching: z.int(),
    unknown: z.int().describe('Handed to Messages, and nobody can tell yet what became of them.'),
    next_at: Maybe.optional().describe(
      'By when a held one is likely to go: the earliest time among the oldest that wait.',
    ),
  }),
  last_send_at: Maybe,
  last_inbound_at: Maybe,
  chat_db: z.object({
    path: z.string(),
    readable: z.boolean(),
    cursor_rowid: z.int().nullable().describe('All rows up to this ROWID are read.'),
    last_row_at: Maybe,
  }),
  sender: SenderHealth,
  conditions: z.array(Condition).describe('What is wrong, worst first.'),
});
export type Status = z.infer<typeof Status>;

/** `next` is the cursor of the next page, absent on the last one. */
export const QueuePage = z.object({ messages: z.array(MessageStatus), total: z.int(), next: z.string().optional() });
export type QueuePage = z.infer<typeof QueuePage>;

/** One message, with all that is known of it. */
export const MessageDetail = MessageStatus.extend({
  category: z.enum(CATEGORIES),
  reply: z.boolean().describe('Was it an answer to somebody who had just written? Decided at acceptance.'),
  tries: z.int().describe('How often it was handed to Messages.'),
  accepted_at: Instant,
  not_before: Maybe,
  expires_at: Instant,
  text_start: z.string().describe('The first 30 characters of its text.'),
  before: z
    .object({ count: z.int(), first: z.array(z.object({ message: z.string(), to: z.string() })) })
    .describe('The near-same messages that go before it while it waits: how many, and the first few of them.'),
  steps: z
    .array(z.object({ state: z.enum(MESSAGE_STATES), at: Instant }))
    .describe('Its states and since when, the oldest first; empty if an older relay accepted it.'),
});
export type MessageDetail = z.infer<typeof MessageDetail>;

export const GateCheck = RESULT_DATA['gate.check'];
export type GateCheck = z.infer<typeof GateCheck>;

export const PolicyState = RESULT_DATA['policy.get'];
export type PolicyState = z.infer<typeof PolicyState>;

/** What the relay counts and measures; `text` is the same as Prometheus reads it. */
export const MetricsReport = z.object({
  text: z.string(),
  metrics: z.array(
    z.object({
      name: z.string(),
      help: z.string(),
      type: z.string(),
      values: z.array(
        z.object({
          name: z.string().optional().describe('Of a part of a histogram: its own name.'),
          labels: z.record(z.string(), z.union([z.string(), z.number()])),
          value: z.number(),
        }),
      ),
    }),
  ),
});
export type MetricsReport = z.infer<typeof MetricsReport>;

/** Names of fields as in the file: what holds from now on, and what will from the next start on. */
export const Reloaded = z.object({ changed: z.array(z.string()), restart: z.array(z.string()) });
export type Reloaded = z.infer<typeof Reloaded>;

export const SenderState = RESULT_DATA['sender.get'];
export type SenderState = z.infer<typeof SenderState>;

export const DoctorState = RESULT_DATA['doctor.get'];
export type DoctorState = z.infer<typeof DoctorState>;

/** What relayctl makes of it, with what it found out by itself. */
export const DoctorReport = z.object({
  verdict: z.enum(['ok', 'warn', 'fail']).describe('The worst of all checks.'),
  relay: z.enum(['running', 'not_running', 'no_answer']),
  now: Instant,
  checks: z
    .array(
      Check.extend({ by: z.enum(['relay', 'relayctl']).describe('Who found it out: permissions of the two differ.') }),
    )
    .describe('In order of how bad, the worst last.'),
});
export type DoctorReport = z.infer<typeof DoctorReport>;

export const ContactState = RESULT_DATA['contact.get'];
export type ContactState = z.infer<typeof ContactState>;

/** `changed` false: it was so already. */
export const Opted = z.object({ handle: z.string(), changed: z.boolean() });
export type Opted = z.infer<typeof Opted>;

/** Texts that are refused to all but replies. No text itself is kept. */
export const RefusedTexts = z.object({
  texts: z.array(
    z.object({
      number: z.int().describe('For `POST /texts/clear`.'),
      source: z
        .enum(['relay', 'command', 'person'])
        .describe('Who found it: the relay by what was not delivered, the controller, or a person at this Mac.'),
      reason: z.string(),
      since: Instant,
      until: Instant,
    }),
  ),
});
export type RefusedTexts = z.infer<typeof RefusedTexts>;

export const Blocked = z.object({ until: Instant });
export type Blocked = z.infer<typeof Blocked>;

/** How many were lifted. */
export const Cleared = z.object({ cleared: z.int() });
export type Cleared = z.infer<typeof Cleared>;

export const Cancelled = z.object({ cancelled: z.array(z.string()), too_late: z.int() });
export type Cancelled = z.infer<typeof Cancelled>;

/** `as` a person saw it: `sent`, or `not_delivered` if it is not in the conversation. */
export const Settled = z.object({ message: z.string(), state: z.enum(MESSAGE_STATES) });
export type Settled = z.infer<typeof Settled>;

/** The command that was made of it, and its messages as they stand right after acceptance. */
export const Sent = z.object({ command: z.string(), messages: z.array(MessageStatus) });
export type Sent = z.infer<typeof Sent>;

/** One event of the journal, as the controller gets it. */
export const LocalEvent = z.object({
  seq: z.int(),
  id: z.string(),
  name: z.string(),
  version: z.int(),
  at: Instant,
  data: z.record(z.string(), z.unknown()),
});
export type LocalEvent = z.infer<typeof LocalEvent>;

/** Why a question was not answered or a wish not granted. Codes are those of the protocol, of `RelayError`, or `no_such_route`. */
export const LocalError = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });
export type LocalError = z.infer<typeof LocalError>;

export const EventLine = LocalEvent.extend({ schema: z.literal(LOCAL_SCHEMA) });

/** What may be asked, as it stands in the query or in the body. */
export const ASKED = {
  queue: z.strictObject({
    limit: z.coerce.number().int().min(1).max(LIST_LIMIT.max).default(LIST_LIMIT.default),
    cursor: z.string().max(128).optional(),
  }),
  events: z.strictObject({ after: z.coerce.number().int().min(0).optional() }),
  gateCheck: z.strictObject({
    to: z.array(z.string().min(1).max(320)).min(1).max(MAX_RECIPIENTS),
    text: z.string(),
    category: z.enum(CATEGORIES).default('conversational'),
  }),
  send: z.strictObject({ to: z.string().min(1).max(320), text: z.string() }),
  settle: z.strictObject({ as: z.enum(['sent', 'not-sent']) }),
  pause: z.strictObject({ reason: z.string().max(500).default('paused at the Mac') }),
  textBlock: z.strictObject({ text: z.string(), reason: z.string().max(500).optional() }),
  /** By the text, with all that is near it, or by its number in the list. */
  textClear: z.union([z.strictObject({ text: z.string() }), z.strictObject({ number: z.int().min(1) })]),
  nothing: z.strictObject({}),
} as const;

/** A refusal in words; the HTTP status follows from the code. */
export type LocalAnswer<T> = { ok: true; data: T } | { ok: false; error: LocalError };

/** What the running relay does for a person at the Mac. Handed in by `daemon/relay.ts`. */
export interface LocalHandlers {
  status(): Status;
  queue(o: { limit: number; cursor?: string }): QueuePage;
  message(id: string): MessageDetail | null;
  gateCheck(o: z.infer<(typeof ASKED)['gateCheck']>): Promise<LocalAnswer<GateCheck>>;
  policy(): PolicyState;
  sender(): SenderState;
  /** Asks Messages and chat.db anew; may take some seconds. */
  doctor(): Promise<LocalAnswer<DoctorState>>;
  contact(handle: string): Promise<LocalAnswer<ContactState>>;
  optOut(handle: string): Promise<LocalAnswer<Opted>>;
  /** At the Mac a person lifts any opt-out. */
  optIn(handle: string): Promise<LocalAnswer<Opted>>;
  metrics(): Promise<LocalAnswer<MetricsReport>>;
  reload(): Promise<LocalAnswer<Reloaded>>;
  cancel(message: string): Promise<LocalAnswer<Cancelled>>;
  settle(message: string, as: 'sent' | 'not-sent'): Promise<LocalAnswer<Settled>>;
  send(o: { to: string; text: string }): Promise<LocalAnswer<Sent>>;
  texts(): RefusedTexts;
  textBlock(o: z.infer<(typeof ASKED)['textBlock']>): Promise<LocalAnswer<Blocked>>;
  textClear(o: z.infer<(typeof ASKED)['textClear']>): Promise<LocalAnswer<Cleared>>;
  pause(reason: string): Promise<LocalAnswer<SenderHealth>>;
  resume(): Promise<LocalAnswer<SenderHealth>>;
  /**
   * First all events after `afterSeq` that are still held (none if it is not given), then each new one once it is on disk, without a
   * hole and without a double. Returns how to stop.
   */
  events(o: { afterSeq?: number }, onEvent: (event: LocalEvent) => void): () => void;
}
