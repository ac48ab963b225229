/** A relay as the local API sees it, with nothing behind it: answers as they are set, and a journal in memory. */

import type {
  ContactState,
  GateCheck,
  LocalEvent,
  LocalHandlers,
  MessageDetail,
  MetricsReport,
  PolicyState,
  RefusedTexts,
  Reloaded,
  SenderState,
  Status,
} from '../../daemon/local/schemas.ts';
import type { MessageStatus } from '../../protocol/events.ts';
import type { Check } from '../../protocol/queries.ts';

/** 2026-01-31 12:00:00 UTC */
export const NOON = Date.UTC(2026, 0, 31, 12);

export function aStatus(o: Partial<Status> = {}): Status {
  return {
    ready: true,
    headline: 'Ready.',
    device: 'mac-1',
    version: '0.1.0',
    pid: 4242,
    started_at: NOON - 3_600_000,
    now: NOON,
    controller: { state: 'connected', url: 'ws://127.0.0.1:1', since: NOON - 60_000, unacked_events: 0 },
    queue: { waiting: 0, held: 1, dispatching: 0, unknown: 0, next_at: NOON + 90_000 },
    last_send_at: NOON - 5_000,
    last_inbound_at: null,
    chat_db: {
      path: '/Users/ann/Library/Messages/chat.db',
      readable: true,
      cursor_rowid: 17,
      last_row_at: NOON - 5_000,
    },
    sender: { state: 'healthy', since: NOON - 3_600_000, reason: 'started' },
    conditions: [],
    ...o,
  };
}

export function aMessage(o: Partial<MessageStatus> = {}): MessageStatus {
  return { message: 'm_1', command: 'c_1', to: '+15550101234', n: 1, state: 'accepted', at: NOON, ...o };
}

export function aDetail(message: MessageStatus, o: Partial<MessageDetail> = {}): MessageDetail {
  return {
    ...message,
    category: 'conversational',
    reply: false,
    tries: 0,
    accepted_at: NOON,
    not_before: null,
    expires_at: NOON + 86_400_000,
    text_start: 'Your table is ready.',
    before: { count: 0, first: [] },
    steps: [{ state: 'accepted', at: NOON }],
    ...o,
  };
}

export function anEvent(seq: number, o: Partial<LocalEvent> = {}): LocalEvent {
  return { seq, id: `e${seq}`, name: 'message.status', version: 1, at: NOON, data: { ...aMessage({ n: seq }) }, ...o };
}

export class FakeRelay implements LocalHandlers {
  present = aStatus();
  messages: MessageStatus[] = [];
  check: GateCheck = { request: { verdict: 'go', words: 'May go now.' }, recipients: [] };
  journal: LocalEvent[] = [];
  asked: [string, unknown][] = [];
  readonly listeners = new Set<(event: LocalEvent) => void>();

  /** How often its status was asked for. */
  looks = 0;

  status() {
    this.looks += 1;
    return this.present;
  }

  queue(o: { limit: number; cursor?: string }) {
    this.asked.push(['queue', o]);
    const from = Number(o.cursor ?? 0);
    const messages = this.messages.slice(from, from + o.limit);
    const next = from + o.limit < this.messages.length ? String(from + o.limit) : undefined;
    return { messages, total: this.messages.length, ...(next === undefined ? {} : { next }) };
  }

  details = new Map<string, Partial<MessageDetail>>();

  message(id: string) {
    const message = this.messages.find((m) => m.message === id);
    return message ? aDetail(message, this.details.get(id)) : null;
  }

  async gateCheck(o: { to: string[]; text: string; category: string }) {
    this.asked.push(['gateCheck', o]);
    return { ok: true as const, data: this.check };
  }

  policyState: PolicyState = { version: '1-0', put: null, policy: {}, floor: {}, defaults: {} };

  senderState: SenderState = {
    health: aStatus().sender,
    kind: 'shared',
    since: '2026-01-01',
    waiting: 3,
    opted_out: 1,
    policy_version: '1-0',
    caps: [{ name: 'new_contacts_day', used: 50, limit: 50, remaining: 0, next_slot_at: NOON + 90_000 }],
  };

  sender() {
    return this.senderState;
  }

  contactState: ContactState = {
    handle: '+14155550101',
    opted_out: null,
    is_new: false,
    last_in_at: NOON - 60_000,
    last_out_at: NOON - 30_000,
    delivered_at: NOON - 29_000,
    unanswered: 1,
    replies_left: 2,
    wrote_first: true,
    consent: null,
    marketing: { allowed: false, code: 'sender_not_dedicated', words: 'This sender is not a dedicated one.' },
  };

  async contact(handle: string) {
    this.asked.push(['contact', handle]);
    if (!handle.startsWith('+'))
      return { ok: false as const, error: { code: 'recipient_invalid', message: `"${handle}" is no number.` } };
    return { ok: true as const, data: { ...this.contactState, handle } };
  }

  async optOut(handle: string) {
    this.asked.push(['optOut', handle]);
    return { ok: true as const, data: { handle, changed: true } };
  }

  async optIn(handle: string) {
    this.asked.push(['optIn', handle]);
    return { ok: true as const, data: { handle, changed: false } };
  }

  reloaded: Reloaded = { changed: [], restart: [] };

  async reload() {
    return { ok: true as const, data: this.reloaded };
  }

  checks: Check[] = [];

  async doctor() {
    return { ok: true as const, data: { checks: this.checks } };
  }

  metricsReport: MetricsReport = { text: '', metrics: [] };

  async metrics() {
    return { ok: true as const, data: this.metricsReport };
  }

  policy() {
    return this.policyState;
  }

  async cancel(id: string) {
    if (!this.message(id))
      return { ok: false as const, error: { code: 'not_found', message: 'There is no such message here.' } };
    return { ok: true as const, data: { cancelled: [id], too_late: 0 } };
  }

  async settle(id: string, as: 'sent' | 'not-sent') {
    this.asked.push(['settle', [id, as]]);
    if (this.message(id)?.state !== 'unknown')
      return { ok: false as const, error: { code: 'too_late', message: 'Only an unknown one can be settled.' } };
    const state = as === 'sent' ? ('sent' as const) : ('not_delivered' as const);
    return { ok: true as const, data: { message: id, state } };
  }

  async send(o: { to: string; text: string }) {
    this.asked.push(['send', o]);
    return { ok: true as const, data: { command: 'c_1', messages: [aMessage({ to: o.to })] } };
  }

  refusedTexts: RefusedTexts['texts'] = [];

  texts() {
    return { texts: this.refusedTexts };
  }

  async textBlock(o: { text: string; reason?: string }) {
    this.asked.push(['textBlock', o]);
    return { ok: true as const, data: { until: NOON + 30 * 86_400_000 } };
  }

  async textClear(o: { text: string } | { number: number }) {
    this.asked.push(['textClear', o]);
    const number = 'number' in o ? o.number : 1;
    const cleared = this.refusedTexts.filter((text) => text.number === number).length;
    if ('number' in o && cleared === 0)
      return { ok: false as const, error: { code: 'not_found', message: `No refused text has the number ${number}.` } };
    return { ok: true as const, data: { cleared } };
  }

  async pause(reason: string) {
    return { ok: true as const, data: { state: 'paused' as const, since: NOON, reason } };
  }

  async resume() {
    return { ok: true as const, data: { state: 'at_risk' as const, since: NOON, reason: 'resumed' } };
  }

  events({ afterSeq }: { afterSeq?: number }, onEvent: (event: LocalEvent) => void) {
    for (const event of this.journal) if (afterSeq !== undefined && event.seq > afterSeq) onEvent(event);
    this.listeners.add(onEvent);
    return () => this.listeners.delete(onEvent);
  }

  tell(event: LocalEvent) {
    this.journal.push(event);
    for (const listener of this.listeners) listener(event);
  }
}
