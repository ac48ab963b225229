/**
 * `message.send`: from a request to stored messages, or to one refusal with a reason.
 *
 * A refusal that hits the whole request is a `command.result` with `ok: false`. Where only some recipients of several may not be
 * written to, the others go their way, and those become messages in the state `rejected`.
 */
import { hash } from 'node:crypto';
import type { RefusalCode } from '../../protocol/codes.ts';
import type { MessageSend } from '../../protocol/commands.ts';
import { MAX_LIFETIME_MS, MAX_TEXT_CHARACTERS, MAX_WAITING_MESSAGES } from '../../protocol/limits.ts';
import type { Clock } from '../host/clock.ts';
import { normaliseHandle } from '../host/handles.ts';
import type { Answer, Origin } from './commands.ts';
import { addressOf, type Messages, type NewMessage, toGateMessage } from './messages.ts';
import { isWhole, namesOf, partsOf } from './parts.ts';
import type { Confirmation, Gate, GateRequest, Recipient, RecipientVerdict } from './ports.ts';
import type { Reach } from './reach.ts';
import { type Twins, UNKNOWN_BEFORE } from './twins.ts';

/** Groups that exist in Messages. Members without the own address; null if there is no such group. */
export interface Groups {
  members(chat: string): string[] | null;
}

/** Does `chat.db` already hold a from-me row with this text, or one of these files, to this recipient, not older than `sinceAt` and claimed by nobody? */
export interface Lookalikes {
  find(recipient: Recipient, text: string, sinceAt: number, files: MessageSend['attachments']): boolean;
}

/** The controller's clock and ours need not agree. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** The rule by which a message waits for its files. */
export const ATTACHMENT = 'attachment';
const FETCHING = 'Its attachments are being fetched; it waits until they are on the Mac.';

type Normalised = { ok: true; recipients: Recipient[] } | { ok: false; answer: Answer };

export class Acceptance {
  readonly #clock: Clock;
  readonly #messages: Messages;
  readonly #gate: Gate;
  readonly #reach: Reach;
  readonly #twins: Twins;
  readonly #groups: Groups;
  readonly #lookalikes: Lookalikes;
  readonly #region: string | undefined;
  readonly #want: (command: string, attachments: NonNullable<MessageSend['attachments']>) => void;
  readonly #startedAt: number;
  #waiting = 0;

  constructor(o: {
    clock: Clock;
    messages: Messages;
    gate: Gate;
    reach: Reach;
    twins: Twins;
    groups: Groups;
    lookalikes: Lookalikes;
    /** Has the files of a command fetched; in its transaction. */
    want: (command: string, attachments: NonNullable<MessageSend['attachments']>) => void;
    region?: string;
  }) {
    this.#clock = o.clock;
    this.#messages = o.messages;
    this.#gate = o.gate;
    this.#reach = o.reach;
    this.#twins = o.twins;
    this.#groups = o.groups;
    this.#lookalikes = o.lookalikes;
    this.#want = o.want;
    this.#region = o.region;
    this.#startedAt = o.clock.now();
    this.reload();
  }

  /** Counts anew what waits, from the store. */
  reload(): void {
    const counts = this.#messages.counts();
    this.#waiting = counts.waiting + counts.held;
  }

  /** In the command's transaction. */
  accept(send: MessageSend, command: string, from: Origin): Answer {
    const fault = this.#fault(send);
    if (fault) return fault;
    const normalised = this.#normalise(send.to);
    if (!normalised.ok) return normalised.answer;
    const files = (send.attachments ?? []).flatMap(({ sha256 }) => (sha256 === undefined ? [] : [{ sha256 }]));
    const twin = (to: Recipient) => this.#twins.find(addressOf(to), send.text, files) ?? [];
    const [first] = send.pacing === 'reject' ? normalised.recipients.flatMap(twin) : [];
    if (first) return { ok: false, code: 'duplicate', message: first.words, detail: { rule: UNKNOWN_BEFORE } };
    const request = toRequest(send, command, normalised.recipients);
    const admission = this.#gate.admit(request);
    if (!admission.ok) {
      const { code, words, retryAfterMs, rule, evidence } = admission.refusal;
      return { ok: false, code, message: words, retryAfterMs, detail: { rule, ...(evidence ? { evidence } : {}) } };
    }
    const messages = request.recipients.map((recipient, index) => {
      const refusal = this.#reach.refusal(recipient, send.service);
      const verdict = admission.verdicts[index] ?? { kind: 'go', reply: false };
      return this.#store({ send, command, from }, recipient, refusal ? { kind: 'refuse', refusal } : verdict);
    });
    if (send.attachments) this.#want(command, send.attachments);
    return { ok: true, detail: { messages } };
  }

  /** In the transaction of the STOP: the one text that still goes. */
  confirm({ to, text, guid, expiresAt }: Confirmation): void {
    const command = `confirmation_${guid}`;
    const recipient: Recipient = { kind: 'handle', handle: to };
    // No command of the controller's makes this id: none is named with a line break.
    const id = messageId(`\n${guid}`, recipient);
    if (this.#messages.get(id)) return;
    const stored = this.#messages.insert({
      id,
      command,
      recipient,
      text,
      variables: [],
      category: 'conversational',
      service: 'any',
      reply: true,
      acceptedAt: this.#clock.now(),
      notBefore: null,
      expiresAt,
      timeZone: null,
      passthrough: null,
      pacing: 'queue',
      parts: null,
    });
    this.#waiting += 1;
    this.#gate.people.confirmations.expect(to, stored.id);
    this.#gate.add([toGateMessage(stored)]);
  }

  /** A message has left the queue, whatever the reason. */
  left(): void {
    this.#waiting = Math.max(0, this.#waiting - 1);
  }

  #store(
    { send, command, from }: { send: MessageSend; command: string; from: Origin },
    recipient: Recipient,
    verdict: RecipientVerdict,
  ): { message: string; to: string } {
    const fresh: NewMessage = {
      id: messageId(command, recipient),
      command,
      recipient,
      text: send.text,
      variables: send.variables ?? [],
      category: send.category,
      service: send.service,
      reply: verdict.kind !== 'refuse' && verdict.reply,
      acceptedAt: this.#clock.now(),
      notBefore: send.not_before ?? null,
      expiresAt: send.expires_at,
      timeZone: send.time_zone ?? null,
      passthrough: send.passthrough ?? null,
      pacing: send.pacing,
      parts: partsOf(send.text, send.attachments?.length ?? 0),
    };
    const stored = this.#messages.insert(fresh);
    const named = { message: stored.id, to: addressOf(recipient) };
    if (verdict.kind === 'refuse') {
      const { code, rule, words, retryable, evidence } = verdict.refusal;
      this.#messages.move(stored.id, 'rejected', { code, rule, words, retryable, ...(evidence ? { evidence } : {}) });
      return named;
    }
    if (this.#mayHaveGone(send, from, recipient)) {
      // The store may have forgotten the command, and Messages already shows this text to this person: never a second send.
      this.#messages.move(stored.id, 'dispatching');
      const what = namesOf(stored.parts);
      this.#messages.move(stored.id, 'unknown', {
        rule: 'chat_db',
        words: `The relay’s store may have been lost or set back, and ${what} has or may have gone to this recipient already: it is not sent again.`,
      });
      return named;
    }
    this.#waiting += 1;
    this.#gate.add([toGateMessage(stored)]);
    if (!isWhole(stored.parts)) {
      // It drew its reply, if it is one; the gate gets it back with its files.
      this.#gate.remove(stored.id);
      this.#messages.move(stored.id, 'held', { rule: ATTACHMENT, evidence: { words: FETCHING } });
      return named;
    }
    if (verdict.kind === 'hold') {
      const { until, rule, evidence } = verdict.hold;
      this.#messages.move(stored.id, 'held', { until: Math.round(until), rule, evidence });
    }
    return named;
  }

  /** A store that was lost, or set back to an older copy, was so before this process began: what was made after that is new. */
  #mayHaveGone(send: MessageSend, from: Origin, recipient: Recipient): boolean {
    // This Mac's own commands are made as they come, by the clock that the start was seen by.
    const tolerance = from === 'here' ? 0 : CLOCK_TOLERANCE_MS;
    if (send.created > this.#startedAt + tolerance) return false;
    return this.#lookalikes.find(recipient, send.text, send.created, send.attachments);
  }

  #fault(send: MessageSend): Answer | null {
    const text = send.attachments?.length && send.text.trim() === '' ? null : textFault(send.text);
    if (text) return { ok: false, ...text };
    if (send.expires_at <= send.created) return refuse('bad_request', 'expires_at: it is not later than `created`.');
    if (send.expires_at - send.created > MAX_LIFETIME_MS)
      return refuse('bad_request', 'expires_at: it may be at most 30 days after `created`.');
    if (send.not_before !== undefined && send.not_before >= send.expires_at)
      return refuse('bad_request', 'not_before: it is not earlier than `expires_at`.');
    if (send.time_zone !== undefined && !isTimeZone(send.time_zone))
      return refuse('bad_request', `time_zone: ${send.time_zone} is not an IANA time zone.`);
    if (this.#waiting >= MAX_WAITING_MESSAGES)
      return refuse('overloaded', `${this.#waiting.toLocaleString('en')} messages wait already; the most is 100,000.`);
    return null;
  }

  #normalise(to: MessageSend['to']): Normalised {
    if (typeof to === 'object' && !Array.isArray(to)) {
      const members = this.#groups.members(to.chat);
      if (members) return { ok: true, recipients: [{ kind: 'group', chat: to.chat, members }] };
      const direct = normaliseHandle(to.chat);
      if (direct.ok) return { ok: true, recipients: [{ kind: 'handle', handle: direct.handle }] };
      return {
        ok: false,
        answer: refuse(
          'not_found',
          `There is no chat ${to.chat} in Messages; groups must exist before they can be written to.`,
        ),
      };
    }
    const recipients = new Map<string, Recipient>();
    for (const written of typeof to === 'string' ? [to] : to) {
      const result = normaliseHandle(written, this.#region);
      if (!result.ok)
        return { ok: false, answer: refuse('recipient_invalid', `${JSON.stringify(written)} is ${result.why}.`) };
      recipients.set(result.handle, { kind: 'handle', handle: result.handle });
    }
    return { ok: true, recipients: [...recipients.values()] };
  }
}

/** The same for the same command and recipient, whatever becomes of the store in between. */
function messageId(command: string, recipient: Recipient): string {
  return `m_${hash('sha256', `${command}\n${addressOf(recipient)}`, 'base64url').slice(0, 20)}`;
}

export function toRequest(
  send: Pick<MessageSend, 'text' | 'variables' | 'category' | 'pacing' | 'not_before' | 'expires_at' | 'time_zone'> &
    Partial<Pick<MessageSend, 'attachments'>>,
  command: string,
  recipients: Recipient[],
): GateRequest {
  const request: GateRequest = {
    command,
    recipients,
    text: send.text,
    variables: send.variables ?? [],
    category: send.category,
    pacing: send.pacing,
    notBefore: send.not_before ?? null,
    expiresAt: send.expires_at,
    timeZone: send.time_zone ?? null,
  };
  if (send.attachments) request.attachments = knownHashes(send.attachments);
  return request;
}

/** As far as the controller says; what it calls a vCard is judged when it is here. */
function knownHashes(attachments: NonNullable<MessageSend['attachments']>): string[] {
  return attachments.flatMap(({ sha256, mime, filename }) =>
    sha256 === undefined || /vcard/i.test(mime ?? '') || /\.vcf$/i.test(filename ?? '') ? [] : [sha256],
  );
}

function refuse(code: RefusalCode, message: string): Answer {
  return { ok: false, code, message };
}

/** Why a text may not be sent at all, or null. */
export function textFault(text: string): { code: RefusalCode; message: string } | null {
  if (text.trim() === '') return { code: 'bad_request', message: 'text: it is empty; there is nothing to send.' };
  if (text.length <= MAX_TEXT_CHARACTERS) return null;
  const count = characters(text);
  if (count <= MAX_TEXT_CHARACTERS) return null;
  const most = MAX_TEXT_CHARACTERS.toLocaleString('en');
  return {
    code: 'text_too_long',
    message: `The text has ${count.toLocaleString('en')} characters; the most is ${most}.`,
  };
}

function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
