/**
 * Files of messages, piece by piece, for `attachment.get`: one piece at a time, so that a controller that asks for much holds up nobody.
 *
 *   asked ─▶ in chat.db? ─▶ there, and inside Messages' folder? ─▶ SHA-256 of the whole (once for a file) ─▶ the piece
 *
 * Size and SHA-256 are of the file as it is now; if it changes between two pieces, both say so.
 */
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { RefusalCode } from '../../protocol/codes.ts';
import { ATTACHMENT_CHUNK_BYTES } from '../../protocol/limits.ts';
import { isBusy } from '../host/db.ts';
import type { AttachmentFolder } from './attachment-folder.ts';
import { FINISHED } from './awaited-files.ts';
import type { StoredFile } from './changed-rows.ts';
import type { ChatDb } from './chat-db.ts';
import { sha256Of } from './file-sum.ts';

/** Files whose SHA-256 is kept. */
const REMEMBERED = 16;

export interface Piece {
  name: string | null;
  mimeType: string | null;
  /** Of the whole file. */
  bytes: number;
  /** Of the whole file, hex. */
  sha256: string;
  /** At most ATTACHMENT_CHUNK_BYTES from the offset on; none behind the end. */
  data: Buffer;
}

/** `words`: one sentence, what is wrong and what to do. */
export type PieceAnswer = { ok: true; piece: Piece } | { ok: false; code: RefusalCode; words: string };

export class AttachmentPieces {
  readonly #chatDb: () => ChatDb | null;
  readonly #folder: AttachmentFolder;
  /** By what the file is and when it was written; the newest last. */
  readonly #sums = new Map<string, string>();
  #busy = false;

  constructor(o: { chatDb: () => ChatDb | null; folder: AttachmentFolder }) {
    this.#chatDb = o.chatDb;
    this.#folder = o.folder;
  }

  /** `attachment`: Apple's guid of the file. `offset` in bytes. */
  async get(attachment: string, offset: number): Promise<PieceAnswer> {
    if (this.#busy) return refuse('overloaded', 'Another piece of a file is on its way; ask for one at a time.');
    this.#busy = true;
    try {
      return await this.#get(attachment, offset);
    } catch (error) {
      if (isBusy(error)) return refuse('overloaded', 'chat.db is locked; ask again in a moment.');
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  async #get(attachment: string, offset: number): Promise<PieceAnswer> {
    const chatDb = this.#chatDb();
    if (!chatDb) return refuse('permission_missing', 'chat.db cannot be read; relay.health says why.');
    const stored = chatDb.changed.file(attachment);
    if (!stored) return refuse('not_found', `chat.db knows no attachment ${attachment}.`);
    const opened = await this.#folder.open(stored.path);
    if (!opened.ok) return refusal(stored, opened.why);
    const { file, stats } = opened;
    try {
      const sha256 = await this.#sumOf(file, stats);
      const data = Buffer.alloc(Math.max(0, Math.min(ATTACHMENT_CHUNK_BYTES, stats.size - offset)));
      const { bytesRead } = data.length > 0 ? await file.read(data, 0, data.length, offset) : { bytesRead: 0 };
      const { name, mimeType } = stored;
      return { ok: true, piece: { name, mimeType, bytes: stats.size, sha256, data: data.subarray(0, bytesRead) } };
    } finally {
      await file.close();
    }
  }

  async #sumOf(file: FileHandle, stats: Stats): Promise<string> {
    const key = [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(' ');
    const known = this.#sums.get(key);
    if (known !== undefined) return known;
    const sum = await sha256Of(file, stats.size);
    this.#sums.set(key, sum);
    const oldest = this.#sums.keys().next();
    if (this.#sums.size > REMEMBERED && !oldest.done) this.#sums.delete(oldest.value);
    return sum;
  }
}

function refusal(file: StoredFile, why: 'missing' | 'outside' | 'denied' | 'no_file'): PieceAnswer {
  switch (why) {
    case 'missing':
      return file.state === FINISHED
        ? refuse(
            'attachment_gone',
            'The file is not on this Mac’s disk (any more); open the message in Messages to load it.',
          )
        : refuse('attachment_not_ready', 'The file is not on this Mac’s disk yet; attachment.ready tells when it is.');
    case 'denied':
      return refuse('permission_missing', 'macOS does not let this process read the file: it needs Full Disk Access.');
    case 'outside':
      return refuse('attachment_refused', 'chat.db names a place outside of Messages’ folder for attachments.');
    case 'no_file':
      return refuse('attachment_refused', 'What is there is no plain file, or cannot be read.');
  }
}

function refuse(code: RefusalCode, words: string): PieceAnswer {
  return { ok: false, code, words };
}
