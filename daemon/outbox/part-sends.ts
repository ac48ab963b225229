/**
 * Sends the parts of messages with attachments, one after another, and makes of what becomes of them what becomes of the message.
 *
 *   first part: by the gate's leave ─▶ its row says sent ─▶ the next: if nobody opted out since ─▶ …
 *
 * The gate counts a message once, with its first part; between the parts it is only asked whether the rest may still go. All methods but
 * `load` and `next` must be called inside a transaction; the caller owes `load` at start and whenever memory was set right.
 */
import type { MessageState } from '../../protocol/names.ts';
import type { Clock } from '../host/clock.ts';
import { addressOf, type Message, type Messages, type StatusDetail, toGateMessage } from './messages.ts';
import { culprit, hasLeft, nextPart, type Part, stateOf, withRestStopped } from './parts.ts';
import type { Bridge, FileStore, Gate, Refusal, SendOutcome } from './ports.ts';
import type { Reach } from './reach.ts';
import type { Sighted } from './sighted.ts';
import { stepsTo } from './states.ts';
import { type Twins, UNKNOWN_BEFORE } from './twins.ts';

export const MAX_TRIES = 5;

export class PartSends {
  readonly #clock: Clock;
  readonly #messages: Messages;
  readonly #gate: Gate;
  readonly #bridge: Pick<Bridge, 'begin'>;
  readonly #reach: Reach;
  readonly #twins: Pick<Twins, 'find'>;
  readonly #files: Pick<FileStore, 'has' | 'pathOf'>;
  /** Begun, and the next part may go. */
  readonly #going = new Set<string>();

  constructor(o: {
    clock: Clock;
    messages: Messages;
    gate: Gate;
    bridge: Pick<Bridge, 'begin'>;
    reach: Reach;
    twins: Pick<Twins, 'find'>;
    files: Pick<FileStore, 'has' | 'pathOf'>;
  }) {
    this.#clock = o.clock;
    this.#messages = o.messages;
    this.#gate = o.gate;
    this.#bridge = o.bridge;
    this.#reach = o.reach;
    this.#twins = o.twins;
    this.#files = o.files;
  }

  load(): void {
    this.#going.clear();
    for (const message of this.#messages.inState('dispatching')) this.#note(message.id, message.parts);
  }

  /** A message whose next part may go now, or of which there is something to tell. `isOver`: its time is. */
  next(isOver: (message: Message) => boolean): Message | undefined {
    for (const id of this.#going) {
      const message = this.#messages.get(id);
      if (message?.state !== 'dispatching') this.#going.delete(id);
      else if (this.#gate.permission.mayGoOn(message.recipient, message.reply) === 'wait') continue;
      else if (isOver(message) || message.status.rule !== UNKNOWN_BEFORE || !this.#twinOf(message)) return message;
    }
    return undefined;
  }

  /** Why the file of the part that is next cannot go, or null. */
  fault(message: Message): Refusal | null {
    const part = message.parts?.[nextPart(message.parts) ?? -1];
    if (!part || part.kind === 'text') return null;
    return part.file && this.#files.has(part.file) ? null : FILE_GONE;
  }

  /** Stores the attempt at the next part. False if chat.db must be read to its end first. */
  begin(message: Message, attempt: string): boolean {
    const { id, recipient, service, text, parts } = message;
    const index = parts ? nextPart(parts) : null;
    const part = parts?.[index ?? -1];
    if (!parts || !part) return false;
    const what = part.file ? { text: '', file: this.#files.pathOf(part.file) } : { text };
    if (!this.#bridge.begin({ attempt, message: id, recipient, service, ...what })) return false;
    part.state = 'dispatching';
    part.attempt = attempt;
    part.tries += 1;
    this.#messages.setParts(id, parts);
    this.#going.delete(id);
    return true;
  }

  /** The next part of one that was begun, if everything still allows it; what does not ends the rest. */
  goOn(id: string, attempt: string, isOver: boolean): Message | null {
    const message = this.#messages.get(id);
    if (message?.state !== 'dispatching' || !message.parts || nextPart(message.parts) === null) {
      this.#going.delete(id);
      return null;
    }
    const { recipient, service } = message;
    const leave = this.#gate.permission.mayGoOn(recipient, message.reply);
    if (leave === 'wait') return null;
    const refusal =
      (leave === 'go' ? null : leave) ??
      (isOver ? OVER : null) ??
      this.#reach.refusal(recipient, service) ??
      this.fault(message);
    if (refusal) {
      this.#stop(message, refusal);
      return null;
    }
    const twin = this.#twinOf(message);
    if (twin) {
      const { until, words } = twin;
      this.#messages.amend(message, { until, rule: UNKNOWN_BEFORE, evidence: { words } }, this.#clock.now());
      return null;
    }
    if (!this.begin(message, attempt)) return null;
    this.#messages.amend(message, detailOf(message), this.#clock.now());
    return message;
  }

  /** How an attempt ended. `accepted` changes nothing: only a row of chat.db may say more. */
  ended(message: Message, outcome: SendOutcome, isOver: boolean): void {
    const parts = message.parts ?? [];
    const part = parts.find(({ state }) => state === 'dispatching');
    if (!part || outcome.kind === 'accepted') return;
    if (outcome.kind === 'may_have_gone') {
      Object.assign(part, { state: 'unknown', words: outcome.words });
    } else if (outcome.again && part.tries < MAX_TRIES && !isOver && message.state === 'dispatching') {
      Object.assign(part, { state: 'waiting' });
      delete part.attempt;
      this.#messages.setParts(message.id, parts);
      if (hasLeft(parts)) this.#going.add(message.id);
      else {
        // Nothing has left: all rules are asked again.
        this.#gate.outcome(message.id, { state: 'failed' });
        this.#gate.add([toGateMessage(message)]);
      }
      return;
    } else {
      Object.assign(part, { state: 'failed', code: outcome.code, words: outcome.words, retryable: true });
    }
    this.#settle(message, parts, {}, this.#clock.now());
  }

  /** A row says what became of an attempt. False, and nothing is told, if that is no news. */
  sighted(message: Message, { attempt, state, at, detail }: Sighted): boolean {
    const parts = message.parts ?? [];
    const part = parts.find((one) => one.attempt !== undefined && one.attempt === attempt);
    if (!part) return false;
    const reached = stepsTo(part.state as MessageState, state).at(-1) as Part['state'] | undefined;
    const downgraded = detail.downgraded === true && message.status.downgraded !== true;
    if (reached === undefined && !downgraded) return false;
    if (reached !== undefined) {
      part.state = reached;
      delete part.code;
      delete part.words;
      delete part.apple_error;
      if (state === 'not_delivered' || state === 'unknown') {
        const { apple_error, words, retryable } = detail;
        Object.assign(part, { ...(apple_error && { apple_error }), ...(words && { words }), retryable });
      }
    }
    if (detail.guid !== undefined) part.guid = detail.guid;
    const { from, service, downgraded: down, words } = detail;
    const facts = { ...(from && { from }), ...(service && { service }), ...(down && { downgraded: true, words }) };
    this.#settle(message, parts, facts, at);
    return true;
  }

  /** What has not begun may have gone all the same, says chat.db of a store that was set back. */
  mayHaveGone(message: Message, { rule, words }: { rule: string; words: string }): void {
    const parts = message.parts ?? [];
    const isCounted = hasLeft(parts);
    const doubtful = parts.map(
      (part): Part => (part.state === 'waiting' ? { ...part, state: 'unknown', words, shown: true } : part),
    );
    const state = this.#tell(message, doubtful, (detail) => ({ ...detail, rule, words }), this.#clock.now());
    if (isCounted && state !== null) this.#tellGate(message.id, state, doubtful, undefined);
  }

  /** A person has looked at the conversation: what was unknown of it is there, or is not. The gate is not told. */
  settled(message: Message, as: 'sent' | 'not-sent'): void {
    const seen: Partial<Part> =
      as === 'sent' ? { state: 'sent' } : { state: 'not_delivered', words: MISSED_BY_PERSON, retryable: true };
    const parts = (message.parts ?? []).map((part): Part => {
      if (part.state !== 'unknown') return part;
      const { words: _, ...known } = part;
      return { ...known, ...seen };
    });
    this.#tell(
      message,
      parts,
      (detail) => ({ ...detail, rule: 'person', words: wordsOf(as, detail) }),
      this.#clock.now(),
    );
  }

  /** Became a twin of the next part unknown since this one was begun? */
  #twinOf({ recipient, text, parts }: Message): { until: number; words: string } | null {
    const part = parts?.[nextPart(parts) ?? -1];
    if (!part) return null;
    return part.file
      ? this.#twins.find(addressOf(recipient), '', [part.file])
      : this.#twins.find(addressOf(recipient), text, []);
  }

  #stop(message: Message, { code, rule, words, retryable }: Refusal): void {
    const parts = message.parts ?? [];
    const next = parts[nextPart(parts) ?? -1];
    if (next) Object.assign(next, { state: 'not_sent', code, words, retryable });
    this.#settle(message, parts, { rule }, this.#clock.now());
  }

  /** What the parts say is stored and told, to the controller and to the gate. */
  #settle(message: Message, parts: Part[], facts: StatusDetail, at: number): void {
    const state = this.#tell(message, parts, (detail) => ({ ...facts, ...detail }), at);
    if (state !== null) this.#tellGate(message.id, state, parts, facts.service);
  }

  /** The whole's new state, or null if the old one holds. */
  #tell(message: Message, before: Part[], how: (d: StatusDetail) => StatusDetail, at: number): MessageState | null {
    const parts = withRestStopped(before);
    this.#messages.setParts(message.id, parts);
    const whole = { ...message, parts };
    const state = stateOf(parts);
    const steps = stepsTo(message.state, state);
    const isHealed = steps.length === 0 && message.state === 'not_delivered' && !parts.some(isLost);
    const detail = { ...how(detailOf(whole)), ...(isHealed ? HEALED : {}) };
    for (const step of steps) this.#messages.move(message.id, step, detail, at);
    if (steps.length === 0) this.#messages.amend(whole, detail, at);
    this.#note(message.id, parts);
    return steps.length > 0 ? state : null;
  }

  #tellGate(id: string, state: MessageState, parts: readonly Part[], service: string | undefined): void {
    switch (state) {
      case 'failed':
      case 'unknown':
      case 'sent':
      case 'delivered':
      case 'read':
        return this.#gate.outcome(id, { state, ...(service ? { service } : {}) });
      case 'not_delivered': {
        const error = culprit(parts)?.apple_error;
        // Where Apple said nothing, it was us who did not go on: that speaks against nobody.
        if (!error) return this.#gate.outcome(id, { state, meaning: 'attachment' });
        return this.#gate.outcome(id, { state, meaning: error.meaning, appleError: error.number });
      }
      default:
        return;
    }
  }

  #note(id: string, parts: readonly Part[] | null): void {
    if (parts && hasLeft(parts) && nextPart(parts) !== null) this.#going.add(id);
    else this.#going.delete(id);
  }
}

export const SEEN_BY_PERSON = 'A person at the Mac saw it in the conversation.';
export const MISSED_BY_PERSON = 'A person at the Mac looked at the conversation: it is not there.';
export const AGAIN = 'It may be sent again.';

/** What a person's word makes of the whole. */
function wordsOf(as: 'sent' | 'not-sent', { code, words, retryable }: StatusDetail): string | undefined {
  if (code === 'partly_sent' && as === 'sent') return `${SEEN_BY_PERSON} But ${words}`;
  if (as === 'sent') return SEEN_BY_PERSON;
  return retryable && words === MISSED_BY_PERSON ? `${words} ${AGAIN}` : words;
}

const FILE_GONE: Refusal = {
  code: 'attachment_refused',
  rule: 'attachment',
  words: 'A file is not on this Mac any more, so it cannot be sent; send it again under a new id.',
  retryable: true,
};

const OVER: Refusal = {
  code: 'expired',
  rule: 'expires_at',
  words: 'Its time was over before this part could go.',
  retryable: false,
};

/** What the whole message says, from its parts alone. */
function detailOf({ parts: all }: Message): StatusDetail {
  const parts = all ?? [];
  const guid = parts.find((part) => part.guid !== undefined)?.guid;
  const named = guid === undefined ? {} : { guid };
  const wrong = culprit(parts);
  if (!wrong) return named;
  const { code, words, retryable, apple_error } = wrong;
  const shown = { ...named, ...(apple_error && { apple_error }), ...(words && { words }) };
  const lost = parts.filter(isLost).length;
  // Whoever sends the whole again may do so only if no part of it is there, or may still come.
  if (lost === 0 || parts.every((part) => isLost(part) || part.state === 'waiting'))
    return { ...shown, ...(code && { code }), ...(retryable !== undefined && { retryable }) };
  return {
    ...shown,
    code: 'partly_sent',
    words: `${lost} of its ${parts.length} parts ${lost === 1 ? 'was' : 'were'} not delivered${words ? `: ${words}` : '.'}`,
    retryable: false,
  };
}

function isLost({ state }: Part): boolean {
  return state === 'not_delivered' || state === 'failed' || state === 'not_sent';
}

/** The whole is called not delivered until all of it is there. */
const HEALED: StatusDetail = {
  code: 'partly_sent',
  words: 'The part that was not delivered went after all; of another it is not known yet.',
  retryable: false,
};
