/**
 * The simulated Mac as a program.
 *
 *   node test/sim/main.ts --folder DIR [--factor N] [--start ISO] [--own-address +1…] [--macos 11|12|13|14|15|26|27]
 *                         [--guid-prefix any|service] [--reports-until-verdict N]
 *   node test/sim/main.ts --list                                     the scenarios by name: what happens, what the relay must do
 *   node test/sim/main.ts --play NAME [--folder DIR] [--factor N]    one of them, beside a relay that you start as it tells you
 *
 * It makes DIR/Library/Messages/chat.db, DIR/bin/osascript, DIR/bin/ps and DIR/bin/launchctl. Programs that shall live in its time are started with
 * `node --import test/sim/virtual-clock.ts` and the environment of `clock_env`.
 *
 * stdout, one JSON object a line:
 *   {"ready": {chat_db, osascript, ps, launchctl, clock_env, now}}   first
 *   {"mac": {at, kind, handle, chat, text, guid, …}}       something happened (mac-events.ts)
 *   {"done": {id, …}}                                     a command was done; what came of it
 *   {"error": {id, code, words}}                          or not
 * stdin, one JSON object a line, each with an `id` if wanted (commands.ts has all fields):
 *   {"do": "contact", "handle", …}        what a person does with messages: deliveredAfterMs, readAfterMs, answers, notDelivered, …
 *   {"do": "inbound", "from", "text"}     somebody writes; chat, ageMs, tapback, files, replyTo, …
 *   {"do": "type", "to", "text"}          the owner writes by hand
 *   {"do": "group", "members", "name"}    a group; gives its names
 *   {"do": "change", "guid", …}           edit, unsend, transferState, remove, reinsert      {"do": "group_change", "chat", "by", "change"}
 *   {"do": "messages", "mode"}            how osascript fares (osascript-desk.ts): count, delayMs, goes, handle
 *   {"do": "release", "how"}              what hangs goes on ("go") or ends ("end")
 *   {"do": "apple", …}                    timing of rows, junk verdict, ghosts
 *   {"do": "replace_db", "keep"}          another file behind the path
 *   {"do": "session", "open"}             somebody logs in at the screen, or out: what launchd goes by
 *   {"do": "rows", "sinceRowid"}          the rows as they are stored      {"do": "checkpoint"}      {"do": "reopen"}
 *   {"do": "pass", "ms"}                  time is skipped, as in sleep              {"do": "now"}
 *
 * SIGTERM, SIGINT or the end of stdin: everything ends, exit 0. Bad arguments: exit 2. --play: 0 if all is seen that must be, else 1.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { Command } from './commands.ts';
import { SimError, SimulatedMac } from './mac.ts';
import { SCENARIOS, scenarioNamed } from './scenarios/all.ts';
import { MACOS_VERSIONS } from './schema-macos.ts';
import { simClockEnv } from './sim-clock.ts';

function say(line: Record<string, unknown>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function stop(words: string): never {
  process.stderr.write(`sim: ${words}\n`);
  process.exit(2);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        folder: { type: 'string' },
        list: { type: 'boolean', default: false },
        play: { type: 'string' },
        factor: { type: 'string', default: '1' },
        start: { type: 'string' },
        'own-address': { type: 'string' },
        macos: { type: 'string', default: '26' },
        'guid-prefix': { type: 'string' },
        'reports-until-verdict': { type: 'string', default: '3' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    return stop(error instanceof Error ? error.message : String(error));
  }
}

const values = readArguments();
if (values.help) {
  const [comment = ''] = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('*/');
  process.stdout.write(comment.replace(/^\/\*\*\n/, '').replace(/^ \* ?/gm, ''));
  process.exit(0);
}
const { folder, start } = values;
const factor = Number(values.factor);
const reports = Number(values['reports-until-verdict']);
const prefix = values['guid-prefix'];
if (!(factor > 0 && Number.isFinite(factor))) stop(`--factor must be a number above 0, not ${values.factor}.`);
if (start !== undefined && !Number.isFinite(Date.parse(start))) stop(`--start must be a time, not ${start}.`);
if (!Number.isInteger(reports) || reports < 1) stop('--reports-until-verdict must be a whole number from 1.');
if (prefix !== undefined && prefix !== 'any' && prefix !== 'service') stop('--guid-prefix must be any or service.');
const macos = MACOS_VERSIONS.find((version) => version === values.macos);
if (!macos) stop(`--macos must be one of ${MACOS_VERSIONS.join(', ')}, not ${values.macos}.`);

if (values.list) {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  for (const { name, happens, must } of SCENARIOS)
    process.stdout.write(`${name.padEnd(width)}  ${happens} → ${must}\n`);
  process.exit(0);
}
if (values.play !== undefined) {
  const scenario = scenarioNamed(values.play);
  if (!scenario) stop(`there is no scenario ${values.play}; --list names them all.`);
  const { playByHand } = await import('./scenarios/by-hand.ts');
  const where = folder ? resolve(folder) : mkdtempSync(join(tmpdir(), 'sender-relay-scenario-'));
  const mac = { start, ownAddress: values['own-address'], macos, guidPrefix: prefix } as const;
  const say = (words: string) => void process.stdout.write(`${words}\n`);
  const good = await playByHand(scenario, { folder: where, factor, mac, say });
  say(good ? 'All is as it must be.' : 'Not all is as it must be.');
  process.exit(good ? 0 : 1);
}
if (!folder) stop('--folder is needed; --help says more.');

const skips = join(resolve(folder), 'time', 'skips');
rmSync(skips, { force: true });
mkdirSync(join(resolve(folder), 'time'), { recursive: true });
const clockEnv = simClockEnv({ factor, start, skips });
const mac = new SimulatedMac({
  folder: resolve(folder),
  clockEnv,
  ownAddress: values['own-address'],
  macos,
  guidPrefix: prefix,
  reportsUntilVerdict: reports,
  onEvent: (event) => say({ mac: event }),
});
const { chatDb, osascript, ps, launchd } = mac;
const paths = { chat_db: chatDb, osascript, ps, launchctl: launchd.launchctl };
say({ ready: { ...paths, clock_env: clockEnv, now: mac.now() } });

function obey(text: string): void {
  let id: unknown;
  try {
    const asked: unknown = JSON.parse(text);
    id = typeof asked === 'object' && asked !== null ? Reflect.get(asked, 'id') : undefined;
    const command = Command.safeParse(asked);
    if (!command.success) throw new SimError('bad_command', z.prettifyError(command.error));
    say({ done: { id, ...mac.obey(command.data) } });
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const code = error instanceof SimError ? error.code : error instanceof SyntaxError ? 'bad_line' : 'failed';
    say({ error: { id, code, words } });
  }
}

function leave(): void {
  mac.close().finally(() => process.exit(0));
}
const input = createInterface({ input: process.stdin });
input.on('line', (text) => {
  if (text.trim() !== '') obey(text);
});
input.on('close', leave);
process.on('SIGTERM', leave);
process.on('SIGINT', leave);
process.stdout.on('error', leave);
