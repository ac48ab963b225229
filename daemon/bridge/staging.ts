/**
 * Where files lie that are to be sent: a folder that Messages may read, one folder of its own for each file.
 *
 *   <folder>/<uuid>/.partial ── fetched whole, size and sha256 right ──▶ <folder>/<uuid>/<name> ── released, or nobody's at a start ──▶ gone
 *
 * A file outside of the folders that Messages can read is taken by osascript all the same, and fails later with error 25; so nothing is sent
 * from anywhere else. 0700 and 0600: other users of the Mac see nothing. The caller says which files are still needed.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../host/clock.ts';
import type { Config } from '../host/config.ts';
import { codeOf, messageOf, RelayError } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import { safeFileName, stemOf } from './file-names.ts';
import { HttpsFetch } from './https-fetch.ts';

/** What must stay free on the disk for the Mac itself. */
const FREE_BYTES = 512 * 1024 * 1024;

export interface WantedFile {
  url: string;
  /** Lower-case hex, if the controller gave it. */
  sha256: string | null;
  filename: string | null;
  mime: string | null;
}

export interface StagedFile {
  /** Name of its own folder. */
  folder: string;
  name: string;
  bytes: number;
  sha256: string;
  /** A visiting card: everybody gets the same one, so it makes no two messages alike. */
  vcard: boolean;
}

export type Staged =
  | ({ ok: true } & StagedFile)
  /** `again`: it may fare better later, not before `retryAfterMs`. */
  | { ok: false; again: boolean; words: string; retryAfterMs?: number };

export class Staging {
  readonly #folder: string;
  readonly #fetch: HttpsFetch;
  readonly #log: Log;
  readonly #maxBytes: number;
  readonly #maxTotalBytes: number;
  /** Bytes by folder; what is under way counts as the most that it may become. */
  readonly #held = new Map<string, number>();

  constructor(o: { folder: string; fetch: HttpsFetch; log: Log; maxBytes: number; maxTotalBytes: number }) {
    this.#folder = o.folder;
    this.#fetch = o.fetch;
    this.#log = o.log;
    this.#maxBytes = o.maxBytes;
    this.#maxTotalBytes = o.maxTotalBytes;
  }

  pathOf({ folder, name }: Pick<StagedFile, 'folder' | 'name'>): string {
    return join(this.#folder, folder, name);
  }

  /** As files are known again in chat.db. */
  stemOf(name: string): string {
    return stemOf(name);
  }

  /** Is it there as it was fetched? */
  has(file: Pick<StagedFile, 'folder' | 'name' | 'bytes'>): boolean {
    try {
      const found = statSync(this.pathOf(file));
      return found.isFile() && found.size === file.bytes;
    } catch {
      return false;
    }
  }

  /** Fetches a file. Never rejects. */
  async stage(wanted: WantedFile, signal?: AbortSignal): Promise<Staged> {
    const used = [...this.#held.values()].reduce((sum, bytes) => sum + bytes, 0);
    if (used + this.#maxBytes > this.#maxTotalBytes)
      return { ok: false, again: true, words: 'As many files as may lie on this Mac wait to be sent.' };
    const folder = randomUUID();
    this.#held.set(folder, this.#maxBytes);
    try {
      const staged = await this.#stageIn(folder, wanted, signal);
      if (staged.ok) this.#held.set(folder, staged.bytes);
      else await this.#drop(folder);
      return staged;
    } catch (error) {
      await this.#drop(folder).catch(() => {});
      const full = codeOf(error) === 'ENOSPC';
      this.#log.warn('staging_failed', { error: messageOf(error) });
      const words = full ? 'The disk of the Mac is full.' : `The file cannot be stored on the Mac (${codeOf(error)}).`;
      return { ok: false, again: true, words };
    }
  }

  async #stageIn(folder: string, { url, sha256, filename, mime }: WantedFile, signal?: AbortSignal): Promise<Staged> {
    makePrivate(this.#folder);
    const { bavail, bsize } = await statfs(this.#folder);
    if (bavail * bsize < this.#maxBytes + FREE_BYTES)
      return { ok: false, again: true, words: 'The disk of the Mac is nearly full.' };
    await mkdir(join(this.#folder, folder), { mode: 0o700 });
    const partial = join(this.#folder, folder, '.partial');
    const fetched = await this.#fetch.fetch(url, partial, signal);
    if (!fetched.ok) return fetched;
    if (sha256 !== null && fetched.sha256 !== sha256)
      return { ok: false, again: false, words: 'The file that came is not the one whose SHA-256 was given.' };
    const name = safeFileName({
      url,
      filename: filename ?? undefined,
      mime: mime ?? undefined,
      type: fetched.type ?? undefined,
    });
    await rename(partial, join(this.#folder, folder, name));
    return { ok: true, folder, name, bytes: fetched.bytes, sha256: fetched.sha256, vcard: fetched.vcard };
  }

  /** It is not needed any more. Resolves when it is gone; never rejects. */
  async release(folder: string): Promise<void> {
    try {
      await this.#drop(folder);
    } catch (error) {
      this.#log.warn('not_swept', { error: messageOf(error) });
    }
  }

  /** At the start: what belongs to nobody goes, what is needed counts. */
  sweep(needed: { folder: string; bytes: number }[]): void {
    this.#held.clear();
    for (const { folder, bytes } of needed) this.#held.set(folder, bytes);
    for (const name of this.#names()) {
      // Folders that are not ours to judge stay: the path comes from a file that a person wrote.
      if (this.#held.has(name) || !UUID.test(name)) continue;
      try {
        rmSync(join(this.#folder, name), { recursive: true, force: true });
      } catch (error) {
        this.#log.warn('not_swept', { error: messageOf(error) });
      }
    }
  }

  async #drop(folder: string): Promise<void> {
    if (!UUID.test(folder)) return;
    await rm(join(this.#folder, folder), { recursive: true, force: true });
    this.#held.delete(folder);
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function makePrivate(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if ((statSync(folder).mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/** As configured. Throws `config_invalid` if the file of certificates cannot be read. */
export function stagingOf(config: Config['messages']['attachments'], clock: Clock, log: Log): Staging {
  const { folder, max_bytes: maxBytes, max_total_bytes: maxTotalBytes, fetch_limit_ms: totalMs } = config;
  const ca = config.ca_file === null ? undefined : certificatesIn(config.ca_file);
  const fetch = new HttpsFetch({ clock, limits: { maxBytes, totalMs }, privateHosts: config.allow_hosts, ca });
  return new Staging({ folder, fetch, log, maxBytes, maxTotalBytes });
}

function certificatesIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new RelayError('config_invalid', `the certificates in ${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Mend messages.attachments.ca_file in config.json, or set it to null.',
      cause: error,
    });
  }
}
