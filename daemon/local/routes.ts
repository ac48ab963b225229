/** The local API's routes, in one block. Each checks what was asked and says who answers. */
import type { z } from 'zod';
import { firstMistake } from '../../protocol/frames.ts';
import { ASKED, type LocalAnswer, type LocalHandlers } from './schemas.ts';

export interface Asked {
  /** Of the path, decoded: "/messages/m1" → ["messages", "m1"]. */
  path: string[];
  query: Record<string, string>;
  /** The JSON body, or {} if there is none. */
  body: unknown;
}

type Answered = LocalAnswer<object> | Promise<LocalAnswer<object>>;
type Route = [method: 'GET' | 'POST', path: string, answer: (h: LocalHandlers, asked: Asked) => Answered];

const ROUTES: Route[] = [
  ['GET', '/status', (h) => given(h.status())],
  ['GET', '/queue', (h, { query }) => checked(ASKED.queue, query, (o) => given(h.queue(o)))],
  ['GET', '/messages/:', (h, { path }) => found(h.message(path[1] ?? ''))],
  ['POST', '/messages/:/cancel', (h, { path }) => h.cancel(path[1] ?? '')],
  [
    'POST',
    '/messages/:/settle',
    (h, { path, body }) => checked(ASKED.settle, body, (o) => h.settle(path[1] ?? '', o.as)),
  ],
  ['POST', '/messages', (h, { body }) => checked(ASKED.send, body, (o) => h.send(o))],
  ['POST', '/gate/check', (h, { body }) => checked(ASKED.gateCheck, body, (o) => h.gateCheck(o))],
  ['GET', '/policy', (h) => given(h.policy())],
  ['POST', '/config/reload', (h, { body }) => checked(ASKED.nothing, body, () => h.reload())],
  ['GET', '/metrics', (h) => h.metrics()],
  ['GET', '/doctor', (h) => h.doctor()],
  ['GET', '/sender', (h) => given(h.sender())],
  ['GET', '/contacts/:', (h, { path }) => h.contact(path[1] ?? '')],
  ['POST', '/contacts/:/opt-out', (h, { path }) => h.optOut(path[1] ?? '')],
  ['POST', '/contacts/:/opt-in', (h, { path }) => h.optIn(path[1] ?? '')],
  ['GET', '/texts', (h) => given(h.texts())],
  ['POST', '/texts/block', (h, { body }) => checked(ASKED.textBlock, body, (o) => h.textBlock(o))],
  ['POST', '/texts/clear', (h, { body }) => checked(ASKED.textClear, body, (o) => h.textClear(o))],
  ['POST', '/sender/pause', (h, { body }) => checked(ASKED.pause, body, (o) => h.pause(o.reason))],
  ['POST', '/sender/resume', (h, { body }) => checked(ASKED.nothing, body, () => h.resume())],
];

/** The one stream, NDJSON: `GET /events?after=SEQ`. */
export const EVENTS_PATH = '/events';

/** Answers one question. Throws only what a handler throws. */
export async function answer(handlers: LocalHandlers, method: string, asked: Asked): Promise<LocalAnswer<object>> {
  const fitting = ROUTES.filter(([, path]) => fits(path, asked.path));
  const route = fitting.find(([wanted]) => wanted === method);
  if (route) return route[2](handlers, asked);
  const where = `/${asked.path.join('/')}`;
  if (fitting.length > 0) return refused('wrong_method', `${where} is not asked with ${method}.`);
  return refused('no_such_route', `This relay has no ${where}.`);
}

export function checked<T extends z.ZodType>(
  schema: T,
  value: unknown,
  next: (asked: z.infer<T>) => Answered,
): Answered {
  const parsed = schema.safeParse(value);
  return parsed.success ? next(parsed.data) : refused('bad_request', `${firstMistake(parsed.error)}.`);
}

export function refused(code: string, message: string, hint?: string): LocalAnswer<never> {
  return { ok: false, error: hint === undefined ? { code, message } : { code, message, hint } };
}

function given(data: object): LocalAnswer<object> {
  return { ok: true, data };
}

function found(data: object | null): LocalAnswer<object> {
  const hint = 'relayctl queue list and tail name the ids; each begins with m_.';
  return data ? given(data) : refused('not_found', 'There is no such message here.', hint);
}

function fits(route: string, path: string[]): boolean {
  const parts = route.slice(1).split('/');
  return parts.length === path.length && parts.every((part, i) => part === ':' || part === path[i]);
}
