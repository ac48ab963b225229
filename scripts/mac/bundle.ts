/**
 * `Sender Relay.app`, put together from a Node for the Mac and the built files. On any machine; signing (signing.ts) needs a Mac.
 *
 *   Contents/Info.plist
 *   Contents/MacOS/Sender Relay       the Node itself: macOS refuses a script here, and charges permissions to what runs
 *   Contents/Resources/dist/          relayd.js, relayctl.js, migrations/, scripts/, licences.txt of what is inside them
 *   Contents/Resources/scripts/       relayctl, relayd, launch.sh
 *   Contents/Resources/com.sender.relay.plist, LICENSE, LICENSE-node
 */
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'plist';

export const APP = 'Sender Relay.app';
export const PROGRAM = 'Contents/MacOS/Sender Relay';
export const IDENTIFIER = 'com.sender.relay';
/** Of the pinned Node: it needs this macOS. */
const OLDEST_MACOS = '13.5';

const BUILT = ['relayd.js', 'relayctl.js', 'migrations', 'scripts', 'licences.txt'];
const LAUNCHERS = ['relayctl', 'relayd', 'launch.sh'];

export interface Parts {
  /** Where "Sender Relay.app" is put; what is there is replaced. */
  out: string;
  /** The folder with com.sender.relay.plist, LICENSE and scripts/. */
  root: string;
  /** The built files. */
  dist: string;
  /** A Node for the Mac, and its licence. */
  runtime: { program: string; licence: string };
  /** "0.1.0". */
  version: string;
}

/** The path of the app. */
export function assemble({ out, root, dist, runtime, version }: Parts): string {
  const app = join(out, APP);
  rmSync(app, { recursive: true, force: true });
  const resources = join(app, 'Contents/Resources');
  mkdirSync(join(app, 'Contents/MacOS'), { recursive: true });
  writeFileSync(join(app, 'Contents/Info.plist'), infoPlist(version));
  cpSync(runtime.program, join(app, PROGRAM));
  chmodSync(join(app, PROGRAM), 0o755);
  for (const name of BUILT) copy(join(dist, name), join(resources, 'dist', name));
  for (const name of LAUNCHERS) copy(join(root, 'scripts', name), join(resources, 'scripts', name));
  for (const name of ['com.sender.relay.plist', 'LICENSE']) copy(join(root, name), join(resources, name));
  copy(runtime.licence, join(resources, 'LICENSE-node'));
  return app;
}

function copy(from: string, to: string): void {
  if (!existsSync(from)) throw new Error(`${from} is missing; build first (npm run build)`);
  cpSync(from, to, { recursive: true });
}

/** LSUIElement: no icon in the Dock. The usage description is what the question for Automation shows. */
export function infoPlist(version: string): string {
  const numbers = /^\d+\.\d+\.\d+/.exec(version)?.[0];
  if (!numbers) throw new Error(`${version} is no version that macOS understands`);
  const content = {
    CFBundleDevelopmentRegion: 'en',
    CFBundleDisplayName: 'Sender Relay',
    CFBundleExecutable: 'Sender Relay',
    CFBundleIdentifier: IDENTIFIER,
    CFBundleInfoDictionaryVersion: '6.0',
    CFBundleName: 'Sender Relay',
    CFBundlePackageType: 'APPL',
    CFBundleShortVersionString: version,
    CFBundleSupportedPlatforms: ['MacOSX'],
    CFBundleVersion: numbers,
    LSMinimumSystemVersion: OLDEST_MACOS,
    LSUIElement: true,
    NSAppleEventsUsageDescription:
      'Sender Relay sends through Messages what its controller asks for. Without this it can only read.',
    NSSupportsAutomaticTermination: false,
    NSSupportsSuddenTermination: false,
  };
  return `${build(content)}\n`;
}

/**
 * Exactly these, or V8 dies (the first two) or Messages cannot be asked (the third). The stock Node also has get-task-allow and
 * allow-dyld-environment-variables, by which any program of the user could get inside: not here.
 */
export const ENTITLEMENTS = {
  'com.apple.security.cs.allow-jit': true,
  'com.apple.security.cs.allow-unsigned-executable-memory': true,
  'com.apple.security.automation.apple-events': true,
};

export function entitlementsPlist(): string {
  return `${build(ENTITLEMENTS)}\n`;
}
