/**
 * What claimed rows say, for 7 days: Messages changes them in place, without a new ROWID.
 *
 *   in flight ─ is_sent ─▶ sent ─ receipt (1:1, iMessage or RCS) ─▶ delivered ─▶ read
 *       └── error for 3 s ──┴──▶ not_delivered        (a re-route, or a clean row, may follow an error within moments)
 *
 * Each state is told once, in the transaction that stores that it was told. Groups and SMS end at `sent`: their columns say no more.
 * A look compares rows with what was last seen; recent ones at each change of chat.db, all others in a slow round.
 */
import type { Clock, Timer } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { appleFault } from './apple-errors.ts';
import type { Attempt, Attempts } from './attempts.ts';
import type { ChatDb } from './chat-db.ts';
import type { OwnState } from './chat-row.ts';
import type { AttemptState, SightedState, Sightings } from './sightings.ts';

export const WATCH_MS = 7 * 86_400_000;
const GRACE_MS = 3_000;
const RECENT_MS = 3_600_000;
const ROUND_MS = 30_000;
const EXPIRY_MS = 3_600_000;
/** After a start the controller gets time to say what time it is. */
const FIRST_EXPIRY_MS = 5 * 60_000;
const PAGE = 500;
/** As many rows of ours as are searched when chat.db was set up anew. */
const SEARCH_LIMIT = 5_000;

const RANK = { unknown: 0, sent: 1, delivered: 2, read: 3, not_delivered: 4 } as const satisfies Record<
  SightedState,
  number
>;

export class Receipts {
  readonly #attempts: Attempts;
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #sightings: Pick<Sightings, 'attempt'>;
  readonly #chatDb: () => ChatDb | null;
  readonly #wallTrusted: () => boolean;
  readonly #timers = new Set<Timer>();
  #stopped = false;
  #work: Promise<void> = Promise.resolve();
  #lookWaits = false;
  #graceWaits = false;
  #changedSinceRound = true;
  #numbersChanged = false;
  #expiryDue = 0;

  constructor(o: {
    attempts: Attempts;
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    sightings: Pick<Sightings, 'attempt'>;
    chatDb: () => ChatDb | null;
    /** May things be forgotten by the wall clock just now? */
    wallTrusted: () => boolean;
  }) {
    this.#attempts = o.attempts;
    this.#commit = o.commit;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#sightings = o.sightings;
    this.#chatDb = o.chatDb;
    this.#wallTrusted = o.wallTrusted;
  }

  start(): void {
    this.#expiryDue = this.#clock.mono() + FIRST_EXPIRY_MS;
    this.#enqueue(() => this.#round());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#work;
  }

  /** chat.db changed: looks at recent rows soon. Cheap to call often. */
  changed(): void {
    this.#changedSinceRound = true;
    if (this.#lookWaits || this.#stopped) return;
    this.#lookWaits = true;
    this.#enqueue(() => {
      this.#lookWaits = false;
      return this.#lookAtRecent();
    });
  }

  /** chat.db is another one: the ROWIDs of claimed rows must be found again, by guid. */
  renumbered(): void {
    this.#numbersChanged = true;
    this.#changedSinceRound = true;
  }

  /** In a transaction: this is how the attempt's row is now. Tells what is new, once the attempt's outcome is known. */
  observe(id: string, state: OwnState): void {
    const a = this.#attempts.get(id);
    if (!a) return;
    const now = Math.round(this.#clock.now());
    const fault = state.error !== 0 || (a.ghost && state.isEmpty);
    const received = a.told === 'delivered' || a.told === 'read';
    if (fault && !received && a.told !== 'not_delivered') return this.#failing(a, state, now);
    const reached = fault || a.told === 'not_delivered' ? null : reachedBy(a, state);
    this.#attempts.looked(id, { seen: state, failingAt: null, watching: watches(a, reached) });
    if (reached === null || a.outcome === null) return;
    const down = isDowngraded(a, state);
    if (RANK[reached] <= RANK[a.told ?? 'unknown'] && (!down || a.toldDown)) return;
    this.#tell(a, { state: reached, at: whenOf(reached, state) ?? now, ...factsOf(a, state, down) }, down);
  }

  #failing(a: Attempt, state: OwnState, now: number): void {
    const since = a.failingAt !== null && a.failingAt <= now ? a.failingAt : now;
    const known = a.outcome !== null;
    if (!known || now - since < GRACE_MS) {
      this.#attempts.looked(a.id, { seen: state, failingAt: since, watching: known });
      this.#lookAfterGrace();
      return;
    }
    this.#attempts.looked(a.id, { seen: state, failingAt: null, watching: false });
    const facts = factsOf(a, state, isDowngraded(a, state));
    const why = state.error !== 0 ? { appleError: appleFault(state.error) } : { words: GHOST_WORDS };
    this.#tell(a, { ...facts, state: 'not_delivered', at: now, ...why }, a.toldDown);
  }

  /** In a transaction. */
  #tell(a: Attempt, seen: AttemptState, down: boolean): void {
    this.#attempts.tell(a.id, seen.state, down);
    this.#sightings.attempt(a.message, a.id, seen);
  }

  async #lookAtRecent(): Promise<void> {
    await this.#look(this.#attempts.watchedSince(this.#clock.now() - RECENT_MS, PAGE));
  }

  async #round(): Promise<void> {
    this.#later(ROUND_MS, () => this.#enqueue(() => this.#round()));
    if (this.#clock.mono() >= this.#expiryDue && this.#wallTrusted()) {
      await this.#commit.run(() => this.#attempts.expire(Math.round(this.#clock.now()), WATCH_MS));
      this.#expiryDue = this.#clock.mono() + EXPIRY_MS;
    }
    if (!this.#changedSinceRound || !this.#chatDb()) return;
    this.#changedSinceRound = false;
    if (this.#numbersChanged) await this.#findAgain();
    for (let after = -1; !this.#stopped; ) {
      const page = this.#attempts.watchedPage(after, PAGE);
      if (page.length === 0) return;
      await this.#look(page);
      after = page.at(-1)?.rowid ?? Number.MAX_SAFE_INTEGER;
    }
  }

  async #look(watched: Attempt[]): Promise<void> {
    const chatDb = this.#chatDb();
    if (!chatDb || watched.length === 0) return;
    const now = this.#clock.now();
    const states = new Map(chatDb.ownStates(watched.map((a) => a.rowid ?? -1)).map((s) => [s.guid, s]));
    const news = watched.flatMap((a) => {
      // Found by guid: after a power cut another message may have the number.
      const state = states.get(a.guid ?? '');
      if (!state) return [];
      // A clock that was set back makes the start of a failure lie in the future.
      const due = a.failingAt !== null && (now - a.failingAt >= GRACE_MS || a.failingAt > now);
      return due || JSON.stringify(state) !== JSON.stringify(a.seen) ? [{ id: a.id, state }] : [];
    });
    if (watched.some((a) => a.failingAt !== null)) this.#lookAfterGrace();
    if (news.length === 0) return;
    await this.#commit.run(() => {
      for (const { id, state } of news) if (this.#attempts.get(id)?.guid === state.guid) this.observe(id, state);
    });
  }

  async #findAgain(): Promise<void> {
    const chatDb = this.#chatDb();
    if (!chatDb) return;
    const rows = new Map(chatDb.ownRowsSince(this.#clock.now() - WATCH_MS, SEARCH_LIMIT).map((r) => [r.guid, r.rowid]));
    await this.#commit.run(() => {
      for (const a of this.#attempts.watchedSince(0, SEARCH_LIMIT)) {
        const rowid = rows.get(a.guid ?? '');
        if (rowid !== undefined && rowid !== a.rowid) this.#attempts.moveRow(a.id, rowid);
      }
    });
    this.#numbersChanged = false;
  }

  /** A failure is told when it has lasted; nothing in chat.db needs to change for that. */
  #lookAfterGrace(): void {
    if (this.#graceWaits) return;
    this.#graceWaits = true;
    this.#later(GRACE_MS, () => {
      this.#graceWaits = false;
      this.changed();
    });
  }

  /** One look at a time. A chat.db that is busy or gone is looked at again at the next occasion. */
  #enqueue(look: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#work = this.#work.then(look).catch((error: unknown) => {
      this.#changedSinceRound = true;
      this.#log.warn('receipts_not_read', { error: messageOf(error) });
    });
  }

  #later(ms: number, work: () => void): void {
    if (this.#stopped) return;
    const timer = this.#clock.after(ms, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }
}

const GHOST_WORDS =
  'Messages left an empty message in no conversation: it was not sent. Open the conversation on the Mac and write there.';

function reachedBy(a: Attempt, s: OwnState): 'sent' | 'delivered' | 'read' | null {
  const receipts = !a.isGroup && /^(imessage|rcs)/i.test(s.service);
  if (receipts && s.isRead && s.readAt !== null) return 'read';
  if (receipts && (s.isDelivered || s.deliveredAt !== null)) return 'delivered';
  return s.isSent ? 'sent' : null;
}

function watches(a: Attempt, reached: SightedState | null): boolean {
  return a.outcome !== null && reached !== 'read' && a.told !== 'read' && a.told !== 'not_delivered';
}

function whenOf(state: SightedState, s: OwnState): number | null {
  const at = state === 'read' ? s.readAt : state === 'delivered' ? s.deliveredAt : null;
  return at === null ? null : Math.round(at);
}

function isDowngraded(a: Attempt, s: OwnState): boolean {
  return s.downgraded || (a.service === 'imessage' && /^(sms|rcs)$/i.test(s.service));
}

function factsOf(a: Attempt, s: OwnState, down: boolean): Partial<AttemptState> {
  return {
    guid: s.guid,
    ...(s.service ? { service: s.service } : {}),
    ...(a.ownAddress ? { from: a.ownAddress } : {}),
    ...(down ? { downgraded: true, words: `It went out as ${s.service || 'SMS'}, not as iMessage.` } : {}),
  };
}
