/** Writing a file whole or not at all: a reader finds the old one or the new one, also after a power cut. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, messageOf, RelayError } from './errors.ts';

/** `mode` is that of the file from its first byte on. A link stays, its target is replaced. Throws `file_unwritable`. */
export function writeWhole(path: string, text: string, mode: number): void {
  const target = targetOf(path);
  const draft = `${target}.new`;
  try {
    mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    rmSync(draft, { force: true });
    const file = openSync(draft, 'wx', mode);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, target);
    const folder = openSync(dirname(target), 'r');
    fsyncSync(folder);
    closeSync(folder);
  } catch (error) {
    // Where the folder is none, there is no draft either.
    if (existsSync(draft)) rmSync(draft, { force: true });
    throw new RelayError('file_unwritable', `${path} cannot be written: ${messageOf(error)}`, {
      hint:
        codeOf(error) === 'ENOSPC' ? 'The disk is full.' : `Make ${dirname(target)} a folder that you can write to.`,
      cause: error,
    });
  }
}

function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
