/**
 * The dispatcher: takes what the gate lets go, one at a time, and hands it to Messages.
 *
 *   recover ─▶ ┌─▶ pick ─ idle ─▶ wait for news, or until the gate's next moment
 *              │     │ go
 *              │     ▼
 *              │   chat.db read to its end (a STOP that is there is seen) ─▶ pick again
 *              │     ▼
 *              │   ATTEMPT, FINGERPRINT AND STATE ON DISK, in one transaction ─▶ osascript ─▶ outcome on disk ─┐
 *              └──────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * Stop means: take nothing more, finish the send that runs, return. An outcome "nothing left" is proven and may be tried again;
 * "may have gone" never is.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, pause } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Groups } from './accept.ts';
import type { WallClock } from './commands.ts';
import { type Message, type Messages, toGateMessage } from './messages.ts';
import { MAX_TRIES, type PartSends } from './part-sends.ts';
import { hasLeft } from './parts.ts';
import type { Bridge, Gate, Refusal, SendOutcome } from './ports.ts';
import type { Reach } from './reach.ts';
import type { Twins } from './twins.ts';

/** How soon to look again while Messages or chat.db is not to be had. News wakes the loop earlier. */
const NOT_READY_PAUSE_MS = 2_000;
/** The gate's moments are estimates of a monotonic wait; never sleep longer than this without asking again. */
const LONGEST_SLEEP_MS = 60_000;

export class Dispatcher {
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #messages: Messages;
  readonly #gate: Gate;
  readonly #bridge: Bridge;
  readonly #groups: Groups;
  readonly #reach: Reach;
  readonly #parts: PartSends;
  readonly #twins: Twins;
  readonly #wall: WallClock;
  /** Called, in the transaction, when a message leaves the queue. */
  readonly #left: () => void;
  readonly #stop = new AbortController();
  #awake = false;
  #sleep = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  lastSendAt: number | null = null;

  constructor(o: {
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    messages: Messages;
    gate: Gate;
    bridge: Bridge;
    groups: Groups;
    reach: Reach;
    parts: PartSends;
    twins: Twins;
    wall: WallClock;
    left: () => void;
  }) {
    this.#commit = o.commit;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#messages = o.messages;
    this.#gate = o.gate;
    this.#bridge = o.bridge;
    this.#groups = o.groups;
    this.#reach = o.reach;
    this.#parts = o.parts;
    this.#twins = o.twins;
    this.#wall = o.wall;
    this.#left = o.left;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Something changed that may let a message go. */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.#sleep.abort();
  }

  /**
   * Gives the gate, which has just been emptied, the messages whose last attempt provably did not start: they wait again although
   * their state stays `dispatching`. One that is being handed to Messages right now has no outcome and is not among them.
   */
  reload(): void {
    for (const message of this.#messages.inState('dispatching'))
      if (this.isTriedAgain(message)) this.#gate.add([toGateMessage(message)]);
    this.#parts.load();
    this.wake();
  }

  /** Nothing of it has left, and the last attempt at it did not start. */
  isTriedAgain(message: Message): boolean {
    if (message.state !== 'dispatching' || hasBegun(message)) return false;
    return this.#bridge.lastOutcome(message.id)?.kind === 'not_started';
  }

  /** Resolves when the running send, if any, has its outcome on disk. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#sleep.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    await this.#untilDone(() => this.#recover());
    while (!this.#stop.signal.aborted) {
      this.#awake = false;
      await this.#persist(() => this.#step());
    }
  }

  /** A broken world (disk full, chat.db gone in mid-read) must not end the loop: it is logged and tried again. */
  async #persist(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.error('dispatch_failed', { error: messageOf(error) });
      await this.#rest(NOT_READY_PAUSE_MS);
    }
  }

  /** For what must not be left half done: a message whose outcome is not stored would be on its way for ever. */
  async #untilDone(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        this.#log.error('dispatch_failed', { error: messageOf(error) });
      }
      if (this.#stop.signal.aborted) return;
      await pause(this.#clock, NOT_READY_PAUSE_MS, this.#stop.signal);
    }
  }

  async #rest(ms: number): Promise<void> {
    if (this.#awake || this.#stop.signal.aborted) return;
    this.#sleep = new AbortController();
    await pause(this.#clock, ms, this.#sleep.signal);
  }

  async #step(): Promise<void> {
    this.#twins.releaseIfDue();
    const begun = this.#parts.next((message) => this.#isOver(message));
    if (begun) return this.#goOn(begun);
    const pick = this.#gate.pick();
    if (pick.kind === 'idle') return this.#rest(Math.min(pick.wakeInMs ?? LONGEST_SLEEP_MS, LONGEST_SLEEP_MS));
    if (pick.kind === 'refuse') return this.#refuse(pick.message, pick.refusal);
    // Also while Messages or chat.db is not to be had: nothing goes after its time.
    if (this.#isOver(this.#messages.get(pick.message))) return this.#commit.run(() => this.expire(pick.message));
    const ready = await this.#bridge.ready();
    if (!ready.ok) return this.#rest(NOT_READY_PAUSE_MS);
    if (this.#stop.signal.aborted) return;
    const attempt = newAttempt();
    const message = await this.#commit.run(() => this.#begin(attempt));
    if (message) await this.#send(message, attempt);
  }

  /** The next part of a message that was begun. */
  async #goOn(message: Message): Promise<void> {
    const over = this.#isOver(message);
    const ready = over ? null : await this.#bridge.ready();
    if (ready && !ready.ok) return this.#rest(NOT_READY_PAUSE_MS);
    if (this.#stop.signal.aborted) return;
    const attempt = newAttempt();
    const next = await this.#commit.run(() => this.#parts.goOn(message.id, attempt, this.#isOver(message)));
    if (next) await this.#send(next, attempt);
  }

  /**
   * In one transaction: what the gate says NOW, the attempt, the fingerprint and the state. Asked again here because other commits,
   * an opt-out above all, may have come between the first answer and this one.
   */
  #begin(attempt: string): Message | null {
    const pick = this.#gate.pick();
    if (pick.kind !== 'go') return null;
    const message = this.#messages.get(pick.message);
    const startable = message && ['accepted', 'held', 'dispatching'].includes(message.state);
    if (!message || !startable) {
      this.#gate.remove(pick.message);
      return null;
    }
    if (this.#isOver(message)) {
      this.expire(message.id);
      return null;
    }
    const unreachable = this.#reach.refusal(message.recipient, message.service) ?? this.#parts.fault(message);
    if (unreachable) {
      this.reject(message.id, unreachable);
      return null;
    }
    if (this.#twins.setAside(message) || this.#regrouped(message)) return null;
    const { id, recipient, text, service } = message;
    const begun = message.parts
      ? this.#parts.begin(message, attempt)
      : this.#bridge.begin({ attempt, message: id, recipient, text, service });
    if (!begun) return null;
    this.#gate.dispatched(message.id);
    this.#messages.countTry(message.id);
    if (message.state !== 'dispatching') {
      this.#messages.move(message.id, 'dispatching');
      this.#left();
    } else if (message.status.rule !== undefined) {
      // It was told as kept back, and is not any more.
      this.#messages.amend(message, {}, this.#clock.now());
    }
    return message;
  }

  async #send(message: Message, attempt: string): Promise<void> {
    this.lastSendAt = this.#clock.now();
    const outcome = await this.#bridge.run(attempt);
    this.#log.info('attempt_ended', { message: message.id, attempt, outcome: outcome.kind });
    await this.#untilDone(() => this.#commit.run(() => this.#apply(message.id, outcome)));
  }

  /** In a transaction. `accepted` changes nothing: only a row of chat.db may say more. */
  #apply(id: string, outcome: SendOutcome): void {
    const message = this.#messages.get(id);
    // Also behind a part that turned bad meanwhile: the whole is told as that, and its running part ends all the same.
    if (message?.parts) return this.#parts.ended(message, outcome, this.#isOver(message));
    if (message?.state !== 'dispatching') return;
    if (outcome.kind === 'may_have_gone') {
      this.#messages.move(id, 'unknown', { words: outcome.words });
      this.#gate.outcome(id, { state: 'unknown' });
    } else if (outcome.kind === 'not_started') {
      this.#gate.outcome(id, { state: 'failed' });
      if (outcome.again && message.tries < MAX_TRIES && !this.#isOver(message)) {
        this.#gate.add([toGateMessage(message)]);
        return;
      }
      this.#messages.move(id, 'failed', { code: outcome.code, words: outcome.words, retryable: true });
    }
  }

  /** Somebody joined or left since: the gate is asked again about those who would read it now. */
  #regrouped({ id, recipient }: Message): boolean {
    if (recipient.kind !== 'group') return false;
    const members = this.#groups.members(recipient.chat);
    if (!members || members.toSorted().join() === recipient.members.toSorted().join()) return false;
    this.#messages.regroup(id, { ...recipient, members });
    this.#gate.remove(id);
    const message = this.#messages.get(id);
    if (message) this.#gate.add([toGateMessage(message)]);
    return true;
  }

  #isOver(message: Message | undefined): boolean {
    return message !== undefined && this.#wall.trusted && message.expiresAt <= this.#clock.now();
  }

  /** In a transaction: its time is over. One that was tried in vain before has failed: nothing left. */
  expire(id: string): void {
    this.#gate.remove(id);
    const detail = { code: 'expired', words: 'Its time was over before it could go.', retryable: false };
    if (this.#messages.move(id, 'expired', detail)) this.#left();
    else this.#messages.move(id, 'failed', detail);
  }

  async #refuse(id: string, refusal: Refusal): Promise<void> {
    await this.#commit.run(() => this.reject(id, refusal));
  }

  /** In a transaction: a waiting message may not go any more. One that was tried in vain before has failed: nothing left. */
  reject(id: string, refusal: Refusal): void {
    this.#gate.remove(id);
    const { code, rule, words, retryable, evidence } = refusal;
    const detail = { code, rule, words, retryable, ...(evidence ? { evidence } : {}) };
    if (this.#messages.move(id, 'rejected', detail)) this.#left();
    else if (this.#messages.get(id)?.state === 'dispatching') this.#messages.move(id, 'failed', detail);
  }

  /** After a start: what became of sends that a crash cut off. Nothing is sent again unless it is proven that nothing left. */
  async #recover(): Promise<void> {
    const settled = new Set<string>();
    for (const { message, outcome } of await this.#bridge.recover()) {
      this.#log.info('attempt_recovered', { message, outcome: outcome.kind });
      settled.add(message);
      await this.#commit.run(() => this.#apply(message, outcome));
    }
    // The outcome was on disk, but the crash came before the message heard of it.
    for (const { id } of [...this.#messages.inState('dispatching'), ...this.#messages.withRunningPart()]) {
      const outcome = settled.has(id) ? null : this.#bridge.lastOutcome(id);
      if (outcome && outcome.kind !== 'accepted') await this.#commit.run(() => this.#apply(id, outcome));
    }
  }
}

function newAttempt(): string {
  return `a_${randomBytes(12).toString('base64url')}`;
}

/** A part of it has left, so it is no matter for the gate any more. */
function hasBegun({ parts }: Message): boolean {
  return parts !== null && hasLeft(parts);
}
