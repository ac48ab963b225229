/**
 * The messages of the store: one row per recipient, moved only along the arrows of states.ts.
 *
 * Each change is one `message.status` event with a counter `n`, appended in the same transaction. `n` never falls behind the wall clock
 * (Unix ms): a store that was lost or set back goes on above what was told before. All methods that write must be called inside a transaction.
 */
import { randomBytes } from 'node:crypto';
import type { MessageStatus } from '../../protocol/events.ts';
import type { Category, MessageState, Pacing } from '../../protocol/names.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { followed, hashesOf, type Part, toldParts } from './parts.ts';
import type { GateMessage, Journal, Recipient, StagedFile } from './ports.ts';
import { mayMove } from './states.ts';

export interface Message {
  id: string;
  command: string;
  order: number;
  recipient: Recipient;
  text: string;
  variables: string[];
  category: Category;
  service: 'imessage' | 'any';
  reply: boolean;
  acceptedAt: number;
  notBefore: number | null;
  expiresAt: number;
  timeZone: string | null;
  passthrough: string | null;
  /** As asked for; of a message with attachments the gate is asked once more when they are here. */
  pacing: Pacing;
  /** The text and each file; null for a text alone. */
  parts: Part[] | null;
  state: MessageState;
  tries: number;
  status: MessageStatus;
}

export type NewMessage = Omit<Message, 'order' | 'state' | 'tries' | 'status'>;

/** What a change adds to the status besides state and time. */
export type StatusDetail = Partial<
  Omit<MessageStatus, 'message' | 'command' | 'to' | 'n' | 'state' | 'at' | 'passthrough' | 'parts'>
>;

interface Row {
  ord: number;
  id: string;
  command: string;
  recipient: string;
  text: string;
  variables: string;
  category: string;
  service: string;
  reply: number;
  accepted_at: number;
  not_before: number | null;
  expires_at: number;
  time_zone: string | null;
  passthrough: string | null;
  pacing: string;
  parts: string | null;
  state: string;
  n: number;
  status: string;
  tries: number;
}

const COLUMNS = `ord, id, command, recipient, text, variables, category, service, reply, accepted_at, not_before, expires_at,
  time_zone, passthrough, pacing, parts, state, n, status, tries`;

/** Facts of the row that stay true once seen, so they are repeated in every later status. */
const LASTING = ['from', 'guid', 'service', 'downgraded'] as const;

export class Messages {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #journal: Journal;
  /** Part of each status id: a store that was lost or set back, with a clock that was as well, must not repeat ids. */
  readonly #tag = randomBytes(6).toString('base64url');

  constructor(o: { db: Db; clock: Clock; journal: Journal }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#journal = o.journal;
  }

  /** Stores a message as accepted and tells it. */
  insert(message: NewMessage): Message {
    const status: MessageStatus = {
      message: message.id,
      command: message.command,
      to: addressOf(message.recipient),
      n: Math.max(1, Math.round(this.#clock.now())),
      state: 'accepted',
      at: message.acceptedAt,
    };
    if (message.passthrough !== null) status.passthrough = message.passthrough;
    if (message.parts) status.parts = toldParts(message.parts);
    const { lastId } = this.#db
      .sql(
        `INSERT INTO message (id, command, recipient, text, variables, category, service, reply, accepted_at, not_before,
           expires_at, time_zone, passthrough, pacing, parts, state, n, status, changed_at, steps)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'accepted', ?, ?, ?, ?)`,
      )
      .run(
        message.id,
        message.command,
        JSON.stringify(message.recipient),
        message.text,
        JSON.stringify(message.variables),
        message.category,
        message.service,
        message.reply ? 1 : 0,
        message.acceptedAt,
        message.notBefore,
        message.expiresAt,
        message.timeZone,
        message.passthrough,
        message.pacing,
        message.parts ? JSON.stringify(message.parts) : null,
        status.n,
        JSON.stringify(status),
        message.acceptedAt,
        JSON.stringify([['accepted', message.acceptedAt]]),
      );
    this.#tell(status);
    return { ...message, order: lastId, state: 'accepted', tries: 0, status };
  }

  /** Moves a message and tells it. False, and nothing happens, if no arrow leads there. */
  move(id: string, state: MessageState, detail: StatusDetail = {}, at = this.#clock.now()): boolean {
    const message = this.get(id);
    if (!message || !mayMove(message.state, state)) return false;
    this.#store(message, state, detail, at);
    return true;
  }

  /** Tells the state that holds once more, with what was learnt since. `message`: as it is stored now. */
  amend(message: Message, detail: StatusDetail, at: number): void {
    this.#store(message, message.state, detail, at);
  }

  #store(message: Message, state: MessageState, detail: StatusDetail, at: number): void {
    const before = message.status;
    const status: MessageStatus = {
      message: message.id,
      command: message.command,
      to: before.to,
      n: Math.max(before.n + 1, Math.round(this.#clock.now())),
      state,
      at,
    };
    for (const name of LASTING) if (before[name] !== undefined) Object.assign(status, { [name]: before[name] });
    if (before.passthrough !== undefined) status.passthrough = before.passthrough;
    const parts = message.parts && followed(message.parts, state);
    if (parts) status.parts = toldParts(parts);
    Object.assign(status, detail);
    this.#db
      .sql(
        `UPDATE message SET steps = iif(state = ?, steps, json_insert(steps, '$[#]', json_array(?, ?))),
           state = ?, n = ?, status = ?, parts = ?, changed_at = ? WHERE id = ?`,
      )
      .run(
        state,
        state,
        Math.round(at),
        state,
        status.n,
        JSON.stringify(status),
        parts && JSON.stringify(parts),
        this.#clock.now(),
        message.id,
      );
    this.#tell(status);
  }

  /** What is known of the parts; told with the next change of state. */
  setParts(id: string, parts: Part[]): void {
    this.#db.sql('UPDATE message SET parts = ? WHERE id = ?').run(JSON.stringify(parts), id);
  }

  /** The group has other members than when this was accepted. */
  regroup(id: string, recipient: Recipient): void {
    this.#db.sql('UPDATE message SET recipient = ? WHERE id = ?').run(JSON.stringify(recipient), id);
  }

  /** One more attempt is about to start. */
  countTry(id: string): void {
    this.#db.sql('UPDATE message SET tries = tries + 1 WHERE id = ?').run(id);
  }

  get(id: string): Message | undefined {
    const row = this.#db.sql<Row>(`SELECT ${COLUMNS} FROM message WHERE id = ?`).get(id);
    return row ? toMessage(row) : undefined;
  }

  /** The states that it went through and when; empty for one from before this was kept. */
  steps(id: string): { state: MessageState; at: number }[] {
    const row = this.#db.sql<{ steps: string }>('SELECT steps FROM message WHERE id = ?').get(id);
    return (JSON.parse(row?.steps ?? '[]') as [MessageState, number][]).map(([state, at]) => ({ state, at }));
  }

  /** The command's own result names them; so messages need no index by the random ids of commands. */
  ofCommand(command: string): Message[] {
    return this.#db
      .sql<Row>(
        `SELECT ${COLUMNS} FROM message WHERE id IN
           (SELECT value ->> 'message' FROM command, json_each(command.result, '$.detail.messages') WHERE command.id = ?)
         ORDER BY ord`,
      )
      .all(command)
      .map(toMessage);
  }

  inState(...states: MessageState[]): Message[] {
    const marks = states.map(() => '?').join(', ');
    return this.#db
      .sql<Row>(`SELECT ${COLUMNS} FROM message WHERE state IN (${marks}) ORDER BY ord`)
      .all(...states)
      .map(toMessage);
  }

  /** A part of theirs is or was being handed to Messages, behind one that turned bad meanwhile. */
  withRunningPart(): Message[] {
    return this.#db
      .sql<Row>(
        `SELECT ${COLUMNS} FROM message WHERE state IN ('unknown', 'not_delivered') AND parts IS NOT NULL
           AND EXISTS (SELECT 1 FROM json_each(parts) WHERE value ->> 'state' = 'dispatching')`,
      )
      .all()
      .map(toMessage);
  }

  /**
   * Texts and files to this address of which nobody knows whether they went, in messages that changed since then; the oldest first. '' and
   * none where that is known of the text, or of all files. Those that chat.db already showed when they were given up (`rule: chat_db`) are not
   * among them.
   */
  unknownTo(address: string, since: number): { text: string; files: StagedFile[]; at: number }[] {
    return this.#db
      .sql<{ text: string; parts: string | null; at: number }>(
        `SELECT text, parts, changed_at AS at FROM message WHERE state IN ('unknown', 'not_delivered') AND changed_at >= ?
           AND (state = 'unknown' OR parts IS NOT NULL) AND status ->> '$.to' = ?
           AND coalesce(status ->> '$.rule', '') <> 'chat_db' ORDER BY changed_at`,
      )
      .all(since, address)
      .map(({ text, parts, at }) => {
        if (parts === null) return { text, at, files: [] };
        const unknown = (JSON.parse(parts) as Part[]).filter(({ state, shown }) => state === 'unknown' && !shown);
        return {
          text: unknown.some(({ kind }) => kind === 'text') ? text : '',
          at,
          files: unknown.flatMap(({ file }) => file ?? []),
        };
      });
  }

  /** A page of what waits, in the order of acceptance. */
  waitingPage(afterOrder: number, limit: number): Message[] {
    return this.#db
      .sql<Row>(
        `SELECT ${COLUMNS} FROM message WHERE state IN ('accepted', 'held', 'dispatching', 'unknown') AND ord > ? ORDER BY ord LIMIT ?`,
      )
      .all(afterOrder, limit)
      .map(toMessage);
  }

  /** Statuses that a controller without any memory needs: all that is open, and all that changed since `sinceAt`. */
  presentStatuses(sinceAt: number): MessageStatus[] {
    return this.#db
      .sql<{ status: string }>(
        `SELECT status FROM message WHERE changed_at >= ? OR state IN ('accepted', 'held', 'dispatching', 'unknown') ORDER BY ord`,
      )
      .all(sinceAt)
      .map((row) => JSON.parse(row.status) as MessageStatus);
  }

  counts(): { waiting: number; held: number; dispatching: number; unknown: number } {
    const counts = { waiting: 0, held: 0, dispatching: 0, unknown: 0 };
    const rows = this.#db
      .sql<{ state: string; number: number }>(
        `SELECT state, count(*) AS number FROM message WHERE state IN ('accepted', 'held', 'dispatching', 'unknown') GROUP BY state`,
      )
      .all();
    for (const row of rows) {
      if (row.state === 'accepted') counts.waiting = row.number;
      else counts[row.state as 'held' | 'dispatching' | 'unknown'] = row.number;
    }
    return counts;
  }

  /** When the oldest that waits was accepted, Unix ms, or null. */
  oldestWaiting(): number | null {
    return (
      this.#db
        .sql<{ at: number }>(
          `SELECT accepted_at AS at FROM message WHERE state IN ('accepted', 'held') ORDER BY ord LIMIT 1`,
        )
        .get()?.at ?? null
    );
  }

  /** Waiting messages whose time is over. */
  expired(now: number, limit: number): Message[] {
    return this.#db
      .sql<Row>(
        `SELECT ${COLUMNS} FROM message WHERE state IN ('accepted', 'held') AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
      )
      .all(now, limit)
      .map(toMessage);
  }

  /** When the next waiting message expires, Unix ms, or null. */
  nextExpiry(): number | null {
    return (
      this.#db
        .sql<{ at: number | null }>(`SELECT min(expires_at) AS at FROM message WHERE state IN ('accepted', 'held')`)
        .get()?.at ?? null
    );
  }

  #tell(status: MessageStatus): void {
    this.#journal.append('message.status', status, { id: `st_${status.message}.${status.n}.${this.#tag}` });
  }
}

/** How a recipient is named in events and lists. */
export function addressOf(recipient: Recipient): string {
  return recipient.kind === 'handle' ? recipient.handle : recipient.chat;
}

export function toGateMessage(message: Message): GateMessage {
  const asked: GateMessage = {
    message: message.id,
    command: message.command,
    order: message.order,
    recipient: message.recipient,
    text: message.text,
    variables: message.variables,
    category: message.category,
    reply: message.reply,
    acceptedAt: message.acceptedAt,
    notBefore: message.notBefore,
    expiresAt: message.expiresAt,
    timeZone: message.timeZone,
  };
  if (message.parts) asked.attachments = hashesOf(message.parts);
  return asked;
}

function toMessage(row: Row): Message {
  return {
    id: row.id,
    command: row.command,
    order: row.ord,
    recipient: JSON.parse(row.recipient) as Recipient,
    text: row.text,
    variables: JSON.parse(row.variables) as string[],
    category: row.category as Category,
    service: row.service as Message['service'],
    reply: row.reply !== 0,
    acceptedAt: row.accepted_at,
    notBefore: row.not_before,
    expiresAt: row.expires_at,
    timeZone: row.time_zone,
    passthrough: row.passthrough,
    pacing: row.pacing as Pacing,
    parts: row.parts === null ? null : (JSON.parse(row.parts) as Part[]),
    state: row.state as MessageState,
    tries: row.tries,
    status: JSON.parse(row.status) as MessageStatus,
  };
}
