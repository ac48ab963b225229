/**
 * The local API: HTTP on a Unix socket that only this user can open. Who can open it may do all that a person at the Mac may do.
 *
 *   start ─▶ listening ─▶ stop (streams end, the socket file goes)
 *
 * The caller owes: the lock of the folder is held (a socket file that is already there is then a dead one's and is removed).
 */
import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { codeOf, messageOf, RelayError } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { checkSocketPath } from '../host/paths.ts';
import { type Asked, answer, checked, EVENTS_PATH, refused } from './routes.ts';
import { ASKED, LOCAL_SCHEMA, type LocalAnswer, type LocalEvent, type LocalHandlers } from './schemas.ts';

const MAX_BODY_BYTES = 1024 * 1024;
/** A reader of events that is this far behind is let go; it can come back with `after`. */
const MAX_BEHIND_BYTES = 8 * 1024 * 1024;

const HTTP_STATUS: Record<string, number> = {
  bad_request: 400,
  not_found: 404,
  no_such_route: 404,
  wrong_method: 405,
  too_late: 409,
  too_large: 413,
  internal: 500,
};

export class LocalServer {
  readonly #path: string;
  readonly #handlers: LocalHandlers;
  readonly #now: () => number;
  readonly #log: Log;
  readonly #server: Server;
  readonly #streams = new Set<() => void>();

  constructor(o: { path: string; handlers: LocalHandlers; now: () => number; log: Log }) {
    this.#path = o.path;
    this.#handlers = o.handlers;
    this.#now = o.now;
    this.#log = o.log;
    // An import of node:http loads all of fetch as well: 16 MB, and a tenth of what a start may take.
    const { createServer } = process.getBuiltinModule('node:http');
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Throws `socket_path_long` or `socket_refused`. */
  async start(): Promise<void> {
    checkSocketPath(this.#path);
    rmSync(this.#path, { force: true });
    const listening = new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#path, resolve);
    });
    try {
      await listening;
      chmodSync(this.#path, 0o600);
    } catch (error) {
      throw new RelayError('socket_refused', `cannot listen on ${this.#path}: ${messageOf(error)}`, {
        hint: 'Is the folder yours, and on a disk that knows Unix sockets?',
        cause: error,
      });
    }
    this.#server.on('error', (error) => this.#log.error('local_api_error', { error }));
  }

  async stop(): Promise<void> {
    for (const end of this.#streams) end();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = new URL(request.url ?? '/', 'http://relay');
      const query = Object.fromEntries(url.searchParams);
      if (url.pathname === EVENTS_PATH && request.method === 'GET') {
        const asked = await checked(ASKED.events, query, ({ after }) => ({ ok: true, data: { after } }));
        if (!asked.ok) return this.#reply(response, asked);
        return this.#stream(response, (asked.data as { after?: number }).after);
      }
      const body = await readBody(request);
      if (!body.ok) return this.#reply(response, body);
      const path = url.pathname.slice(1).split('/').map(decodeURIComponent);
      const asked: Asked = { path, query, body: body.data };
      this.#reply(response, await answer(this.#handlers, request.method ?? 'GET', asked));
    } catch (error) {
      if (error instanceof URIError || codeOf(error) === 'ERR_INVALID_URL')
        return this.#reply(response, refused('bad_request', 'The address is not a proper one.'));
      this.#log.error('local_api_failed', { error });
      const hint = error instanceof RelayError ? error.hint : 'The relay’s log has the details.';
      const code = error instanceof RelayError ? error.code : 'internal';
      this.#reply(response, refused(code, messageOf(error), hint));
    }
  }

  #reply(response: ServerResponse, answered: LocalAnswer<object>): void {
    const status = answered.ok ? 200 : (HTTP_STATUS[answered.error.code] ?? 422);
    const content = answered.ok ? answered.data : { error: answered.error };
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(`${JSON.stringify({ schema: LOCAL_SCHEMA, now: this.#now(), ...content })}\n`);
  }

  #stream(response: ServerResponse, afterSeq: number | undefined): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    // Sent now, so that whoever waits for the first event knows that it is being listened for.
    response.flushHeaders();
    const onEvent = (event: LocalEvent) => {
      response.write(`${JSON.stringify({ schema: LOCAL_SCHEMA, ...event })}\n`);
      if (response.writableLength > MAX_BEHIND_BYTES) response.destroy();
    };
    const stop = this.#handlers.events({ afterSeq }, onEvent);
    const end = () => {
      if (this.#streams.delete(end)) stop();
    };
    this.#streams.add(end);
    response.on('close', end);
  }
}

async function readBody(request: IncomingMessage): Promise<LocalAnswer<object>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return refused('too_large', `A body may have ${MAX_BODY_BYTES} bytes.`);
    chunks.push(chunk as Buffer);
  }
  if (bytes === 0) return { ok: true, data: {} };
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    if (typeof body === 'object' && body !== null) return { ok: true, data: body };
  } catch {
    // Said below, as for any other body that is no object.
  }
  return refused('bad_request', 'The body is not a JSON object.');
}
