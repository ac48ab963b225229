/** An https server on 127.0.0.1 that sends files, and fails in the ways that a test asks for. Trusted by who trusts `CA_FILE` only. */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const at = (name: string) => fileURLToPath(new URL(`certificates/${name}`, import.meta.url));
export const CA_FILE = at('ca.pem');

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

export class FileServer {
  readonly #server: Server;
  readonly #answers = new Map<string, Answer>();
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const path = request.url ?? '';
      this.asked.push(path);
      const answer = this.#answers.get(path.split('?')[0] ?? '');
      if (answer) answer(response, request);
      else response.writeHead(404).end();
    });
  }

  static async open(): Promise<FileServer> {
    const server = createServer({ key: readFileSync(at('local.key')), cert: readFileSync(at('local.pem')) });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return new FileServer(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string, host = '127.0.0.1'): string {
    return `https://${host}:${this.port}${path}`;
  }

  /** What comes under this path from now on: a file, or whatever the function does. */
  put(path: string, content: Buffer | string | Answer, headers: Record<string, string> = {}): string {
    const answer: Answer =
      typeof content === 'function'
        ? content
        : (response) =>
            response.writeHead(200, { 'content-length': Buffer.byteLength(content), ...headers }).end(content);
    this.#answers.set(path, answer);
    return this.url(path);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }
}
