/**
 * The attempts of the store: one row per try to hand one text, or one file, to Messages.
 *
 *   insert ─▶ started ─▶ ended(outcome) ─▶ row claimed ─▶ watched for 7 days ─▶ forgotten after 35
 *                 └─▶ row claimed ─┘         (a row can be there before osascript has ended; nothing is told of it until then)
 *
 * All methods that write must be called inside a transaction.
 */
import type { Db } from '../host/db.ts';
import type { OwnState } from './chat-row.ts';
import type { SendOutcome } from './outcome.ts';
import type { SightedState } from './sightings.ts';

/** As the outbox asks for it (its port `Bridge`). */
export interface AttemptRequest {
  attempt: string;
  message: string;
  recipient: { kind: 'handle'; handle: string } | { kind: 'group'; chat: string; members: string[] };
  /** '' where a file is sent. */
  text: string;
  /** Absolute path of the one file that is sent, instead of a text. */
  file?: string;
  service: 'imessage' | 'any';
}

export interface Attempt {
  id: string;
  /** Order of beginning, growing. */
  order: number;
  message: string;
  /** The handle, or the id of a group. */
  address: string;
  isGroup: boolean;
  service: 'imessage' | 'any';
  chatGuid: string | null;
  text: string | null;
  /** Path of the file, instead of a text. */
  file: string | null;
  textKey: string;
  baseline: number;
  begunAt: number;
  bootedAt: number;
  pid: number | null;
  startedAt: number | null;
  outcome: SendOutcome | null;
  endedAt: number | null;
  rowid: number | null;
  guid: string | null;
  ownAddress: string | null;
  claimedAt: number | null;
  ghost: boolean;
  seen: OwnState | null;
  told: SightedState | null;
  toldDown: boolean;
  failingAt: number | null;
}

/** What it hands over, in words for a person. */
export function nounOf({ file }: Pick<Attempt, 'file'>): 'text' | 'file' {
  return file === null ? 'text' : 'file';
}

export interface ClaimedRow {
  rowid: number;
  guid: string;
  ownAddress: string | null;
  ghost: boolean;
}

/** As much of a watched attempt as a look at its row needs. */
export interface Watched {
  id: string;
  rowid: number;
  guid: string;
  /** The row's state as last looked at, as JSON. */
  seen: string | null;
  failingAt: number | null;
}

export type NewAttempt = Pick<
  Attempt,
  'id' | 'message' | 'address' | 'isGroup' | 'service' | 'chatGuid' | 'textKey' | 'baseline' | 'begunAt' | 'bootedAt'
> & { text: string; file?: string | null };

interface Row {
  id: string;
  ord: number;
  message: string;
  address: string;
  is_group: number;
  service: string;
  chat_guid: string | null;
  text: string | null;
  file: string | null;
  text_key: string;
  baseline: number;
  begun_at: number;
  booted_at: number;
  pid: number | null;
  started_at: number | null;
  outcome: string | null;
  ended_at: number | null;
  row_id: number | null;
  guid: string | null;
  own_address: string | null;
  claimed_at: number | null;
  ghost: number;
  seen: string | null;
  told: string | null;
  told_down: number;
  failing_at: number | null;
}

const COLUMNS = `id, ord, message, address, is_group, service, chat_guid, text, file, text_key, baseline, begun_at, booted_at, pid, started_at, outcome,
  ended_at, row_id, guid, own_address, claimed_at, ghost, seen, told, told_down, failing_at`;

/** Longer than a message may live (30 days), so that a row that was ours is known as ours as long as it can matter. */
const MEMORY_MS = 35 * 86_400_000;

export class Attempts {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  insert(a: NewAttempt): void {
    this.#db
      .sql(
        `INSERT INTO attempt (id, message, address, is_group, service, chat_guid, text, file, text_key, baseline, begun_at, booted_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        a.id,
        a.message,
        a.address,
        a.isGroup ? 1 : 0,
        a.service,
        a.chatGuid,
        a.text,
        a.file ?? null,
        a.textKey,
        a.baseline,
        a.begunAt,
        a.bootedAt,
      );
  }

  started(id: string, pid: number, at: number): void {
    this.#db.sql('UPDATE attempt SET pid = ?, started_at = ? WHERE id = ?').run(pid, at, id);
  }

  /** The outcome is known. The text is no longer needed. */
  ended(id: string, outcome: SendOutcome, at: number): void {
    this.#db
      .sql(
        `UPDATE attempt SET outcome = ?, kind = ?, ended_at = ?, text = NULL, watching = guid IS NOT NULL AND ? <> 'not_started' WHERE id = ?`,
      )
      .run(JSON.stringify(outcome), outcome.kind, at, outcome.kind, id);
  }

  get(id: string): Attempt | undefined {
    return this.#one('WHERE id = ?', id);
  }

  newestOf(message: string): Attempt | undefined {
    return this.#one('WHERE message = ? ORDER BY ord DESC LIMIT 1', message);
  }

  /** Without an outcome, oldest first: the running one, and those that a crash cut off. */
  running(): Attempt[] {
    return this.#all('WHERE outcome IS NULL ORDER BY ord');
  }

  /** That may have made a row with this text to this address and have none yet, oldest first. */
  unclaimed(address: string, key: string): Attempt[] {
    return this.#all(
      `WHERE guid IS NULL AND address = ? AND text_key = ? AND (kind IS NULL OR kind <> 'not_started') ORDER BY ord`,
      address,
      key,
    );
  }

  /** Claimed, but the row shows a failure, or was told as one: a clean row may follow. */
  failing(address: string, key: string): Attempt[] {
    return this.#all(
      `WHERE watching = 1 AND (failing_at IS NOT NULL OR told = 'not_delivered') AND address = ? AND text_key = ? ORDER BY ord`,
      address,
      key,
    );
  }

  /** Claimed since then, with this text to this address. */
  claimedSince(address: string, key: string, since: number): Attempt[] {
    return this.#all(
      'WHERE watching = 1 AND claimed_at >= ? AND address = ? AND text_key = ? ORDER BY ord',
      since,
      address,
      key,
    );
  }

  /** Begun since `since`, without a row, and Messages has or may have the text. Oldest first. */
  withoutRow(since: number): Attempt[] {
    return this.#all(`WHERE guid IS NULL AND begun_at >= ? AND (kind IS NULL OR kind <> 'not_started')`, since).sort(
      (a, b) => a.order - b.order,
    );
  }

  hasClaimed(guid: string): boolean {
    return this.#db.sql('SELECT 1 AS found FROM attempt WHERE guid = ? LIMIT 1').get(guid) !== undefined;
  }

  /** This row is the attempt's. It is watched if the outcome is known. */
  claim(id: string, row: ClaimedRow, at: number): void {
    this.#db
      .sql(
        `UPDATE attempt SET row_id = ?, guid = ?, own_address = ?, claimed_at = ?, ghost = ?, seen = NULL, failing_at = NULL,
           watching = outcome IS NOT NULL WHERE id = ?`,
      )
      .run(row.rowid, row.guid, row.ownAddress, at, row.ghost ? 1 : 0, id);
  }

  /** The row is the same message, but chat.db has it under another number now. */
  moveRow(id: string, rowid: number): void {
    this.#db.sql('UPDATE attempt SET row_id = ? WHERE id = ?').run(rowid, id);
  }

  /** Another chat.db: its numbers say nothing about what was before. */
  dropBaselines(): void {
    this.#db.sql('UPDATE attempt SET baseline = -1 WHERE guid IS NULL').run();
  }

  /** Claimed since then, the newest first; and those that are about to be told as failed. */
  watchedSince(claimedSince: number, limit: number): Watched[] {
    const failing = this.#watched('WHERE watching = 1 AND failing_at IS NOT NULL ORDER BY ord LIMIT ?', limit);
    const recent = this.#watched(
      'WHERE watching = 1 AND claimed_at >= ? AND failing_at IS NULL ORDER BY claimed_at DESC LIMIT ?',
      claimedSince,
      limit,
    );
    return [...failing, ...recent];
  }

  /** A page of all that are watched, by the number of their row. */
  watchedPage(afterRowid: number, limit: number): Watched[] {
    return this.#watched('WHERE watching = 1 AND row_id > ? ORDER BY row_id LIMIT ?', afterRowid, limit);
  }

  /** Watched since before then, and no row has said anything of them yet. */
  neverTold(claimedBefore: number): Attempt[] {
    return this.#all('WHERE watching = 1 AND claimed_at < ? AND told IS NULL', claimedBefore);
  }

  /** What the last look at the row found. */
  looked(id: string, o: { seen: OwnState; failingAt: number | null; watching: boolean }): void {
    this.#db
      .sql('UPDATE attempt SET seen = ?, failing_at = ?, watching = ? WHERE id = ?')
      .run(JSON.stringify(o.seen), o.failingAt, o.watching ? 1 : 0, id);
  }

  tell(id: string, state: SightedState, downgraded: boolean): void {
    this.#db.sql('UPDATE attempt SET told = ?, told_down = ? WHERE id = ?').run(state, downgraded ? 1 : 0, id);
  }

  /** Watching ends, and what is older than anybody can ask for is forgotten. */
  expire(now: number, watchMs: number): void {
    this.#db.sql('UPDATE attempt SET watching = 0 WHERE watching = 1 AND claimed_at < ?').run(now - watchMs);
    this.#db
      .sql('DELETE FROM attempt WHERE begun_at < ? AND watching = 0 AND outcome IS NOT NULL')
      .run(now - MEMORY_MS);
  }

  #one(where: string, ...values: (string | number)[]): Attempt | undefined {
    const row = this.#db.sql<Row>(`SELECT ${COLUMNS} FROM attempt ${where}`).get(...values);
    return row ? toAttempt(row) : undefined;
  }

  #watched(where: string, ...values: number[]): Watched[] {
    return this.#db
      .sql<Watched & object>(`SELECT id, row_id AS rowid, guid, seen, failing_at AS failingAt FROM attempt ${where}`)
      .all(...values);
  }

  #all(where: string, ...values: (string | number)[]): Attempt[] {
    return this.#db
      .sql<Row>(`SELECT ${COLUMNS} FROM attempt ${where}`)
      .all(...values)
      .map(toAttempt);
  }
}

function toAttempt(row: Row): Attempt {
  return {
    id: row.id,
    order: row.ord,
    message: row.message,
    address: row.address,
    isGroup: row.is_group === 1,
    service: row.service as Attempt['service'],
    chatGuid: row.chat_guid,
    text: row.text,
    file: row.file,
    textKey: row.text_key,
    baseline: row.baseline,
    begunAt: row.begun_at,
    bootedAt: row.booted_at,
    pid: row.pid,
    startedAt: row.started_at,
    outcome: row.outcome === null ? null : (JSON.parse(row.outcome) as SendOutcome),
    endedAt: row.ended_at,
    rowid: row.row_id,
    guid: row.guid,
    ownAddress: row.own_address,
    claimedAt: row.claimed_at,
    ghost: row.ghost === 1,
    seen: row.seen === null ? null : (JSON.parse(row.seen) as OwnState),
    told: row.told as SightedState | null,
    toldDown: row.told_down === 1,
    failingAt: row.failing_at,
  };
}
