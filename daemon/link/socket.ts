/**
 * The only place of the daemon that knows WebSockets.
 *
 * `Dial` calls the controller: bearer token on the upgrade, `wss://` with the system's certificates, `ws://` only to
 * loopback literals, no redirects, no compression. What is larger than a frame may be, but not absurd, is still read,
 * so that the line can say 4413 itself.
 */
import type { Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { DRAIN_MS, MAX_FRAME_BYTES, OPENING_TIMEOUT_MS, SUBPROTOCOL } from '../../protocol/limits.ts';
import { controllerUrlMistake, withoutSecrets } from '../host/controller-url.ts';
import { messageOf, RelayError } from '../host/errors.ts';
import type { LinkSocket, SocketListener, Transport } from './ports.ts';

/** Beyond this WebSocket itself closes, with 1009. */
const MAX_PAYLOAD_BYTES = 4 * MAX_FRAME_BYTES;

export class Dial implements Transport {
  readonly peer: string;
  readonly #url: URL;
  readonly #token: () => string;

  /**
   * `token` is asked for at each dial, so that a rotated one is taken up. Throws `controller_url` for an address
   * that would send the token in the clear or that carries a secret itself.
   */
  constructor(o: { url: string; token: () => string }) {
    this.#url = checkedUrl(o.url);
    this.#token = o.token;
    this.peer = `${this.#url.protocol}//${this.#url.host}`;
  }

  connect(listener: SocketListener): { abort(): void } {
    let token: string;
    try {
      token = this.#token();
    } catch (error) {
      const condition = error instanceof RelayError ? { name: error.code, remedy: error.hint } : undefined;
      queueMicrotask(() => listener.failed({ words: messageOf(error), condition }));
      return { abort: () => {} };
    }
    const options: ClientOptions & { closeTimeout: number } = {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
      followRedirects: false,
      handshakeTimeout: OPENING_TIMEOUT_MS,
      maxPayload: MAX_PAYLOAD_BYTES,
      // The frame reader decodes strictly and answers 4400; once is enough.
      skipUTF8Validation: true,
      closeTimeout: DRAIN_MS,
    };
    const socket = new WebSocket(this.#url, SUBPROTOCOL, options);
    attach(socket, listener);
    return { abort: () => socket.terminate() };
  }
}

function attach(socket: WebSocket, listener: SocketListener): void {
  let opened = false;
  let status: number | undefined;
  let words = 'the connection was closed before it was open';
  let raw: Socket | undefined;
  socket.on('upgrade', (response) => {
    raw = response.socket;
  });
  socket.on('open', () => {
    opened = true;
    listener.opened(asLinkSocket(socket, raw));
  });
  socket.on('message', (data, binary) => listener.message(data as Buffer, binary));
  socket.on('pong', () => listener.pong());
  socket.on('unexpected-response', (request, response) => {
    status = response.statusCode;
    words = `the server answered with HTTP ${status}`;
    response.resume();
    request.destroy();
    // With this listener, ws leaves it to us to end the try.
    socket.terminate();
  });
  socket.on('error', (error) => {
    if (!opened && status === undefined) words = error.message || error.name;
  });
  socket.on('close', (code, reason) => {
    if (opened) listener.closed(code, reason.toString('utf8'));
    else listener.failed({ ...(status === undefined ? {} : { status }), words });
  });
}

/**
 * What is sent in one go goes to the system together: a call for each frame costs more than the frame. In a microtask, since a tick would
 * come only behind all that the same commit wakes: near a millisecond of other work.
 */
function asLinkSocket(socket: WebSocket, raw: Socket | undefined): LinkSocket {
  const isOpen = () => socket.readyState === WebSocket.OPEN;
  let gathering = false;
  const gather = () => {
    if (gathering || !raw) return;
    gathering = true;
    raw.cork();
    queueMicrotask(() => {
      gathering = false;
      raw.uncork();
    });
  };
  return {
    send: (text) => {
      if (!isOpen()) return;
      gather();
      socket.send(text);
    },
    ping: () => {
      if (isOpen()) socket.ping();
    },
    close: (code, reason) => socket.close(isSendable(code) ? code : 1000, reason),
    terminate: () => socket.terminate(),
  };
}

/** Codes that WebSocket lets a program send. */
function isSendable(code: number): boolean {
  return code === 1000 || (code >= 3000 && code <= 4999);
}

function checkedUrl(written: string): URL {
  const mistake = controllerUrlMistake(written);
  if (mistake === null) return new URL(written);
  const { why, hint } = mistake;
  const shown = JSON.stringify(withoutSecrets(written));
  throw new RelayError('controller_url', `The controller’s address ${shown} ${why}.`, { hint });
}
