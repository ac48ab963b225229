/**
 * The reference controller as a program: a relay dials in, events come out, commands go in.
 *
 *   node scripts/controller.ts --store FILE --device NAME --token-file FILE [--port 0] [--name NAME] [--heartbeat-ms 30000]
 *
 * stdout, one JSON object a line:
 *   {"listening": url}                                    first
 *   {"line": {kind, device, …}}                           a relay came or went
 *   {"event": {n, device, seq, id, name, version, at, data}}   stored, once by id
 *   {"sent": {id, duplicate}}                             the command is stored
 *   {"answer": {query, kind, …}}                          result, refused or lost
 *   {"cut": true|false}                                   was there a line to cut?
 *   {"error": {code, words}}
 * stdin, one JSON object a line:
 *   {"name", "data", "id"?, "version"?}   a command      {"query", "data"}   a question      {"cut": true}   drop the line
 *
 * The token file must be readable by its owner only. SIGTERM or SIGINT: bye, drain, exit 0. Bad arguments: exit 2.
 */
import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Controller, ControllerError } from '../protocol/controller.ts';
import { serveController, tokenHash } from '../protocol/controller-server.ts';
import { SqliteStore } from '../protocol/controller-sqlite.ts';

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function stop(words: string): never {
  process.stderr.write(`controller: ${words}\n`);
  process.exit(2);
}

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    store: { type: 'string' },
    device: { type: 'string' },
    'token-file': { type: 'string' },
    name: { type: 'string', default: 'reference-controller' },
    'heartbeat-ms': { type: 'string', default: '30000' },
  },
});
const { store: storePath, device, 'token-file': tokenFile } = values;
if (!storePath || !device || !tokenFile) stop('--store, --device and --token-file are needed.');
const port = whole('port', values.port, 0, 65_535);
const heartbeatMs = whole('heartbeat-ms', values['heartbeat-ms'], 100, 600_000);

function whole(name: string, written: string, least: number, most: number): number {
  const number = Number(written);
  if (!Number.isInteger(number) || number < least || number > most)
    stop(`--${name} must be a whole number from ${least} to ${most}.`);
  return number;
}

function hashOfToken(path: string): string {
  if ((statSync(path).mode & 0o077) !== 0) stop(`${path} can be read by others; make it yours alone with chmod 600.`);
  const token = readFileSync(path, 'utf8').trim();
  if (!/^[\x21-\x7e]{16,}$/.test(token)) stop(`${path} does not hold a token of at least 16 characters.`);
  return tokenHash(token);
}

function wordsOf(error: unknown): { code: string; words: string } {
  const words = error instanceof Error ? error.message : String(error);
  return { code: error instanceof ControllerError ? error.code : 'failed', words };
}

const known = { device, tokenHash: hashOfToken(tokenFile) };
const controller = new Controller({
  store: new SqliteStore(storePath),
  controller: values.name,
  heartbeatMs,
  onEvent: (event) => say({ event }),
  onLine: (line) => say({ line }),
  onError: (error) => say({ error: wordsOf(error) }),
});
const server = await serveController({ controller, devices: () => [known], port });
say({ listening: server.url });

async function obey(text: string, to: string): Promise<void> {
  const asked = JSON.parse(text) as Record<string, unknown>;
  const data = (asked.data ?? {}) as Record<string, unknown>;
  if (asked.cut === true) {
    say({ cut: controller.cut(to) });
  } else if (typeof asked.query === 'string') {
    say({ answer: { query: asked.query, ...(await controller.query(to, asked.query, data)) } });
  } else if (typeof asked.name === 'string') {
    const id = typeof asked.id === 'string' ? asked.id : undefined;
    const version = typeof asked.version === 'number' ? asked.version : undefined;
    say({ sent: await controller.sendAny(to, asked.name, data, { id, version }) });
  } else {
    say({ error: { code: 'bad_line', words: 'a line names a command (`name`), a `query`, or says `cut`' } });
  }
}

const input = createInterface({ input: process.stdin });
input.on('line', (text) => {
  if (text.trim() !== '') obey(text, device).catch((error) => say({ error: wordsOf(error) }));
});

let leaving = false;
async function leave(): Promise<void> {
  if (leaving) return;
  leaving = true;
  input.close();
  await controller.close();
  await server.close();
  process.exit(0);
}
process.on('SIGTERM', () => void leave());
process.on('SIGINT', () => void leave());
