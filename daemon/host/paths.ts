/**
 * Where the relay keeps its things. One folder, for this user only, holds all but the logs:
 *
 *   config.json   token, key (0600)   relay.db   relay.sock (0600)   lock   work/ (0700, payloads of running sends)
 *
 * On a Mac that is ~/Library/Application Support/SenderRelay with logs in ~/Library/Logs/SenderRelay. With SENDER_RELAY_HOME (or
 * --home) everything, logs too, is under that folder. The caller owes `prepareHome` before anything is written.
 */
import { chmodSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { codeOf, messageOf, RelayError } from './errors.ts';

export interface RelayPaths {
  home: string;
  config: string;
  token: string;
  /** The installation's key (installation-key.ts). */
  key: string;
  db: string;
  socket: string;
  lock: string;
  work: string;
  logs: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A Unix socket's address holds 104 bytes on macOS, the last one being the NUL at its end. */
export const MAX_SOCKET_PATH_BYTES = 103;

/** All paths, absolute. `home` (from --home) wins over SENDER_RELAY_HOME. Touches nothing. */
export function relayPaths(o: { env: Environment; home?: string; userHome?: string }): RelayPaths {
  const userHome = o.userHome ?? homedir();
  const chosen = o.home ?? (o.env.SENDER_RELAY_HOME || undefined);
  const home = chosen === undefined ? join(userHome, 'Library/Application Support/SenderRelay') : resolve(chosen);
  return {
    home,
    config: join(home, 'config.json'),
    token: join(home, 'token'),
    key: join(home, 'key'),
    db: join(home, 'relay.db'),
    socket: join(home, 'relay.sock'),
    lock: join(home, 'lock'),
    work: join(home, 'work'),
    logs: chosen === undefined ? join(userHome, 'Library/Logs/SenderRelay') : join(home, 'logs'),
  };
}

/** Refuses a socket path that the system could not bind, before anything is started. Throws `socket_path_long`. */
export function checkSocketPath(path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return;
  throw new RelayError('socket_path_long', `${path} has ${bytes} bytes; a socket may have ${MAX_SOCKET_PATH_BYTES}`, {
    hint: 'Choose a shorter folder with SENDER_RELAY_HOME.',
  });
}

/**
 * Makes the folders, and takes them from group and others if they could reach them. Throws `home_unusable` (not a folder, somebody
 * else's, not writable) or `socket_path_long`.
 */
export function prepareHome(paths: RelayPaths): void {
  checkSocketPath(paths.socket);
  for (const folder of [paths.home, paths.work, paths.logs]) makePrivate(folder);
}

function makePrivate(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = statSync(folder);
    if (!found.isDirectory()) throw new Error('it is not a folder');
    const me = process.getuid?.();
    if (me !== undefined && found.uid !== me) throw new Error('it belongs to another user');
    if ((found.mode & 0o077) !== 0) chmodSync(folder, 0o700);
  } catch (error) {
    throw new RelayError('home_unusable', `${folder} cannot be used: ${messageOf(error)}`, {
      hint:
        codeOf(error) === 'ENOSPC'
          ? 'The disk is full.'
          : 'Choose a folder of your own with SENDER_RELAY_HOME, or mend this one.',
      cause: error,
    });
  }
}
