/**
 * `scripts/package-mac.sh`: makes "Sender Relay.app" (mac/bundle.ts) and, on a Mac, signs it (mac/signing.ts); `profile` writes the
 * configuration profile for fleets (mac/profile.ts). In a checkout it builds first; in an installed package the built files are there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { assemble } from './mac/bundle.ts';
import { certificateRequirement, profileText, teamRequirement } from './mac/profile.ts';
import {
  ARCHS,
  type Arch,
  archOf,
  checkIntegrity,
  fetchRuntime,
  type PinnedRuntime,
  runtimesOf,
  unpackRuntime,
} from './mac/runtime.ts';
import { checkOrigin, MAC_TOOLS, ownIdentity, requirementOf, sign, type Tools } from './mac/signing.ts';

const HELP = `Usage: scripts/package-mac.sh [options]
       scripts/package-mac.sh profile (--team ID | --certificate SHA1 | --app APP)

Makes "Sender Relay.app": the pinned Node under our own name, so that macOS grants the
permissions to the relay and to nothing else. On a Mac it is signed; elsewhere it is only
put together.

Options:
  --out <folder>     where the app goes (default: ~/Applications on a Mac, else the present folder)
  --arch <arch>      ${ARCHS.join(' or ')} (default: that of this Mac, else arm64)
  --sign <identity>  a certificate in the keychain, or - for ad hoc: then each build asks for the
                     permissions again (default: one of our own, made once)
  --runtime <tgz>    the npm package of the Node, if it is here already; it must be the locked one
  --help

profile prints a configuration profile for Macs under device management: it grants both
permissions to the app that this team, or this certificate, has signed.

Exit codes: 0 done · 1 failed · 2 wrong options
`;

/** In the sources, scripts/; built, dist/. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const IS_BUILT = import.meta.url.endsWith('.js');

class WrongOptions extends Error {}

function readOptions() {
  try {
    return parseArgs({
      options: {
        out: { type: 'string' },
        arch: { type: 'string' },
        sign: { type: 'string' },
        runtime: { type: 'string' },
        team: { type: 'string' },
        certificate: { type: 'string' },
        app: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new WrongOptions(error instanceof Error ? error.message : String(error));
  }
}

function main(): void {
  const { values, positionals } = readOptions();
  if (values.help) return void process.stdout.write(HELP);
  const [what, ...more] = positionals;
  if (more.length > 0 || (what !== undefined && what !== 'profile')) throw new WrongOptions(`${what} is not known`);
  const tools = { ...MAC_TOOLS, codesign: process.env.SENDER_RELAY_CODESIGN || MAC_TOOLS.codesign };
  if (what === 'profile') return profile(values, tools);
  if (values.team ?? values.certificate ?? values.app) throw new WrongOptions('that option belongs to profile');
  make(values, tools);
}

function profile(o: { team?: string; certificate?: string; app?: string }, tools: Tools): void {
  const { team, certificate, app } = o;
  const given = [team, certificate, app].filter((one) => one !== undefined);
  if (given.length !== 1) throw new WrongOptions('profile takes one of --team, --certificate and --app');
  let requirement: string;
  if (app !== undefined) requirement = requirementOf(app, tools);
  else
    try {
      requirement = team !== undefined ? teamRequirement(team) : certificateRequirement(certificate ?? '');
    } catch (error) {
      throw new WrongOptions(error instanceof Error ? error.message : String(error));
    }
  const template = readFileSync(join(ROOT, 'scripts/sender-relay.mobileconfig'), 'utf8');
  process.stdout.write(profileText(template, requirement));
}

function make(o: { out?: string; arch?: string; sign?: string; runtime?: string }, tools: Tools): void {
  const isMac = process.platform === 'darwin';
  // A codesign that was named is used on any machine.
  const signs = isMac || tools.codesign !== MAC_TOOLS.codesign;
  if (o.sign !== undefined && !signs) throw new WrongOptions('signing needs a Mac');
  const arch = ARCHS.find((one) => one === (o.arch ?? (isMac ? process.arch : 'arm64')));
  if (!arch) throw new WrongOptions(`--arch is ${ARCHS.join(' or ')}, not ${o.arch}`);
  const out = resolve(o.out ?? (isMac ? join(homedir(), 'Applications') : '.'));
  const stage = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  try {
    const pinned = pinnedRuntimes()[arch];
    const runtime = unpackRuntime(packageOf(pinned, o.runtime), stage);
    if (archOf(runtime.program) !== arch) throw new Error(`${pinned.name} holds no program for ${arch}`);
    if (signs) checkOrigin(runtime.program, tools);
    const app = assemble({ out, root: ROOT, dist: built(stage), runtime, version: version() });
    say(`${app}\n  Node ${pinned.version} for ${arch}, ${Math.round(sizeOf(app) / 1_000_000)} MB`);
    if (!signs) say('  not signed: that needs a Mac. There, run this again.');
    else tellSigned(app, signed(app, o.sign, tools));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function signed(app: string, wanted: string | undefined, tools: Tools): string {
  const own = wanted === undefined ? ownIdentity(tools) : { identity: wanted, made: false };
  if (own.made)
    say(`  made the certificate “${own.identity}”; macOS asks once whether codesign may use it: Always Allow`);
  sign(app, own.identity, tools);
  return own.identity;
}

function tellSigned(app: string, identity: string): void {
  const how = identity === '-' ? 'ad hoc: the next build asks for both permissions again' : `by “${identity}”`;
  say(`  signed ${how}, and verified

Two permissions are to be granted, to Sender Relay itself:

  1. System Settings › Privacy & Security › Full Disk Access: + and choose
     ${app}
  2. System Settings › Privacy & Security › Automation: Sender Relay › Messages. macOS asks for it
     at the first message; say OK.

Then:

  "${join(app, 'Contents/Resources/scripts/relayctl')}" service install`);
}

/** What the lock file says; in an installed package, what it said at the build. */
function pinnedRuntimes(): Record<Arch, PinnedRuntime> {
  const file = join(ROOT, IS_BUILT ? 'dist/runtimes.json' : 'package-lock.json');
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return IS_BUILT ? (content as Record<Arch, PinnedRuntime>) : runtimesOf(content);
}

function packageOf(pinned: PinnedRuntime, given: string | undefined): string {
  if (given === undefined) return fetchRuntime(pinned, cacheFolder());
  if (!existsSync(given)) throw new WrongOptions(`there is no ${given}`);
  checkIntegrity(given, pinned);
  return given;
}

function cacheFolder(): string {
  const modules = join(ROOT, 'node_modules');
  return !IS_BUILT && existsSync(modules) ? join(modules, '.cache/sender-relay') : join(tmpdir(), 'sender-relay-cache');
}

function built(stage: string): string {
  if (IS_BUILT) return join(ROOT, 'dist');
  const dist = join(stage, 'dist');
  const args = [join(ROOT, 'scripts/build.ts'), '--out', dist, 'relayd', 'relayctl'];
  execFileSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  return dist;
}

function version(): string {
  const pack = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  return pack.version;
}

function sizeOf(folder: string): number {
  return readdirSync(folder, { recursive: true })
    .map((name) => lstatSync(join(folder, String(name))))
    .reduce((sum, found) => sum + (found.isFile() ? found.size : 0), 0);
}

function say(words: string): void {
  process.stdout.write(`${words}\n`);
}

try {
  main();
} catch (error) {
  const words = error instanceof Error ? error.message : String(error);
  process.stderr.write(`package-mac: ${words}\n${error instanceof WrongOptions ? `\n${HELP}` : ''}`);
  process.exitCode = error instanceof WrongOptions ? 2 : 1;
}
