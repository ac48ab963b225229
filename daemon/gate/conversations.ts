/**
 * What is waiting and going to whom, for the rules that look at people: keeps caps, consents and the facts of the waiting messages
 * true as messages go and people write. Between the gate, which tells it what happens, and `rules.ts`, which judges.
 *
 * The caller owes: `load` after the store was opened or set right; everything that changes something inside a transaction.
 */
import type { RefusalCode } from '../../protocol/codes.ts';
import type { ResultData } from '../../protocol/queries.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { Caps, type CapUse } from './caps.ts';
import { Confirmations } from './confirmations.ts';
import { type ConsentPut, Consents } from './consent.ts';
import type { Contacts, Talk } from './contacts.ts';
import type { Waiting } from './known-texts.ts';
import type { Policy } from './policy.ts';
import type { Queue } from './queue.ts';
import { QuietHours } from './quiet-hours.ts';
import type { Inbound, OptResult, Recipient, Refusal } from './requests.ts';
import { RuleWords } from './rule-words.ts';
import { Rules } from './rules.ts';
import type { Words } from './words.ts';

/** The controller's clock and ours need not agree. */
const AHEAD_MS = 5 * 60_000;

/** Asked of chat.db. */
export type OldestWord = (handle: string) => { at: number; fromMe: boolean; text: string; tapback: boolean } | null;

export class Conversations {
  readonly rules: Rules;
  readonly consents: Consents;
  readonly confirmations: Confirmations;
  readonly #clock: Clock;
  readonly #contacts: Contacts;
  readonly #caps: Caps;
  readonly #queue: () => Queue;
  readonly #floor: Policy;
  readonly #oldestWord: OldestWord;

  constructor(o: {
    db: Db;
    clock: Clock;
    contacts: Contacts;
    policy: Policy;
    floor: Policy;
    kind: 'shared' | 'dedicated';
    words: Words;
    timeZone?: string;
    oldestWord?: OldestWord;
    queue: () => Queue;
  }) {
    const { db, clock, policy, kind } = o;
    this.#clock = clock;
    this.#contacts = o.contacts;
    this.#queue = o.queue;
    this.#floor = o.floor;
    this.#oldestWord = o.oldestWord ?? (() => null);
    this.#caps = new Caps({ db, clock, limits: () => policy.caps });
    const wroteFirst = (handle: string, { wroteFirst: known, firstAt }: Talk) => {
      // chat.db may go back further than the relay remembers, or less far: rows can be deleted.
      const oldest = this.#oldestWord(handle);
      if (!oldest || (firstAt !== null && firstAt <= oldest.at)) return known;
      return !oldest.fromMe && !oldest.tapback && !this.#contacts.isStop(oldest.text);
    };
    this.consents = new Consents(db, wroteFirst);
    this.confirmations = new Confirmations({ db, clock, policy: policy.opt_out });
    const hours = new QuietHours(() => policy.quiet_hours, o.timeZone);
    const words = new RuleWords(o.words);
    this.rules = new Rules({ clock, caps: this.#caps, hours, consents: this.consents, policy, kind, words });
  }

  load(): void {
    this.#caps.load();
  }

  optOut(handle: string, source: 'command' | 'person'): OptResult {
    const changed = this.#contacts.optOut(handle, source);
    return changed ? { ok: true, changed, event: { handle, source } } : { ok: true, changed };
  }

  /** `refuse`: in words, if somebody else (`still`) keeps it closed. */
  optIn(handle: string, source: 'command' | 'person', refuse: (still: string) => Refusal): OptResult {
    const { changed, still } = this.#contacts.optIn(handle, source);
    if (still !== null) return { ok: false, refusal: refuse(still) };
    return changed ? { ok: true, changed, event: { handle, source } } : { ok: true, changed };
  }

  /** What closes this one that waits, or null. */
  closedBy({ recipient, reply, address, message }: Waiting): string | null {
    const key = this.#contacts.closedBy(recipient, reply);
    return key !== null && this.confirmations.is(address, message) ? null : key;
  }

  /** Who has opted out, so that nothing more may go there; null if nobody has. */
  closes(recipient: Recipient, reply: boolean): string | null {
    return this.#contacts.closedBy(recipient, reply);
  }

  isFresh(address: string): boolean {
    return this.rules.isFresh(this.#contacts.talk(address));
  }

  /** Why this one that waits may not go to them at all, or null; opt-outs aside. */
  refusal(waiting: Waiting): Refusal | null {
    return waiting.reply ? null : this.rules.refusal(waiting, this.#contacts.talk(waiting.address));
  }

  /** Sets right what is known of one that is about to go. */
  refresh(waiting: Waiting): boolean {
    const fresh = this.isFresh(waiting.address);
    if (fresh === waiting.fresh) return true;
    this.#queue().setFresh(waiting, fresh);
    return false;
  }

  dispatched({ message, address, reply }: Waiting): void {
    const at = Math.round(this.#clock.now());
    const talk = this.#contacts.talk(address);
    this.#caps.draw({ name: message, key: address, fresh: this.rules.isFresh(talk), reply }, talk, at);
    this.#contacts.outbound([address], at, !reply);
    this.#talked(address);
  }

  /** Nothing left: it counts for nothing. */
  neverLeft(message: string): void {
    const drawn = this.#caps.giveBack(message);
    if (!drawn) return;
    this.#contacts.neverLeft(drawn);
    for (const waiting of this.#queue().of(drawn.key)) if (waiting.address === drawn.key) this.refresh(waiting);
  }

  /** Forgets in memory what never came to the disk. */
  undo(message: string, address: string): void {
    this.#caps.undo(message);
    for (const waiting of this.#queue().of(address)) if (waiting.address === address) this.refresh(waiting);
  }

  /** The owner wrote by hand. To a group (`address` null) nobody knows by which name. */
  ownHand(name: string, address: string | null, at: number): void {
    const key = address ?? 'group:';
    const talk = this.#contacts.talk(key);
    const fresh = address !== null && this.rules.isFresh(talk);
    this.#caps.draw({ name, key, fresh, reply: false }, talk, Math.round(at));
    if (address === null) return;
    // Found later than what they wrote after it.
    this.#contacts.outbound([address], at, at >= (talk.lastInAt ?? 0));
    this.#talked(address);
  }

  /** They wrote: whoever was new is not any more. */
  heard({ group, chat, handle, alias }: Inbound): void {
    this.#talked(group ? chat : handle);
    if (!group && alias !== undefined) this.#talked(alias);
  }

  /** That somebody agreed is taken only where this Mac's own file says "recorded"; that they withdrew it always. In a transaction. */
  consentPut(put: ConsentPut): { ok: true; changed: boolean } | { ok: false; refusal: Refusal } {
    const refuse = (code: RefusalCode, words: string): { ok: false; refusal: Refusal } => {
      return { ok: false, refusal: { code, rule: 'consent', words, retryable: false } };
    };
    if (put.at > this.#clock.now() + AHEAD_MS) return refuse('bad_request', 'at: it lies in the future.');
    if (put.state === 'given' && this.#floor.consent !== 'recorded')
      return refuse(
        'unsupported',
        'This Mac takes no consents from the controller: "policy.consent" in its config.json is not "recorded".',
      );
    return { ok: true, changed: this.consents.put(put) };
  }

  contact(handle: string): ResultData<'contact.get'> {
    const talk = this.#contacts.talk(handle);
    const record = this.consents.record(handle);
    const given = record !== null && (record.givenAt ?? 0) > (record.withdrawnAt ?? -1);
    const asked = { recipient: { kind: 'handle', handle } as const, address: handle, category: 'marketing' } as const;
    const ruled = { ...asked, reply: false, timeZone: null, fresh: this.rules.isFresh(talk), bulk: false };
    const refusal = this.rules.marketingRefusal(ruled, talk);
    return {
      handle,
      opted_out: this.#contacts.optedOut(handle),
      is_new: ruled.fresh,
      last_in_at: talk.lastInAt,
      last_out_at: talk.lastOutAt,
      delivered_at: talk.deliveredAt,
      unanswered: talk.unanswered,
      replies_left: this.#contacts.repliesLeft(asked.recipient),
      wrote_first: this.consents.wroteFirst(handle, talk),
      consent: record && {
        state: given ? 'given' : 'withdrawn',
        at: (given ? record.givenAt : record.withdrawnAt) ?? 0,
        source: record.source,
      },
      marketing: refusal ? { allowed: false, code: refusal.code, words: refusal.words } : { allowed: true },
    };
  }

  /** To whom so much went that more has to wait, and until when (monotonic). */
  fullPairs(now: number): Iterable<[key: string, at: number]> {
    return this.#caps.fullPairs(now);
  }

  capUses(): CapUse[] {
    return this.#caps.uses(this.#contacts.mostUnanswered());
  }

  #talked(key: string): void {
    const queue = this.#queue();
    for (const waiting of queue.of(key)) if (waiting.address === key) queue.setFresh(waiting, false);
  }
}
