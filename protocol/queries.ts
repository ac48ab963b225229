/** Questions of the controller and their answers: not stored, lost with the line, asked again. */
import { z } from 'zod';
import { REFUSAL_CODES } from './codes.ts';
import { Id, Instant } from './commands.ts';
import { Evidence, MessageStatus, SenderHealth } from './events.ts';
import { LIST_LIMIT } from './limits.ts';
import { CATEGORIES, type QueryName } from './names.ts';

const Page = { limit: z.int().min(1).max(LIST_LIMIT.max).default(LIST_LIMIT.default), cursor: z.string().optional() };

export const QUERY_DATA = {
  'message.get': z.object({ message: Id }),
  'queue.list': z.object(Page),
  'sender.get': z.object({}),
  'gate.check': z.object({
    to: z.union([z.string().min(1).max(320), z.array(z.string().min(1).max(320)).min(1).max(100)]),
    text: z.string(),
    category: z.enum(CATEGORIES).default('conversational'),
    variables: z.array(z.string()).optional(),
  }),
  'contact.get': z.object({ handle: z.string().min(1).max(320) }),
  'policy.get': z.object({}),
  /** A piece of a file of a message, from `offset` (bytes) on. One at a time; `next` of the result is the offset behind it, if there is more. */
  'attachment.get': z.object({ attachment: z.string().min(1).max(256), offset: z.int().min(0).default(0) }),
  'doctor.get': z.object({}),
} as const satisfies Record<QueryName, z.ZodType>;
export type QueryData<N extends QueryName> = z.infer<(typeof QUERY_DATA)[N]>;

/** A dry run for one recipient. Nothing is reserved, so the answer can be old a moment later. */
export const GateAnswer = z.object({
  to: z.string(),
  verdict: z.enum(['go', 'hold', 'refuse']),
  reply: z.boolean(),
  code: z.enum(REFUSAL_CODES).optional(),
  rule: z.string().optional(),
  until: Instant.optional(),
  retry_after_ms: z.int().optional(),
  evidence: Evidence.optional(),
});
export type GateAnswer = z.infer<typeof GateAnswer>;

/** One named question that the relay asks of its Mac, and what came of it. `words` and `remedy` are for a person, all else for programs. */
export const Check = z.object({
  name: z.string(),
  verdict: z.enum(['ok', 'warn', 'fail', 'skipped']),
  code: z.string().describe('`ok`, or why not, as one word.'),
  words: z.string(),
  remedy: z.string().optional(),
  needs_person: z.boolean().optional().describe('Somebody has to grant, sign in, pair or configure something.'),
  facts: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .optional()
    .describe('What was found: versions, numbers, never a text or a handle.'),
});
export type Check = z.infer<typeof Check>;

export const RESULT_DATA = {
  'message.get': MessageStatus,
  'queue.list': z.object({ messages: z.array(MessageStatus), total: z.int() }),
  'sender.get': z.object({
    health: SenderHealth,
    kind: z.enum(['shared', 'dedicated']),
    since: z.string().nullable(),
    waiting: z.int(),
    opted_out: z.int(),
    policy_version: z.string(),
    caps: z.array(
      z.object({
        name: z.string(),
        used: z.int(),
        limit: z.int(),
        remaining: z.int(),
        next_slot_at: Instant.nullable(),
      }),
    ),
  }),
  'gate.check': z.object({
    request: z.object({
      verdict: z.enum(['go', 'hold', 'refuse']),
      code: z.enum(REFUSAL_CODES).optional(),
      words: z.string(),
    }),
    recipients: z.array(GateAnswer),
  }),
  'contact.get': z.object({
    handle: z.string(),
    opted_out: z.object({ source: z.enum(['message', 'command', 'person']), at: Instant }).nullable(),
    /** No talk either way in 30 days. */
    is_new: z.boolean(),
    last_in_at: Instant.nullable(),
    last_out_at: Instant.nullable(),
    delivered_at: Instant.nullable(),
    /** Messages to them since their last word. */
    unanswered: z.int(),
    /** How many replies may still be accepted now. */
    replies_left: z.int(),
    /** The oldest known 1:1 row is theirs, and no opt-out word. */
    wrote_first: z.boolean(),
    consent: z.object({ state: z.enum(['given', 'withdrawn']), at: Instant, source: z.string() }).nullable(),
    /** Opt-outs aside. */
    marketing: z.object({ allowed: z.boolean(), code: z.enum(REFUSAL_CODES).optional(), words: z.string().optional() }),
  }),
  'policy.get': z.object({
    /** Of what holds now; changes whenever a field does. */
    version: z.string(),
    /** What the controller put last, by its own name. */
    put: z.object({ version: z.string(), at: Instant }).nullable(),
    policy: z.record(z.string(), z.unknown()),
    /** This Mac's own file, defaults filled in: nothing may be looser. */
    floor: z.record(z.string(), z.unknown()),
    defaults: z.record(z.string(), z.unknown()),
  }),
  'attachment.get': z.object({
    attachment: z.string(),
    name: z.string().optional(),
    mime_type: z.string().optional(),
    /** Of the whole file. If either differs from that of an earlier piece, the file has changed: begin again. */
    bytes: z.int().min(0),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    offset: z.int().min(0),
    /** Base64 of at most ATTACHMENT_CHUNK_BYTES; '' behind the end. */
    data: z.string(),
  }),
  'doctor.get': z.object({ checks: z.array(Check) }),
} as const satisfies Record<QueryName, z.ZodType>;
export type ResultData<N extends QueryName> = z.infer<(typeof RESULT_DATA)[N]>;
