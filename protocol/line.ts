/**
 * One connection, as both halves see it: frames in, frames out, acks, window, heartbeat, and the way it ends.
 *
 *   opening ── open() ──▶ open ── bye of either side ──▶ leaving ──▶ ended
 *      └────────── anything that breaks the rules ───────────────────▶ ended
 *
 * What is received is checked here once: size, JSON, shape, phase, direction, number. The handler gets only what is right.
 * Graceful end: who leaves says `bye` and waits at most 5 s; the other side commits and acks what it has, then closes.
 * The caller owes: every message, pong and close of the socket handed in, `acks.committed` for what is on disk, and after
 * `handler.leaving` a call of `finish` once nothing is being committed any more.
 */
import { Acks } from './acks.ts';
import type { LineClock } from './clock.ts';
import { CLOSE_CODES, type CloseCode, isCloseCode } from './codes.ts';
import {
  type ByeFrame,
  type CommandFrame,
  type EventFrame,
  type Frame,
  gapFrom,
  type Hello,
  type Identify,
  type ParsedFrame,
  parseFrame,
  type QueryFrame,
  type ResultFrame,
  type UnknownFrame,
  type Welcome,
  type Window,
} from './frames.ts';
import { Heartbeat } from './heartbeat.ts';
import { DRAIN_MS, MAX_FRAME_BYTES, OPENING_TIMEOUT_MS } from './limits.ts';
import { SendWindow } from './window.ts';

/** What the line needs of a WebSocket. All of it does nothing once the socket is closed. */
export interface LineSocket {
  send(text: string): void;
  ping(): void;
  close(code: number, reason: string): void;
}

/** A frame with a number: of the expected stream, or of a type that a later version knows. */
export type NumberedFrame = CommandFrame | EventFrame | (UnknownFrame & { seq: number });

export interface LineEnd {
  /** A code of `CLOSE_CODES`, or WebSocket's own (1000 … 1015); 1006 is a line that just broke. */
  code: number;
  reason: string;
  by: 'us' | 'them';
  /** What the other side's `bye` asked for. */
  reconnect?: boolean;
  retryAfterMs?: number;
}

export interface LineHandler {
  opening(frame: Hello | Identify | Welcome): void;
  /** The next of the stream: never twice, never with a hole. Must be committed, then `acks.committed`. */
  numbered(frame: NumberedFrame): void;
  asked(frame: QueryFrame | ResultFrame): void;
  /** More may be sent: an ack came, or a larger window. `ackedSeq` is null for a window. */
  roomier(ackedSeq: number | null): void;
  /** The other side leaves. Commit what is here, then call `finish`. */
  leaving(): void;
  /** Called once. The socket may need a moment more to close. */
  ended(end: LineEnd): void;
}

/** What one side accepts of the other. */
export interface LineRole {
  opening: ReadonlySet<Frame['type']>;
  numbered: 'command' | 'event';
  asked: 'query' | 'result';
}
export const RELAY_HEARS: LineRole = {
  opening: new Set(['hello', 'welcome']),
  numbered: 'command',
  asked: 'query',
};
export const CONTROLLER_HEARS: LineRole = { opening: new Set(['identify']), numbered: 'event', asked: 'result' };

export type Sending = 'sent' | 'full' | 'too_large' | 'not_open';

export class Line {
  readonly sendWindow = new SendWindow();
  readonly acks: Acks;
  readonly #socket: LineSocket;
  readonly #clock: LineClock;
  readonly #hears: LineRole;
  readonly #handler: LineHandler;
  #phase: 'opening' | 'open' | 'leaving' | 'ended' = 'opening';
  #heartbeat: Heartbeat | undefined;
  #timer: { cancel(): void } | undefined;
  #theirBye: ByeFrame | undefined;
  #ourLeave: { code: CloseCode; reason: string } | undefined;
  /** Resolves when the socket itself is closed. */
  readonly gone: Promise<void>;
  #setGone: () => void = () => {};

  /** `window` is what this side announces: how much the other may leave unacked. */
  constructor(o: { socket: LineSocket; clock: LineClock; hears: LineRole; window: Window; handler: LineHandler }) {
    this.#socket = o.socket;
    this.#clock = o.clock;
    this.#hears = o.hears;
    this.#handler = o.handler;
    this.acks = new Acks(o.clock, o.window, (seq) => this.#socket.send(`{"type":"ack","seq":${seq}}`));
    this.gone = new Promise((resolve) => {
      this.#setGone = resolve;
    });
    this.#timer = o.clock.after(OPENING_TIMEOUT_MS, () => this.end(4408, 'the opening took longer than 10 seconds'));
  }

  get phase(): 'opening' | 'open' | 'leaving' | 'ended' {
    return this.#phase;
  }

  /** The opening is done: streams flow. `receivedSeq` is what this side has on disk of the other's stream. */
  open(o: { receivedSeq: number; window: Window; heartbeatMs: number }): void {
    if (this.#phase !== 'opening') return;
    this.#phase = 'open';
    this.#timer?.cancel();
    this.acks.start(o.receivedSeq);
    this.sendWindow.resize(o.window);
    this.#heartbeat = new Heartbeat(
      {
        clock: this.#clock,
        ping: () => this.#socket.ping(),
        dead: () => this.end(4408, 'two heartbeats were not answered'),
      },
      o.heartbeatMs,
    );
    this.#heartbeat.start();
  }

  /** Sends a frame without a number. `too_large`: it is beyond 256 KiB and was not sent. */
  send(frame: Hello | Identify | Welcome | QueryFrame | ResultFrame): Exclude<Sending, 'full'> {
    if (this.#phase === 'ended') return 'not_open';
    const text = JSON.stringify(frame);
    if (Buffer.byteLength(text) > MAX_FRAME_BYTES) return 'too_large';
    this.#socket.send(text);
    return 'sent';
  }

  /** Sends a frame of the stream if the window allows. The caller keeps the numbers without holes. */
  sendNumbered(frame: CommandFrame | EventFrame): Sending {
    return this.sendNumberedText(frame.seq, JSON.stringify(frame));
  }

  /** The same for a frame that is JSON already, without an ack. */
  sendNumberedText(seq: number, json: string): Sending {
    if (this.#phase !== 'open') return 'not_open';
    const ack = this.acks.owed();
    let text = ack === undefined ? json : `${json.slice(0, -1)},"ack":${ack}}`;
    let bytes = Buffer.byteLength(text);
    if (bytes > MAX_FRAME_BYTES && ack !== undefined) {
      text = json;
      bytes = Buffer.byteLength(text);
    }
    if (bytes > MAX_FRAME_BYTES) return 'too_large';
    if (!this.sendWindow.fits(bytes)) return 'full';
    this.#socket.send(text);
    this.sendWindow.sent(seq, bytes);
    if (ack !== undefined && text !== json) this.acks.rode(ack);
    return 'sent';
  }

  /** One WebSocket message. */
  received(message: Uint8Array | string, binary: boolean): void {
    if (this.#phase === 'ended') return;
    this.#heartbeat?.alive();
    const parsed: ParsedFrame = binary
      ? { ok: false, close: 4400, reason: 'a binary message; frames are text' }
      : parseFrame(message);
    if (!parsed.ok) this.end(parsed.close, parsed.reason);
    else if (parsed.frame.type === 'bye') this.#bye(parsed.frame);
    else if (this.#phase === 'opening') this.#inOpening(parsed.frame);
    else this.#inStream(parsed.frame, parsed.bytes);
  }

  pong(): void {
    this.#heartbeat?.alive();
  }

  /** The socket is closed, by whomever. */
  socketClosed(code: number, reason: string): void {
    this.#setGone();
    if (this.#ourLeave && !this.#theirBye) this.#finish({ ...this.#ourLeave, by: 'us' });
    else this.#endedByThem(code, reason);
  }

  /** Ends the connection at once: `bye`, then close. */
  end(code: CloseCode, reason: string, retry: { reconnect?: boolean; retryAfterMs?: number } = {}): void {
    if (this.#phase === 'ended') return;
    this.#sendBye(code, reason, retry);
    this.#socket.close(code, closeWords(reason));
    this.#finish({ code, reason, by: 'us' });
  }

  /** Leaves gracefully: what is on its way may still be committed and acked, for 5 s. Await `gone` afterwards. */
  leave(code: CloseCode, reason: string): void {
    if (this.#phase === 'opening') this.end(code, reason);
    if (this.#phase !== 'open') return;
    this.#phase = 'leaving';
    this.#ourLeave = { code, reason };
    this.acks.tell();
    this.#sendBye(code, reason, {});
    this.#timer = this.#clock.after(DRAIN_MS, () => {
      this.#socket.close(code, closeWords(reason));
      this.#finish({ code, reason, by: 'us' });
    });
  }

  /** After the other side's `bye`: all that was here is committed; the last ack goes out and the socket is closed. */
  finish(): void {
    if (this.#phase === 'ended' || !this.#theirBye) return;
    this.acks.tell();
    this.#socket.close(this.#theirBye.code, '');
    this.#endedByThem(this.#theirBye.code, this.#theirBye.reason);
  }

  #inOpening(frame: Frame | UnknownFrame): void {
    if (frame.type === 'unknown' && frame.seq === undefined) return;
    const name = frame.type === 'unknown' ? frame.name : frame.type;
    if (this.#hears.opening.has(frame.type as Frame['type']))
      this.#handler.opening(frame as Hello | Identify | Welcome);
    else this.end(4400, `a ${name} frame before the opening was done`);
  }

  #inStream(frame: Exclude<Frame, ByeFrame> | UnknownFrame, bytes: number): void {
    const ack = frame.type === 'ack' ? frame.seq : 'ack' in frame ? frame.ack : undefined;
    if (ack !== undefined && !this.#acked(ack)) return;
    switch (frame.type) {
      case 'ack':
        break;
      case 'window':
        this.sendWindow.resize({ frames: frame.frames, bytes: frame.bytes });
        this.#handler.roomier(null);
        break;
      case this.#hears.numbered:
        this.#numbered(frame as CommandFrame | EventFrame, bytes);
        break;
      case this.#hears.asked:
        this.#handler.asked(frame as QueryFrame | ResultFrame);
        break;
      case 'unknown':
        if (frame.seq !== undefined) this.#numbered({ ...frame, seq: frame.seq }, bytes);
        break;
      default:
        this.end(4400, `a ${frame.type} frame is out of place here`);
    }
  }

  #acked(seq: number): boolean {
    const outcome = this.sendWindow.acked(seq);
    if (outcome === 'beyond') {
      this.end(4410, `an ack of ${seq}, but only ${this.sendWindow.sentSeq} was sent`);
      return false;
    }
    if (outcome === 'moved') this.#handler.roomier(seq);
    return true;
  }

  #numbered(frame: NumberedFrame, bytes: number): void {
    const arrival = this.acks.arrived(frame.seq, bytes, firstOf(frame));
    if (arrival === 'next') this.#handler.numbered(frame);
    else if (arrival === 'hole')
      this.end(4410, `number ${frame.seq} came, but ${this.acks.arrivedSeq + 1} was to be next`);
    else if (arrival === 'flood') this.end(4429, 'more than twice the window was sent without an ack');
  }

  #bye(frame: ByeFrame): void {
    if (frame.ack !== undefined && this.#phase !== 'opening' && !this.#acked(frame.ack)) return;
    this.#theirBye = frame;
    if (this.#phase === 'opening') {
      this.finish();
    } else {
      this.#phase = 'leaving';
      this.#handler.leaving();
    }
  }

  #sendBye(code: number, reason: string, retry: { reconnect?: boolean; retryAfterMs?: number }): void {
    const soon = !isCloseCode(code) || CLOSE_CODES[code].reconnect === 'soon';
    const reconnect = retry.reconnect ?? soon;
    const frame: ByeFrame = { type: 'bye', code, reason: reason.slice(0, 500), reconnect };
    if (retry.retryAfterMs !== undefined) frame.retry_after_ms = Math.ceil(retry.retryAfterMs);
    this.#socket.send(JSON.stringify(frame));
  }

  #endedByThem(code: number, reason: string): void {
    const end: LineEnd = { code, reason, by: 'them' };
    if (this.#theirBye) {
      end.code = this.#theirBye.code;
      end.reason = this.#theirBye.reason;
      end.reconnect = this.#theirBye.reconnect;
      end.retryAfterMs = this.#theirBye.retry_after_ms;
    }
    this.#finish(end);
  }

  #finish(end: LineEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#timer?.cancel();
    this.#heartbeat?.stop();
    this.acks.stop();
    this.#handler.ended(end);
  }
}

/** WebSocket allows 123 bytes beside a close code; the full words are in the `bye` before it. */
function closeWords(reason: string): string {
  return reason.replace(/[^\x20-\x7e]/g, '?').slice(0, 120);
}

/** A gap stands for many numbers and carries the last of them; every other frame stands for its own. */
function firstOf(frame: NumberedFrame): number {
  return frame.type === 'event' && frame.name === 'gap' ? gapFrom(frame.seq, frame.data) : frame.seq;
}
