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
} as const satisfies Record<QueryName, z.ZodType>;
export type ResultData<N extends QueryName> = z.infer<(typeof RESULT_DATA)[N]>;
