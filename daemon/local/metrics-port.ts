/**
 * The metrics on a port of 127.0.0.1, for a Prometheus on this Mac; only if the configuration names one. Nothing else can be asked there,
 * and there is no message text and no handle in them.
 *
 * A port that is taken is told in the log and stops nothing: the relay's work goes on, and `relayctl metrics` still has them.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';

/** What a browser would send after a name was bent to 127.0.0.1 is not answered. */
const OURS = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export class MetricsPort {
  readonly #port: number;
  readonly #metrics: MetricsText;
  readonly #log: Log;
  readonly #server: Server;

  constructor(o: { port: number; metrics: MetricsText; log: Log }) {
    this.#port = o.port;
    this.#metrics = o.metrics;
    this.#log = o.log;
    // As in server.ts.
    const { createServer } = process.getBuiltinModule('node:http');
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** The port that it listens on; null if it could not. */
  async start(): Promise<number | null> {
    const failed = await new Promise<unknown>((resolve) => {
      this.#server.once('error', resolve);
      this.#server.listen(this.#port, '127.0.0.1', () => resolve(null));
    });
    if (failed !== null) {
      this.#log.error('metrics_port', { port: this.#port, error: messageOf(failed) });
      return null;
    }
    this.#server.on('error', (error) => this.#log.warn('metrics_port', { error: messageOf(error) }));
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve({ method, url, headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const say = (status: number, words: string, type = 'text/plain; charset=utf-8') => {
      response.writeHead(status, { 'content-type': type }).end(words);
    };
    if (!OURS.test(headers.host ?? '')) return say(403, 'Ask for 127.0.0.1.\n');
    if (url !== '/metrics') return say(404, 'There is /metrics here.\n');
    if (method !== 'GET') return say(405, '/metrics is asked with GET.\n');
    try {
      say(200, await this.#metrics.text(), this.#metrics.contentType);
    } catch (error) {
      this.#log.error('metrics', { error: messageOf(error) });
      say(500, 'The metrics could not be gathered; the log says why.\n');
    }
  }
}
