/** Answers the controller's queries. They read only; nothing is stored, nothing is reserved. */
import { randomBytes } from 'node:crypto';
import { RETRYABLE, type RefusalCode } from '../../protocol/codes.ts';
import type { MessageStatus } from '../../protocol/events.ts';
import { firstMistake, type QueryError } from '../../protocol/frames.ts';
import { type Category, type MessageState, QUERY_NAMES, type QueryName } from '../../protocol/names.ts';
import { type Check, QUERY_DATA, type QueryData, type ResultData } from '../../protocol/queries.ts';
import { normaliseHandle } from '../host/handles.ts';
import { textFault, toRequest } from './accept.ts';
import type { Message, Messages } from './messages.ts';
import type { Files, Gate, Recipient } from './ports.ts';

/** So much of a text is shown, so that a person knows which it is. */
const TEXT_START = 30;

export interface MessageDetail extends MessageStatus {
  category: Category;
  reply: boolean;
  tries: number;
  accepted_at: number;
  not_before: number | null;
  expires_at: number;
  text_start: string;
  before: { count: number; first: { message: string; to: string }[] };
  steps: { state: MessageState; at: number }[];
}

export type QueryAnswer = { data: Record<string, unknown>; next?: string } | { error: QueryError };

export class Questions {
  readonly #messages: Messages;
  readonly #gate: Gate;
  readonly #sender: () => Omit<ResultData<'sender.get'>, 'waiting'>;
  readonly #files: Files;
  readonly #checks: () => Promise<Check[]>;
  readonly #now: () => number;
  readonly #region: string | undefined;

  constructor(o: {
    messages: Messages;
    gate: Gate;
    sender: () => Omit<ResultData<'sender.get'>, 'waiting'>;
    files: Files;
    /** Asked anew each time. */
    checks: () => Promise<Check[]>;
    now: () => number;
    region?: string;
  }) {
    this.#messages = o.messages;
    this.#gate = o.gate;
    this.#sender = o.sender;
    this.#files = o.files;
    this.#checks = o.checks;
    this.#now = o.now;
    this.#region = o.region;
  }

  async answer(name: string, data: Record<string, unknown>): Promise<QueryAnswer> {
    const known = QUERY_NAMES.find((query) => query === name);
    if (!known) return refuse('unsupported', `This relay does not know the query ${name}.`);
    const parsed = QUERY_DATA[known].safeParse(data);
    if (!parsed.success) return refuse('bad_request', `${known}: ${firstMistake(parsed.error)}`);
    return this.#known(known, parsed.data);
  }

  #known(name: QueryName, data: unknown): QueryAnswer | Promise<QueryAnswer> {
    switch (name) {
      case 'message.get':
        return this.#message(data as QueryData<'message.get'>);
      case 'queue.list':
        return this.queue(data as QueryData<'queue.list'>);
      case 'sender.get':
        return { data: this.sender() };
      case 'gate.check':
        return this.check(data as QueryData<'gate.check'>);
      case 'contact.get':
        return this.contact(data as QueryData<'contact.get'>);
      case 'policy.get':
        return { data: this.policy() };
      case 'doctor.get':
        return this.doctor().then((data) => ({ data }));
      case 'attachment.get':
        return this.#attachment(data as QueryData<'attachment.get'>);
    }
  }

  #message({ message: id }: QueryData<'message.get'>): QueryAnswer {
    const message = this.#messages.get(id);
    return message ? { data: this.present(message) } : refuse('not_found', `There is no message ${id} here.`);
  }

  async #attachment({ attachment, offset }: QueryData<'attachment.get'>): Promise<QueryAnswer> {
    const found = await this.#files.piece(attachment, offset);
    if (!found.ok) return refuse(found.code, found.words);
    const { name, mimeType, bytes, sha256, data } = found.piece;
    const result: ResultData<'attachment.get'> = {
      attachment,
      ...(name ? { name } : {}),
      ...(mimeType ? { mime_type: mimeType } : {}),
      ...{ bytes, sha256, offset, data: data.toString('base64') },
    };
    const end = offset + data.length;
    return data.length > 0 && end < bytes ? { data: result, next: String(end) } : { data: result };
  }

  /** The newest status, with the present estimate in place of the last told one while it waits. */
  present(message: Message): MessageStatus {
    const hold = message.state === 'held' || message.state === 'accepted' ? this.#gate.holdOf(message.id) : null;
    if (!hold) return message.status;
    return { ...message.status, until: Math.round(hold.until), rule: hold.rule, evidence: hold.evidence };
  }

  /** All that a person at the Mac may want to know of one message. */
  detail(message: Message): MessageDetail {
    const { id, category, reply, tries, acceptedAt, notBefore, expiresAt, text } = message;
    const { count, first } = this.#gate.before(id);
    const before = first.flatMap((other) => {
      const found = this.#messages.get(other);
      return found ? [{ message: other, to: found.status.to }] : [];
    });
    return {
      ...this.present(message),
      ...{ category, reply, tries, accepted_at: acceptedAt, not_before: notBefore, expires_at: expiresAt },
      text_start: [...text].slice(0, TEXT_START).join(''),
      before: { count, first: before },
      steps: this.#messages.steps(id),
    };
  }

  queue({ limit, cursor }: QueryData<'queue.list'>): { data: ResultData<'queue.list'>; next?: string } {
    const page = this.#messages.waitingPage(cursor ? Number(cursor) || 0 : 0, limit);
    const counts = this.#messages.counts();
    const total = counts.waiting + counts.held + counts.dispatching + counts.unknown;
    const last = page.at(-1);
    const data = { messages: page.map((message) => this.present(message)), total };
    return last && page.length === limit ? { data, next: String(last.order) } : { data };
  }

  sender(): ResultData<'sender.get'> {
    const counts = this.#messages.counts();
    return { ...this.#sender(), waiting: counts.waiting + counts.held };
  }

  contact({ handle: written }: QueryData<'contact.get'>): { data: ResultData<'contact.get'> } | { error: QueryError } {
    const handle = normaliseHandle(written, this.#region);
    if (!handle.ok) return refuse('recipient_invalid', `${JSON.stringify(written)} is ${handle.why}.`);
    return { data: this.#gate.people.contact(handle.handle) };
  }

  async doctor(): Promise<ResultData<'doctor.get'>> {
    return { checks: await this.#checks() };
  }

  policy(): ResultData<'policy.get'> {
    return this.#gate.policies.state();
  }

  check(data: QueryData<'gate.check'>): { data: ResultData<'gate.check'> } | { error: QueryError } {
    const fault = textFault(data.text);
    if (fault) return refuse(fault.code, fault.message);
    const recipients = new Map<string, Recipient>();
    for (const written of typeof data.to === 'string' ? [data.to] : data.to) {
      const handle = normaliseHandle(written, this.#region);
      if (!handle.ok) return refuse('recipient_invalid', `${JSON.stringify(written)} is ${handle.why}.`);
      recipients.set(handle.handle, { kind: 'handle', handle: handle.handle });
    }
    const now = this.#now();
    const request = toRequest(
      {
        text: data.text,
        variables: data.variables,
        category: data.category,
        pacing: 'queue',
        expires_at: now + 30 * 86_400_000,
      },
      `check_${randomBytes(6).toString('base64url')}`,
      [...recipients.values()],
    );
    return { data: this.#gate.check(request) };
  }
}

function refuse(code: RefusalCode, message: string): { error: QueryError } {
  return { error: { code, message, retryable: RETRYABLE.has(code) } };
}
