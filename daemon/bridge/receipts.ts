/**
 * What claimed rows say, for 7 days: Messages changes them in place, without a new ROWID.
 *
 *   in flight ─ is_sent ─▶ sent ─ receipt (1:1, iMessage or RCS) ─▶ delivered ─▶ read
 *       └── error for 3 s ──┴──▶ not_delivered ─ sent after all (by hand, or re-routed late) ─▶ sent
 *
 * Each state is told once, in the transaction that stores that it was told. A look compares rows with what was last seen: recent ones at
 * each change of chat.db, all others in a slow round. It asks by ROWID, the cheapest that SQLite has; a row that is no longer there is
 * asked for by guid (iCloud puts rows in anew, and another chat.db has other numbers). A row that is gone proves nothing.
 *
 * The 3 s are time in which this process, and with it Messages, was awake: what was asleep together gets its time to try again.
 */
import type { Clock, Timer } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { appleFault } from './apple-errors.ts';
import type { Attempt, Attempts, Watched } from './attempts.ts';
import type { ChatDb } from './chat-db.ts';
import type { OwnState } from './chat-row.ts';
import type { CutTexts } from './cut-texts.ts';
import { factsOf, joined, RANK, readingOf, whenOf, wordsOf } from './own-state.ts';
import type { AttemptState, Sightings } from './sightings.ts';

export const WATCH_MS = 7 * 86_400_000;
const GRACE_MS = 3_000;
/** While a failure is watched there is a look every GRACE_MS. So long without one: the Mac was asleep. */
const ASLEEP_MS = GRACE_MS + 5_000;
const RECENT_MS = 3_600_000;
const ROUND_MS = 30_000;
const EXPIRY_MS = 3_600_000;
/** After a start the controller gets time to say what time it is. */
const FIRST_EXPIRY_MS = 5 * 60_000;
/** Rows of one look: 2 ms of work. */
const PAGE = 250;

export class Receipts {
  readonly #attempts: Attempts;
  readonly #cutTexts: CutTexts;
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
  #expiryDue = 0;
  /** Since when (monotonic) this process has seen an attempt's row fail, by attempt. */
  readonly #failing = new Map<string, number>();
  #lookedAt = 0;

  constructor(o: {
    attempts: Attempts;
    cutTexts: CutTexts;
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    sightings: Pick<Sightings, 'attempt'>;
    chatDb: () => ChatDb | null;
    /** May things be forgotten by the wall clock just now? */
    wallTrusted: () => boolean;
  }) {
    this.#attempts = o.attempts;
    this.#cutTexts = o.cutTexts;
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

  /** In a transaction: this is how the attempt's row is now. Tells what is new, once the attempt's outcome is known. */
  observe(id: string, state: OwnState): void {
    const a = this.#attempts.get(id);
    if (!a) return;
    const now = Math.round(this.#clock.now());
    const { fault, reached, downgraded } = readingOf(a, state);
    if (fault && a.told !== 'not_delivered') return this.#fails(a, state, downgraded, now);
    this.#failing.delete(id);
    const watching = a.outcome !== null && reached !== 'read' && a.told !== 'read';
    this.#attempts.looked(id, { seen: state, failingAt: null, watching });
    if (reached === null || a.outcome === null) return;
    const higher = RANK[reached] > RANK[a.told ?? 'unknown'];
    if (!higher && (!downgraded || a.toldDown)) return;
    const told = higher || a.told === null ? reached : a.told;
    const words = wordsOf(a, state, downgraded);
    const facts = { ...factsOf(a, state, downgraded), ...(words === undefined ? {} : { words }) };
    this.#tell(a, { state: told, at: (higher ? whenOf(reached, state) : null) ?? now, ...facts }, downgraded);
  }

  /** All rows of an attempt whose text came in several. In a transaction; null if one is gone or chat.db cannot be read. */
  whole(a: { id: string; rowid: number; guid: string }): OwnState | null {
    const rows = [a, ...this.#cutTexts.of(a.id).filter((piece) => piece.guid !== a.guid)];
    const states = this.#statesOf(rows);
    const [main, ...pieces] = rows.map((row) => states.get(row.guid));
    return main && pieces.every((piece) => piece !== undefined) ? joined(main, pieces) : null;
  }

  #fails(a: Attempt, state: OwnState, downgraded: boolean, now: number): void {
    const mono = this.#clock.mono();
    if (this.#failing.size === 0) this.#lookedAt = mono;
    const since = this.#failing.get(a.id) ?? mono;
    this.#failing.set(a.id, since);
    const known = a.outcome !== null;
    if (!known || mono - since < GRACE_MS) {
      this.#attempts.looked(a.id, { seen: state, failingAt: a.failingAt ?? now, watching: known });
      this.#lookAfterGrace();
      return;
    }
    this.#failing.delete(a.id);
    this.#attempts.looked(a.id, { seen: state, failingAt: null, watching: true });
    const facts = factsOf(a, state, downgraded);
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
    const mono = this.#clock.mono();
    if (mono >= this.#expiryDue && this.#wallTrusted()) {
      await this.#commit.run(() => this.#expire());
      this.#expiryDue = mono + EXPIRY_MS;
    }
    if (!this.#changedSinceRound || !this.#chatDb()) return;
    this.#changedSinceRound = false;
    for (let after = -1; !this.#stopped; ) {
      const page = this.#attempts.watchedPage(after, PAGE);
      await this.#look(page);
      if (page.length < PAGE) return;
      after = page.at(-1)?.rowid ?? Number.MAX_SAFE_INTEGER;
      await new Promise<void>((resolve) => this.#clock.after(0, resolve));
    }
  }

  async #look(watched: Watched[]): Promise<void> {
    if (!this.#chatDb() || watched.length === 0) return;
    this.#noteSleep();
    const states = this.#statesOf(watched);
    const cut = new Set(this.#cutTexts.watched().map((piece) => piece.attempt));
    const news = watched.flatMap((a) => {
      const state = cut.has(a.id) ? this.whole(a) : states.get(a.guid);
      if (!state) return [];
      const due = a.failingAt !== null && this.#graceIsOver(a.id);
      return due || JSON.stringify(state) !== a.seen ? [{ id: a.id, state }] : [];
    });
    if (watched.some((a) => a.failingAt !== null)) this.#lookAfterGrace();
    if (news.length === 0) return;
    await this.#commit.run(() => {
      for (const { id, state } of news) {
        const a = this.#attempts.get(id);
        if (a?.guid !== state.guid) continue;
        if (a.rowid !== state.rowid) this.#attempts.moveRow(id, state.rowid);
        this.observe(id, state);
      }
    });
  }

  /** By guid. After a power cut, or in another chat.db, a number may be another message's. */
  #statesOf(rows: { rowid: number; guid: string }[]): Map<string, OwnState> {
    const chatDb = this.#chatDb();
    if (!chatDb) return new Map();
    const states = new Map(chatDb.ownStates(rows.map((row) => row.rowid)).map((s) => [s.guid, s]));
    const missing = rows.filter((row) => !states.has(row.guid)).map((row) => row.guid);
    if (missing.length > 0) for (const state of chatDb.ownStatesOf(missing)) states.set(state.guid, state);
    return states;
  }

  /** True as well when this process has not seen it fail yet: then its grace begins. */
  #graceIsOver(id: string): boolean {
    const since = this.#failing.get(id);
    return since === undefined || this.#clock.mono() - since >= GRACE_MS;
  }

  #noteSleep(): void {
    const mono = this.#clock.mono();
    if (mono - this.#lookedAt > ASLEEP_MS) for (const id of this.#failing.keys()) this.#failing.set(id, mono);
    this.#lookedAt = mono;
  }

  /** In a transaction. */
  #expire(): void {
    const now = Math.round(this.#clock.now());
    for (const a of this.#attempts.neverTold(now - WATCH_MS)) {
      const guid = a.guid === null ? {} : { guid: a.guid };
      this.#tell(a, { state: 'unknown', at: now, ...guid, words: STUCK_WORDS }, false);
    }
    this.#attempts.expire(now, WATCH_MS);
    this.#cutTexts.expire(now - WATCH_MS);
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

const STUCK_WORDS =
  'Messages has had it on its way for 7 days and says neither sent nor failed; look at the conversation on the Mac.';
