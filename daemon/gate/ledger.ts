/**
 * The ledger: which texts went to whom, and when. The gate asks it for its slot; a fleet's ledger fits behind the same interface later.
 *
 *   reserve ─▶ in flight ─▶ commit ─▶ counts for 24 h
 *                  └─────▶ release (it never left)          observe ─▶ counts (the owner's own hand)
 *
 * Times run on the monotonic clock. After a start, what has passed is the smaller of what both clocks say: a wait may get longer, never
 * shorter. The caller owes a transaction around every change.
 *
 * A fingerprint of another canonical version says nothing about today's texts: what has one is near every text, until `reread` gives its
 * text again or it counts no longer.
 */
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { RelayError } from '../host/errors.ts';
import { joinKnown, joinNear } from './families.ts';
import type { Fingerprint } from './fingerprint.ts';
import { NEVER } from './gram-block.ts';
import { COUNT_LIMIT } from './interval.ts';
import { isAwaited, type Load, type Send } from './known-texts.ts';
import type { KnownText, NearIndex, Search, Stored } from './near-index.ts';
import { encode } from './stored-print.ts';

const DISK_MS = 7 * 86_400_000;
const ROWS_AT_ONCE = 500;
const PRUNE_EVERY_MS = 10 * 60_000;
/** So many are forgotten at once; the others soon after. */
const PRUNED_AT_ONCE = 1_000;
const PRUNE_SOON_MS = 1_000;
/** Rows older than the window by the wall clock still keep their distance this long after a start: that clock may be wrong. */
const DOUBT_MS = 60 * 60_000;

export interface Slot {
  /** The message, or `row:<guid>`. */
  name: string;
  address: string;
  people: string[];
  reply: boolean;
  print: Fingerprint;
  /** Known texts near it, so that it is remembered with its family. */
  near?: KnownText<Load>[];
  /** Where a distance is asked for: not of replies, nor of the owner's own hand. */
  spacing?: Spacing;
}

/** How a text kept its distance when it went. */
export interface Spacing {
  intervalMs: number;
  /** Since the near text before it; 0 while one is in flight, null if there is none in the window. */
  gapMs: number | null;
}

/** What lies near a text. */
export interface Surroundings {
  /** Distinct people who got a near text, counted to 51. */
  count: number;
  /** The newest of them that has settled, and the newest in flight, if any. */
  last: Send | null;
  inFlight: Send | null;
}

export interface Ledger {
  around(near: KnownText<Load>[], except: string[]): Surroundings;
  reserve(slot: Slot): void;
  commit(name: string, sure: boolean): KnownText<Load> | null;
  release(name: string): KnownText<Load> | null;
  observe(slot: Slot, at: number): KnownText<Load> | null;
}

/** By columns: of a day there may be very many. `people`: null if it is the address alone. `bytes`: of its fingerprint; 0 if it can be none of today's. */
type Row = [
  id: number,
  name: string,
  address: string,
  people: string | null,
  reply: number,
  bytes: number,
  at: number,
  mono: number,
  inFlight: number,
  kin: string | null,
];

/** Of so many people the recipients of the text in question may be left out. */
export const MOST_LEFT_OUT = 50;
const PEOPLE_ENOUGH = COUNT_LIMIT + MOST_LEFT_OUT;

/** The fingerprints of these rows. */
function storedOf(rows: Row[], all: Uint8Array | undefined): Stored {
  const bytes = Buffer.from(all?.buffer ?? new ArrayBuffer(0), all?.byteOffset, all?.byteLength);
  const count = rows.reduce((sum, [, , , , , length]) => sum + length, 0);
  if (bytes.length !== count)
    throw new RelayError('store_damaged', `gate_send: ${bytes.length} bytes of fingerprints where ${count} should be`, {
      hint: 'This is a defect of the relay or its store; keep a copy of relay.db, and report it with the log.',
    });
  return { bytes, grams: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2) };
}

const PHASES = ['settled', 'in_flight', 'unknown'] as const;

/** At least this much time has passed between two looks at both clocks, whatever was done to the wall clock or the Mac in between. */
export function surelyElapsed(from: { at: number; mono: number }, to: { at: number; mono: number }): number {
  const byMono = to.mono >= from.mono ? to.mono - from.mono : to.mono;
  return Math.max(0, Math.min(to.at - from.at, byMono));
}

export class LocalLedger implements Ledger {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #index: NearIndex<Load>;
  readonly #release: (text: KnownText<Load>) => void;
  readonly #windowMs: number;
  readonly #sends = new Map<string, Send>();
  readonly #unread = new Set<Send>();
  #pruneAt = 0;

  constructor(o: {
    db: Db;
    clock: Clock;
    index: NearIndex<Load>;
    /** Called when a text has lost a reference. */
    release: (text: KnownText<Load>) => void;
    windowMs: number;
  }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#index = o.index;
    this.#release = o.release;
    this.#windowMs = o.windowMs;
  }

  /** Reads what the disk remembers. */
  load(): void {
    for (const name of [...this.#sends.keys()]) this.#forget(name);
    const now = { at: this.#clock.now(), mono: this.#clock.mono() };
    // All of them: which are old only the wall clock could say. Not at once: a day's fingerprints are many bytes.
    const statement = this.#db.columns(
      `SELECT id, name, address, CASE WHEN people <> '["' || address || '"]' THEN people END AS people, reply,
         CASE WHEN length(fingerprint) % 4 = 0 THEN length(fingerprint) ELSE 0 END AS bytes, at, mono, in_flight, kin
         FROM gate_send WHERE id > ? ORDER BY id LIMIT ${ROWS_AT_ONCE}`,
    );
    // Bytes stay what they are when they are taken for text and back (SQLite, CAST). One value for all is far less work than one for each.
    const prints = this.#db.sql<{ all: Uint8Array }>(
      `SELECT CAST(group_concat(fingerprint, '') AS BLOB) AS "all"
         FROM (SELECT fingerprint FROM gate_send WHERE id > ? AND id <= ? AND length(fingerprint) % 4 = 0 ORDER BY id)`,
    );
    const some = (after: number) => statement.all(after) as unknown as Row[];
    let last = 0;
    for (let rows = some(last); rows.length > 0; rows = some(last)) {
      const first = last;
      last = rows.at(-1)?.[0] ?? 0;
      this.#rememberRows(rows, storedOf(rows, prints.get(first, last)?.all), now);
    }
  }

  #rememberRows(rows: Row[], stored: Stored, now: { at: number; mono: number }): void {
    let end = 0;
    for (const [, name, address, people, reply, bytes, at, mono, inFlight, kin] of rows) {
      const start = end;
      end += bytes;
      const text = reply === 0 ? this.#index.keepStored(stored, start, end) : null;
      const passed = surelyElapsed({ at, mono }, now);
      const byWall = Math.max(0, now.at - at);
      const sameBoot = now.mono >= mono;
      const left = Math.max(this.#windowMs - (sameBoot ? passed : byWall), DOUBT_MS);
      if (kin !== null && text)
        for (const one of kin.split('\n')) {
          const other = this.#sends.get(one)?.text;
          if (other) joinKnown(text, other);
        }
      const send: Send = {
        name,
        address,
        people: people === null ? [address] : (JSON.parse(people) as string[]),
        text,
        mono: now.mono - passed,
        at,
        phase: PHASES[inFlight] ?? 'settled',
        until: now.mono + left,
      };
      this.#remember(send);
      if (text === null && reply === 0) this.#unread.add(send);
    }
  }

  /** What nobody can compare: from before a change of the canonical text. */
  unread(): { name: string; at: number }[] {
    return [...this.#unread].map(({ name, at }) => ({ name, at }));
  }

  /** Its text was found again. */
  reread(name: string, print: Fingerprint): void {
    const send = this.#sends.get(name);
    if (!send || !this.#unread.delete(send)) return;
    send.text = this.#index.keep(print);
    this.#attach(send, send.text);
    this.#db.sql('UPDATE gate_send SET fingerprint = ? WHERE name = ?').run(encode(print), name);
  }

  /**
   * Found enough for `around`, now and for `lastsMs` from now: more people than are counted and may have to be left out, and the newest of all
   * that has settled.
   */
  search(lastsMs: number): Search<Load> {
    const end = this.#clock.mono() + lastsMs;
    const people = new Set<string>();
    let last = NEVER;
    return {
      takes(text) {
        if (text.newest === NEVER || (people.size > PEOPLE_ENOUGH && text.newest <= last)) return;
        for (const { phase, until, mono, people: got } of text.load.sends) {
          if (phase === 'in_flight' || until <= end) continue;
          last = Math.max(last, mono);
          for (const person of got) people.add(person);
        }
      },
      isEnough: (newest) => people.size > PEOPLE_ENOUGH && newest <= last,
    };
  }

  /** `near`: of a whole search, or of one that had enough by `search`; then `except` names MOST_LEFT_OUT at the most. */
  around(near: KnownText<Load>[], except: string[]): Surroundings {
    const now = this.#clock.mono();
    const people = new Set<string>();
    const found: Surroundings = { count: 0, last: null, inFlight: null };
    const look = (send: Send) => {
      if (send.phase === 'in_flight') {
        if (found.inFlight === null || send.mono > found.inFlight.mono) found.inFlight = send;
      } else if (send.until <= now) return;
      else if (found.last === null || send.mono > found.last.mono) found.last = send;
      if (people.size < COUNT_LIMIT) for (const person of send.people) if (!except.includes(person)) people.add(person);
    };
    for (const text of near) {
      // Of a campaign that waits there may be very many.
      if (text.newest === NEVER) continue;
      const { sends } = text.load;
      for (let i = sends.length - 1; i >= 0; i -= 1) look(sends[i] as Send);
    }
    for (const send of this.#unread) look(send);
    found.count = Math.min(people.size, COUNT_LIMIT);
    return found;
  }

  /** Distinct people who got a near text, as many as can decide. */
  recipients(near: KnownText<Load>[]): Set<string> {
    const now = this.#clock.mono();
    const people = new Set<string>();
    for (const text of near)
      for (const send of text.load.sends)
        if (people.size < PEOPLE_ENOUGH && (send.phase === 'in_flight' || send.until > now))
          for (const person of send.people) people.add(person);
    for (const send of this.#unread)
      if (people.size < PEOPLE_ENOUGH && (send.phase === 'in_flight' || send.until > now))
        for (const person of send.people) people.add(person);
    return people;
  }

  reserve(slot: Slot): void {
    this.#forget(slot.name);
    this.#add(slot, { at: this.#clock.now(), mono: this.#clock.mono(), phase: 'in_flight' });
  }

  /** It has gone, or (not `sure`) nobody can tell. Returns its text if that changed anything for others. */
  commit(name: string, sure: boolean): KnownText<Load> | null {
    const send = this.#sends.get(name);
    if (!send || send.phase === 'settled' || (send.phase === 'unknown' && !sure)) return null;
    if (send.text && send.phase === 'in_flight') send.text.load.inFlight -= 1;
    send.phase = sure ? 'settled' : 'unknown';
    send.at = this.#clock.now();
    send.mono = this.#clock.mono();
    if (send.text) this.#note(send.text, send.mono);
    send.until = send.mono + this.#windowMs;
    this.#db
      .sql('UPDATE gate_send SET at = ?, mono = ?, in_flight = ? WHERE name = ?')
      .run(Math.round(send.at), send.mono, sure ? 0 : 2, name);
    this.#prune();
    return send.text;
  }

  release(name: string): KnownText<Load> | null {
    const text = this.#forget(name);
    this.#db.sql('DELETE FROM gate_send WHERE name = ?').run(name);
    return text;
  }

  observe(slot: Slot, at: number): KnownText<Load> | null {
    if (this.#sends.has(slot.name)) return null;
    const now = { at: this.#clock.now(), mono: this.#clock.mono() };
    // The row's own time, but never before this boot: a wall clock that was set would shorten the wait.
    const passed = Math.max(0, Math.min(now.at - at, now.mono));
    if (this.isPast(at)) return null;
    return this.#add(slot, { at, mono: now.mono - passed, phase: 'settled' });
  }

  /** Is this (Unix ms) so long ago that it counts no more? */
  isPast(at: number): boolean {
    return this.#clock.now() - at > this.#windowMs;
  }

  /** Is this on the disk? A transaction that was rolled back took it away again. */
  stored(name: string): boolean {
    return this.#db.sql('SELECT 1 FROM gate_send WHERE name = ?').get(name) !== undefined;
  }

  /** Forgets in memory what never came to the disk. */
  undo(name: string): KnownText<Load> | null {
    return this.#forget(name);
  }

  has(name: string): boolean {
    return this.#sends.has(name);
  }

  get(name: string): Send | undefined {
    return this.#sends.get(name);
  }

  /** Since when (monotonic) the oldest one is in flight, or null. */
  inFlightSince(): number | null {
    let oldest: number | null = null;
    for (const send of this.#sends.values())
      if (send.phase === 'in_flight' && (oldest === null || send.mono < oldest)) oldest = send.mono;
    return oldest;
  }

  #add(slot: Slot, time: Pick<Send, 'at' | 'mono' | 'phase'>): KnownText<Load> | null {
    const text = slot.reply ? null : this.#index.keep(slot.print);
    const { spacing } = slot;
    const kin = text ? joinNear(text, slot.near ?? []).map((send) => send.name) : [];
    this.#db
      .sql(
        `INSERT INTO gate_send (name, address, people, reply, fingerprint, at, mono, in_flight, interval_ms, gap_ms, kin)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET at = excluded.at, mono = excluded.mono, in_flight = excluded.in_flight,
           interval_ms = excluded.interval_ms, gap_ms = excluded.gap_ms, kin = excluded.kin`,
      )
      .run(
        slot.name,
        slot.address,
        JSON.stringify(slot.people),
        slot.reply ? 1 : 0,
        encode(slot.print),
        Math.round(time.at),
        time.mono,
        PHASES.indexOf(time.phase),
        spacing?.intervalMs ?? null,
        typeof spacing?.gapMs === 'number' ? Math.floor(spacing.gapMs) : null,
        kin.length > 0 ? kin.join('\n') : null,
      );
    const { name, address, people } = slot;
    this.#remember({ name, address, people, text, ...time, until: time.mono + this.#windowMs });
    return text;
  }

  #remember(send: Send): void {
    this.#sends.set(send.name, send);
    if (send.text) this.#attach(send, send.text);
  }

  #attach(send: Send, text: KnownText<Load>): void {
    // As a rule it is the only one, and an array that grows takes room for many.
    if (text.load.sends.length === 0) text.load.sends = [send];
    else text.load.sends.push(send);
    if (send.phase === 'in_flight') text.load.inFlight += 1;
    this.#note(text, send.mono);
  }

  #note(text: KnownText<Load>, mono: number): void {
    this.#index.note(text, mono, isAwaited(text));
  }

  #forget(name: string): KnownText<Load> | null {
    const send = this.#sends.get(name);
    if (!send) return null;
    this.#sends.delete(name);
    this.#unread.delete(send);
    const { text } = send;
    if (!text) return null;
    text.load.sends = text.load.sends.filter((other) => other !== send);
    if (send.phase === 'in_flight') text.load.inFlight -= 1;
    this.#note(text, text.newest);
    this.#release(text);
    return text;
  }

  #prune(): void {
    const now = this.#clock.mono();
    if (now < this.#pruneAt) return;
    // Not many at once: after a long sleep all may be over.
    let left = PRUNED_AT_ONCE;
    for (const send of this.#sends.values()) {
      if (send.phase === 'in_flight' || send.until > now) continue;
      this.#forget(send.name);
      left -= 1;
      if (left === 0) break;
    }
    this.#pruneAt = now + (left === 0 ? PRUNE_SOON_MS : PRUNE_EVERY_MS);
    const old = this.#db.sql<{ name: string }>('SELECT name FROM gate_send WHERE at < ? ORDER BY at LIMIT 500');
    for (const { name } of old.all(Math.round(this.#clock.now() - DISK_MS)))
      if (!this.#sends.has(name)) this.#db.sql('DELETE FROM gate_send WHERE name = ?').run(name);
  }
}
