/** The device token: one line in a file that only its owner can read. It never leaves this file but for the controller's ear. */
import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { codeOf, messageOf, RelayError } from './errors.ts';

const TOKEN = /^[\x21-\x7e]{1,4096}$/;

/** 32 random bytes, as base64url: 43 characters that need no quoting anywhere. */
export function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

/** What surrounds it (a line break at the end of a file) goes; null if the rest is not one line of visible ASCII. */
export function tokenIn(text: string): string | null {
  const token = text.trim();
  return TOKEN.test(token) ? token : null;
}

/** Throws `token_missing`, `token_exposed` (group or others can reach the file) or `token_invalid`; none of them says the token. */
export function readToken(path: string): string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT')
      throw new RelayError('token_missing', `there is no device token at ${path}`, {
        hint: 'Run relayctl pair, or write the token that the controller gave out into this file, with chmod 600.',
      });
    throw new RelayError('token_missing', `the device token cannot be read: ${messageOf(error)}`, {
      hint: `Make ${path} a file that you can read.`,
      cause: error,
    });
  }
  try {
    const mode = fstatSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0)
      throw new RelayError('token_exposed', `others can reach ${path} (mode ${mode.toString(8)})`, {
        hint: `Run chmod 600 on it; if others used this machine, ask the controller for a new token.`,
      });
    const token = tokenIn(readFileSync(file, 'utf8'));
    if (token === null)
      throw new RelayError('token_invalid', `${path} does not hold one line of visible ASCII`, {
        hint: 'Write the token, and nothing else, into this file.',
      });
    return token;
  } finally {
    closeSync(file);
  }
}
