/**
 * The package as somebody gets it: packed, installed globally into an empty prefix by the system's npm and Node (20 or later), and the
 * story played from there, its short form: the whole is played by demo.test.ts, and takes its time. What npm installs as optional packages comes from the registry; without it the test is skipped.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { relayctl } from '../support/relayctl.ts';
import { makeFolder } from '../support/store.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
/** Without the folders that npm and vitest put before it: the Node and npm that the machine has. */
const PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':');
const { NODE_COMPILE_CACHE: _, NODE_OPTIONS: __, ...inherited } = process.env;
const env: NodeJS.ProcessEnv = { ...inherited, PATH, npm_config_fetch_retries: '0' };

let folder: string;
let prefix: string;
let pack: { filename: string; size: number; unpackedSize: number; files: { path: string; mode: number }[] };

beforeAll(async () => {
  folder = makeFolder();
  prefix = join(folder, 'prefix');
  const { version, files, ...manifest } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const source = join(folder, 'source');
  // A checkout without the sources: what is packed is what `files` names, and all of it must be there.
  mkdirSync(source);
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', ...files])
    if (!name.endsWith('/')) cpSync(join(ROOT, name), join(source, name));
  await run(process.execPath, [join(ROOT, 'scripts/build.ts'), '--out', join(source, 'dist')]);
  const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: source,
    env,
  });
  const answer = JSON.parse(packed.stdout);
  pack = Array.isArray(answer) ? answer[0] : Object.values(answer)[0];
  expect(manifest.name).toBe('sender-relay');
  expect(pack.filename).toBe(`sender-relay-${version}.tgz`);
  const args = ['install', '-g', '--prefix', prefix, '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  await run('npm', [...args, join(folder, pack.filename)], { env });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const installed = () => join(prefix, 'lib/node_modules/sender-relay');
const bin = (name: string) => join(prefix, 'bin', name);
/** npm leaves an optional package out without a word when it cannot be fetched. */
const hasNode = () => readdirSync(join(installed(), 'node_modules')).some((name) => /^node-/.test(name));

describe('the package', () => {
  it('holds built files, launchers, plist and profile, and nothing else', () => {
    const names = pack.files.map((file) => file.path).sort();
    expect(names.filter((name) => !/^dist\/(migrations|scripts)\//.test(name))).toEqual([
      'LICENSE',
      'README.md',
      'com.sender.relay.plist',
      'dist/demo/controller.js',
      'dist/demo/sim.js',
      'dist/demo/virtual-clock.js',
      'dist/licences.txt',
      'dist/package-mac.js',
      'dist/relayctl.js',
      'dist/relayd.js',
      'dist/runtimes.json',
      'dist/sender-relay-demo.js',
      'package.json',
      'scripts/launch.sh',
      'scripts/package-mac.sh',
      'scripts/relayctl',
      'scripts/relayd',
      'scripts/sender-relay-demo',
      'scripts/sender-relay.mobileconfig',
    ]);
    expect(pack.unpackedSize).toBeLessThan(6_000_000);
    for (const name of ['relayctl', 'relayd', 'sender-relay-demo', 'package-mac.sh'])
      expect(statSync(join(installed(), 'scripts', name)).mode & 0o111).toBe(0o111);
  });

  it('was installed by the Node of the system, and brings its own', async (context) => {
    const { stdout } = await run('node', ['--version'], { env });
    expect(Number(/^v(\d+)/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(20);
    if (!hasNode()) return context.skip('the registry did not give the pinned Node');
    const { code, out } = await relayctl(['--version'], { file: bin('relayctl'), env: { PATH } });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const modules = readdirSync(join(installed(), 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(modules).toHaveLength(1);
  });
});

describe('installed into an empty prefix', () => {
  it('plays the story, and every promise holds', async (context) => {
    if (!hasNode()) return context.skip('the registry did not give the pinned Node');
    const child = spawn(bin('sender-relay-demo'), ['--json', '--short'], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const told = Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    const [out, err, [code]] = await told;
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; holds?: boolean });
    const broken = lines.filter((line) => line.type === 'promise' && line.holds !== true);
    expect({ broken, err, code }).toEqual({ broken: [], err: '', code: 0 });
    expect(lines.at(-1)).toMatchObject({ type: 'verdict', holds: true, promises: 5 });
  }, 60_000);

  it('runs as a service', async (context) => {
    if (!hasNode()) return context.skip('the registry did not give the pinned Node');
    await serve();
  });

  it('is set up by flags, sends, and is ready', async (context) => {
    if (!hasNode()) return context.skip('the registry did not give the pinned Node');
    await setUp();
  }, 120_000);

  it('makes the profile, and knows which Node the app is to have', async () => {
    if (!hasNode()) return;
    const file = join(installed(), 'scripts/package-mac.sh');
    const { stdout } = await run(file, ['profile', '--team', 'ABCDE12345'], { env });
    expect(stdout).toContain('ABCDE12345');
    const runtimes = JSON.parse(readFileSync(join(installed(), 'dist/runtimes.json'), 'utf8'));
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    for (const { name, version, integrity } of Object.values<Record<string, string>>(runtimes))
      expect(lock.packages[`node_modules/${name}`]).toMatchObject({ version, integrity });
  });
});

/** `relayctl service install` from the prefix, and back. */
async function serve(): Promise<void> {
  const world = AgentWorld.open();
  try {
    world.configure();
    const where = { HOME: world.userHome, PATH, SENDER_RELAY_LAUNCHCTL: world.launchd.launchctl };
    const service = (...args: string[]) =>
      relayctl(['service', '--json', ...args], { file: bin('relayctl'), home: world.home, env: where });
    const [answer] = (await service('install')).json();
    expect(answer).toMatchObject({ answers: true, main: join(installed(), 'dist/relayd.js') });
    expect(dirname((answer as { program: string }).program)).toContain(join(installed(), 'node_modules'));
    expect(await service('uninstall')).toMatchObject({ code: 0 });
    expect(existsSync(world.agent)).toBe(false);
  } finally {
    await world.close();
  }
}

/** From an empty folder, with the daemon of the package under the stand-in of launchd. */
async function setUp(): Promise<void> {
  const stage = await Stage.open({ factor: 20 });
  const [home, user] = [join(stage.folder, 'new'), join(stage.folder, 'user')];
  const ran = (...args: string[]) => relayctl(args, { file: bin('relayctl'), home, env: { HOME: user, PATH } });
  try {
    for (const made of [home, user]) mkdirSync(made, { mode: 0o700 });
    const { chatDb, osascript, ps, launchctl } = stage.sim;
    const tools = { messages: { chat_db: chatDb, osascript, ps }, tools: { launchctl, codesign: '/none' } };
    writeFileSync(join(home, 'config.json'), JSON.stringify(tools), { mode: 0o600 });
    const pairing = ['--device', 'mac-1', '--token-file', join(stage.folder, 'controller-token')];
    const where = ['--url', `ws://127.0.0.1:${stage.line.port}`, '--test-to', '+14155550199'];
    const [answer] = (await ran('setup', '--json', ...pairing, ...where)).json();
    expect(answer).toMatchObject({ ready: true });
    expect((answer as { steps: { state: string }[] }).steps.map(({ state }) => state)).not.toContain('failed');
    expect(await ran('status', '--wait', '30s')).toMatchObject({ code: 0, out: expect.stringMatching(/^Ready\./) });
    expect(await ran('setup', '--undo')).toMatchObject({ code: 0 });
  } finally {
    await ran('service', 'uninstall');
    await stage.close();
  }
}
