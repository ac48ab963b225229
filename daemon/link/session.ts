/**
 * One connection, the relay's half.
 *
 *   hello ─▶ identify ─▶ welcome ─▶ epoch and stream are stored ─▶ journal agrees ─▶ commands in, events out ─▶ ended
 *                                                                       └ renewed: bye 4410, open again with the new stream
 *
 * `identify` tells only what is on disk. Commands may come right behind `welcome`. They are handed to a group commit without
 * waiting for those before them; acks follow the disk. Events go out as the journal says that they are durable.
 *
 * When the event stream does not fit what the controller received, the journal makes itself a new one, which `identify` must
 * name: the relay leaves with 4410 and opens again at once. The controller does not count that as too fast, and says
 * `received: null` for a stream that it does not know. The other direction is the mirror: `identify.received` tells what
 * is here, and a controller that it does not fit names a new command stream in `welcome`, which begins at number 1 here.
 */
import type {
  EventFrame,
  Hello,
  Identify,
  QueryFrame,
  Received,
  ResultFrame,
  Welcome,
  Window,
} from '../../protocol/frames.ts';
import { PROTOCOL_VERSION } from '../../protocol/limits.ts';
import { Line, type LineEnd, type NumberedFrame, RELAY_HEARS } from '../../protocol/line.ts';
import type { Clock } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { Arrivals } from './arrivals.ts';
import type { CommandPort, EventFrameText, IdentityPort, JournalPort, LinkSocket, QueryPort } from './ports.ts';
import type { ReceivedCommands } from './received.ts';

/** Questions answered at the same time; more are told to come back. */
const MAX_QUERIES = 32;
/** Events read and sent in one go, so that a large window does not hold up the event loop. */
const EVENTS_AT_ONCE = 256;

export interface SessionParts {
  clock: Clock;
  log: Log;
  commit: GroupCommit;
  received: ReceivedCommands;
  journal: JournalPort;
  commands: CommandPort;
  queries: QueryPort;
  identity: IdentityPort;
  window: Window;
  onControllerTime(time: number): void;
}

export interface SessionReport {
  identified(): void;
  opened(controller: string, epoch: number): void;
  ended(end: LineEnd & { renewed: boolean }): void;
}

export class Session {
  readonly #parts: SessionParts;
  readonly #report: SessionReport;
  readonly #socket: LinkSocket;
  readonly #line: Line;
  readonly #arrivals: Arrivals;
  #step: 'hello' | 'identify' | 'welcome' | 'done' = 'hello';
  #hello: Hello | undefined;
  #known: { received: Received | null; epoch: number } = { received: null, epoch: 0 };
  #stream = '';
  #renewed = false;
  #queries = 0;
  #pumpLater: NodeJS.Immediate | undefined;
  #unlisten: () => void = () => {};

  constructor(parts: SessionParts, socket: LinkSocket, report: SessionReport) {
    this.#parts = parts;
    this.#report = report;
    this.#socket = socket;
    this.#arrivals = new Arrivals({
      commit: parts.commit,
      store: (frames) => this.#receive(frames),
      onStored: (last) => this.#line.acks.committed(last.seq),
      onBroken: (error) => this.#broken(error),
    });
    this.#line = new Line({
      socket,
      clock: parts.clock,
      hears: RELAY_HEARS,
      window: parts.window,
      handler: {
        opening: (frame) => this.#opening(frame),
        numbered: (frame) => this.#arrivals.add(frame),
        asked: (frame) => void this.#asked(frame as QueryFrame),
        roomier: (ackedSeq) => this.#roomier(ackedSeq),
        leaving: () => void this.#finish(),
        ended: (end) => this.#ended(end),
      },
    });
  }

  get line(): Line {
    return this.#line;
  }

  /** Leaves with `bye` and resolves when the socket is closed, after 5 s of draining at the most. */
  async leave(code: 4503, reason: string): Promise<void> {
    this.#line.leave(code, reason);
    await this.#line.gone;
  }

  #opening(frame: Hello | Identify | Welcome): void {
    if (frame.type === 'hello' && this.#step === 'hello') void this.#identify(frame);
    else if (frame.type === 'welcome' && this.#step === 'welcome') void this.#welcome(frame);
    else this.#line.end(4400, `a ${frame.type} frame is out of place in the opening`);
  }

  async #identify(hello: Hello): Promise<void> {
    this.#step = 'identify';
    this.#hello = hello;
    if (!hello.protocols.includes(PROTOCOL_VERSION)) {
      this.#line.end(
        4406,
        `this relay speaks version ${PROTOCOL_VERSION}, the controller ${hello.protocols.join(', ')}`,
      );
      return;
    }
    this.#parts.onControllerTime(hello.time);
    try {
      // Through the group commit: what `identify` claims to have must be on disk, not just written.
      this.#known = await this.#parts.commit.run(() => this.#parts.received.load());
    } catch (error) {
      this.#broken(error);
      return;
    }
    if (this.#line.phase !== 'opening') return;
    this.#step = 'welcome';
    const { identity, journal, window } = this.#parts;
    this.#line.send({
      type: 'identify',
      protocol: PROTOCOL_VERSION,
      device: identity.device,
      agent: identity.agent,
      features: [...identity.features],
      stream: journal.stream,
      received: this.#known.received,
      window: { frames: window.frames, bytes: window.bytes },
      policy_version: identity.policyVersion(),
      epoch: this.#known.epoch,
    });
    this.#report.identified();
  }

  async #welcome(welcome: Welcome): Promise<void> {
    this.#step = 'done';
    const { commit, received, journal } = this.#parts;
    if (welcome.epoch < this.#known.epoch) {
      this.#line.end(4409, `epoch ${welcome.epoch} is older than ${this.#known.epoch}, which this relay has seen`);
      return;
    }
    this.#stream = welcome.stream;
    commit.run(() => received.follow(welcome.stream, welcome.epoch)).catch((error) => this.#broken(error));
    this.#line.open({
      receivedSeq: this.#known.received?.stream === welcome.stream ? this.#known.received.seq : 0,
      window: welcome.window,
      heartbeatMs: this.#hello?.heartbeat_ms ?? 0,
    });
    this.#report.opened(this.#hello?.controller ?? '', welcome.epoch);
    try {
      const start = await journal.resume(welcome.received);
      if (start.kind === 'renewed') {
        this.#renewed = true;
        this.#line.end(4410, 'the event stream was made anew; opening again with its new name');
        return;
      }
      this.#line.sendWindow.start(start.afterSeq);
    } catch (error) {
      this.#broken(error);
      return;
    }
    if (this.#line.phase === 'ended') return;
    this.#unlisten = journal.onDurable(() => this.#pump());
    this.#pump();
  }

  /** In the transaction of these frames. */
  #receive(frames: NumberedFrame[]): void {
    const { commands, received } = this.#parts;
    for (const frame of frames) if (frame.type === 'command') commands.receive(frame);
    const [first] = frames;
    const last = frames.at(-1);
    if (first && last) received.advance(this.#stream, first.seq, last.seq, last.id ?? null);
  }

  async #asked(frame: QueryFrame): Promise<void> {
    const result: ResultFrame = { type: 'result', id: frame.id };
    if (this.#queries >= MAX_QUERIES) {
      result.error = overloaded('Many questions are being answered already.');
      this.#line.send(result);
      return;
    }
    this.#queries += 1;
    try {
      Object.assign(result, await this.#parts.queries.answer(frame.name, frame.data));
    } catch (error) {
      this.#parts.log.error('query_failed', { query: frame.name, words: messageOf(error) });
      result.error = overloaded('The relay could not answer; its log says why.');
    } finally {
      this.#queries -= 1;
    }
    if (this.#line.send(result) === 'too_large')
      this.#line.send({
        type: 'result',
        id: frame.id,
        error: overloaded('The answer is larger than a frame; ask for less at once.'),
      });
  }

  #roomier(ackedSeq: number | null): void {
    if (ackedSeq !== null) this.#parts.journal.acked(ackedSeq);
    this.#pump();
  }

  /** Sends what is durable and fits the window. */
  #pump(): void {
    if (this.#pumpLater) return;
    const { journal } = this.#parts;
    let sent = 0;
    for (let room = this.#room(); room; room = this.#room()) {
      const events = journal.frames(this.#line.sendWindow.sentSeq, room);
      if (events.length === 0) return;
      for (const event of events) {
        if (event.seq > journal.lastSeq || !this.#sendEvent(event)) return;
        sent += 1;
      }
      if (sent >= EVENTS_AT_ONCE) {
        this.#pumpLater = setImmediate(() => {
          this.#pumpLater = undefined;
          this.#pump();
        });
        return;
      }
    }
  }

  #room(): Window | null {
    if (this.#line.phase !== 'open' || this.#line.sendWindow.sentSeq >= this.#parts.journal.lastSeq) return null;
    const room = this.#line.sendWindow.room();
    return room && { frames: Math.min(room.frames, EVENTS_AT_ONCE), bytes: room.bytes };
  }

  #sendEvent(event: EventFrameText): boolean {
    const expected = this.#line.sendWindow.sentSeq + 1;
    if (event.from > expected && !this.#sendGap(expected, event.from - 1, event.at)) return false;
    const sending = this.#line.sendNumberedText(event.seq, event.text);
    if (sending !== 'too_large') return sending === 'sent';
    // Rooms measure before they append; should one fail to, the line must not stop at it for ever.
    this.#parts.log.error('event_too_large', { seq: event.seq, id: event.id, event: event.name });
    return this.#sendGap(event.seq, event.seq, event.at, event.id);
  }

  /** Says that these numbers carry nothing. */
  #sendGap(from: number, to: number, at: number, id = `gap_${this.#parts.journal.stream}_${to}`): boolean {
    this.#parts.log.warn('gap_sent', { from, to });
    const lost = from === to && id !== `gap_${this.#parts.journal.stream}_${to}`;
    const frame: EventFrame = {
      type: 'event',
      seq: to,
      id,
      name: 'gap',
      version: 1,
      at,
      data: {
        from,
        to,
        dropped: lost ? 1 : 0,
        reason: lost ? 'the event was larger than a frame' : 'no event has these numbers',
      },
    };
    return this.#line.sendNumbered(frame) === 'sent';
  }

  async #finish(): Promise<void> {
    try {
      await this.#arrivals.settled();
    } catch {
      // What could not be stored is not acked; the controller sends it again.
    }
    this.#line.finish();
  }

  #broken(error: unknown): void {
    if (this.#line.phase === 'ended') return;
    this.#parts.log.error('store_failed', { words: messageOf(error) });
    this.#line.end(4500, 'the relay could not store what it received');
  }

  #ended(end: LineEnd): void {
    this.#unlisten();
    if (this.#pumpLater) clearImmediate(this.#pumpLater);
    if (end.code === 1006) this.#socket.terminate();
    this.#report.ended({ ...end, renewed: this.#renewed });
  }
}

function overloaded(message: string): NonNullable<ResultFrame['error']> {
  return { code: 'overloaded', message, retryable: true };
}
