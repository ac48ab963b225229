/**
 * What a person types to start the relay: `relayd` where the shell finds it (an installed package), else the path of the script beside
 * this program (a checkout, or a package that is not on the PATH).
 *
 *   sources: daemon/cli/start-command.ts      built: dist/relayctl.js      both: scripts/relayd
 */
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../host/paths.ts';

const PLACES = ['../../scripts/relayd', '../scripts/relayd'];

export interface Where {
  env: Environment;
  /** The folder that the person is in. */
  folder: string;
  /** relayd's own file, or null if it is not beside this program. */
  script: string | null;
}

/** Ready to be typed. `home`: as given with --home or SENDER_RELAY_HOME. */
export function startCommand(home: string | undefined, where: Where): string {
  const command = quoted(programOf(where));
  return home === undefined ? command : `SENDER_RELAY_HOME=${quoted(home)} ${command}`;
}

export function scriptBeside(url: string): string | null {
  return PLACES.map((place) => fileURLToPath(new URL(place, url))).find((file) => existsSync(file)) ?? null;
}

function programOf({ env, folder, script }: Where): string {
  if (script === null || onPath(script, env)) return 'relayd';
  const near = relative(folder, script);
  if (near.startsWith('..')) return script;
  return near.includes('/') ? near : `./${near}`;
}

/** Is that the relayd that the person's shell would run? What npm starts has folders on its PATH that the shell has not. */
function onPath(script: string, { PATH = '', npm_command: npm }: Environment): boolean {
  if (npm !== undefined) return false;
  const found = PATH.split(delimiter)
    .filter(Boolean)
    .map((folder) => join(folder, 'relayd'))
    .find((file) => existsSync(file));
  return found !== undefined && realpathSync(found) === realpathSync(script);
}

function quoted(path: string): string {
  return /^[\w./~-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
