/**
 * Files that the owner sent by hand: the same file counts as the same text does, so the gate must know their bytes. They are hashed off the
 * transaction that tells of the row, one after another, if they are on the disk then; what is not there, or is very large, is passed over.
 */
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { AttachmentFolder } from './attachment-folder.ts';
import type { ChatDb } from './chat-db.ts';
import type { SettledRow } from './chat-row.ts';
import { sha256Of } from './file-sum.ts';
import { isVcard } from './https-fetch.ts';
import { type RowSighting, sightingOf } from './sightings.ts';

/** Apple takes none above it. */
const LARGEST_BYTES = 100 * 1024 * 1024;
/** Rows that wait to be hashed; the oldest are passed over beyond that. */
const MOST_WAITING = 500;

export class OwnFiles {
  readonly #chatDb: () => ChatDb | null;
  readonly #folder: AttachmentFolder;
  readonly #commit: GroupCommit;
  readonly #log: Log;
  readonly #tell: (row: RowSighting, sha256: string[]) => void;
  #waiting: SettledRow[] = [];
  #work: Promise<void> | null = null;
  #stopped = false;

  constructor(o: {
    chatDb: () => ChatDb | null;
    folder: AttachmentFolder;
    commit: GroupCommit;
    log: Log;
    /** In a transaction: SHA-256 (hex) of the files of a row, without vCards. */
    tell: (row: RowSighting, sha256: string[]) => void;
  }) {
    this.#chatDb = o.chatDb;
    this.#folder = o.folder;
    this.#commit = o.commit;
    this.#log = o.log;
    this.#tell = o.tell;
  }

  /** A row from us that no attempt made. Cheap for rows without files, and for old ones: no distance is kept from them. */
  seen(row: SettledRow): void {
    if (row.late || this.#stopped || !Array.isArray(row.detail?.attachments)) return;
    this.#waiting.push(row);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#work ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }

  async #run(): Promise<void> {
    for (let row = this.#waiting.shift(); row && !this.#stopped; row = this.#waiting.shift()) {
      try {
        const sums = await this.#sumsOf(row);
        const sighting = sightingOf(row);
        if (sums.length > 0 && !this.#stopped) await this.#commit.run(() => this.#tell(sighting, sums));
      } catch (error) {
        this.#log.warn('own_file_not_read', { error: messageOf(error) });
      }
    }
    this.#work = null;
  }

  async #sumsOf({ rowid }: SettledRow): Promise<string[]> {
    const sums: string[] = [];
    for (const { path } of this.#chatDb()?.changed.files(rowid) ?? []) {
      const sum = await this.#sumOf(path);
      if (sum !== null) sums.push(sum);
    }
    return sums;
  }

  /** Null: not there, too large, a vCard. */
  async #sumOf(path: string): Promise<string | null> {
    const opened = await this.#folder.open(path);
    if (!opened.ok) return null;
    const { file, stats } = opened;
    try {
      if (stats.size === 0 || stats.size > LARGEST_BYTES) return null;
      return await sha256Of(file, stats.size, (piece, at) => !this.#stopped && !(at === 0 && isVcard(piece)));
    } finally {
      await file.close();
    }
  }
}
