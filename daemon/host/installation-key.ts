/** A random key of this installation, made once, for hashes that nobody else shall be able to try out. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { codeOf, RelayError } from './errors.ts';

/** 32 bytes, from a file of mode 0600. The caller holds the lock of the folder. Throws `key_damaged`. */
export function installationKey(path: string): Uint8Array {
  try {
    writeFileSync(path, randomBytes(32), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const key = readFileSync(path);
  if (key.length !== 32)
    throw new RelayError('key_damaged', `${path} does not hold 32 bytes`, {
      hint: 'Delete it; a new one is made at the next start. Hashes in older logs then stand for other contacts.',
    });
  return key;
}
