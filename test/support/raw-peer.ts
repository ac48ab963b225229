/** The other end of a line as bare frames, to say what a correct peer never would. */
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../../protocol/limits.ts';
import { until } from './fake-clock.ts';
import { TOKEN } from './relay-end.ts';

export type Loose = Record<string, unknown> & { type: string };

/** Frames as they come, and how it ended. */
export class RawPeer {
  readonly frames: Loose[] = [];
  readonly pings: number[] = [];
  closed: { code: number; reason: string } | undefined;
  readonly #socket: WebSocket;
  #taken = 0;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.frames.push(JSON.parse(String(data)) as Loose));
    socket.on('ping', () => this.pings.push(this.pings.length));
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: String(reason) };
    });
  }

  say(frame: Loose | string | Uint8Array): void {
    if (frame instanceof Uint8Array) this.#socket.send(frame, { binary: true });
    else this.#socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  /** Bytes as text, even if they are not UTF-8. */
  sayText(bytes: Uint8Array): void {
    this.#socket.send(bytes, { binary: false });
  }

  /** The next frame of this type that was not taken yet. */
  async next(type: string): Promise<Loose> {
    let found: Loose | undefined;
    await until(
      () => {
        const index = this.frames.findIndex((f, i) => i >= this.#taken && f.type === type);
        if (index < 0) return false;
        found = this.frames[index];
        this.#taken = index + 1;
        return true;
      },
      `a ${type} frame, but there came ${this.frames.map((f) => f.type)}, closed ${JSON.stringify(this.closed)}`,
    );
    return found ?? { type: 'none' };
  }

  async end(): Promise<{ code: number; reason: string }> {
    await until(() => this.closed !== undefined, 'the close');
    return this.closed ?? { code: 0, reason: '' };
  }

  /** Stops answering pings and everything else, without closing. */
  freeze(): void {
    this.#socket.pause();
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  terminate(): void {
    this.#socket.terminate();
  }
}

/** A controller of bare frames for a relay to dial. */
export class RawController {
  readonly peers: RawPeer[] = [];
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => this.peers.push(new RawPeer(socket)));
  }

  static listen(options: { autoPong?: boolean; port?: number } = {}): Promise<RawController> {
    return new Promise((resolve) => {
      const server: WebSocketServer = new WebSocketServer({ port: 0, host: '127.0.0.1', ...options }, () =>
        resolve(new RawController(server)),
      );
    });
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async peer(number = 1): Promise<RawPeer> {
    await until(() => this.peers.length >= number, `connection ${number}`);
    const peer = this.peers[number - 1];
    if (!peer) throw new Error('no such connection');
    return peer;
  }

  close(): Promise<void> {
    for (const peer of this.peers) peer.terminate();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

/** A relay of bare frames that dials a controller. `status` is what the server said instead of opening. */
export function rawRelay(url: string, token = TOKEN): Promise<RawPeer | { status: number }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(
      url,
      SUBPROTOCOL,
      token === '' ? {} : { headers: { authorization: `Bearer ${token}` } },
    );
    const peer = new RawPeer(socket);
    socket.on('open', () => resolve(peer));
    socket.on('unexpected-response', (_request, response) => resolve({ status: response.statusCode ?? 0 }));
    socket.on('error', reject);
  });
}

export const HELLO: Loose = { type: 'hello', protocols: [1], controller: 'raw', time: 1_000, heartbeat_ms: 30_000 };
export const WELCOME: Loose = {
  type: 'welcome',
  stream: 'c_raw',
  received: null,
  window: { frames: 8, bytes: 100_000 },
  epoch: 1,
};
export const IDENTIFY: Loose = {
  type: 'identify',
  protocol: 1,
  device: 'mac-1',
  agent: 'raw/1',
  features: [],
  stream: 'e_raw',
  received: null,
  window: { frames: 8, bytes: 100_000 },
  policy_version: 'p',
};
export const command = (seq: number, more: Record<string, unknown> = {}): Loose => ({
  type: 'command',
  seq,
  id: `c${seq}`,
  name: 'sender.pause',
  version: 1,
  data: {},
  ...more,
});
export const event = (seq: number, more: Record<string, unknown> = {}): Loose => ({
  type: 'event',
  seq,
  id: `e${seq}`,
  name: 'message.inbound',
  version: 1,
  at: 5,
  data: {},
  ...more,
});
