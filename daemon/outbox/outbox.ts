/**
 * The outbox: what is waiting, and what became of it. The room's face.
 *
 *   commands.ts   answers each command once       accept.ts        message.send → messages
 *   messages.ts   the rows and their events       dispatcher.ts    one at a time to Messages
 *   states.ts     the only ways between states    queue-upkeep.ts  expiry, moved estimates
 *   files.ts      attachments are fetched         part-sends.ts    text and files, one after another
 *
 * The caller owes: `receive`, `sighted`, `swept` and `tellSnapshot` only inside a transaction of the group commit; `start` before
 * anything else may write; `reload` whenever the group commit has rolled something back.
 */
import { randomBytes } from 'node:crypto';
import type { CommandData } from '../../protocol/commands.ts';
import type { CommandResult, SenderHealth } from '../../protocol/events.ts';
import type { CommandFrame } from '../../protocol/frames.ts';
import type { Clock } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Db } from '../host/db.ts';
import { normaliseHandle } from '../host/handles.ts';
import type { Log } from '../host/log.ts';
import { Acceptance, type Groups, type Lookalikes, textFault } from './accept.ts';
import { Attached } from './attached.ts';
import { type Answer, Commands, type Origin, type WallClock } from './commands.ts';
import { Dispatcher } from './dispatcher.ts';
import { CommandFiles } from './files.ts';
import { addressOf, type Message, Messages, toGateMessage } from './messages.ts';
import { AGAIN, MISSED_BY_PERSON, PartSends, SEEN_BY_PERSON } from './part-sends.ts';
import { isWhole, namesOf, type Part } from './parts.ts';
import type {
  Bridge,
  Confirmation,
  FileStore,
  Gate,
  Journal,
  Recipient,
  Refusal,
  SoughtFile,
  TextAnswer,
} from './ports.ts';
import { QueueUpkeep } from './queue-upkeep.ts';
import { Reach } from './reach.ts';
import type { Sighted } from './sighted.ts';
import { snapshotParts } from './snapshot.ts';
import { isWaiting, stepsTo } from './states.ts';
import { Twins } from './twins.ts';

/** A snapshot tells what is open and what changed in this time. */
const SNAPSHOT_SPAN_MS = 7 * 86_400_000;

export interface SenderFacts {
  health(): SenderHealth;
  optedOut(): string[];
}

export class Outbox {
  readonly messages: Messages;
  readonly commands: Commands;
  readonly dispatcher: Dispatcher;
  readonly #upkeep: QueueUpkeep;
  readonly #acceptance: Acceptance;
  readonly #reach: Reach;
  readonly #twins: Twins;
  readonly #files: CommandFiles;
  readonly #parts: PartSends;
  readonly #gate: Gate;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sender: SenderFacts;
  readonly #region: string | undefined;

  constructor(o: {
    db: Db;
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    journal: Journal;
    gate: Gate;
    bridge: Bridge;
    files: FileStore;
    groups: Groups;
    lookalikes: Lookalikes;
    wall: WallClock;
    sender: SenderFacts;
    region?: string;
  }) {
    const { db, commit, clock, log, journal, gate, wall } = o;
    this.#gate = gate;
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
    this.#sender = o.sender;
    this.#region = o.region;
    this.messages = new Messages({ db, clock, journal });
    const { messages } = this;
    this.#reach = new Reach({ db, clock });
    this.#twins = new Twins({ clock, messages, gate, names: o.files });
    const reach = this.#reach;
    const twins = this.#twins;
    this.#acceptance = new Acceptance({
      clock,
      messages,
      gate,
      reach,
      twins,
      groups: o.groups,
      lookalikes: o.lookalikes,
      want: (command, attachments) => this.#files.want(command, attachments),
      region: o.region,
    });
    const left = () => this.#acceptance.left();
    this.commands = new Commands({
      db,
      clock,
      journal,
      wall,
      handlers: {
        'message.send': (data, command, from) => this.#acceptance.accept(data, command, from),
        'message.cancel': (data) => this.#cancel(data),
        'sender.pause': (data) => this.#tellHealth(gate.pause(data.reason ?? 'paused by the controller')),
        'sender.resume': () => this.resume('command'),
        'opt_out.put': (data) => this.optOut(data.handle, 'command'),
        'opt_in.put': (data) => this.optIn(data.handle, 'command'),
        'text.block': (data) => this.blockText(data, 'command'),
        'text.clear': (data) => this.clearText(data, 'command'),
        'consent.put': (data) => this.#consent(data),
        'policy.put': (data) => this.#policy(data),
        'snapshot.request': () => this.#snapshotAsked(),
      },
    });
    this.#parts = new PartSends({ clock, messages, gate, bridge: o.bridge, reach, twins, files: o.files });
    this.dispatcher = new Dispatcher({
      commit,
      clock,
      log,
      messages,
      gate,
      bridge: o.bridge,
      groups: o.groups,
      reach,
      parts: this.#parts,
      twins,
      wall,
      left,
    });
    const news = new Attached({
      messages,
      gate,
      reject: (message, refusal) => this.dispatcher.reject(message, refusal),
      wake: () => this.dispatcher.wake(),
    });
    this.#files = new CommandFiles({ db, commit, clock, log, messages, store: o.files, news });
    const expire = (message: string) => this.dispatcher.expire(message);
    this.#upkeep = new QueueUpkeep({ commit, clock, log, messages, commands: this.commands, gate, wall, expire });
  }

  /** Gives the gate what waits, settles what a crash cut off, and begins to send. */
  start(): void {
    this.reload();
    this.#files.start();
    this.dispatcher.start();
    this.#upkeep.start();
  }

  /** Makes memory agree with the store again: at start, and after a rolled-back transaction. Not inside a transaction. */
  reload(): void {
    this.#gate.load();
    this.#twins.forget();
    const waiting = this.messages.inState('accepted', 'held').filter(({ parts }) => isWhole(parts));
    this.#gate.add(waiting.map(toGateMessage));
    this.#files.reload();
    this.#acceptance.reload();
    this.dispatcher.reload();
  }

  async stop(): Promise<void> {
    await this.#files.stop();
    await this.dispatcher.stop();
    await this.#upkeep.stop();
  }

  /** One command, in the transaction of its frame. */
  receive(frame: CommandFrame, from: Origin = 'controller'): CommandResult {
    const result = this.commands.receive(frame, from);
    if (result.ok && !result.duplicate) this.dispatcher.wake();
    return result;
  }

  /** In the transaction of the sighting: a row says what became of an attempt. What is no news changes nothing. */
  sighted(id: string, seen: Sighted): void {
    const message = this.messages.get(id);
    if (!message) return;
    // First, since it decides whether the next part may go.
    const { downgraded, service } = seen.detail;
    if (downgraded && !message.status.downgraded) this.#reach.downgraded(message.recipient);
    else if (seen.state === 'delivered' && isIMessage(service)) this.heardFrom(message.recipient, service);
    const isDoubtful = hasUnknown(message);
    const moved = message.parts ? this.#parts.sighted(message, seen) : this.#sightedText(message, seen);
    if (isDoubtful && moved) this.#twins.release();
    this.dispatcher.wake();
  }

  #sightedText(message: Message, seen: Sighted): boolean {
    const steps = stepsTo(message.state, seen.state);
    for (const state of steps) this.messages.move(message.id, state, seen.detail, seen.at);
    // A downgrade is often learnt only after `sent`: no new state, but told all the same.
    if (steps.length === 0 && seen.detail.downgraded && !message.status.downgraded)
      this.messages.amend(message, seen.detail, seen.at);
    this.#gate.outcome(message.id, seen.outcome);
    return steps.length > 0;
  }

  /** In a transaction: by what service this one was heard of. */
  heardFrom(recipient: Recipient, service: string | undefined): void {
    if (recipient.kind === 'handle' && isIMessage(service)) this.#reach.reached(recipient.handle);
  }

  /** In a transaction: rejects all waiting messages that may never go any more (an opt-out came). */
  swept(): void {
    this.#twins.release();
    for (const { message, refusal } of this.#gate.sweep()) this.dispatcher.reject(message, refusal);
    this.dispatcher.wake();
  }

  /** In the transaction of a STOP: says to them that nothing more will come. */
  confirm(confirmation: Confirmation): void {
    this.#acceptance.confirm(confirmation);
    this.dispatcher.wake();
  }

  /**
   * In a transaction: a send that no attempt of ours made, found after a start or a loss, as a from-me row or as what osascript left behind.
   * `isIt`: is it this text (if it is not ''), or one of these files, to this address? The message that may be that one is not sent, or where a
   * part of it has gone, the rest of it is not.
   */
  settleLookalike(isIt: (address: string, text: string, files: SoughtFile[]) => boolean): void {
    for (const message of this.messages.inState('accepted', 'held', 'dispatching')) {
      const unsent = this.#unsentOf(message);
      if (!unsent || !isIt(addressOf(message.recipient), unsent.text, unsent.files)) continue;
      this.#gate.remove(message.id);
      const wasWaiting = isWaiting(message.state);
      if (wasWaiting) this.messages.move(message.id, 'dispatching');
      const already = { rule: 'chat_db', words: alreadyWords(unsent.parts) };
      if (!wasWaiting && message.parts) this.#parts.mayHaveGone(message, already);
      else this.messages.move(message.id, 'unknown', already);
      if (wasWaiting) this.#acceptance.left();
      return;
    }
  }

  /** What of a message may still be handed to Messages; null if nothing. */
  #unsentOf(message: Message): { text: string; files: SoughtFile[]; parts: Part[] | null } | null {
    const { text, command } = message;
    const parts = message.parts?.filter(({ state }) => state === 'waiting') ?? null;
    if (parts === null)
      return isWaiting(message.state) || this.dispatcher.isTriedAgain(message) ? { text, files: [], parts } : null;
    if (parts.length === 0) return null;
    const words = parts.some(({ kind }) => kind === 'text') ? text : '';
    return { text: words, files: this.#files.sought(command, parts), parts };
  }

  /** In a transaction: a person has looked at the conversation, and says whether an unknown one is there. */
  settle(id: string, as: 'sent' | 'not-sent'): Answer {
    const message = this.messages.get(id);
    if (!message) return { ok: false, code: 'not_found', message: 'There is no such message here.' };
    const seen = message.state.replace('_', ' ');
    if (!hasUnknown(message))
      return { ok: false, code: 'too_late', message: `Only an unknown one can be settled; this one is ${seen}.` };
    // The gate goes on counting it as one that may have gone: what a person overlooks must not shorten a distance.
    const rule = 'person';
    if (message.parts) this.#parts.settled(message, as);
    else if (as === 'sent') this.messages.move(id, 'sent', { rule, words: SEEN_BY_PERSON });
    else this.messages.move(id, 'not_delivered', { rule, words: `${MISSED_BY_PERSON} ${AGAIN}`, retryable: true });
    this.#log.info('settled_by_person', { message: id, as });
    this.#twins.release();
    this.dispatcher.wake();
    return { ok: true };
  }

  optOut(written: string, source: 'command' | 'person'): Answer {
    const handle = normaliseHandle(written, this.#region);
    if (!handle.ok)
      return { ok: false, code: 'recipient_invalid', message: `${JSON.stringify(written)} is ${handle.why}.` };
    const result = this.#gate.optOut(handle.handle, source);
    if (!result.ok) return refused(result.refusal);
    if (result.event) this.#journal.append('contact.opted_out', result.event);
    this.swept();
    return { ok: true, detail: { handle: handle.handle, changed: result.changed } };
  }

  optIn(written: string, source: 'command' | 'person'): Answer {
    const handle = normaliseHandle(written, this.#region);
    if (!handle.ok)
      return { ok: false, code: 'recipient_invalid', message: `${JSON.stringify(written)} is ${handle.why}.` };
    const result = this.#gate.optIn(handle.handle, source);
    if (!result.ok) return refused(result.refusal);
    if (result.event) this.#journal.append('contact.opted_in', result.event);
    return { ok: true, detail: { handle: handle.handle, changed: result.changed } };
  }

  /** In a transaction: the present state, in parts, as events. */
  tellSnapshot(reason: string): void {
    const statuses = this.messages.presentStatuses(this.#clock.now() - SNAPSHOT_SPAN_MS);
    const parts = snapshotParts(this.#sender.optedOut(), statuses);
    const snapshot = `sn_${randomBytes(9).toString('base64url')}`;
    for (const [index, content] of parts.entries()) {
      const part = index + 1;
      const first = part === 1 ? { reason, sender: this.#sender.health() } : {};
      const data = { snapshot, part, parts: parts.length, ...first, ...content };
      this.#journal.append('snapshot', data, { id: `${snapshot}.${part}` });
    }
  }

  blockText({ text, variables = [], reason }: CommandData<'text.block'>, source: 'command' | 'person'): Answer {
    const fault = textFault(text);
    return fault ? { ok: false, ...fault } : answerOf(this.#gate.blockText(text, variables, reason, source));
  }

  /** `number`: of the list that a person sees. */
  clearText(o: CommandData<'text.clear'> | { number: number }, source: 'command' | 'person'): Answer {
    if ('number' in o) return answerOf(this.#gate.clearNumbered(o.number));
    return answerOf(this.#gate.clearText(o.text, o.variables ?? [], source));
  }

  #consent(put: CommandData<'consent.put'>): Answer {
    const handle = normaliseHandle(put.handle, this.#region);
    if (!handle.ok)
      return { ok: false, code: 'recipient_invalid', message: `${JSON.stringify(put.handle)} is ${handle.why}.` };
    const result = this.#gate.people.consentPut({ ...put, handle: handle.handle });
    if (!result.ok) return refused(result.refusal);
    return { ok: true, detail: { handle: handle.handle, changed: result.changed } };
  }

  #policy(put: CommandData<'policy.put'>): Answer {
    const result = this.#gate.policies.put(put);
    if (result.ok) return { ok: true, detail: { policy_version: result.version } };
    return { ...refused(result.refusal), detail: { policy_version: this.#gate.policies.state().version } };
  }

  #snapshotAsked(): Answer {
    this.tellSnapshot('asked for');
    return { ok: true };
  }

  /** Cancels what still waits, of one message or of a whole command. Public for the person at the Mac. */
  cancel(target: CommandData<'message.cancel'>): Answer {
    return this.#cancel(target);
  }

  #cancel(target: CommandData<'message.cancel'>): Answer {
    const found = target.message
      ? [this.messages.get(target.message)].filter((m) => m !== undefined)
      : this.messages.ofCommand(target.command ?? '');
    if (found.length === 0) return { ok: false, code: 'not_found', message: 'There is no such message here.' };
    const waiting = found.filter((m: Message) => isWaiting(m.state));
    if (waiting.length === 0)
      return {
        ok: false,
        code: 'too_late',
        message: `Nothing is left to cancel: ${found[0]?.state.replace('_', ' ')}.`,
      };
    for (const message of waiting) {
      this.#gate.remove(message.id);
      if (this.messages.move(message.id, 'cancelled')) this.#acceptance.left();
    }
    this.dispatcher.wake();
    return { ok: true, detail: { cancelled: waiting.map((m) => m.id), too_late: found.length - waiting.length } };
  }

  #tellHealth(health: SenderHealth): Answer {
    this.#journal.append('sender.health', health);
    return { ok: true, detail: { state: health.state } };
  }

  resume(source: 'command' | 'person'): Answer {
    const result = this.#gate.resume(source);
    if (!result.ok) return refused(result.refusal);
    this.dispatcher.wake();
    return this.#tellHealth(result.health);
  }
}

/** Nobody knows of it, or of a part of it, whether it went. */
function hasUnknown({ state, parts }: Message): boolean {
  return state === 'unknown' || (parts?.some((part) => part.state === 'unknown') ?? false);
}

function alreadyWords(unsent: readonly Part[] | null): string {
  const what = namesOf(unsent);
  return `${what[0]?.toUpperCase()}${what.slice(1)} was already handed to Messages for this recipient before the relay’s memory begins: it is not sent again.`;
}

function answerOf(answer: TextAnswer): Answer {
  return answer.ok ? answer : refused(answer.refusal);
}

function refused({ code, words, retryAfterMs }: Refusal): Extract<Answer, { ok: false }> {
  return { ok: false, code, message: words, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

function isIMessage(service: string | undefined): boolean {
  return service !== undefined && /^imessage/i.test(service);
}
