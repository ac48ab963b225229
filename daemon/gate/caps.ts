/**
 * The caps: how much this sender may do, whatever the texts are.
 *
 *   new_contacts_day, new_contacts_hour   people without talk either way in 30 days      daily_volume   all but replies
 *   unanswered                            messages since their last word (contacts.ts)   pair_rate      to one handle or group, replies too
 *
 * Drawn at dispatch, never reserved. The windows roll, on the monotonic clock; after a start a draw is as old as both clocks agree that it is,
 * as in the ledger. All is counted in memory; the store keeps the draws. The caller owes a transaction around every change.
 */
import type { Category } from '../../protocol/names.ts';
import type { ResultData } from '../../protocol/queries.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { surelyElapsed } from './ledger.ts';
import type { Policy } from './policy.ts';
import { RollingWindow } from './rolling.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Without talk either way for so long, somebody is new. */
export const NEW_AFTER_MS = 30 * DAY;
/** What is older than a day by the wall clock alone still counts for so long after a start: that clock may be wrong. */
const DOUBT_MS = HOUR;
const PRUNE_EVERY_MS = 10 * MINUTE;

export type RollingCap = 'new_contacts_hour' | 'new_contacts_day' | 'daily_volume' | 'pair_rate';
export type CapUse = ResultData<'sender.get'>['caps'][number];

/** What a message draws. */
export interface Drawing {
  name: string;
  /** A handle, or the stable name of a group. */
  key: string;
  fresh: boolean;
  reply: boolean;
}

/** How many wait that draw from the same cap, for instance before one of them. */
export interface Before {
  all: number;
  fresh: number;
}

/** A cap that has no slot now. `at` is monotonic. */
export interface FullCap {
  cap: RollingCap;
  at: number;
  used: number;
  limit: number;
}

/** What was known of the contact before the draw, to be put back if nothing left. */
export interface TalkBefore {
  lastInAt: number | null;
  lastOutAt: number | null;
}

interface Draw {
  key: string;
  fresh: boolean;
  reply: boolean;
  minuteEnd: number;
  hourEnd: number;
  dayEnd: number;
}

interface Row {
  name: string;
  key: string;
  fresh: number;
  reply: number;
  at: number;
  mono: number;
}

export const NOBODY: Before = { all: 0, fresh: 0 };

/** From when on there are slots, as reckoned at `now` by these limits. */
interface Slots {
  now: number;
  volume: number;
  hour: number;
  day: number;
  all: number;
  /** For a new contact. */
  fresh: number;
}

export class Caps {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #limits: () => Policy['caps'];
  readonly #day: RollingWindow;
  readonly #hour: RollingWindow;
  readonly #volume: RollingWindow;
  readonly #pairs = new Map<string, RollingWindow>();
  /** The pairs that may be full: all that held `#busyFrom` or more. */
  readonly #busy = new Set<string>();
  #busyFrom = Number.POSITIVE_INFINITY;
  readonly #draws = new Map<string, Draw>();
  #slots: Slots | null = null;
  #pruneAt = 0;

  constructor(o: { db: Db; clock: Clock; limits: () => Policy['caps'] }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#limits = o.limits;
    this.#day = new RollingWindow(DAY, () => o.limits().new_contacts_day);
    this.#hour = new RollingWindow(HOUR, () => o.limits().new_contacts_hour);
    this.#volume = new RollingWindow(DAY, () => o.limits().daily_volume);
  }

  /** Counts anew, from what the disk remembers. */
  load(): void {
    for (const window of [this.#day, this.#hour, this.#volume]) window.clear();
    this.#pairs.clear();
    this.#busy.clear();
    this.#draws.clear();
    this.#slots = null;
    const now = { at: this.#clock.now(), mono: this.#clock.mono() };
    for (const row of this.#db.sql<Row>('SELECT name, key, fresh, reply, at, mono FROM gate_draw').all()) {
      const passed = surelyElapsed(row, now);
      // Of another boot: a day would not end before a day after it.
      const dayPassed = now.mono >= row.mono ? passed : Math.max(passed, Math.min(now.at - row.at, DAY - DOUBT_MS));
      this.#count(row.name, {
        key: row.key,
        fresh: row.fresh !== 0,
        reply: row.reply !== 0,
        minuteEnd: now.mono + MINUTE - passed,
        hourEnd: now.mono + HOUR - passed,
        dayEnd: now.mono + DAY - dayPassed,
      });
    }
  }

  /** Which cap holds this one longest, or null if it may go now. Nothing is asked of the store. */
  full({ key, fresh, reply }: Omit<Drawing, 'name'>, before: Before = NOBODY): FullCap | null {
    const now = this.#clock.mono();
    let worst: FullCap | null = null;
    const look = (cap: RollingCap, window: RollingWindow, ahead: number) => {
      const at = window.slotAt(now, ahead);
      if (at > (worst?.at ?? now)) worst = { cap, at, used: window.used(now), limit: window.limit };
    };
    const pair = this.#pairs.get(key);
    if (pair) look('pair_rate', pair, 0);
    if (reply) return worst;
    look('daily_volume', this.#volume, before.all);
    if (!fresh) return worst;
    look('new_contacts_hour', this.#hour, before.fresh);
    look('new_contacts_day', this.#day, before.fresh);
    return worst;
  }

  /** From when on, monotonic, this one may go for the caps; 0 if it may now. */
  openAt(key: string, fresh: boolean, reply: boolean, now = this.#clock.mono()): number {
    const at = this.#pairs.get(key)?.slotAt(now) ?? now;
    const pair = at > now ? at : 0;
    return reply ? pair : Math.max(pair, this.slotAt(fresh, now));
  }

  /** The same for anybody, new or not, the rate to each one aside. */
  slotAt(fresh: boolean, now: number): number {
    const slots = this.#slotsAt(now);
    const at = fresh ? slots.fresh : slots.all;
    return at > now ? at : 0;
  }

  /** To whom so much went within a minute that more has to wait, and until when (monotonic). */
  *fullPairs(now: number): Iterable<[key: string, at: number]> {
    const { pair_rate: limit } = this.#limits();
    // As many as the policy allowed when they were noted: perhaps it allows less now.
    if (limit < this.#busyFrom) for (const [key, pair] of this.#pairs) if (pair.used(now) >= limit) this.#busy.add(key);
    this.#busyFrom = limit;
    for (const key of this.#busy) {
      const at = this.#pairs.get(key)?.slotAt(now) ?? now;
      if (at > now) yield [key, at];
      else this.#busy.delete(key);
    }
  }

  /** The same for all that is asked about in one go, which may be many thousands. */
  #slotsAt(now: number): Slots {
    // The policy may have changed in the meantime.
    const { daily_volume: volume, new_contacts_hour: hour, new_contacts_day: day } = this.#limits();
    const known = this.#slots;
    if (known?.now === now && known.volume === volume && known.hour === hour && known.day === day) return known;
    const all = this.#volume.slotAt(now);
    this.#slots = { now, volume, hour, day, all, fresh: Math.max(all, this.#hour.slotAt(now), this.#day.slotAt(now)) };
    return this.#slots;
  }

  /** Are there fewer slots than so many that wait for them? */
  isScarce(waiting: Before): { all: boolean; fresh: boolean } {
    const now = this.#clock.mono();
    const left = (window: RollingWindow) => window.limit - window.used(now);
    return {
      all: left(this.#volume) < waiting.all,
      fresh: Math.min(left(this.#day), left(this.#hour)) < waiting.fresh,
    };
  }

  /** `at`: Unix ms, for what happened before it was seen. */
  draw({ name, key, fresh, reply }: Drawing, before: TalkBefore, at = this.#clock.now()): void {
    if (this.#draws.has(name)) return;
    const now = { at: this.#clock.now(), mono: this.#clock.mono() };
    const passed = Math.max(0, Math.min(now.at - at, now.mono));
    if (passed >= DAY) return;
    const mono = now.mono - passed;
    this.#db
      .sql(
        `INSERT OR REPLACE INTO gate_draw (name, key, fresh, reply, at, mono, last_in_at, last_out_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(name, key, fresh ? 1 : 0, reply ? 1 : 0, Math.round(at), mono, before.lastInAt, before.lastOutAt);
    const ends = { minuteEnd: mono + MINUTE, hourEnd: mono + HOUR, dayEnd: mono + DAY };
    this.#count(name, { key, fresh, reply, ...ends });
    this.#prune();
  }

  /** Nothing left after all. Returns what was known of the contact before, or null if nothing was drawn. */
  giveBack(name: string): (TalkBefore & { key: string; reply: boolean; at: number }) | null {
    const row = this.#db
      .sql<Row & { last_in_at: number | null; last_out_at: number | null }>('SELECT * FROM gate_draw WHERE name = ?')
      .get(name);
    this.undo(name);
    if (!row) return null;
    this.#db.sql('DELETE FROM gate_draw WHERE name = ?').run(name);
    const { key, at } = row;
    return { key, at, reply: row.reply !== 0, lastInAt: row.last_in_at, lastOutAt: row.last_out_at };
  }

  /** Forgets in memory what never came to the disk. */
  undo(name: string): void {
    const draw = this.#draws.get(name);
    if (!draw) return;
    this.#draws.delete(name);
    this.#slots = null;
    this.#pairs.get(draw.key)?.giveBack(draw.minuteEnd);
    if (draw.reply) return;
    this.#volume.giveBack(draw.dayEnd);
    if (!draw.fresh) return;
    this.#hour.giveBack(draw.hourEnd);
    this.#day.giveBack(draw.dayEnd);
  }

  /** For `sender.get`. Of the caps for each contact the one who has used most of it. `unanswered`: that number. */
  uses(unanswered: number): CapUse[] {
    const now = this.#clock.mono();
    const wall = this.#clock.now();
    const use = (name: string, used: number, limit: number, slotAt: number | null): CapUse => {
      const remaining = Math.max(0, limit - used);
      return { name, used, limit, remaining, next_slot_at: remaining > 0 ? Math.round(wall) : slotAt };
    };
    const rolling = (name: RollingCap, window: RollingWindow) =>
      use(name, window.used(now), window.limit, Math.round(wall + window.slotAt(now) - now));
    let busiest = new RollingWindow(MINUTE, () => this.#limits().pair_rate);
    for (const pair of this.#pairs.values()) if (pair.used(now) > busiest.used(now)) busiest = pair;
    return [
      rolling('new_contacts_day', this.#day),
      rolling('new_contacts_hour', this.#hour),
      use('unanswered', unanswered, this.#limits().unanswered, null),
      rolling('pair_rate', busiest),
      rolling('daily_volume', this.#volume),
    ];
  }

  #count(name: string, draw: Draw): void {
    const now = this.#clock.mono();
    this.#draws.set(name, draw);
    this.#slots = null;
    if (draw.minuteEnd > now) {
      const pair = this.#pair(draw.key);
      pair.add(draw.minuteEnd);
      if (pair.used(now) >= pair.limit) this.#busy.add(draw.key);
    }
    if (draw.reply) return;
    if (draw.dayEnd > now) this.#volume.add(draw.dayEnd);
    if (!draw.fresh) return;
    if (draw.hourEnd > now) this.#hour.add(draw.hourEnd);
    if (draw.dayEnd > now) this.#day.add(draw.dayEnd);
  }

  #pair(key: string): RollingWindow {
    const known = this.#pairs.get(key);
    if (known) return known;
    const made = new RollingWindow(MINUTE, () => this.#limits().pair_rate);
    this.#pairs.set(key, made);
    return made;
  }

  #prune(): void {
    const now = this.#clock.mono();
    if (now < this.#pruneAt) return;
    this.#pruneAt = now + PRUNE_EVERY_MS;
    for (const [key, pair] of this.#pairs) if (pair.used(now) === 0) this.#pairs.delete(key);
    for (const [name, { dayEnd }] of this.#draws) {
      if (dayEnd > now) continue;
      this.#draws.delete(name);
      this.#db.sql('DELETE FROM gate_draw WHERE name = ?').run(name);
    }
  }
}

/** The order in which a scarce cap is drawn. */
export function rankOf(category: Category): number {
  return category === 'conversational' ? 0 : category === 'transactional' ? 1 : 2;
}
