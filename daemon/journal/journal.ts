/**
 * The journal: what the controller must still hear, numbered and on disk.
 *
 *   append (in the transaction of the change) ─▶ durable ─▶ sent ─▶ acked ─▶ kept for a while ─▶ pruned
 *
 * The numbers are those of one *stream*. When the controller's memory of the stream does not fit ours (its store or ours was
 * lost or set back), the journal makes itself a new stream: a snapshot, then everything it still holds, numbered from 1,
 * **with the same ids**, so that nothing is lost and nothing takes effect twice.
 *
 * The caller owes: `append` only inside a transaction of the group commit; nothing beyond `lastSeq` may go on the wire.
 */
import { randomBytes } from 'node:crypto';
import type { Received } from '../../protocol/frames.ts';
import { JOURNAL_LIMITS } from '../../protocol/limits.ts';
import type { EventName } from '../../protocol/names.ts';
import type { Clock } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Db } from '../host/db.ts';
import { type EventFrameText, eventText } from './event-text.ts';
import { dropSupersededStatuses } from './overflow.ts';
import { MOST_RECENT, RecentEvents } from './recent-events.ts';

export interface JournalEvent {
  seq: number;
  id: string;
  name: EventName;
  version: number;
  /** Unix ms, as told. */
  at: number;
  data: Record<string, unknown>;
}

export interface JournalLimits {
  events: number;
  bytes: number;
  ageMs: number;
  /** How many acked events are kept, so that a controller set back a little can resume without a new stream. */
  keepAcked: number;
}

/** `statuses`: events that tell of a message (`message.status`); only these may ever be dropped. */
interface Counts {
  rows: number;
  bytes: number;
  statuses: number;
}

/** For metrics: an event that is on disk. */
type Observer = (event: { name: EventName; data: Record<string, unknown> }) => void;

interface EventRow {
  seq: number;
  id: string;
  name: string;
  version: number;
  at: number;
  data: string;
  bytes: number;
}

/** Beyond this many acked events above `keepAcked` the oldest are pruned, in one go. */
const PRUNE_STEP = 500;
const READ_AT_ONCE = 500;

export class Journal {
  readonly #db: Db;
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #limits: JournalLimits;
  readonly #listeners = new Set<() => void>();
  readonly #recent = new RecentEvents();
  readonly #observe: Observer | undefined;
  /** Appended, and not on disk yet. */
  #fresh: { seq: number; name: EventName; data: Record<string, unknown> }[] = [];
  #snapshot: (reason: string) => void = () => {};
  #stream: string;
  #lastSeq: number;
  #ackedSeq: number;
  /** Behind the last ack. */
  #unacked: Counts = { rows: 0, bytes: 0, statuses: 0 };
  /** The counts are of the rows behind this number. */
  #countedFrom = 0;
  #shrinkAbove = 0;
  #ackStored: number;
  readonly #stopListening: () => void;

  constructor(o: {
    db: Db;
    commit: GroupCommit;
    clock: Clock;
    limits?: Partial<JournalLimits>;
    /** Gets each event once it is on disk. Must not throw. */
    observe?: Observer;
  }) {
    this.#observe = o.observe;
    this.#db = o.db;
    this.#commit = o.commit;
    this.#clock = o.clock;
    this.#limits = { ...JOURNAL_LIMITS, keepAcked: 10_000, ...o.limits };
    o.db.transaction(() => {
      o.db.sql('INSERT OR IGNORE INTO journal_state (one, stream) VALUES (1, ?)').run(newStreamName());
    });
    const state = o.db
      .sql<{ stream: string; acked_seq: number }>('SELECT stream, acked_seq FROM journal_state')
      .get() ?? { stream: '', acked_seq: 0 };
    this.#stream = state.stream;
    this.#ackedSeq = state.acked_seq;
    this.#ackStored = state.acked_seq;
    this.#lastSeq = this.#newestSeq();
    this.#countUnacked();
    const stops = [o.commit.onDurable(() => this.#becameDurable()), o.commit.onRolledBack(() => this.#rolledBack())];
    this.#stopListening = () =>
      stops.forEach((stop) => {
        stop();
      });
  }

  /** How the present state is told at the head of a new stream: appends events in the running transaction. */
  snapshotWith(tell: (reason: string) => void): void {
    this.#snapshot = tell;
  }

  /** Name of the stream that the numbers belong to. */
  get stream(): string {
    return this.#stream;
  }

  /** The newest number that is on disk. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  get ackedSeq(): number {
    return this.#ackedSeq;
  }

  /** Events that the controller has not confirmed. */
  get unacked(): number {
    return Math.min(this.#unacked.rows, this.#lastSeq - this.#ackedSeq);
  }

  /**
   * Adds an event, in the transaction of the change that it tells. An id that the journal still holds is not added again; those of status
   * events (with a `message`), of results and of rows of chat.db, which are remembered elsewhere, must never come again.
   * Returns the id.
   */
  append(name: EventName, data: Record<string, unknown>, options: { id?: string; at?: number } = {}): string {
    const id = options.id ?? `ev_${randomBytes(12).toString('base64url')}`;
    const text = JSON.stringify(data);
    const message = name === 'message.status' && typeof data.message === 'string' ? data.message : null;
    const at = options.at ?? this.#clock.now();
    const bytes = text.length + 160;
    const done = this.#db
      .sql(
        `INSERT INTO journal_event (id, name, version, at, data, bytes, message) VALUES (?, ?, 1, ?, ?, ?, ?)
         ON CONFLICT (id) WHERE message IS NULL AND name NOT IN ('message.inbound', 'message.observed', 'message.reaction', 'command.result')
           DO NOTHING`,
      )
      .run(id, name, at, text, bytes, message);
    if (done.changes > 0) {
      this.#unacked.rows += 1;
      this.#unacked.bytes += bytes;
      if (message !== null) this.#unacked.statuses += 1;
      // A controller that is far behind, or away, gets them from the store long after they would be forgotten here.
      if (this.#unacked.rows > MOST_RECENT) this.#recent.clear();
      else this.#recent.add(eventText({ seq: done.lastId, id, name, version: 1, at, bytes }, text));
      if (this.#observe) this.#fresh.push({ seq: done.lastId, name, data });
    }
    return id;
  }

  /** Durable events after a number, oldest first: at least one if there is any, else as many as fit both limits. */
  read(afterSeq: number, limit: { frames: number; bytes: number }): JournalEvent[] {
    return within(this.#rows(afterSeq, limit.frames), limit.bytes).map(toEvent);
  }

  /** The same, as they go on the wire. */
  frames(afterSeq: number, limit: { frames: number; bytes: number }): EventFrameText[] {
    const recent = this.#recent.from(afterSeq + 1, this.#lastSeq, Math.min(limit.frames, READ_AT_ONCE));
    if (recent) return within(recent, limit.bytes);
    return within(this.#rows(afterSeq, limit.frames), limit.bytes).map((row) => eventText(row, row.data));
  }

  #rows(afterSeq: number, frames: number): EventRow[] {
    return this.#db
      .sql<EventRow>(
        'SELECT seq, id, name, version, at, data, bytes FROM journal_event WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?',
      )
      .all(afterSeq, this.#lastSeq, Math.max(1, Math.min(frames, READ_AT_ONCE)));
  }

  /**
   * At an opening: does what the controller has received fit what is held here? `resume`: go on after `afterSeq`.
   * `renewed`: this is a new stream now (read `stream` again), to be told from number 1. Durable when it resolves.
   */
  async resume(received: Received | null): Promise<{ kind: 'resume' | 'renewed'; afterSeq: number; reason?: string }> {
    const misfit = this.#misfit(received);
    if (misfit === null) {
      const afterSeq = received?.seq ?? 0;
      if (afterSeq > this.#ackedSeq) this.acked(afterSeq);
      return { kind: 'resume', afterSeq };
    }
    await this.renew(misfit);
    return { kind: 'renewed', afterSeq: 0, reason: misfit };
  }

  #misfit(received: Received | null): string | null {
    const { floor_seq: floorSeq, floor_id: floorId } = this.#db
      .sql<{ floor_seq: number; floor_id: string | null }>('SELECT floor_seq, floor_id FROM journal_state')
      .get() ?? { floor_seq: 0, floor_id: null };
    if (received === null || received.seq === 0)
      return floorSeq === 0 && (received === null || received.stream === this.#stream)
        ? null
        : 'the controller has lost what it had received';
    if (received.stream !== this.#stream) return 'the controller remembers another stream';
    if (received.seq > this.#lastSeq) return 'the relay’s own store was set back';
    if (received.seq < floorSeq) return 'the controller’s store was set back beyond what is kept';
    const here =
      received.seq === floorSeq
        ? floorId
        : this.#db.sql<{ id: string }>('SELECT id FROM journal_event WHERE seq = ?').get(received.seq)?.id;
    // A gap stands for the numbers that it swallowed: whoever stopped inside may go on with it.
    if (here === undefined) return null;
    return here === received.id ? null : 'the same number names another event';
  }

  /** Makes a new stream of all that is held: a snapshot first, then every event with its own id, numbered from 1. */
  async renew(reason: string): Promise<void> {
    const stream = newStreamName();
    await this.#commit.run(() => {
      const db = this.#db;
      db.exec('CREATE TEMP TABLE held AS SELECT * FROM journal_event ORDER BY seq');
      db.exec('DELETE FROM journal_event');
      db.exec("DELETE FROM sqlite_sequence WHERE name = 'journal_event'");
      this.#snapshot(reason);
      db.exec(
        `INSERT OR IGNORE INTO journal_event (id, name, version, at, data, bytes, message)
         SELECT id, name, version, at, data, bytes, message FROM held WHERE name <> 'snapshot' ORDER BY seq`,
      );
      db.exec('DROP TABLE held');
      db.sql('UPDATE journal_state SET stream = ?, acked_seq = 0, floor_seq = 0, floor_id = NULL').run(stream);
      this.#recent.clear();
      this.#stream = stream;
      this.#ackedSeq = 0;
      this.#ackStored = 0;
      this.#countUnacked();
    });
  }

  /** Everything up to `seq` is on the controller's disk. Lower numbers than before are fine. */
  acked(seq: number): void {
    if (seq <= this.#ackedSeq) return;
    this.#ackedSeq = Math.min(seq, this.#lastSeq);
    this.#recent.acked(this.#ackedSeq);
    if (this.#ackedSeq - this.#ackStored < PRUNE_STEP && this.#ackedSeq !== this.#lastSeq) return;
    this.#ackStored = this.#ackedSeq;
    void this.#commit.run(() => this.#storeAck()).catch(() => {});
  }

  /** Calls `listener` when there may be new durable events. Returns how to stop that. */
  onDurable(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What is held, for health and metrics. */
  depth(): { unacked: number; unackedBytes: number; held: number } {
    const held = this.#db.sql<{ held: number }>('SELECT count(*) AS held FROM journal_event').get()?.held ?? 0;
    return { unacked: this.unacked, unackedBytes: this.#unacked.bytes, held };
  }

  close(): void {
    this.#stopListening();
    this.#listeners.clear();
  }

  #storeAck(): void {
    this.#db.sql('UPDATE journal_state SET acked_seq = ?').run(this.#ackedSeq);
    this.#discount();
    const keepFrom = this.#ackedSeq - this.#limits.keepAcked;
    const floor = this.#db
      .sql<{ seq: number; id: string }>('SELECT seq, id FROM journal_event WHERE seq <= ? ORDER BY seq DESC LIMIT 1')
      .get(keepFrom);
    if (floor) {
      const oldest = this.#db.sql<{ seq: number }>('SELECT min(seq) AS seq FROM journal_event').get()?.seq ?? 0;
      if (floor.seq - oldest >= PRUNE_STEP) {
        this.#db.sql('UPDATE journal_state SET floor_seq = ?, floor_id = ?').run(floor.seq, floor.id);
        this.#db.sql('DELETE FROM journal_event WHERE seq <= ?').run(floor.seq);
      }
    }
  }

  /** Takes what was acked since the last time out of the counts: what is still unacked may be very many. */
  #discount(): void {
    const upTo = this.#ackedSeq;
    const acked = this.#countsOf(this.#countedFrom, upTo);
    const { rows, bytes, statuses } = this.#unacked;
    this.#unacked = { rows: rows - acked.rows, bytes: bytes - acked.bytes, statuses: statuses - acked.statuses };
    this.#countedFrom = upTo;
  }

  #becameDurable(): void {
    const newest = this.#newestSeq();
    if (newest === this.#lastSeq) return;
    this.#lastSeq = newest;
    for (const event of this.#fresh) this.#observe?.(event);
    this.#fresh = [];
    if (this.#unacked.rows > this.#shrinkAbove && this.#overLimits())
      void this.#commit.run(() => this.#shrink()).catch(() => {});
    for (const listener of this.#listeners) listener();
  }

  #overLimits(): boolean {
    const { rows, bytes } = this.#unacked;
    if (rows > this.#limits.events || bytes > this.#limits.bytes) return true;
    if (rows === 0 || this.#lastSeq % 1000 !== 0) return false;
    const oldest = this.#db
      .sql<{ at: number }>('SELECT at FROM journal_event WHERE seq > ? ORDER BY seq LIMIT 1')
      .get(this.#ackedSeq);
    return oldest !== undefined && this.#clock.now() - oldest.at > this.#limits.ageMs;
  }

  #shrink(): void {
    const { rows, statuses } = this.#unacked;
    const o = { afterSeq: this.#ackedSeq, most: this.#limits.events, now: this.#clock.now() };
    // To find what may go all that is unacked is looked through.
    const dropped = statuses > 0 ? dropSupersededStatuses(this.#db, o) : 0;
    // Where all that is held must be told, looking again at each event would cost more than it finds.
    this.#shrinkAbove = dropped === 0 ? Math.ceil(rows * 1.1) : 0;
    if (dropped === 0) return;
    this.#recent.clear();
    this.#countUnacked();
  }

  #newestSeq(): number {
    return (
      this.#db.sql<{ seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'journal_event'").get()?.seq ?? 0
    );
  }

  #rolledBack(): void {
    this.#recent.clear();
    const held = this.#db.sql('SELECT 1 FROM journal_event WHERE seq = ?');
    this.#fresh = this.#fresh.filter(({ seq }) => held.get(seq) !== undefined);
    const state = this.#db
      .sql<{ stream: string; acked_seq: number }>('SELECT stream, acked_seq FROM journal_state')
      .get();
    // A new stream that never came to the disk: the old one goes on.
    if (state && state.stream !== this.#stream) {
      this.#stream = state.stream;
      this.#ackedSeq = state.acked_seq;
      this.#ackStored = state.acked_seq;
    }
    this.#countUnacked();
  }

  #countUnacked(): void {
    this.#unacked = this.#countsOf(this.#ackedSeq, Number.MAX_SAFE_INTEGER);
    this.#countedFrom = this.#ackedSeq;
  }

  #countsOf(afterSeq: number, upTo: number): Counts {
    const counts = this.#db
      .sql<Counts & object>(
        `SELECT count(*) AS rows, ifnull(sum(bytes), 0) AS bytes, count(message) AS statuses FROM journal_event
         WHERE seq > ? AND seq <= ?`,
      )
      .get(afterSeq, upTo);
    return counts ?? { rows: 0, bytes: 0, statuses: 0 };
  }
}

/** At least one, else as many as fit. */
function within<E extends { bytes: number }>(events: E[], most: number): E[] {
  let bytes = 0;
  const over = events.findIndex((event, index) => {
    bytes += event.bytes;
    return index > 0 && bytes > most;
  });
  return over === -1 ? events : events.slice(0, over);
}

function toEvent(row: EventRow): JournalEvent {
  return {
    seq: row.seq,
    id: row.id,
    name: row.name as EventName,
    version: row.version,
    at: row.at,
    data: JSON.parse(row.data) as Record<string, unknown>,
  };
}

function newStreamName(): string {
  return `e_${randomBytes(9).toString('base64url')}`;
}
