/**
 * One connection, the controller's half.
 *
 *   hello ─▶ identify ─▶ epoch taken (compare and swap) ─▶ streams compared ─▶ welcome ─▶ commands out, events in ─▶ ended
 *
 * Which stream goes on and which begins anew:
 *   commands  what `identify.received` says must fit what the store holds; else the store makes a new command stream, which
 *             `welcome` names, with every command that has no final event, under its own id, from number 1.
 *   events    `welcome.received` speaks of the stream that `identify` names: null for one that is not known here.
 *
 * Events that arrive together are stored together, and acked after that. The epoch of a store that was set back is lower than
 * what the relay has seen: `identify.epoch` says how far beyond it must be raised.
 */

import type { LineClock } from './clock.ts';
import type { NewEvent, NumberOnly, StoredEvent } from './controller-store.ts';
import { ControllerError, type ControllerStore, commandsFit, type DeviceState } from './controller-store.ts';
import type { CommandFrame, Hello, Identify, QueryFrame, Received, ResultFrame, Welcome, Window } from './frames.ts';
import { PROTOCOL_VERSION } from './limits.ts';
import { CONTROLLER_HEARS, Line, type LineEnd, type LineSocket, type NumberedFrame } from './line.ts';

/** Commands read from the store in one go. */
const COMMANDS_AT_ONCE = 256;
/** What the way over the network may take from the 5 s between two openings. */
const IDENTIFY_TOLERANCE_MS = 1_000;
/** Tries to take a device that others take at the same moment. */
const EPOCH_TRIES = 10;

/** When a device last opened, and with which event stream: kept by the controller over connections. */
export interface LastIdentify {
  atMono: number;
  stream: string;
}

export interface SessionSettings {
  controller: string;
  heartbeatMs: number;
  window: Window;
  identifyIntervalMs: number;
}

export interface SessionOwner {
  lastIdentify(): LastIdentify | undefined;
  identified(identify: LastIdentify): void;
  /** This connection holds the device now: older ones must end. */
  taken(epoch: number): void;
  opened(identify: Identify, epoch: number): void;
  events(fresh: StoredEvent[]): void;
  result(frame: ResultFrame): void;
  ended(end: LineEnd): void;
  failed(error: unknown): void;
}

export class ControllerSession {
  readonly device: string;
  readonly line: Line;
  readonly #store: ControllerStore;
  readonly #clock: LineClock;
  readonly #settings: SessionSettings;
  readonly #owner: SessionOwner;
  #identified = false;
  #epoch = 0;
  #eventStream = '';
  #arrived: (NewEvent | NumberOnly)[] = [];
  #saving: Promise<void> | undefined;
  #pumping = false;
  #pumpAgain = false;
  #ackToStore = 0;
  #storingAck = false;

  constructor(o: {
    device: string;
    socket: LineSocket;
    store: ControllerStore;
    clock: LineClock;
    settings: SessionSettings;
    owner: SessionOwner;
  }) {
    this.device = o.device;
    this.#store = o.store;
    this.#clock = o.clock;
    this.#settings = o.settings;
    this.#owner = o.owner;
    this.line = new Line({
      socket: o.socket,
      clock: o.clock,
      hears: CONTROLLER_HEARS,
      window: o.settings.window,
      handler: {
        opening: (frame) => this.#opening(frame),
        numbered: (frame) => this.#numbered(frame),
        asked: (frame) => o.owner.result(frame as ResultFrame),
        roomier: (ackedSeq) => this.#roomier(ackedSeq),
        leaving: () => void this.#finish(),
        ended: (end) => o.owner.ended(end),
      },
    });
    this.line.send({
      type: 'hello',
      protocols: [PROTOCOL_VERSION],
      controller: o.settings.controller,
      time: o.clock.now(),
      heartbeat_ms: o.settings.heartbeatMs,
    });
  }

  /** The epoch under which this connection writes; 0 before it has taken the device. */
  get epoch(): number {
    return this.#epoch;
  }

  ask(frame: QueryFrame): ReturnType<Line['send']> {
    return this.line.phase === 'open' ? this.line.send(frame) : 'not_open';
  }

  /** There are new commands in the store. */
  offer(): void {
    void this.#pump();
  }

  #opening(frame: Hello | Identify | Welcome): void {
    if (frame.type !== 'identify' || this.#identified) {
      this.line.end(4400, `a ${frame.type} frame is out of place in the opening`);
      return;
    }
    this.#identified = true;
    if (frame.protocol !== PROTOCOL_VERSION)
      this.line.end(4406, `version ${frame.protocol} is not spoken here; ${PROTOCOL_VERSION} is`);
    else if (frame.device !== this.device)
      this.line.end(4403, `the token is that of ${this.device}, not of ${frame.device}`);
    else if (!this.#tooFast(frame)) this.#welcome(frame).catch((error) => this.#broken(error));
  }

  /** At most one opening in 5 s; one with a renewed event stream is the second half of the opening before it. */
  #tooFast(identify: Identify): boolean {
    const last = this.#owner.lastIdentify();
    const now = this.#clock.mono();
    const waitMs = last && last.stream === identify.stream ? last.atMono + this.#settings.identifyIntervalMs - now : 0;
    if (waitMs > IDENTIFY_TOLERANCE_MS) {
      this.line.end(4429, 'at most one opening in 5 seconds', { retryAfterMs: waitMs });
      return true;
    }
    this.#owner.identified({ atMono: now, stream: identify.stream });
    return false;
  }

  async #welcome(identify: Identify): Promise<void> {
    let state = await this.#takeEpoch(identify);
    if (!state || this.line.phase !== 'opening') return;
    this.#epoch = state.epoch;
    this.#owner.taken(state.epoch);
    const there = identify.received;
    const idThere = there === null ? null : await this.#store.idAt(this.device, there.seq);
    if (!commandsFit(state, there, idThere))
      state = await this.#store.renewCommands(this.device, this.#epoch, this.#clock.now());
    if (this.line.phase !== 'opening') return;
    this.#eventStream = identify.stream;
    const received: Received | null = state.received?.stream === identify.stream ? state.received : null;
    const { window, heartbeatMs } = this.#settings;
    this.line.send({
      type: 'welcome',
      stream: state.stream,
      received,
      window: { frames: window.frames, bytes: window.bytes },
      epoch: this.#epoch,
    });
    this.line.open({ receivedSeq: received?.seq ?? 0, window: identify.window, heartbeatMs });
    // A renewed stream has another name, so that it begins at 0 here too.
    const goOnAfter = there?.stream === state.stream ? there.seq : 0;
    this.line.sendWindow.start(goOnAfter);
    if (goOnAfter > 0) void this.#storeAck(goOnAfter);
    this.#owner.opened(identify, this.#epoch);
    this.offer();
  }

  async #takeEpoch(identify: Identify): Promise<DeviceState | null> {
    for (let attempt = 0; attempt < EPOCH_TRIES; attempt += 1) {
      const { epoch } = await this.#store.state(this.device);
      const state = await this.#store.takeEpoch(this.device, epoch, Math.max(epoch, identify.epoch) + 1);
      if (state) return state;
    }
    this.line.end(4409, 'other connections take this device at the same moment');
    return null;
  }

  #numbered(frame: NumberedFrame): void {
    if (frame.type === 'event') {
      const { seq, id, name, version, at, data } = frame;
      this.#arrived.push({ seq, id, name, version, at, data });
    } else {
      this.#arrived.push({ seq: frame.seq, id: frame.id ?? null });
    }
    this.#saving ??= this.#save();
  }

  /** Stores what has arrived until nothing more has; what arrives meanwhile forms the next group. */
  async #save(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      while (this.#arrived.length > 0) {
        const group = this.#arrived;
        this.#arrived = [];
        const fresh = await this.#store.saveEvents(this.device, this.#epoch, this.#eventStream, group);
        this.line.acks.committed(group.at(-1)?.seq ?? 0);
        this.#owner.events(fresh);
      }
    } catch (error) {
      this.#broken(error);
    }
    this.#saving = undefined;
  }

  #roomier(ackedSeq: number | null): void {
    if (ackedSeq !== null) void this.#storeAck(ackedSeq);
    this.offer();
  }

  /** Acks are stored one at a time, the newest that there is: each covers those before it. */
  async #storeAck(seq: number): Promise<void> {
    this.#ackToStore = Math.max(this.#ackToStore, seq);
    if (this.#storingAck) return;
    this.#storingAck = true;
    try {
      for (let stored = 0; stored < this.#ackToStore; ) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        stored = this.#ackToStore;
        await this.#store.acked(this.device, this.#epoch, stored, this.#clock.now());
      }
    } catch (error) {
      this.#broken(error);
    }
    this.#storingAck = false;
  }

  /** Sends the commands of the store, in order, as far as the window allows. */
  async #pump(): Promise<void> {
    this.#pumpAgain = true;
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#pumpAgain) {
        this.#pumpAgain = false;
        await this.#sendSome();
      }
    } catch (error) {
      this.#broken(error);
    }
    this.#pumping = false;
  }

  async #sendSome(): Promise<void> {
    const room = this.line.phase === 'open' ? this.line.sendWindow.room() : null;
    if (!room) return;
    const most = Math.min(room.frames, COMMANDS_AT_ONCE);
    const commands = await this.#store.commandsAfter(this.device, this.line.sendWindow.sentSeq, most);
    for (const command of commands) {
      if (command.seq !== this.line.sendWindow.sentSeq + 1) {
        // A command of a renewed stream ended before its new number went out: the stream is made anew once more.
        this.line.end(4410, 'the command stream is made anew');
        return;
      }
      const frame: CommandFrame = { type: 'command', ...command };
      if (this.line.sendNumbered(frame) !== 'sent') return;
    }
    if (commands.length === most) this.#pumpAgain = true;
  }

  async #finish(): Promise<void> {
    await this.#saving;
    this.line.finish();
  }

  #broken(error: unknown): void {
    if (this.line.phase === 'ended') return;
    this.#owner.failed(error);
    if (error instanceof ControllerError && error.code === 'stale_epoch')
      this.line.end(4409, 'a newer connection holds this device');
    else this.line.end(4500, 'the controller could not store what it received');
  }
}
