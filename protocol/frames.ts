/**
 * The frames of protocol version 1: one JSON object in one WebSocket text message.
 *
 *   controller            relay
 *       hello    ────────▶
 *                ◀────────  identify
 *       welcome  ────────▶
 *       command, query, ack, window, bye ◀──▶ event, result, ack, window, bye
 *
 * `parseFrame` never throws: what it cannot read is a value that says which close code fits.
 */
import { z } from 'zod';
import { REFUSAL_CODES } from './codes.ts';
import { Id, Instant } from './commands.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

const Seq = z.int().min(1);
const Seq0 = z.int().min(0);
const Stream = z.string().min(1).max(64);
/** Rides on any frame: everything of the other direction up to here is on disk. */
const ack = Seq0.optional();

/** What a receiver last committed of a stream; `null` if nothing of it, ever. */
export const Received = z.object({ stream: Stream, seq: Seq0, id: z.string().max(256).nullable() });
export type Received = z.infer<typeof Received>;

export const Window = z.object({ frames: z.int().min(0), bytes: z.int().min(0) });
export type Window = z.infer<typeof Window>;

export const Hello = z.object({
  type: z.literal('hello'),
  protocols: z.array(z.int()).min(1),
  controller: z.string().max(128),
  time: Instant,
  heartbeat_ms: z.int().min(100).max(600_000),
});
export const Identify = z.object({
  type: z.literal('identify'),
  protocol: z.int(),
  device: z.string().min(1).max(128),
  agent: z.string().max(128),
  features: z.array(z.string()),
  stream: Stream,
  received: Received.nullable(),
  window: Window,
  policy_version: z.string(),
  /** The highest epoch that this relay has accepted: a controller whose store was set back must go beyond it. */
  epoch: z.int().min(0).default(0),
});
export const Welcome = z.object({
  type: z.literal('welcome'),
  stream: Stream,
  received: Received.nullable(),
  window: Window,
  epoch: z.int().min(0),
});
export const CommandFrame = z.object({
  type: z.literal('command'),
  ack,
  seq: Seq,
  id: Id,
  name: z.string().min(1).max(64),
  version: z.int().min(1),
  data: z.record(z.string(), z.unknown()),
});
export const EventFrame = z.object({
  type: z.literal('event'),
  ack,
  seq: Seq,
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(64),
  version: z.int().min(1),
  at: Instant,
  data: z.record(z.string(), z.unknown()),
});
export const QueryFrame = z.object({
  type: z.literal('query'),
  ack,
  id: Id,
  name: z.string().min(1).max(64),
  data: z.record(z.string(), z.unknown()),
});
export const QueryError = z.object({
  code: z.enum(REFUSAL_CODES),
  message: z.string(),
  retryable: z.boolean(),
});
export const ResultFrame = z.object({
  type: z.literal('result'),
  ack,
  id: Id,
  data: z.record(z.string(), z.unknown()).optional(),
  next: z.string().optional(),
  error: QueryError.optional(),
});
export const AckFrame = z.object({ type: z.literal('ack'), seq: Seq0 });
export const WindowFrame = z.object({ type: z.literal('window'), ack, ...Window.shape });
export const ByeFrame = z.object({
  type: z.literal('bye'),
  ack,
  code: z.int(),
  reason: z.string().max(500),
  reconnect: z.boolean(),
  retry_after_ms: z.int().min(0).optional(),
});
/** A type of a later version: if it has a number it is stored and acked, else ignored (invariant 8). */
export type UnknownFrame = { type: 'unknown'; name: string; seq?: number; id?: string; ack?: number };

const FRAMES = {
  hello: Hello,
  identify: Identify,
  welcome: Welcome,
  command: CommandFrame,
  event: EventFrame,
  query: QueryFrame,
  result: ResultFrame,
  ack: AckFrame,
  window: WindowFrame,
  bye: ByeFrame,
} as const;

export type Hello = z.infer<typeof Hello>;
export type Identify = z.infer<typeof Identify>;
export type Welcome = z.infer<typeof Welcome>;
export type CommandFrame = z.infer<typeof CommandFrame>;
export type EventFrame = z.infer<typeof EventFrame>;
export type QueryFrame = z.infer<typeof QueryFrame>;
export type QueryError = z.infer<typeof QueryError>;
export type ResultFrame = z.infer<typeof ResultFrame>;
export type AckFrame = z.infer<typeof AckFrame>;
export type WindowFrame = z.infer<typeof WindowFrame>;
export type ByeFrame = z.infer<typeof ByeFrame>;
export type Frame =
  | Hello
  | Identify
  | Welcome
  | CommandFrame
  | EventFrame
  | QueryFrame
  | ResultFrame
  | AckFrame
  | WindowFrame
  | ByeFrame;

export type ParsedFrame =
  | { ok: true; frame: Frame | UnknownFrame; bytes: number }
  | { ok: false; close: 4400 | 4413; reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads one WebSocket text message. Extra fields are dropped. Never throws. */
export function parseFrame(message: string | Uint8Array): ParsedFrame {
  const bytes = typeof message === 'string' ? Buffer.byteLength(message) : message.byteLength;
  if (bytes > MAX_FRAME_BYTES)
    return { ok: false, close: 4413, reason: `a frame of ${bytes} bytes; the most is ${MAX_FRAME_BYTES}` };
  let value: unknown;
  try {
    value = JSON.parse(typeof message === 'string' ? message : utf8.decode(message));
  } catch {
    return { ok: false, close: 4400, reason: 'not JSON in UTF-8' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ok: false, close: 4400, reason: 'not a JSON object' };
  const { type } = value as { type?: unknown };
  if (typeof type !== 'string') return { ok: false, close: 4400, reason: 'no `type`' };
  if (!Object.hasOwn(FRAMES, type)) return unknownFrame(type, value as Record<string, unknown>, bytes);
  const parsed = FRAMES[type as keyof typeof FRAMES].safeParse(value);
  if (!parsed.success) return { ok: false, close: 4400, reason: `${type}: ${firstMistake(parsed.error)}` };
  return { ok: true, frame: parsed.data, bytes };
}

function unknownFrame(name: string, value: Record<string, unknown>, bytes: number): ParsedFrame {
  const seq = Seq.safeParse(value.seq);
  const id = Id.safeParse(value.id);
  const acked = Seq0.safeParse(value.ack);
  const frame: UnknownFrame = { type: 'unknown', name: name.slice(0, 64) };
  if (seq.success) frame.seq = seq.data;
  if (id.success) frame.id = id.data;
  if (acked.success) frame.ack = acked.data;
  return { ok: true, frame, bytes };
}

/** The first of the numbers that a gap stands for; `seq` is the last. */
export function gapFrom(seq: number, data: { from?: unknown }): number {
  const { from } = data;
  return typeof from === 'number' && Number.isInteger(from) && from >= 1 && from <= seq ? from : seq;
}

/** "to.0: must be …": the first mistake of a zod error, with its path. */
export function firstMistake(error: z.ZodError): string {
  const issue = error.issues[0];
  if (!issue) return 'not valid';
  const path = issue.path.map(String).join('.');
  return path ? `${path}: ${issue.message}` : issue.message;
}
