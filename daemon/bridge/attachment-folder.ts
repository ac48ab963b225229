/**
 * The folder in which Messages keeps files, and the only one that a path out of `chat.db` may lead to: what stands in a database that
 * strangers' messages fill is never followed elsewhere, neither by `..` nor by a link.
 */
import { constants, realpathSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, normalize, sep } from 'node:path';
import { codeOf } from '../host/errors.ts';

/** As Apple writes it on every Mac, wherever the home folder is. */
const AS_WRITTEN = '~/Library/Messages/Attachments/';

export type Opened =
  | { ok: true; file: FileHandle; stats: Stats }
  | { ok: false; why: 'missing' | 'outside' | 'denied' | 'no_file' };

export class AttachmentFolder {
  readonly path: string;

  /** `chatDb`: the folder `Attachments` beside it. */
  constructor(chatDb: string) {
    this.path = join(dirname(chatDb), basename(AS_WRITTEN));
  }

  /** Is the file there, inside the folder? Some µs. */
  has(written: string): boolean {
    const path = this.#local(written);
    if (path === null) return false;
    try {
      if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return false;
      return isInside(realpathSync.native(this.path), realpathSync.native(path));
    } catch {
      return false;
    }
  }

  /** Opens it for reading. The caller owes `file.close()`. */
  async open(written: string): Promise<Opened> {
    if (written === '') return { ok: false, why: 'missing' };
    const path = this.#local(written);
    if (path === null) return { ok: false, why: 'outside' };
    try {
      const real = await realpath(path);
      if (!isInside(await realpath(this.path), real)) return { ok: false, why: 'outside' };
      // Neither a link that was put there since, nor a pipe that would wait for a writer.
      const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      const stats = await file.stat();
      if (stats.isFile()) return { ok: true, file, stats };
      await file.close();
      return { ok: false, why: 'no_file' };
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR')
        return { ok: false, why: isInside(this.path, path) ? 'missing' : 'outside' };
      if (code === 'EPERM' || code === 'EACCES') return { ok: false, why: 'denied' };
      return { ok: false, why: 'no_file' };
    }
  }

  /** The path on this Mac, or null if it is none. What it leads to is another question. */
  #local(written: string): string | null {
    if (written.includes('\0')) return null;
    if (written.startsWith(AS_WRITTEN)) return join(this.path, written.slice(AS_WRITTEN.length));
    const absolute = written.startsWith('~/') ? join(homedir(), written.slice(2)) : written;
    return absolute.startsWith(sep) ? normalize(absolute) : null;
  }
}

function isInside(folder: string, path: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);
}
