/**
 * The controller's door for relays that dial in: a WebSocket server that checks the bearer token before anything else.
 *
 * It keeps SHA-256 digests of tokens, never tokens, and compares them in constant time. A missing or wrong token is answered
 * with HTTP 401, a connection without the subprotocol with 400. TLS is whatever stands in front, or the `server` handed in.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Controller } from './controller.ts';
import { DRAIN_MS, MAX_FRAME_BYTES, SUBPROTOCOL } from './limits.ts';

/** `tokenHash`: SHA-256 of the device's token, 64 hex digits. */
export interface KnownDevice {
  device: string;
  tokenHash: string;
}

export interface ControllerServer {
  /** The port in use; useful with `port: 0`. */
  readonly port: number;
  readonly url: string;
  /** Takes no new connection. Those that are open belong to the controller. */
  close(): Promise<void>;
}

export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The device whose token an `Authorization` header carries, or null. Takes the same time wherever the match is. */
export function deviceOfToken(authorization: string | undefined, devices: readonly KnownDevice[]): string | null {
  const token = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
  const presented = createHash('sha256')
    .update(token ?? '')
    .digest();
  let found: string | null = null;
  for (const { device, tokenHash: known } of devices) {
    const digest = Buffer.from(known, 'hex');
    if (digest.length === presented.length && timingSafeEqual(digest, presented)) found = device;
  }
  return token === undefined ? null : found;
}

/** Serves on 127.0.0.1 unless told otherwise. `devices` is asked at each connection, so that tokens can be rotated. */
export async function serveController(o: {
  controller: Controller;
  devices: () => readonly KnownDevice[];
  port: number;
  host?: string;
  server?: Server;
}): Promise<ControllerServer> {
  const server = o.server ?? createServer((_request, response) => response.writeHead(426).end());
  const options = {
    noServer: true,
    perMessageDeflate: false,
    // What is larger than a frame may be, but not absurd, is still read: the line then says 4413 itself.
    maxPayload: 4 * MAX_FRAME_BYTES,
    skipUTF8Validation: true,
    closeTimeout: DRAIN_MS,
    handleProtocols: (offered: Set<string>) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  } as const;
  const sockets = new WebSocketServer(options);
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const device = deviceOfToken(request.headers.authorization, o.devices());
    if (device === null) refuse(socket, 401);
    else if (!offers(request)) refuse(socket, 400);
    else sockets.handleUpgrade(request, socket, head, (webSocket) => o.controller.accept(webSocket, device));
  });
  const host = o.host ?? '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(o.port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `ws://${host.includes(':') ? `[${host}]` : host}:${port}/`,
    close: () =>
      new Promise((resolve) => {
        sockets.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function offers(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL);
}

function refuse(socket: Duplex, status: 400 | 401): void {
  const challenge = status === 401 ? 'WWW-Authenticate: Bearer\r\n' : '';
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${challenge}Connection: close\r\nContent-Length: 0\r\n\r\n`,
  );
}
