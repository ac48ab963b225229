/** Checks of the relay's own folder: configuration, token, store, socket, logs. */
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { openReader } from '../db.ts';
import { codeOf, messageOf, RelayError } from '../errors.ts';
import { checkSocketPath } from '../paths.ts';
import { readToken } from '../token.ts';
import { type Check, type CheckWorld, failed, needsPerson, passed, skipped, warned } from './check.ts';

export function configuration({ config, paths }: CheckWorld): Check {
  const name = 'config';
  if (config.ok) return passed(name, 'The configuration is right.');
  const { code, message, hint } = config.error;
  const remedy = hint ?? `Mend ${paths.config}; relayctl config check tells what is wrong.`;
  return needsPerson({ name, code, words: `${message}.`, remedy });
}

export function token({ config }: CheckWorld): Check {
  const name = 'token';
  if (!config.ok) return skipped(name, config.error.code, 'Only a configuration that is right tells where it is.');
  if (!config.config.controller) return skipped(name, 'no_controller', 'No controller is configured.');
  try {
    readToken(config.config.controller.token_file);
    return passed(name, 'The device token is there, and only you can read it.');
  } catch (error) {
    if (!(error instanceof RelayError)) throw error;
    const remedy = error.hint ?? 'Write the token into its file again.';
    return needsPerson({ name, code: error.code, words: `${upper(error.message)}.`, remedy });
  }
}

export function store({ paths }: CheckWorld): Check {
  const name = 'store';
  try {
    const db = openReader(paths.db, { timeoutMs: 2_000 });
    try {
      const found = db.sql<{ quick_check: string }>('PRAGMA quick_check(1)').get()?.quick_check;
      const version = Number(db.sql<{ user_version: number }>('PRAGMA user_version').get()?.user_version ?? 0);
      if (found === 'ok') return passed(name, 'The relay’s store is sound.', { version });
      return damaged(name, paths.db, found ?? 'no answer');
    } finally {
      db.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      return skipped(name, 'none_yet', 'There is no store yet; the relay makes it when it first starts.');
    const words = messageOf(error);
    if (/not a database|malformed/.test(words)) return damaged(name, paths.db, words);
    return failed({
      name,
      code: 'unreadable',
      words: `${paths.db} cannot be read: ${words}.`,
      remedy: 'Check that the relay’s folder is yours, and that the disk is in order.',
    });
  }
}

function damaged(name: string, path: string, why: string): Check {
  return needsPerson({
    name,
    code: 'store_damaged',
    words: `${path} is damaged: ${why}.`,
    remedy: `Stop the relay and move ${path} away; it then starts with a new store and reads chat.db before it sends anything.`,
  });
}

/** `answers`: does a relay answer on it? */
export function socket({ paths }: CheckWorld, answers: boolean): Check {
  const name = 'socket';
  try {
    checkSocketPath(paths.socket);
    const found = lstatSync(paths.socket);
    if (!found.isSocket())
      return failed({
        name,
        code: 'not_a_socket',
        words: `${paths.socket} is no socket.`,
        remedy: 'Move it away, then start the relay again.',
      });
    if ((found.mode & 0o077) !== 0)
      return failed({
        name,
        code: 'exposed',
        words: `Others can reach ${paths.socket} (mode ${(found.mode & 0o777).toString(8)}).`,
        remedy: 'Restart the relay; it takes the socket from others.',
      });
  } catch (error) {
    if (error instanceof RelayError) {
      const remedy = error.hint ?? 'Choose a shorter folder.';
      return needsPerson({ name, code: error.code, words: `${error.message}.`, remedy });
    }
    if (codeOf(error) === 'ENOENT') return skipped(name, 'none', 'There is no socket: the relay does not run.');
    const remedy = 'Check that the relay’s folder is yours.';
    return failed({ name, code: 'unreachable', words: `It cannot be looked at: ${messageOf(error)}.`, remedy });
  }
  if (answers) return passed(name, 'The relay answers on its socket, and only you can ask.');
  return warned({
    name,
    code: 'dead',
    words: 'The socket of a relay that ended is still there; nobody answers on it.',
    remedy: 'Start the relay: relayctl service start. It replaces the socket.',
  });
}

export function logFolder({ paths }: CheckWorld): Check {
  const name = 'logs';
  const remedy = `Make ${paths.logs} a folder of your own that you can write to.`;
  try {
    const found = statSync(paths.logs);
    if (!found.isDirectory()) return failed({ name, code: 'no_folder', words: `${paths.logs} is no folder.`, remedy });
    accessSync(paths.logs, constants.W_OK | constants.X_OK);
    if ((found.mode & 0o077) !== 0)
      return warned({
        name,
        code: 'exposed',
        words: `Others can reach the logs in ${paths.logs}.`,
        remedy: 'Restart the relay; it takes the folder from others.',
      });
    return passed(name, 'The relay can write its log.');
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      return warned({
        name,
        code: 'missing',
        words: `There is no ${paths.logs}.`,
        remedy: 'Start the relay; it makes it.',
      });
    return failed({ name, code: 'unwritable', words: `The log cannot be written: ${messageOf(error)}.`, remedy });
  }
}

function upper(text: string): string {
  return `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}`;
}
