/**
 * The controller's store in one SQLite file (WAL, `synchronous=FULL`): what a promise says is stored survives a power cut.
 *
 * A file that was set back to an older copy is met by the rule of new streams: what the relay has received does not fit, or
 * the epoch that it has seen is higher; nothing here has to notice it.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { advance, commandOf, type Progress } from './controller-progress.ts';
import {
  type Appended,
  ControllerError,
  type ControllerStore,
  type DeviceState,
  expiryOf,
  isEvent,
  type NewCommand,
  type NewEvent,
  type NumberOnly,
  newCommandStream,
  type StoredCommand,
  type StoredEvent,
  sameContent,
} from './controller-store.ts';

const VERSION = 1;

const SCHEMA = `
CREATE TABLE device (
  device          TEXT PRIMARY KEY,
  epoch           INTEGER NOT NULL DEFAULT 0,
  stream          TEXT    NOT NULL,
  last_seq        INTEGER NOT NULL DEFAULT 0,
  acked_seq       INTEGER NOT NULL DEFAULT 0,
  acked_id        TEXT,
  final_seq       INTEGER NOT NULL DEFAULT 0,
  received_stream TEXT,
  received_seq    INTEGER,
  received_id     TEXT
) STRICT;
-- Commands that are not yet both acked and final. expires_at is null where the command names none.
CREATE TABLE command (
  device     TEXT    NOT NULL,
  seq        INTEGER NOT NULL,
  id         TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  version    INTEGER NOT NULL,
  data       TEXT    NOT NULL,
  expires_at INTEGER,
  answered   INTEGER NOT NULL DEFAULT 0,
  messages   INTEGER,
  ended      TEXT    NOT NULL DEFAULT '[]',
  final      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;
-- Unique, as it is; and without that word SQLite would search all commands of the device.
CREATE UNIQUE INDEX command_id ON command (device, id) WHERE final = 0;
CREATE TABLE event (
  n       INTEGER PRIMARY KEY,
  device  TEXT    NOT NULL,
  id      TEXT    NOT NULL,
  stream  TEXT    NOT NULL,
  seq     INTEGER NOT NULL,
  name    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  data    TEXT    NOT NULL,
  UNIQUE (device, id)
) STRICT;
PRAGMA user_version = ${VERSION};
`;

const SETTLED = '(final = 1 OR (answered = 1 AND expires_at < ?))';

interface DeviceRow {
  epoch: number;
  stream: string;
  last_seq: number;
  acked_seq: number;
  acked_id: string | null;
  final_seq: number;
  received_stream: string | null;
  received_seq: number | null;
  received_id: string | null;
}

interface CommandRow {
  seq: number;
  id: string;
  name: string;
  version: number;
  data: string;
  answered: number;
  messages: number | null;
  ended: string;
}

type EventRow = Omit<StoredEvent, 'data'> & { data: string };
type Values = (string | number | null)[];

export class SqliteStore implements ControllerStore {
  readonly volatile = false;
  readonly #raw: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens or makes the file. Throws `store_damaged` for a file that is not such a store. */
  constructor(path: string) {
    try {
      this.#raw = new DatabaseSync(path, { timeout: 2_000 });
      this.#raw.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON');
    } catch (error) {
      throw new ControllerError('store_damaged', `${path} cannot be used: ${String(error)}`);
    }
    const version = Number(this.#one<{ user_version: number }>('PRAGMA user_version')?.user_version ?? 0);
    if (version === 0) this.#transaction(() => this.#raw.exec(SCHEMA));
    else if (version !== VERSION)
      throw new ControllerError('store_damaged', `${path} has version ${version}; this controller knows ${VERSION}`);
  }

  async state(device: string): Promise<DeviceState> {
    return this.#state(device);
  }

  async takeEpoch(device: string, expected: number, next: number): Promise<DeviceState | null> {
    return this.#transaction(() => {
      this.#state(device);
      const taken = this.#run('UPDATE device SET epoch = ? WHERE device = ? AND epoch = ?', next, device, expected);
      return taken === 1 ? this.#state(device) : null;
    });
  }

  async append(device: string, epoch: number, commands: NewCommand[]): Promise<Appended[]> {
    return this.#transaction(() => {
      let { lastSeq } = this.#fenced(device, epoch);
      const appended = commands.map((command): Appended => {
        const before = this.#open(device, command.id);
        if (before)
          return sameContent(toCommand(before), command)
            ? { kind: 'duplicate', seq: before.seq }
            : { kind: 'conflict' };
        lastSeq += 1;
        const expiry = expiryOf(command);
        this.#run(
          'INSERT INTO command (device, seq, id, name, version, data, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
          device,
          lastSeq,
          command.id,
          command.name,
          command.version,
          JSON.stringify(command.data),
          Number.isSafeInteger(expiry) ? expiry : null,
        );
        return { kind: 'stored', seq: lastSeq };
      });
      this.#run('UPDATE device SET last_seq = ? WHERE device = ?', lastSeq, device);
      return appended;
    });
  }

  async commandsAfter(device: string, seq: number, limit: number): Promise<StoredCommand[]> {
    return this.#all<CommandRow>(
      'SELECT * FROM command WHERE device = ? AND seq > ? ORDER BY seq LIMIT +?',
      device,
      seq,
      limit,
    ).map(toCommand);
  }

  async idAt(device: string, seq: number): Promise<string | null> {
    const { acked } = this.#state(device);
    if (seq === acked.seq) return acked.id;
    return this.#one<{ id: string }>('SELECT id FROM command WHERE device = ? AND seq = ?', device, seq)?.id ?? null;
  }

  async acked(device: string, epoch: number, seq: number, now: number): Promise<void> {
    this.#transaction(() => {
      if (seq <= this.#fenced(device, epoch).acked.seq) return;
      this.#run(
        `UPDATE device SET acked_seq = ?1, acked_id = (SELECT id FROM command WHERE device = ?2 AND seq = ?1)
         WHERE device = ?2`,
        seq,
        device,
      );
      this.#run(`DELETE FROM command WHERE device = ? AND seq <= ? AND ${SETTLED}`, device, seq, now);
    });
  }

  async renewCommands(device: string, epoch: number, now: number): Promise<DeviceState> {
    return this.#transaction(() => {
      this.#fenced(device, epoch);
      this.#run(`DELETE FROM command WHERE device = ? AND ${SETTLED}`, device, now);
      const open = this.#all<{ seq: number }>('SELECT seq FROM command WHERE device = ? ORDER BY seq', device);
      // The new numbers are never above the old ones, and go up: no two rows meet on the way.
      for (const [index, row] of open.entries())
        this.#run('UPDATE command SET seq = ? WHERE device = ? AND seq = ?', index + 1, device, row.seq);
      this.#run(
        'UPDATE device SET stream = ?, last_seq = ?, acked_seq = 0, acked_id = NULL, final_seq = 0 WHERE device = ?',
        newCommandStream(),
        open.length,
        device,
      );
      return this.#state(device);
    });
  }

  async saveEvents(
    device: string,
    epoch: number,
    stream: string,
    events: (NewEvent | NumberOnly)[],
  ): Promise<StoredEvent[]> {
    return this.#transaction(() => {
      this.#fenced(device, epoch);
      const fresh: StoredEvent[] = [];
      for (const event of events) {
        if (!isEvent(event)) continue;
        const { seq, id, name, version, at, data } = event;
        const stored = this.#one<{ n: number }>(
          `INSERT INTO event (device, id, stream, seq, name, version, at, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (device, id) DO NOTHING RETURNING n`,
          device,
          id,
          stream,
          seq,
          name,
          version,
          at,
          JSON.stringify(data),
        );
        if (!stored) continue;
        fresh.push({ n: stored.n, device, seq, id, name, version, at, data });
        this.#settle(device, event);
      }
      const last = events.at(-1);
      if (last)
        this.#run(
          'UPDATE device SET received_stream = ?, received_seq = ?, received_id = ? WHERE device = ?',
          stream,
          last.seq,
          last.id,
          device,
        );
      return fresh;
    });
  }

  async events(o: { after?: number; device?: string; limit?: number }): Promise<StoredEvent[]> {
    return this.#all<EventRow>(
      `SELECT n, device, seq, id, name, version, at, data FROM event
       WHERE n > ?1 AND (?2 IS NULL OR device = ?2) ORDER BY n LIMIT +?3`,
      o.after ?? 0,
      o.device ?? null,
      o.limit ?? 1000,
    ).map((row) => ({ ...row, data: JSON.parse(row.data) as Record<string, unknown> }));
  }

  async close(): Promise<void> {
    this.#statements.clear();
    if (this.#raw.isOpen) this.#raw.close();
  }

  #settle(device: string, event: NewEvent): void {
    const id = commandOf(event);
    const row = id === null ? undefined : this.#open(device, id);
    if (!row) return;
    const before: Progress = {
      answered: row.answered === 1,
      messages: row.messages,
      ended: JSON.parse(row.ended) as string[],
    };
    const { progress, final } = advance(row.name, before, event);
    if (progress === before) return;
    this.#run(
      'UPDATE command SET answered = ?, messages = ?, ended = ?, final = ? WHERE device = ? AND seq = ?',
      progress.answered ? 1 : 0,
      progress.messages,
      JSON.stringify(progress.ended),
      final ? 1 : 0,
      device,
      row.seq,
    );
    if (!final) return;
    this.#run('UPDATE device SET final_seq = max(final_seq, ?) WHERE device = ?', row.seq, device);
    this.#run(
      'DELETE FROM command WHERE device = ?1 AND seq = ?2 AND seq <= (SELECT acked_seq FROM device WHERE device = ?1)',
      device,
      row.seq,
    );
  }

  /** The command that is on its way under this id. */
  #open(device: string, id: string): CommandRow | undefined {
    return this.#one<CommandRow>('SELECT * FROM command WHERE device = ? AND id = ? AND final = 0', device, id);
  }

  #fenced(device: string, epoch: number): DeviceState {
    const state = this.#state(device);
    if (state.epoch !== epoch)
      throw new ControllerError('stale_epoch', `${device} is held under epoch ${state.epoch}, not ${epoch}`);
    return state;
  }

  #state(device: string): DeviceState {
    const row = this.#one<DeviceRow>('SELECT * FROM device WHERE device = ?', device);
    if (!row) {
      this.#run('INSERT INTO device (device, stream) VALUES (?, ?)', device, newCommandStream());
      return this.#state(device);
    }
    const { received_stream: stream, received_seq: seq, received_id: id } = row;
    return {
      epoch: row.epoch,
      stream: row.stream,
      lastSeq: row.last_seq,
      acked: { seq: row.acked_seq, id: row.acked_id },
      finalSeq: row.final_seq,
      received: stream === null || seq === null ? null : { stream, seq, id },
    };
  }

  #transaction<T>(work: () => T): T {
    this.#raw.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#raw.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#raw.isTransaction) this.#raw.exec('ROLLBACK');
      throw error;
    }
  }

  /** LIMIT takes a parameter as `+?`: of a bare one SQLite (3.53) takes the value into its plan, and prepares the statement anew at each call. */
  #prepared(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (!statement) {
      statement = this.#raw.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #one<Row>(text: string, ...values: Values): Row | undefined {
    return this.#prepared(text).get(...values) as Row | undefined;
  }

  #all<Row>(text: string, ...values: Values): Row[] {
    return this.#prepared(text).all(...values) as Row[];
  }

  #run(text: string, ...values: Values): number {
    return Number(this.#prepared(text).run(...values).changes);
  }
}

function toCommand(row: CommandRow): StoredCommand {
  const { seq, id, name, version } = row;
  return { seq, id, name, version, data: JSON.parse(row.data) as Record<string, unknown> };
}
