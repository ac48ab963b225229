/**
 * Files that travel with the code: SQL migrations, AppleScripts, the template of the LaunchAgent, and the daemon's own program.
 *
 *   sources: daemon/host/migrations/, daemon/bridge/scripts/, daemon/main.ts        built: dist/migrations/, dist/scripts/, dist/relayd.js
 *   both: com.sender.relay.plist, in the folder of the package
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RelayError } from './errors.ts';

const PLACES = {
  migrations: ['./migrations/'],
  scripts: ['./scripts/', '../bridge/scripts/'],
} as const;

const FILES = {
  template: ['../com.sender.relay.plist', '../../com.sender.relay.plist'],
  relayd: ['./relayd.js', '../main.ts'],
} as const;

/** The folder's URL, with a slash at its end. Throws `asset_missing` if the package is incomplete. */
export function assetFolder(name: keyof typeof PLACES): URL {
  for (const place of PLACES[name]) {
    const folder = new URL(place, import.meta.url);
    if (existsSync(folder)) return folder;
  }
  throw missing(`the folder ${name}`);
}

/** The path of com.sender.relay.plist. Throws `asset_missing`. */
export function templateFile(): string {
  return fileOf('template');
}

/** The path of the daemon's program: the built file beside this one, in a checkout the source. Throws `asset_missing`. */
export function daemonFile(): string {
  return fileOf('relayd');
}

function fileOf(name: keyof typeof FILES): string {
  const found = FILES[name].map((place) => fileURLToPath(new URL(place, import.meta.url))).find((f) => existsSync(f));
  if (found === undefined) throw missing(FILES[name][0]);
  return found;
}

function missing(what: string): RelayError {
  return new RelayError('asset_missing', `${what} is missing beside ${import.meta.url}`, {
    hint: 'Install the relay again; in a checkout, run npm run build.',
  });
}
