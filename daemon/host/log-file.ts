/**
 * The log's files, rotated by size and count: `relay.log` is the newest, `relay.1.log` the one before, and so on.
 *
 * winston's own file transport drops lines that arrive while it rotates (seen: 160 of 3000 in a burst) and keeps the last ones in
 * memory when the process dies. This stream writes at once and between two lines only; a line costs some microseconds.
 */
import { closeSync, fchmodSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { codeOf } from './errors.ts';

export class LogFile extends Writable {
  readonly path: string;
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #files: number;
  readonly #onFailed: (error: unknown) => void;
  #file: number | undefined;
  #bytes = 0;

  /**
   * The folder is made (0700) if it is not there. `files` counts the newest one too. A line that could not be written is told to
   * `onFailed` and lost; the next one tries again.
   */
  constructor(o: { folder: string; maxBytes: number; files: number; onFailed: (error: unknown) => void }) {
    super({ decodeStrings: true });
    this.path = join(o.folder, 'relay.log');
    this.#folder = o.folder;
    this.#maxBytes = o.maxBytes;
    this.#files = o.files;
    this.#onFailed = o.onFailed;
  }

  override _write(line: Buffer, _encoding: string, done: () => void): void {
    try {
      const file = this.#openFor(line.length);
      let written = 0;
      while (written < line.length) written += writeSync(file, line, written);
      this.#bytes += line.length;
    } catch (error) {
      this.#onFailed(error);
      this.#close();
    }
    done();
  }

  override _final(done: () => void): void {
    this.#close();
    done();
  }

  #openFor(bytes: number): number {
    if (this.#file !== undefined && this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) this.#rotate();
    if (this.#file === undefined) {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      this.#file = openSync(this.path, 'a', 0o600);
      fchmodSync(this.#file, 0o600);
      this.#bytes = fstatSync(this.#file).size;
      if (this.#bytes > 0 && this.#bytes + bytes > this.#maxBytes) {
        this.#rotate();
        return this.#openFor(bytes);
      }
    }
    return this.#file;
  }

  #rotate(): void {
    this.#close();
    const numbered = (n: number) => (n === 0 ? this.path : join(this.#folder, `relay.${n}.log`));
    rmSync(numbered(this.#files - 1), { force: true });
    for (let n = this.#files - 2; n >= 0; n -= 1) {
      try {
        renameSync(numbered(n), numbered(n + 1));
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
      }
    }
  }

  #close(): void {
    if (this.#file === undefined) return;
    const file = this.#file;
    this.#file = undefined;
    this.#bytes = 0;
    closeSync(file);
  }
}
