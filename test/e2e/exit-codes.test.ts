/**
 * Every exit code of relayctl and of the daemon, reached by real processes. The cases, the README's table, the programs themselves and the design
 * (where it is at hand) must name the same codes: a new one without a case fails.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../daemon/cli/exit-codes.ts';
import { LABEL } from '../../daemon/host/version.ts';
import { simClockEnv } from '../sim/sim-clock.ts';
import { ChatDbFile } from '../support/chat-db-file.ts';
import { relayctl } from '../support/relayctl.ts';
import { makeFolder } from '../support/store.ts';

const ROOT = new URL('../../', import.meta.url);
const textOf = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const file = (path: string) => fileURLToPath(new URL(path, ROOT));
const DESIGN = new URL('../shared/design/OPERATIONS.md', ROOT);
const PATIENCE = { timeout: 60_000, interval: 50 };
const FACTOR = 60;

let folder: string;
let home: string;
let chatDb: string;
let daemons: ChildProcess[];
beforeEach(() => {
  folder = makeFolder();
  home = join(folder, 'relay');
  chatDb = join(folder, 'chat.db');
  daemons = [];
  mkdirSync(home, { mode: 0o700 });
});
afterEach(async () => {
  for (const daemon of daemons)
    if (daemon.exitCode === null) {
      daemon.kill('SIGKILL');
      await once(daemon, 'exit');
    }
  rmSync(folder, { recursive: true, force: true });
});

/** No Messages is there. */
function configure(): void {
  const messages = { chat_db: chatDb, osascript: join(folder, 'none') };
  writeFileSync(join(home, 'config.json'), JSON.stringify({ device: 'mac-1', messages }), { mode: 0o600 });
}

function daemon(o: { imports?: string[]; env?: Record<string, string> } = {}): ChildProcess {
  const args = (o.imports ?? []).flatMap((module) => ['--import', module]);
  const env = { ...process.env, SENDER_RELAY_HOME: home, ...o.env };
  const child = spawn(process.execPath, [...args, file('daemon/main.ts')], { env, stdio: 'ignore' });
  daemons.push(child);
  return child;
}

const codeOf = async (child: ChildProcess) => (child.exitCode ?? (await once(child, 'exit'))[0]) as number | null;
const status = async () => (await relayctl(['status'], { home })).code;
const statusBecomes = async (code: number) => {
  await expect.poll(status, PATIENCE).toBe(code);
  return status();
};

/** How each is reached; resolves with the code. */
const CASES: Record<string, () => Promise<number | null>> = {
  'relayctl 0': async () => (await relayctl(['--version'], { home })).code,
  'relayctl 1': async () => (await relayctl(['config', 'check'], { home })).code,
  'relayctl 2': async () => (await relayctl(['bogus'], { home })).code,
  'relayctl 3': status,
  'relayctl 4': () => {
    configure();
    daemon();
    return statusBecomes(4);
  },
  'relayctl 5': () => {
    configure();
    new ChatDbFile(chatDb).close();
    daemon();
    return statusBecomes(5);
  },
  'daemon 0': async () => {
    configure();
    const child = daemon();
    await statusBecomes(4);
    child.kill('SIGTERM');
    return codeOf(child);
  },
  'daemon 1': () => codeOf(daemon()),
  'daemon 2': () => {
    const child = spawn(file('scripts/relayd'), ['bogus'], { stdio: 'ignore' });
    return codeOf(child);
  },
  'daemon 70': () => {
    configure();
    const socket = JSON.stringify(join(home, 'relay.sock'));
    const defect = `import { existsSync } from 'node:fs';
      setInterval(() => { if (existsSync(${socket})) throw new Error('a defect'); }, 10).unref();`;
    return codeOf(daemon({ imports: [`data:text/javascript,${encodeURIComponent(defect)}`] }));
  },
  'daemon 75': async () => {
    configure();
    new ChatDbFile(chatDb).close();
    const list = join(folder, 'privacy');
    writeFileSync(list, chatDb);
    const imports = ['test/sim/virtual-clock.ts', 'test/sim/privacy.ts'].map((path) => new URL(path, ROOT).href);
    const env = { ...simClockEnv({ factor: FACTOR }), SIM_PRIVACY: list, XPC_SERVICE_NAME: LABEL };
    const child = daemon({ imports, env });
    await statusBecomes(4);
    writeFileSync(list, '');
    return codeOf(child);
  },
};

describe('the exit codes', () => {
  it.each(Object.keys(CASES))(
    '%s is reached',
    async (name) => {
      expect(`${name.split(' ')[0]} ${await CASES[name]?.()}`).toBe(name);
    },
    90_000,
  );

  it('are those of the README', () => {
    const table = textOf('README.md').split('| exit code | of `relayctl` | of the daemon |')[1]?.split('\n\n')[0] ?? '';
    const named = [...table.matchAll(/^\| (\d+) \| ?(.*?) ?\| ?(.*?) ?\|$/gm)].flatMap(([, code, ofCtl, ofDaemon]) => [
      ...(ofCtl ? [`relayctl ${code}`] : []),
      ...(ofDaemon ? [`daemon ${code}`] : []),
    ]);
    expect(named.sort()).toEqual(Object.keys(CASES).sort());
  });

  it('are those of the programs', () => {
    const main = textOf('daemon/main.ts');
    const head = main.slice(main.indexOf('Exit codes:'), main.indexOf('*/'));
    const told = [...head.matchAll(/(?:codes: |·[\s*]*)(\d+)/g)].map(([, code]) => `daemon ${code}`);
    // The launcher refuses what the daemon never sees.
    const refused = [...textOf('scripts/relayd').matchAll(/exit (\d+)/g)].map(([, code]) => `daemon ${code}`);
    const used = [...main.matchAll(/exit\((\d+)\)|stop\('[^']*', (\d+)\)/g)].map(([, a, b]) => `daemon ${a ?? b}`);
    expect(used.filter((code) => !told.includes(code))).toEqual([]);
    const ofCtl = Object.values(EXIT).map((code) => `relayctl ${code}`);
    expect([...new Set([...told, ...refused, ...ofCtl])].sort()).toEqual(Object.keys(CASES).sort());
  });

  it.skipIf(!existsSync(DESIGN))('are those of the design', () => {
    const list = /exit codes (0 [\s\S]*?)\n\|/.exec(readFileSync(DESIGN, 'utf8'))?.[1] ?? '';
    const named = [...list.matchAll(/(?:^|· )(\d+) /g)].map(([, code]) => `relayctl ${code}`);
    expect(named).toEqual(Object.keys(CASES).filter((name) => name.startsWith('relayctl')));
  });
});
