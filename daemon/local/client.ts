/**
 * The one client of the local API. What can be expected is a value: the answer, a refusal, or that no relay runs.
 *
 *   const asked = await new LocalClient(paths.socket).status();
 *   if (asked.kind === 'ok') … asked.data
 */
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { SenderHealth } from '../../protocol/events.ts';
import { firstMistake } from '../../protocol/frames.ts';
import { codeOf, messageOf } from '../host/errors.ts';
import {
  Blocked,
  Cancelled,
  Cleared,
  ContactState,
  DoctorState,
  EventLine,
  GateCheck,
  LOCAL_SCHEMA,
  LocalError,
  type LocalEvent,
  MessageDetail,
  MetricsReport,
  Opted,
  PolicyState,
  QueuePage,
  RefusedTexts,
  Reloaded,
  SenderState,
  Sent,
  Settled,
  Status,
} from './schemas.ts';

export type LocalResult<T> =
  /** `now`: the relay's clock, Unix ms. */
  { kind: 'ok'; data: T; now: number } | { kind: 'refused'; error: LocalError } | { kind: 'not_running' };

export type StreamEnd = { kind: 'not_running' } | { kind: 'refused'; error: LocalError } | { kind: 'ended' };

const TIMEOUT_MS = 10_000;
const DOCTOR_TIMEOUT_MS = 60_000;

export class LocalClient {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  status(): Promise<LocalResult<Status>> {
    return this.#ask(Status, 'GET', '/status');
  }

  queue(o: { limit?: number; cursor?: string } = {}): Promise<LocalResult<QueuePage>> {
    const query = new URLSearchParams();
    if (o.limit !== undefined) query.set('limit', String(o.limit));
    if (o.cursor !== undefined) query.set('cursor', o.cursor);
    return this.#ask(QueuePage, 'GET', `/queue?${query}`);
  }

  message(id: string): Promise<LocalResult<MessageDetail>> {
    return this.#ask(MessageDetail, 'GET', `/messages/${encodeURIComponent(id)}`);
  }

  gateCheck(o: { to: string[]; text: string; category?: string }): Promise<LocalResult<GateCheck>> {
    return this.#ask(GateCheck, 'POST', '/gate/check', o);
  }

  policy(): Promise<LocalResult<PolicyState>> {
    return this.#ask(PolicyState, 'GET', '/policy');
  }

  metrics(): Promise<LocalResult<MetricsReport>> {
    return this.#ask(MetricsReport, 'GET', '/metrics');
  }

  reload(): Promise<LocalResult<Reloaded>> {
    return this.#ask(Reloaded, 'POST', '/config/reload');
  }

  sender(): Promise<LocalResult<SenderState>> {
    return this.#ask(SenderState, 'GET', '/sender');
  }

  /** It asks Messages, which may take as long as Messages likes. */
  doctor(): Promise<LocalResult<DoctorState>> {
    return this.#ask(DoctorState, 'GET', '/doctor', undefined, DOCTOR_TIMEOUT_MS);
  }

  contact(handle: string): Promise<LocalResult<ContactState>> {
    return this.#ask(ContactState, 'GET', `/contacts/${encodeURIComponent(handle)}`);
  }

  optOut(handle: string): Promise<LocalResult<Opted>> {
    return this.#ask(Opted, 'POST', `/contacts/${encodeURIComponent(handle)}/opt-out`);
  }

  optIn(handle: string): Promise<LocalResult<Opted>> {
    return this.#ask(Opted, 'POST', `/contacts/${encodeURIComponent(handle)}/opt-in`);
  }

  cancel(id: string): Promise<LocalResult<Cancelled>> {
    return this.#ask(Cancelled, 'POST', `/messages/${encodeURIComponent(id)}/cancel`);
  }

  settle(id: string, as: 'sent' | 'not-sent'): Promise<LocalResult<Settled>> {
    return this.#ask(Settled, 'POST', `/messages/${encodeURIComponent(id)}/settle`, { as });
  }

  send(o: { to: string; text: string }): Promise<LocalResult<Sent>> {
    return this.#ask(Sent, 'POST', '/messages', o);
  }

  texts(): Promise<LocalResult<RefusedTexts>> {
    return this.#ask(RefusedTexts, 'GET', '/texts');
  }

  blockText(o: { text: string; reason?: string }): Promise<LocalResult<Blocked>> {
    return this.#ask(Blocked, 'POST', '/texts/block', o);
  }

  clearText(o: { text?: string; number?: number }): Promise<LocalResult<Cleared>> {
    return this.#ask(Cleared, 'POST', '/texts/clear', o);
  }

  pause(reason?: string): Promise<LocalResult<SenderHealth>> {
    return this.#ask(SenderHealth, 'POST', '/sender/pause', reason === undefined ? {} : { reason });
  }

  resume(): Promise<LocalResult<SenderHealth>> {
    return this.#ask(SenderHealth, 'POST', '/sender/resume');
  }

  /**
   * Calls `onEvent` for each event, the next one once the last call has resolved. Resolves when the relay ends the stream or `signal`
   * aborts.
   */
  async events(
    o: { after?: number; signal?: AbortSignal },
    onEvent: (event: LocalEvent) => void | Promise<void>,
  ): Promise<StreamEnd> {
    const query = o.after === undefined ? '' : `?after=${o.after}`;
    const opened = await this.#open('GET', `/events${query}`, undefined, o.signal);
    if (opened.kind !== 'open') return o.signal?.aborted ? { kind: 'ended' } : opened;
    if (opened.response.statusCode !== 200) {
      const refused = await read(LocalError, opened.response);
      return refused.kind === 'ok' ? { kind: 'refused', error: strange('no stream') } : refused;
    }
    try {
      for await (const line of createInterface({ input: opened.response, crlfDelay: Number.POSITIVE_INFINITY })) {
        const event = EventLine.safeParse(JSON.parse(line));
        if (!event.success) return { kind: 'refused', error: strange(firstMistake(event.error)) };
        const { schema: _schema, ...rest } = event.data;
        await onEvent(rest);
      }
    } catch (error) {
      // A line that was cut off when the relay ended.
      if (!(error instanceof SyntaxError) && codeOf(error) !== 'ECONNRESET' && !o.signal?.aborted) throw error;
    }
    return { kind: 'ended' };
  }

  async #ask<T>(
    schema: z.ZodType<T>,
    method: string,
    path: string,
    body?: object,
    limitMs = TIMEOUT_MS,
  ): Promise<LocalResult<T>> {
    const opened = await this.#open(method, path, body, AbortSignal.timeout(limitMs));
    return opened.kind === 'open' ? read(schema, opened.response) : opened;
  }

  #open(
    method: string,
    path: string,
    body: object | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ kind: 'open'; response: IncomingMessage } | Exclude<LocalResult<never>, { kind: 'ok' }>> {
    return new Promise((resolve) => {
      // An import of node:http loads all of fetch as well, which takes a fifth of what relayctl takes as a whole.
      const { request } = process.getBuiltinModule('node:http');
      const asking = request({ socketPath: this.#socket, method, path, signal, agent: false }, (response) =>
        resolve({ kind: 'open', response }),
      );
      asking.on('error', (error) => resolve(whyNot(error, this.#socket)));
      asking.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

function whyNot(error: Error, socket: string): Exclude<LocalResult<never>, { kind: 'ok' }> {
  const code = codeOf(error);
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ECONNRESET' || code === 'ENOTDIR')
    return { kind: 'not_running' };
  if (code === 'EACCES' || code === 'EPERM')
    return refusal('not_yours', `${socket} belongs to another user.`, 'Ask as the user whose relay it is.');
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return refusal(
      'no_answer',
      `The relay did not answer within ${TIMEOUT_MS / 1000} s.`,
      'Its log may say why; restart it.',
    );
  return refusal('no_answer', `The relay could not be asked: ${messageOf(error)}.`);
}

function refusal(code: string, message: string, hint?: string): { kind: 'refused'; error: LocalError } {
  return { kind: 'refused', error: { code, message, hint } };
}

function strange(words: string): LocalError {
  return {
    code: 'not_understood',
    message: `The relay’s answer was not understood: ${words}.`,
    hint: 'relayctl and relayd may be of different versions; restart the relay.',
  };
}

async function read<T>(schema: z.ZodType<T>, response: IncomingMessage): Promise<LocalResult<T>> {
  let content: unknown;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    content = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    if (codeOf(error) === 'ECONNRESET') return { kind: 'not_running' };
    return { kind: 'refused', error: strange(messageOf(error)) };
  }
  if (typeof content !== 'object' || content === null || !('schema' in content) || content.schema !== LOCAL_SCHEMA)
    return { kind: 'refused', error: strange('another schema') };
  if ('error' in content) {
    const error = LocalError.safeParse(content.error);
    return { kind: 'refused', error: error.success ? error.data : strange('an error without a code') };
  }
  const parsed = schema.safeParse(content);
  if (!parsed.success) return { kind: 'refused', error: strange(firstMistake(parsed.error)) };
  const now = 'now' in content && typeof content.now === 'number' ? content.now : Date.now();
  return { kind: 'ok', data: parsed.data, now };
}
