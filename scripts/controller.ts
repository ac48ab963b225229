/**
 * The reference controller as a program: a relay dials in, events come out, commands go in.
 *
 *   npm run controller -- --help
 *
 * SIGTERM or SIGINT: bye, drain, exit 0. Bad arguments: exit 2.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Controller, ControllerError } from '../protocol/controller.ts';
import { serveController, tokenHash } from '../protocol/controller-server.ts';
import { SqliteStore } from '../protocol/controller-sqlite.ts';

const HELP = `Usage: npm run -s controller -- --store FILE --device NAME --token-file FILE [options]

Waits on 127.0.0.1 for one relay, prints its events, sends it commands.

Options:
  --store <file>          what is kept: commands, events, where each stream stands (made if it is not there)
  --device <name>         the relay's "device" in config.json
  --token-file <file>     the relay's token, 16 characters or more; readable by its owner only
  --port <number>         0: any that is free (default: 0)
  --name <name>           what it calls itself (default: reference-controller)
  --heartbeat-ms <ms>     100 to 600000 (default: 30000)
  --help

Reads from stdin, one JSON object a line:
  {"name", "data", "id"?, "version"?}   a command; what each one takes: protocol/commands.ts, times in Unix ms
  {"query", "data"}                     a question
  {"cut": true}                         drops the line

Prints to stdout, one JSON object a line:
  {"listening": url}                                         first: "controller.url" for config.json
  {"line": {kind, device, …}}                                a relay came or went
  {"event": {n, device, seq, id, name, version, at, data}}   stored, once by id
  {"sent": {id, duplicate}}                                  the command is stored
  {"answer": {query, kind, …}}                               result, refused or lost
  {"cut": true|false}                                        was there a line to cut?
  {"error": {code, words}}

Ctrl-C ends it.

Example:
  (umask 077; openssl rand -hex 32 > token)   # the same file beside the relay's config.json
  npm run -s controller -- --store cloud.db --device mac-1 --token-file token --port 8787
  {"query": "sender.get", "data": {}}
  {"query": "gate.check", "data": {"to": "+14155550101", "text": "Hi!"}}
`;

const MORE = '  npm run controller -- --help tells more';

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function stop(words: string): never {
  process.stderr.write(`controller: ${words}\n`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: '0' },
        store: { type: 'string' },
        device: { type: 'string' },
        'token-file': { type: 'string' },
        name: { type: 'string', default: 'reference-controller' },
        'heartbeat-ms': { type: 'string', default: '30000' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    stop(`${wordsOf(error).words}\n${MORE}`);
  }
}

const values = readArguments();
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const { store: storePath, device, 'token-file': tokenFile } = values;
if (!storePath || !device || !tokenFile) stop(`--store, --device and --token-file are needed.\n${MORE}`);
const port = whole('port', values.port, 0, 65_535);
const heartbeatMs = whole('heartbeat-ms', values['heartbeat-ms'], 100, 600_000);

function whole(name: string, written: string, least: number, most: number): number {
  const number = Number(written);
  if (!Number.isInteger(number) || number < least || number > most)
    stop(`--${name} must be a whole number from ${least} to ${most}.`);
  return number;
}

function hashOfToken(path: string): string {
  if (!existsSync(path)) stop(`there is no token file ${path}.`);
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
