/**
 * The device's token, its name and the controller's address: put in place, exchanged, taken away.
 *
 *   not paired ──pair──▶ paired ──pair --rotate──▶ paired, with another token
 *        ◀──pair --remove──
 *
 * A token that is made here is shown once, on stdout, for the controller to register; one that was given is never shown. It is taken from a
 * file or stdin, since what stands on a command line stands in the shell's history and in `ps`. What is already so is told as that.
 *
 * The caller owes that `pairingGap` is null. Throws RelayError: `token_differs`, `token_invalid`, `token_exposed`,
 * `token_file_unreadable`, and what config-edit.ts throws.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { loadConfig } from '../host/config.ts';
import { messageOf, RelayError } from '../host/errors.ts';
import { makeToken, readToken, tokenIn } from '../host/token.ts';
import { writeWhole } from '../host/whole-file.ts';
import { configured, editConfig } from './config-edit.ts';
import type { Asking } from './world.ts';

export interface PairingWish {
  device?: string;
  url?: string;
  /** A path, or `-` for stdin. */
  tokenFile?: string;
  rotate?: boolean;
}

export interface Paired {
  device: string;
  url: string;
  token_file: string;
  /** `made` here, `taken` from what was given, or `kept`. */
  token: 'made' | 'taken' | 'kept';
  /** Only if it was made. Shown once. */
  secret: string | null;
  /** The fields of config.json that changed. */
  changed: string[];
}

export async function pair(asking: Asking, wish: PairingWish): Promise<Paired> {
  const device = wish.device ?? wordIn(configured(asking, ['device']));
  const url = wish.url ?? wordIn(configured(asking, ['controller', 'url']));
  if (device === undefined || url === undefined) throw new Error('what is missing is asked for before');
  // Read before anything is written: a wrong token leaves all as it was.
  const given = wish.tokenFile === undefined ? null : await givenToken(wish.tokenFile);
  const present = presentToken(asking, wish.rotate === true);
  if (present !== null && given !== null && given !== present && !wish.rotate)
    throw new RelayError('token_differs', 'this relay has another token already', {
      hint: 'Add --rotate to put the given one in its place.',
    });
  const changed = await editConfig(asking, [
    { path: ['device'], to: device },
    { path: ['controller', 'url'], to: url },
  ]);
  const { token_file } = controllerOf(asking);
  const done = { device, url, token_file, changed, secret: null };
  if (given !== null && given === present) return { ...done, token: 'kept' };
  if (given === null && present !== null && !wish.rotate) return { ...done, token: 'kept' };
  const token = given ?? makeToken();
  writeWhole(token_file, `${token}\n`, 0o600);
  return { ...done, token: given === null ? 'made' : 'taken', secret: given === null ? token : null };
}

export interface Unpaired {
  removed_token: boolean;
  changed: string[];
}

/** The section `controller` goes from config.json, and the token with it; the device keeps its name. */
export async function unpair(asking: Asking): Promise<Unpaired> {
  const path = tokenPath(asking);
  const changed = existsSync(asking.paths.config)
    ? await editConfig(asking, [{ path: ['controller'], to: undefined }])
    : [];
  const removed = existsSync(path);
  rmSync(path, { force: true });
  return { removed_token: removed, changed };
}

/** What `pair` still needs, in words for a person: what is wrong and what to do. Null if nothing. */
export function pairingGap(asking: Asking, wish: PairingWish): [message: string, hint: string] | null {
  const gaps = [
    ...((wish.device ?? configured(asking, ['device'])) === undefined ? ['--device NAME'] : []),
    ...((wish.url ?? configured(asking, ['controller', 'url'])) === undefined ? ['--url wss://…'] : []),
  ];
  return gaps.length > 0 ? ['It is not known with whom to pair.', `Give ${gaps.join(' and ')}.`] : null;
}

/** Whether there is a file where the token belongs. */
export function hasToken(asking: Asking): boolean {
  return existsSync(tokenPath(asking));
}

/** What a person has to know of it, a paragraph each. */
export function pairedWords(paired: Paired): string[] {
  const { device, url, token, token_file: file, changed, secret } = paired;
  const head = `${changed.length > 0 ? 'Paired' : 'Paired already'}: ${device} at ${url}.`;
  if (token === 'kept') return [head, `Its token stays: ${file}.`];
  if (secret === null) return [head, `The given token is in ${file}.`];
  return [head, `A new token is in ${file}. Register it at the controller for ${device}; it is shown only now:`];
}

/** Null if there is none; one that is damaged or exposed stops all but its exchange. */
function presentToken(asking: Asking, rotate: boolean): string | null {
  try {
    return readToken(tokenPath(asking));
  } catch (error) {
    if (!hasToken(asking) || rotate) return null;
    throw error;
  }
}

async function givenToken(path: string): Promise<string> {
  let read: string;
  try {
    read = path === '-' ? await text(process.stdin) : readFileSync(path, 'utf8');
  } catch (error) {
    throw new RelayError('token_file_unreadable', `the token cannot be read: ${messageOf(error)}`, {
      hint: 'Name a file that holds the token alone, or - for stdin.',
    });
  }
  const token = tokenIn(read);
  if (token !== null) return token;
  throw new RelayError('token_invalid', `${path === '-' ? 'stdin' : path} does not hold one line of visible ASCII`, {
    hint: 'It must hold the token that the controller gave out, and nothing else.',
  });
}

function tokenPath(asking: Asking): string {
  try {
    return controllerOf(asking).token_file;
  } catch {
    return asking.paths.token;
  }
}

/** As the service will read it: without the variables of this shell. */
function controllerOf(asking: Asking): { token_file: string } {
  return loadConfig({ paths: asking.paths, env: {} }).controller ?? { token_file: asking.paths.token };
}

function wordIn(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
