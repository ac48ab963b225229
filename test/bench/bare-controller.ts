/**
 * A controller that costs next to nothing: frames made beforehand go out as fast as the relay's window lets them, events are acked by
 * number and not read. So a burst measures the relay and not the other end, which shares the machine.
 */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { DEFAULT_WINDOW, SUBPROTOCOL } from '../../protocol/limits.ts';

const ACK_AFTER = 32;

export class BareController {
  readonly #server: WebSocketServer;
  readonly #opened: Promise<void>;
  #socket: WebSocket | undefined;
  #window = { frames: 0, bytes: 0 };
  #frames: string[] = [];
  #sent = 0;
  #acked = 0;
  #events = 0;
  #ackedEvents = 0;
  /** How many events told the state `held`. */
  held = 0;
  #done: () => void = () => {};

  private constructor(server: WebSocketServer) {
    this.#server = server;
    this.#opened = new Promise((resolve) => {
      this.#server.on('connection', (socket) => {
        this.#socket = socket;
        socket.on('error', () => {});
        socket.on('message', (data) => this.#heard(String(data), resolve));
        this.#say({ type: 'hello', protocols: [1], controller: 'bare', time: Date.now(), heartbeat_ms: 60_000 });
      });
    });
  }

  static listen(): Promise<BareController> {
    return new Promise((resolve) => {
      const server: WebSocketServer = new WebSocketServer(
        { port: 0, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL },
        () => resolve(new BareController(server)),
      );
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get opened(): Promise<void> {
    return this.#opened;
  }

  /** Sends all of these, numbered from 1 in their order; resolves when the relay has acked the last. */
  burst(frames: string[]): Promise<void> {
    this.#frames = frames;
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#pump();
    });
  }

  close(): Promise<void> {
    this.#socket?.terminate();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #heard(frame: string, opened: () => void): void {
    const type = /"type":"([a-z]+)"/.exec(frame)?.[1];
    if (type === 'identify') {
      const { window } = JSON.parse(frame) as { window: { frames: number; bytes: number } };
      this.#window = window;
      this.#say({ type: 'welcome', stream: 'c_bare', received: null, window: DEFAULT_WINDOW, epoch: 1 });
      opened();
      return;
    }
    if (type === 'event') this.#event(frame);
    // On other frames it rides at the end.
    const ack = type === 'ack' ? /"seq":(\d+)/.exec(frame)?.[1] : /"ack":(\d+)\}$/.exec(frame.slice(-30))?.[1];
    if (ack !== undefined) this.#ackedTo(Number(ack));
  }

  #event(frame: string): void {
    this.#events = Number(/"seq":(\d+)/.exec(frame)?.[1] ?? this.#events);
    if (frame.includes('"state":"held"')) this.held += 1;
    if (this.#events - this.#ackedEvents < ACK_AFTER) return;
    this.#ackedEvents = this.#events;
    this.#say({ type: 'ack', seq: this.#events });
  }

  #ackedTo(seq: number): void {
    this.#acked = Math.max(this.#acked, seq);
    if (this.#acked === this.#frames.length) this.#done();
    this.#pump();
  }

  #pump(): void {
    const most = Math.min(this.#frames.length, this.#acked + this.#window.frames);
    for (; this.#sent < most; this.#sent += 1) this.#socket?.send(this.#frames[this.#sent] ?? '');
  }

  #say(frame: Record<string, unknown>): void {
    this.#socket?.send(JSON.stringify(frame));
  }
}
