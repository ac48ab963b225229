/**
 * The gate: may this be sent, and when? The room's face; decides, and says why.
 *
 *   canonical.ts · fingerprint.ts · near.ts   when are texts near-same      near-index.ts   which known ones are
 *   ledger.ts     what went to whom, when      queue.ts        what waits, what goes next
 *   interval.ts   how far apart                estimates.ts    when a waiting message may go
 *   contacts.ts   opt-outs, replies            reputation.ts   what becomes of messages: sender.ts, undelivered.ts, suspicion.ts
 *   rules.ts      caps, hours, consent         conversations.ts what they go by
 *   admission.ts  go, hold or refuse           words.ts        in a sentence
 *
 * The caller owes: `load` before all else; every method that changes something inside a transaction. If that is rolled back, the gate notices
 * at the next question and takes it back too.
 */
import type { SenderHealth } from '../../protocol/events.ts';
import type { ResultData } from '../../protocol/queries.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { RelayError } from '../host/errors.ts';
import { Admissions } from './admission.ts';
import { Contacts } from './contacts.ts';
import { Conversations } from './conversations.ts';
import { Estimates } from './estimates.ts';
import { Facts } from './facts.ts';
import { FingerprintMaker } from './fingerprint.ts';
import { emptyLoad, isAwaited, isUnused, type Load, type Waiting } from './known-texts.ts';
import { LocalLedger } from './ledger.ts';
import { MovedHolds } from './moved-holds.ts';
import { type KnownText, NearIndex } from './near-index.ts';
import type { GateOptions } from './options.ts';
import { OwnHands } from './own-hands.ts';
import { Permission } from './permission.ts';
import type { Policy } from './policy.ts';
import { PolicyStore } from './policy-store.ts';
import { Queue } from './queue.ts';
import { RecentTexts } from './recent.ts';
import { Reputation } from './reputation.ts';
import {
  type Admission,
  addressOf,
  type CheckAnswer,
  type GateMessage,
  type GateOutcome,
  type GateRequest,
  type Hold,
  type Inbound,
  type OptEffect,
  type OptResult,
  type OwnHand,
  type Pick,
  peopleOf,
  type Refusal,
  type TextAnswer,
} from './requests.ts';
import { noticeStuck } from './stuck.ts';
import type { RefusedText } from './suspicion.ts';
import { Unproven } from './unproven.ts';
import { waitingOf } from './waiting.ts';
import { Words } from './words.ts';

const BLOCKED_MS = 60_000;
/** A look for a probe that takes long goes on after this. */
const SOON_MS = 1_000;

export class Gate {
  readonly policy: Policy;
  readonly policies: PolicyStore;
  /** Caps, consents and what is known of people. */
  readonly people: Conversations;
  readonly #o: GateOptions;
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #facts: Facts;
  readonly #words: Words;
  readonly #maker: FingerprintMaker;
  readonly #index: NearIndex<Load>;
  readonly #ledger: LocalLedger;
  readonly #contacts: Contacts;
  readonly #reputation: Reputation;
  readonly #queue: Queue;
  readonly #estimates: Estimates;
  readonly #recent: RecentTexts;
  readonly #admissions: Admissions;
  readonly permission: Permission;
  readonly #moved: MovedHolds;
  readonly #unproven: Unproven;
  readonly #ownHands: OwnHands;

  /** Throws `policy_invalid`. */
  constructor(o: GateOptions) {
    const { db, clock, health } = o;
    const facts = new Facts(db, clock);
    const onPolicy = () => this.#policyChanged();
    this.policies = new PolicyStore({ written: o.policy, facts, clock, log: o.log, onChange: onPolicy });
    const { policy } = this.policies;
    this.#facts = facts;
    this.#o = o;
    this.policy = policy;
    this.#db = db;
    this.#clock = clock;
    this.#words = new Words(o.timeZone);
    const minima = { same: policy.near.same_letters, variables: policy.near.variables_letters };
    this.#maker = new FingerprintMaker(facts.key(), minima);
    this.#index = new NearIndex(policy.near, emptyLoad);
    const release = (text: KnownText<Load>) => {
      if (isUnused(text)) this.#index.drop(text);
    };
    this.#ledger = new LocalLedger({ db, clock, index: this.#index, release, windowMs: policy.interval.window_ms });
    this.#contacts = new Contacts({ db, clock, policy });
    const known = { db, clock, policy, contacts: this.#contacts, words: this.#words };
    this.people = new Conversations({
      ...{ ...known, kind: o.sender.kind, timeZone: o.timeZone, floor: this.policies.floor, oldestWord: o.oldestWord },
      queue: () => this.#queue,
    });
    const { rules } = this.people;
    this.#reputation = new Reputation({
      ...{ ...known, health, facts, ledger: this.#ledger },
      around: {
        near: (print) => this.#estimates.near(print),
        mayGo: (waiting) => this.permission.mayGo(waiting),
        mayGoBut: (waiting) => this.permission.mayGoBut(waiting),
        waits: (waiting) => this.#queue.get(waiting.message) === waiting,
        waiting: () => this.#queue.all(),
      },
      watching: o.watching ?? (() => true),
      onChange: (now) => o.onSenderHealth?.(now),
      onSuspected: (event) => o.onTextSuspected?.(event),
    });
    this.#queue = new Queue(clock, {
      near: (text) => this.#estimates.near(text.print),
      earliest: (waiting) => this.#estimates.earliest(waiting),
      changed: (text) => this.#index.note(text, text.newest, isAwaited(text)),
      isClosed: (waiting) => this.permission.isClosed(waiting),
      openAt: (waiting, now) => rules.openAt(waiting, now),
      kindOpenAt: (kind, now) => rules.kindOpenAt(kind, now),
      fullPairs: (now) => this.people.fullPairs(now),
      isTrue: (waiting) => this.permission.isTrue(waiting),
      review: (waiting) => this.#estimates.reviewBulk(waiting),
      scarce: (waiting) => rules.isScarce(waiting),
      release,
    });
    this.#estimates = new Estimates({
      ...{ ...known, rules, index: this.#index, ledger: this.#ledger, queue: this.#queue, since: o.sender.since },
      sender: this.#reputation.sender,
      texts: this.#reputation.texts,
    });
    this.#moved = new MovedHolds(clock);
    this.#recent = new RecentTexts({
      clock,
      windowMs: () => policy.duplicate.window_ms,
      waitingFor: (address) => this.#queue.of(address),
    });
    const judging = { ...known, rules, estimates: this.#estimates, reputation: this.#reputation };
    this.#admissions = new Admissions({ ...judging, maker: this.#maker, recent: this.#recent });
    this.permission = new Permission({ ...judging, people: this.people, admissions: this.#admissions });
    const { people } = this;
    const [index, ledger, queue, estimates] = [this.#index, this.#ledger, this.#queue, this.#estimates];
    this.#unproven = new Unproven({ db, people, index, ledger, queue, estimates });
    this.#ownHands = new OwnHands({ maker: this.#maker, people, ledger, queue, estimates });
  }

  /** Reads what the store remembers, and forgets what waits: that follows through `add`. Also after a transaction was rolled back. */
  load(): void {
    this.#queue.clear();
    this.#unproven.forget();
    this.#facts.forget();
    this.policies.load();
    this.#ledger.load();
    this.people.load();
    this.#recent.load(this.#db, this.policy.near.min_grams);
    this.#reputation.load();
  }

  admit(request: GateRequest): Admission {
    this.#unproven.heal();
    return this.#admissions.admit(request);
  }

  check(request: GateRequest): CheckAnswer {
    this.#unproven.heal();
    return this.#admissions.check(request);
  }

  add(messages: GateMessage[]): void {
    this.#unproven.heal();
    for (const message of messages) this.#addOne(message);
  }

  remove(message: string): void {
    const waiting = this.#queue.get(message);
    if (!waiting) return;
    const near = waiting.reply ? [] : this.#estimates.near(waiting.text.print);
    this.#queue.remove(message);
    this.#queue.unblock(near);
  }

  pick(): Pick {
    this.#unproven.heal();
    noticeStuck(this.#ledger.inFlightSince(), this.#clock, this.#o.health);
    const { state } = this.health();
    if (state === 'paused') return { kind: 'idle', wakeInMs: null };
    const next = this.#queue.next(state === 'suspicious');
    if (next.kind === 'idle') {
      const probe = this.#reputation.probe();
      if (probe) return { kind: 'go', message: probe.message };
      const { wakeInMs } = next;
      return this.#reputation.lookingForProbe
        ? { kind: 'idle', wakeInMs: Math.min(wakeInMs ?? SOON_MS, SOON_MS) }
        : next;
    }
    const { message } = next.waiting;
    if (next.kind === 'go') return { kind: 'go', message };
    return { kind: 'refuse', message, refusal: this.#refusal(next.waiting) };
  }

  /** Throws `not_waiting`: then nothing may go out, for it would not be counted. */
  dispatched(message: string): void {
    const waiting = this.#queue.get(message);
    if (!waiting)
      throw new RelayError('not_waiting', `${message} does not wait in the gate`, {
        hint: 'This is a defect of the relay; restart it, and report it with the log.',
      });
    const { address, recipient, reply, text, command } = waiting;
    const near = reply ? [] : this.#estimates.near(text.print);
    const slot = { name: message, address, people: peopleOf(recipient), reply, print: text.print };
    this.#ledger.reserve(reply ? slot : { ...slot, near, spacing: this.#estimates.spacing(waiting) });
    this.#queue.remove(message);
    this.people.dispatched(waiting);
    this.#reputation.dispatched(waiting);
    this.#queue.block(near, this.#clock.mono() + BLOCKED_MS);
    this.#unproven.note(waiting);
    this.#noteRecent(waiting, command, this.#clock.mono(), this.#clock.now());
  }

  outcome(message: string, outcome: GateOutcome): void {
    const send = this.#ledger.get(message);
    if (outcome.state === 'failed') this.people.neverLeft(message);
    if (!send) return this.#reputation.outcome(message, null, outcome);
    if (outcome.state === 'failed') {
      if (send.text) this.#recent.forget(send.text.print.exact, send.address, message);
      const near = send.text ? this.#estimates.near(send.text.print) : [];
      this.#ledger.release(message);
      this.#queue.unblock(near);
      this.#reputation.outcome(message, send, outcome);
      return;
    }
    const text = this.#ledger.commit(message, outcome.state !== 'unknown');
    if (text)
      this.#queue.unblock(this.#estimates.near(text.print), this.#clock.mono() + this.#estimates.intervalFor(0));
    this.#reputation.outcome(message, send, outcome);
  }

  sweep(): { message: string; refusal: Refusal }[] {
    const found = new Map<string, Waiting>();
    for (const key of this.#contacts.allOut())
      for (const waiting of this.#queue.of(key))
        if (this.people.closedBy(waiting) !== null) found.set(waiting.message, waiting);
    return [...found.values()].map((waiting) => ({ message: waiting.message, refusal: this.#refusal(waiting) }));
  }

  /** From time to time, in a transaction: what time alone brings about. */
  tend(): void {
    this.#unproven.heal();
    this.#reputation.tend();
  }

  /** From another Mac, or by a person: this text is taken for junk. Replies with it go. */
  blockText(text: string, variables: string[], reason: string | undefined, source: 'command' | 'person'): TextAnswer {
    return this.#reputation.blockText(this.#maker.make(text, variables), reason, source);
  }

  clearText(text: string, variables: string[], source: 'command' | 'person'): TextAnswer {
    return this.#reputation.clearText(this.#maker.make(text, variables), source);
  }

  clearNumbered(number: number): TextAnswer {
    return this.#reputation.clearNumbered(number);
  }

  refusedTexts(): RefusedText[] {
    return this.#reputation.texts.list();
  }

  holdOf(message: string): Hold | null {
    this.#unproven.heal();
    const waiting = this.#queue.get(message);
    return waiting ? this.#estimates.holdOf(waiting) : null;
  }

  before(message: string): { count: number; first: string[] } {
    this.#unproven.heal();
    const waiting = this.#queue.get(message);
    return waiting ? this.#estimates.before(waiting) : { count: 0, first: [] };
  }

  movedHolds(): { message: string; hold: Hold }[] {
    this.#unproven.heal();
    return this.#moved.of(this.#queue.all(), (waiting) => this.#estimates.holdOf(waiting));
  }

  inbound(row: Inbound): OptEffect[] {
    const effects = this.#contacts.inbound(row);
    this.people.heard(row);
    return effects;
  }

  ownHand(row: OwnHand): void {
    this.#ownHands.sent(row);
  }

  ownFiles(row: { guid: string; recipients: string[]; at: number }, attachments: string[]): void {
    this.#ownHands.files(row, attachments);
  }

  /** What went before a change of the canonical text, of which only its text can say what it is near to; until then it is near all. */
  unread(): { name: string; at: number }[] {
    return this.#ledger.unread();
  }

  reread(name: string, text: string, variables: readonly string[] = [], attachments: readonly string[] = []): void {
    this.#ledger.reread(name, this.#maker.make(text, variables, attachments));
  }

  optOut(handle: string, source: 'command' | 'person'): OptResult {
    return this.people.optOut(handle, source);
  }

  optIn(handle: string, source: 'command' | 'person'): OptResult {
    return this.people.optIn(handle, source, (still) => this.#admissions.notYours(handle, still));
  }

  optedOut(): string[] {
    return this.#contacts.allOut();
  }

  pause(reason: string): SenderHealth {
    return this.#reputation.sender.pause(reason);
  }

  resume(source: 'command' | 'person'): { ok: true; health: SenderHealth } | { ok: false; refusal: Refusal } {
    return this.#reputation.resume(source);
  }

  health(): SenderHealth {
    return this.#reputation.sender.health();
  }

  describe(): Omit<ResultData<'sender.get'>, 'waiting'> {
    const { kind, since } = this.#o.sender;
    return {
      health: this.#reputation.sender.health(),
      kind,
      since: since === null ? null : new Date(since).toISOString().slice(0, 10),
      opted_out: this.#contacts.outCount(),
      policy_version: this.policy.version,
      caps: this.people.capUses(),
    };
  }

  #addOne(m: GateMessage): void {
    // Known already: a second start.
    if (this.#queue.get(m.message)) return;
    this.#unproven.undo(m.message, addressOf(m.recipient));
    const { command, recipient, reply } = m;
    const address = addressOf(recipient);
    const text = this.#index.keep(this.#maker.make(m.text, m.variables, m.attachments));
    const now = { at: this.#clock.now(), mono: this.#clock.mono() };
    const told = this.#admissions.told(command, address);
    const waiting = waitingOf(m, { text, fresh: this.people.isFresh(address), told, now });
    this.#queue.add(waiting);
    this.#reputation.added(waiting);
    if (reply && this.#admissions.takeReply(command, waiting.address)) this.#contacts.useReply(recipient);
  }

  #noteRecent({ text, address, message }: Waiting, command: string, mono: number, at: number): void {
    if (text.print.grams.length < this.policy.near.min_grams) return;
    this.#recent.note({ exact: text.print.exact, address, message, command, mono, at });
  }

  #refusal(waiting: Waiting): Refusal {
    const { address, recipient } = waiting;
    return this.permission.refusal(waiting) ?? this.#admissions.optedOut(address, recipient);
  }

  #policyChanged(): void {
    this.#contacts.policyChanged();
    this.#queue.lookAgain();
  }
}
