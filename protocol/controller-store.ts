/**
 * Where a controller keeps its half of the streams, and the memory store for tests.
 *
 * A store holds for each device: the epoch; the command stream (name, newest number, what the relay has acked) with every
 * command that is not yet both acked and final; what was received of the event stream; and the events themselves, once by id.
 * Every write carries the epoch of the connection that makes it and fails with `stale_epoch` if another has taken the device.
 * A promise that resolves means: on disk. (The memory store's acks lie, so it must be asked for with `allow_volatile`.)
 */
import { randomBytes } from 'node:crypto';
import { advance, commandOf, NO_PROGRESS, type Progress } from './controller-progress.ts';
import type { Received } from './frames.ts';
import { canonicalJson } from './idempotency.ts';

/** A broken world, as the controller's half sees it. */
export class ControllerError extends Error {
  readonly code:
    | 'stale_epoch'
    | 'idempotency_conflict'
    | 'frame_too_large'
    | 'bad_id'
    | 'volatile_store'
    | 'store_damaged'
    | 'closed';

  constructor(code: ControllerError['code'], message: string) {
    super(message);
    this.name = 'ControllerError';
    this.code = code;
  }
}

export interface NewCommand {
  id: string;
  name: string;
  version: number;
  data: Record<string, unknown>;
}

export interface StoredCommand extends NewCommand {
  seq: number;
}

/** `conflict`: a command under this id is on its way, with other content. */
export type Appended = { kind: 'stored' | 'duplicate'; seq: number } | { kind: 'conflict' };

export interface NewEvent {
  seq: number;
  id: string;
  name: string;
  version: number;
  at: number;
  data: Record<string, unknown>;
}

/** `n` is the controller's own number of an event, growing over all devices: where to go on reading. */
export interface StoredEvent extends NewEvent {
  n: number;
  device: string;
}

/** A numbered frame that carries nothing this version knows: only its number is kept. */
export interface NumberOnly {
  seq: number;
  id: string | null;
}

export interface DeviceState {
  epoch: number;
  /** The command stream. */
  stream: string;
  lastSeq: number;
  acked: { seq: number; id: string | null };
  /** The highest number of a command whose final event is here. */
  finalSeq: number;
  /** Of the event stream. */
  received: Received | null;
}

export interface ControllerStore {
  /** True if nothing survives the process. */
  readonly volatile: boolean;
  state(device: string): Promise<DeviceState>;
  /** Compare and swap: takes the device if its epoch still is `expected`. Returns the state as taken, or null. */
  takeEpoch(device: string, expected: number, next: number): Promise<DeviceState | null>;
  append(device: string, epoch: number, commands: NewCommand[]): Promise<Appended[]>;
  /** Commands after a number, in order, without holes. */
  commandsAfter(device: string, seq: number, limit: number): Promise<StoredCommand[]>;
  /** The id of a command that is still kept, or that the last ack names. */
  idAt(device: string, seq: number): Promise<string | null>;
  /** The relay has everything up to `seq` on disk. `now` in Unix ms, to drop what has expired. */
  acked(device: string, epoch: number, seq: number, now: number): Promise<void>;
  /** A new command stream: every command without a final event, in the old order, with its own id, from number 1. */
  renewCommands(device: string, epoch: number, now: number): Promise<DeviceState>;
  /** Stores events and the position in one transaction. Returns those that were not known by id. */
  saveEvents(device: string, epoch: number, stream: string, events: (NewEvent | NumberOnly)[]): Promise<StoredEvent[]>;
  /** Stored events after `n`, of one device or of all. */
  events(o: { after?: number; device?: string; limit?: number }): Promise<StoredEvent[]>;
  close(): Promise<void>;
}

export function newCommandStream(): string {
  return `c_${randomBytes(9).toString('base64url')}`;
}

export function isEvent(entry: NewEvent | NumberOnly): entry is NewEvent {
  return 'name' in entry;
}

export function sameContent(a: NewCommand, b: NewCommand): boolean {
  return a.name === b.name && a.version === b.version && canonicalJson(a.data) === canonicalJson(b.data);
}

/** When the relay would refuse the command as expired (Unix ms), or never. */
export function expiryOf(command: NewCommand): number {
  const { expires_at: expiresAt } = command.data;
  return typeof expiresAt === 'number' ? expiresAt : Number.POSITIVE_INFINITY;
}

/** Does what the relay has on disk fit what the store holds? If not, the command stream must be made anew. */
export function commandsFit(state: DeviceState, received: Received | null, idThere: string | null): boolean {
  if (received === null || received.stream !== state.stream) return state.lastSeq === 0;
  if (received.seq > state.lastSeq || received.seq < Math.max(state.acked.seq, state.finalSeq)) return false;
  return received.seq === 0 || received.id === idThere;
}

interface Kept extends StoredCommand {
  progress: Progress;
  final: boolean;
}

interface MemoryDevice extends Omit<DeviceState, 'lastSeq'> {
  /** In order; the first has the lowest number that is still kept. */
  commands: Kept[];
  lastSeq: number;
  byId: Map<string, Kept>;
}

/** Everything in memory. For tests and benchmarks. */
export class MemoryStore implements ControllerStore {
  readonly volatile = true;
  readonly #devices = new Map<string, MemoryDevice>();
  readonly #events: StoredEvent[] = [];
  readonly #known = new Set<string>();

  async state(device: string): Promise<DeviceState> {
    return stateOf(this.#device(device));
  }

  async takeEpoch(device: string, expected: number, next: number): Promise<DeviceState | null> {
    const held = this.#device(device);
    if (held.epoch !== expected || next <= expected) return null;
    held.epoch = next;
    return stateOf(held);
  }

  async append(device: string, epoch: number, commands: NewCommand[]): Promise<Appended[]> {
    const held = this.#fenced(device, epoch);
    return commands.map((command) => {
      const before = held.byId.get(command.id);
      if (before) return sameContent(before, command) ? { kind: 'duplicate', seq: before.seq } : { kind: 'conflict' };
      held.lastSeq += 1;
      const kept: Kept = { ...command, seq: held.lastSeq, progress: NO_PROGRESS, final: false };
      held.commands.push(kept);
      held.byId.set(kept.id, kept);
      return { kind: 'stored', seq: kept.seq };
    });
  }

  async commandsAfter(device: string, seq: number, limit: number): Promise<StoredCommand[]> {
    const { commands } = this.#device(device);
    const start = firstAfter(commands, seq);
    return commands
      .slice(start, start + limit)
      .map(({ seq, id, name, version, data }) => ({ seq, id, name, version, data }));
  }

  async idAt(device: string, seq: number): Promise<string | null> {
    const held = this.#device(device);
    if (seq === held.acked.seq) return held.acked.id;
    const command = held.commands[firstAfter(held.commands, seq - 1)];
    return command?.seq === seq ? command.id : null;
  }

  async acked(device: string, epoch: number, seq: number, now: number): Promise<void> {
    const held = this.#fenced(device, epoch);
    if (seq <= held.acked.seq) return;
    const end = firstAfter(held.commands, seq);
    held.acked = { seq, id: held.commands[end - 1]?.id ?? null };
    const settled = held.commands.slice(0, end).filter((c) => isSettled(c, now));
    if (settled.length === 0) return;
    held.commands = held.commands.filter((c) => c.seq > seq || !isSettled(c, now));
    for (const command of settled) if (held.byId.get(command.id) === command) held.byId.delete(command.id);
  }

  async renewCommands(device: string, epoch: number, now: number): Promise<DeviceState> {
    const held = this.#fenced(device, epoch);
    const open = held.commands.filter((c) => !isSettled(c, now));
    held.commands = open.map((command, index) => ({ ...command, seq: index + 1 }));
    held.byId = new Map(held.commands.map((c) => [c.id, c]));
    held.stream = newCommandStream();
    held.lastSeq = open.length;
    held.acked = { seq: 0, id: null };
    held.finalSeq = 0;
    return stateOf(held);
  }

  async saveEvents(
    device: string,
    epoch: number,
    stream: string,
    events: (NewEvent | NumberOnly)[],
  ): Promise<StoredEvent[]> {
    const held = this.#fenced(device, epoch);
    const fresh: StoredEvent[] = [];
    for (const event of events) {
      held.received = { stream, seq: event.seq, id: event.id };
      const key = `${device}\n${event.id}`;
      if (!isEvent(event) || this.#known.has(key)) continue;
      this.#known.add(key);
      const stored = { ...event, n: this.#events.length + 1, device };
      this.#events.push(stored);
      fresh.push(stored);
      this.#settle(held, event);
    }
    return fresh;
  }

  async events(o: { after?: number; device?: string; limit?: number }): Promise<StoredEvent[]> {
    const after = this.#events.slice(o.after ?? 0);
    const own = o.device === undefined ? after : after.filter((e) => e.device === o.device);
    return own.slice(0, o.limit ?? 1000);
  }

  async close(): Promise<void> {}

  #settle(held: MemoryDevice, event: NewEvent): void {
    const id = commandOf(event);
    const command = id === null ? undefined : held.byId.get(id);
    if (!command) return;
    const { progress, final } = advance(command.name, command.progress, event);
    command.progress = progress;
    if (!final) return;
    command.final = true;
    held.byId.delete(command.id);
    held.finalSeq = Math.max(held.finalSeq, command.seq);
    if (command.seq <= held.acked.seq) held.commands = held.commands.filter((c) => c !== command);
  }

  #device(name: string): MemoryDevice {
    let held = this.#devices.get(name);
    if (!held) {
      held = {
        epoch: 0,
        stream: newCommandStream(),
        lastSeq: 0,
        acked: { seq: 0, id: null },
        finalSeq: 0,
        received: null,
        commands: [],
        byId: new Map(),
      };
      this.#devices.set(name, held);
    }
    return held;
  }

  #fenced(name: string, epoch: number): MemoryDevice {
    const held = this.#device(name);
    if (held.epoch !== epoch)
      throw new ControllerError('stale_epoch', `${name} is held under epoch ${held.epoch}, not ${epoch}`);
    return held;
  }
}

function isSettled(command: Kept, now: number): boolean {
  return command.final || (command.progress.answered && expiryOf(command) < now);
}

function stateOf(held: MemoryDevice): DeviceState {
  const { epoch, stream, lastSeq, acked, finalSeq, received } = held;
  return { epoch, stream, lastSeq, acked, finalSeq, received };
}

/** Index of the first command with a number above `seq`; `commands` is in order. */
function firstAfter(commands: StoredCommand[], seq: number): number {
  let low = 0;
  let high = commands.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((commands[middle]?.seq ?? 0) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
