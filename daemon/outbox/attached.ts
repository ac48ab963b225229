/**
 * Messages that wait for their files, and what the news of these mean to them.
 *
 *   held (attachment) ── all files are here ──▶ asked of the gate anew, now that it can see them ──▶ in the gate │ held │ rejected
 *        │  └─ it takes longer: told why, once for each reason
 *        └──── a file is refused ──▶ rejected (attachment_refused)
 *
 * What was a reply when it was accepted stays one. All methods must be called inside a transaction.
 */
import { ATTACHMENT } from './accept.ts';
import type { FileNews } from './files.ts';
import { type Message, type Messages, toGateMessage } from './messages.ts';
import { hashesOf, isWhole, type Part } from './parts.ts';
import type { Gate, GateRequest, RecipientVerdict, Refusal, StagedFile } from './ports.ts';
import { isWaiting } from './states.ts';

export class Attached implements FileNews {
  readonly #messages: Messages;
  readonly #gate: Gate;
  readonly #reject: (message: string, refusal: Refusal) => void;
  readonly #wake: () => void;

  constructor(o: {
    messages: Messages;
    gate: Gate;
    reject: (message: string, refusal: Refusal) => void;
    wake: () => void;
  }) {
    this.#messages = o.messages;
    this.#gate = o.gate;
    this.#reject = o.reject;
    this.#wake = o.wake;
  }

  here(command: string, files: Map<number, StagedFile>): void {
    const waiting = this.#waiting(command).filter(({ parts }) => !isWhole(parts));
    for (const { id, parts } of waiting) {
      const known = (parts ?? []).map((part): Part => {
        const file = files.get(part.number ?? 0);
        return file ? { ...part, file } : part;
      });
      this.#messages.setParts(id, known);
    }
    const whole = waiting.flatMap(({ id }) => this.#messages.get(id) ?? []);
    const replies = whole.filter(({ reply }) => reply);
    this.#gate.add(replies.map(toGateMessage));
    const others = whole.filter(({ reply }) => !reply);
    if (others.length > 0) this.#admit(others);
    this.#wake();
  }

  refused(command: string, words: string): void {
    for (const { id } of this.#waiting(command))
      this.#reject(id, { code: 'attachment_refused', rule: ATTACHMENT, words, retryable: false });
  }

  delayed(command: string, words: string): void {
    for (const { id, status } of this.#waiting(command)) {
      const told = `Its attachments are not here yet: ${words}`;
      if (status.evidence?.words !== told)
        this.#messages.move(id, 'held', { rule: ATTACHMENT, evidence: { words: told } });
    }
  }

  lost(command: string): void {
    for (const { id, parts } of this.#waiting(command)) {
      this.#gate.remove(id);
      this.#messages.setParts(
        id,
        (parts ?? []).map(({ file: _, ...part }) => part),
      );
      this.delayed(command, 'they were on the Mac and are gone, so they are fetched again.');
    }
  }

  #waiting(command: string): Message[] {
    return this.#messages.ofCommand(command).filter(({ state }) => isWaiting(state));
  }

  /** The gate has seen their text; now it sees their files too, and whoever opted out meanwhile. */
  #admit(messages: Message[]): void {
    const admission = this.#gate.admit(requestOf(messages));
    for (const [index, message] of messages.entries()) {
      const verdict: RecipientVerdict | undefined = admission.ok
        ? admission.verdicts[index]
        : { kind: 'refuse', refusal: admission.refusal };
      if (verdict?.kind === 'refuse') this.#reject(message.id, verdict.refusal);
      else this.#gate.add([toGateMessage(message)]);
      if (verdict?.kind !== 'hold') continue;
      const { until, rule, evidence } = verdict.hold;
      this.#messages.move(message.id, 'held', { until: Math.round(until), rule, evidence });
    }
  }
}

/** As their command asked, of those that are left. */
function requestOf(messages: Message[]): GateRequest {
  const [first] = messages as [Message];
  const { command, text, variables, category, pacing, notBefore, expiresAt, timeZone, parts } = first;
  return {
    ...{ command, text, variables, category, pacing, notBefore, expiresAt, timeZone },
    attachments: hashesOf(parts ?? []),
    recipients: messages.map(({ recipient }) => recipient),
  };
}
