/**
 * The controller's half as a library: give it a store and sockets, get typed commands and events with resume and acks.
 *
 *   const controller = new Controller({ store, controller: 'my-cloud', onEvent: (event) => … });
 *   controller.accept(webSocket, device);                      // after the token was checked; see controller-server.ts
 *   await controller.send(device, 'message.send', { … });      // resolves once it is in the store, on line or not
 *
 * A command is kept, and offered again after any break, until its final event is stored. An event is stored before it is
 * acked, and handed to `onEvent` once for each id; after a crash between the two, `events({ after: n })` reads what was stored.
 * One connection for each device: a newer one fences the older (4409), also one of another process on the same store.
 */
import { randomUUID } from 'node:crypto';
import type { WebSocket } from 'ws';
import type { z } from 'zod';
import { type Download, downloadAttachment } from './attachment-download.ts';
import { type LineClock, machineClock } from './clock.ts';
import { type COMMAND_DATA, Id } from './commands.ts';
import { ControllerSession, type LastIdentify } from './controller-session.ts';
import {
  type Appended,
  ControllerError,
  type ControllerStore,
  type NewCommand,
  type StoredEvent,
} from './controller-store.ts';
import { EVENT_DATA, type EventData } from './events.ts';
import type { CommandFrame, Identify, QueryError, ResultFrame, Window } from './frames.ts';
import {
  DEFAULT_HEARTBEAT_MS,
  DEFAULT_WINDOW,
  IDENTIFY_INTERVAL_MS,
  MAX_FRAME_BYTES,
  QUERY_TIMEOUT_MS,
} from './limits.ts';
import type { LineEnd, LineSocket } from './line.ts';
import { type CommandName, EVENT_NAMES, type EventName, type QueryName } from './names.ts';

export type { ControllerStore, StoredEvent } from './controller-store.ts';
export { ControllerError, MemoryStore } from './controller-store.ts';

/** Room for the longest number and ack, so that what fits at `send` still fits on the wire. */
const NUMBER_ROOM = 64;

export type QueryOutcome =
  | { kind: 'result'; data: Record<string, unknown>; next?: string }
  | { kind: 'refused'; error: QueryError }
  /** Nothing was changed by it; ask again. */
  | { kind: 'lost'; why: 'offline' | 'line_lost' | 'timeout' | 'too_large' };

export type LineChange =
  | { kind: 'open'; device: string; epoch: number; agent: string; features: string[]; policyVersion: string }
  | { kind: 'closed'; device: string; code: number; reason: string };

export interface ControllerOptions {
  store: ControllerStore;
  /** Name of this controller, for people. */
  controller: string;
  /** After the event is stored; at most once for each id. */
  onEvent?: (event: StoredEvent) => void;
  onLine?: (change: LineChange) => void;
  /** What could not be done, e.g. a store that fails. The line it happened on is closed. */
  onError?: (error: unknown) => void;
  clock?: LineClock;
  heartbeatMs?: number;
  window?: Window;
  /** A device may open again after this long; 5 s by the protocol, another figure only for tests and drills. */
  identifyIntervalMs?: number;
  /** A store that does not survive the process makes acks lie; this says that it is known. */
  allow_volatile?: boolean;
}

/** An event of a known name whose data was checked. */
export type TypedEvent = {
  [N in EventName]: Omit<StoredEvent, 'name' | 'data'> & { name: N; data: EventData<N> };
}[EventName];

/** Checks an event's data; undefined for names and shapes of a later version. */
export function typedEvent(event: StoredEvent): TypedEvent | undefined {
  const name = EVENT_NAMES.find((known) => known === event.name);
  if (!name || event.version !== 1) return undefined;
  const parsed = EVENT_DATA[name].safeParse(event.data);
  return parsed.success ? ({ ...event, name, data: parsed.data } as TypedEvent) : undefined;
}

/** Commands that wait to be appended together. */
interface Outgoing {
  command: NewCommand;
  resolve: (appended: Appended) => void;
  reject: (error: unknown) => void;
}

interface Question {
  device: string;
  settle: (outcome: QueryOutcome) => void;
}

export class Controller {
  readonly #o: ControllerOptions;
  readonly #clock: LineClock;
  readonly #live = new Map<string, ControllerSession>();
  readonly #sessions = new Map<ControllerSession, WebSocket>();
  readonly #identifies = new Map<string, LastIdentify>();
  readonly #outgoing = new Map<string, Outgoing[]>();
  readonly #questions = new Map<string, Question>();
  /** The last download of each device: one at a time. */
  readonly #downloads = new Map<string, Promise<unknown>>();
  #closed = false;

  /** Throws `volatile_store` for a store that forgets, unless that is allowed. */
  constructor(o: ControllerOptions) {
    if (o.store.volatile && !o.allow_volatile)
      throw new ControllerError(
        'volatile_store',
        'this store forgets what it has acked; say allow_volatile for a test',
      );
    this.#o = o;
    this.#clock = o.clock ?? machineClock;
  }

  /** Takes an open WebSocket of a relay whose token was found to be that of `device`. */
  accept(socket: WebSocket, device: string): void {
    if (this.#closed) {
      socket.close(4503, 'the controller is stopping');
      return;
    }
    const session: ControllerSession = new ControllerSession({
      device,
      socket: asLineSocket(socket),
      store: this.#o.store,
      clock: this.#clock,
      settings: {
        controller: this.#o.controller,
        heartbeatMs: this.#o.heartbeatMs ?? DEFAULT_HEARTBEAT_MS,
        window: this.#o.window ?? DEFAULT_WINDOW,
        identifyIntervalMs: this.#o.identifyIntervalMs ?? IDENTIFY_INTERVAL_MS,
      },
      owner: {
        lastIdentify: () => this.#identifies.get(device),
        identified: (identify) => this.#identifies.set(device, identify),
        taken: (epoch) => this.#taken(session, epoch),
        opened: (identify, epoch) => this.#opened(session, identify, epoch),
        events: (fresh) => this.#tell(fresh),
        result: (frame) => this.#answered(frame),
        ended: (end) => this.#ended(session, end),
        failed: (error) => this.#o.onError?.(error),
      },
    });
    this.#sessions.set(session, socket);
    socket.on('message', (data, binary) => session.line.received(data as Buffer, binary));
    socket.on('pong', () => session.line.pong());
    socket.on('error', () => {});
    socket.on('close', (code, reason) => session.line.socketClosed(code, reason.toString('utf8')));
  }

  /** Devices whose connection is open. */
  get online(): string[] {
    return [...this.#live.values()].filter((s) => s.line.phase === 'open').map((s) => s.device);
  }

  /**
   * Stores a command for a device; it goes out when the device is on line. Resolves with its id once it is stored.
   * The same id with the same content is stored once. Throws `idempotency_conflict`, `frame_too_large` or `bad_id`.
   */
  send<N extends CommandName>(
    device: string,
    name: N,
    data: z.input<(typeof COMMAND_DATA)[N]>,
    options?: { id?: string },
  ): Promise<{ id: string; duplicate: boolean }> {
    return this.sendAny(device, name, data as Record<string, unknown>, options);
  }

  /** As `send`, for names and data that this version of the library does not know. */
  async sendAny(
    device: string,
    name: string,
    data: Record<string, unknown>,
    options: { id?: string; version?: number } = {},
  ): Promise<{ id: string; duplicate: boolean }> {
    const command: NewCommand = { id: options.id ?? randomUUID(), name, version: options.version ?? 1, data };
    this.#check(command);
    const appended = await new Promise<Appended>((resolve, reject) => {
      const waiting = this.#outgoing.get(device);
      if (waiting) waiting.push({ command, resolve, reject });
      else {
        this.#outgoing.set(device, [{ command, resolve, reject }]);
        setImmediate(() => void this.#append(device));
      }
    });
    if (appended.kind === 'conflict')
      throw new ControllerError('idempotency_conflict', `another command is on its way under the id ${command.id}`);
    return { id: command.id, duplicate: appended.kind === 'duplicate' };
  }

  /** Asks a device that is on line. Not stored: `lost` means ask again. */
  query(
    device: string,
    name: QueryName | (string & {}),
    data: Record<string, unknown>,
    options: { timeoutMs?: number } = {},
  ): Promise<QueryOutcome> {
    const id = randomUUID();
    return new Promise((resolve) => {
      const timer = this.#clock.after(options.timeoutMs ?? QUERY_TIMEOUT_MS, () =>
        settle({ kind: 'lost', why: 'timeout' }),
      );
      const settle = (outcome: QueryOutcome) => {
        timer.cancel();
        this.#questions.delete(id);
        resolve(outcome);
      };
      this.#questions.set(id, { device, settle });
      const asked = this.#live.get(device)?.ask({ type: 'query', id, name, data }) ?? 'not_open';
      if (asked !== 'sent') settle({ kind: 'lost', why: asked === 'too_large' ? 'too_large' : 'offline' });
    });
  }

  /**
   * A whole file of a message, by the guid that `detail.attachments` or `attachment.ready` gave; its SHA-256 is checked. It is held in memory:
   * `mostBytes` (100 MiB if not given) is the most that is taken. Files of one device are fetched one after the other.
   */
  fetchAttachment(device: string, attachment: string, options: { mostBytes?: number } = {}): Promise<Download> {
    const before = this.#downloads.get(device) ?? Promise.resolve();
    const ask = (data: { attachment: string; offset: number }) => this.query(device, 'attachment.get', data);
    const { mostBytes } = options;
    const download = before.then(() => downloadAttachment(attachment, { ask, mostBytes, clock: this.#clock }));
    const ended = download.catch(() => {});
    this.#downloads.set(device, ended);
    void ended.then(() => {
      if (this.#downloads.get(device) === ended) this.#downloads.delete(device);
    });
    return download;
  }

  /** Stored events, oldest first, after the controller's own number `after`. */
  events(o: { after?: number; device?: string; limit?: number } = {}): Promise<StoredEvent[]> {
    return this.#o.store.events(o);
  }

  /** Drops a device's connection without a word, as a broken network would. For drills and tests. */
  cut(device: string): boolean {
    const session = this.#live.get(device);
    const socket = session && this.#sessions.get(session);
    socket?.terminate();
    return socket !== undefined;
  }

  /** Says `bye` to all, drains for at most 5 s, and closes the store. */
  async close(): Promise<void> {
    this.#closed = true;
    const sessions = [...this.#sessions.keys()];
    for (const session of sessions) session.line.leave(4503, 'the controller is stopping');
    await Promise.all(sessions.map((session) => session.line.gone));
    await this.#o.store.close();
  }

  #check(command: NewCommand): void {
    const id = Id.safeParse(command.id);
    if (!id.success) throw new ControllerError('bad_id', 'a command id is 1 to 128 visible ASCII characters');
    if (this.#closed) throw new ControllerError('closed', 'the controller is stopping');
    const frame: CommandFrame = { type: 'command', seq: 1, ...command };
    const bytes = Buffer.byteLength(JSON.stringify(frame)) + NUMBER_ROOM;
    if (bytes > MAX_FRAME_BYTES)
      throw new ControllerError('frame_too_large', `the command has ${bytes} bytes; the most is ${MAX_FRAME_BYTES}`);
  }

  /** All commands of this turn in one append; once more if another process took the device meanwhile. */
  async #append(device: string): Promise<void> {
    const group = this.#outgoing.get(device) ?? [];
    this.#outgoing.delete(device);
    const commands = group.map((g) => g.command);
    try {
      const appended = await this.#appendUnder(device, commands).catch((error: unknown) => {
        if (error instanceof ControllerError && error.code === 'stale_epoch')
          return this.#appendUnder(device, commands);
        throw error;
      });
      this.#live.get(device)?.offer();
      for (const [index, outgoing] of group.entries()) {
        const outcome = appended[index];
        if (outcome) outgoing.resolve(outcome);
      }
    } catch (error) {
      for (const outgoing of group) outgoing.reject(error);
    }
  }

  async #appendUnder(device: string, commands: NewCommand[]): Promise<Appended[]> {
    const { store } = this.#o;
    const live = this.#live.get(device);
    const { epoch } = await store.state(device);
    if (live && live.epoch < epoch) live.line.end(4409, 'a newer connection holds this device');
    return store.append(device, epoch, commands);
  }

  #taken(session: ControllerSession, epoch: number): void {
    for (const other of this.#sessions.keys())
      if (other !== session && other.device === session.device && other.epoch > 0 && other.epoch < epoch)
        other.line.end(4409, 'a newer connection for this device took over');
    const holder = this.#live.get(session.device);
    if (!holder || holder.epoch < epoch) this.#live.set(session.device, session);
    else session.line.end(4409, 'a newer connection for this device took over');
  }

  #opened(session: ControllerSession, identify: Identify, epoch: number): void {
    const { agent, features, policy_version: policyVersion } = identify;
    this.#o.onLine?.({ kind: 'open', device: session.device, epoch, agent, features, policyVersion });
  }

  #tell(fresh: StoredEvent[]): void {
    for (const event of fresh) {
      try {
        this.#o.onEvent?.(event);
      } catch (error) {
        this.#o.onError?.(error);
      }
    }
  }

  #answered(frame: ResultFrame): void {
    const question = this.#questions.get(frame.id);
    if (frame.error) question?.settle({ kind: 'refused', error: frame.error });
    else question?.settle({ kind: 'result', data: frame.data ?? {}, ...(frame.next ? { next: frame.next } : {}) });
  }

  #ended(session: ControllerSession, end: LineEnd): void {
    const { device } = session;
    const wasLive = this.#live.get(device) === session;
    if (wasLive) {
      this.#live.delete(device);
      for (const question of [...this.#questions.values()])
        if (question.device === device) question.settle({ kind: 'lost', why: 'line_lost' });
    }
    void session.line.gone.then(() => this.#sessions.delete(session));
    this.#o.onLine?.({ kind: 'closed', device, code: end.code, reason: end.reason });
  }
}

function asLineSocket(socket: WebSocket): LineSocket {
  const isOpen = () => socket.readyState === socket.OPEN;
  return {
    send: (text) => {
      if (isOpen()) socket.send(text);
    },
    ping: () => {
      if (isOpen()) socket.ping();
    },
    close: (code, reason) => socket.close(code === 1000 || (code >= 3000 && code <= 4999) ? code : 1000, reason),
  };
}
