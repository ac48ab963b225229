/**
 * A whole file of a message, fetched piece by piece with `attachment.get` and checked against its SHA-256.
 *
 *   piece 0 ─▶ piece 1 ─▶ … ─▶ whole: size and SHA-256 agree ─▶ file
 *      ▲          └── another size or SHA-256 than before: the file has changed, begin again (MOST_STARTS times at the most)
 *
 * A relay answers one piece at a time; `Controller.fetchAttachment` keeps the files of a device in a row.
 */
import { createHash } from 'node:crypto';
import type { LineClock } from './clock.ts';
import type { QueryError } from './frames.ts';
import { RESULT_DATA, type ResultData } from './queries.ts';

const MOST_STARTS = 3;
/** The relay is at another piece, for somebody else. */
const AGAIN_MS = 200;
const MOST_AGAIN = 25;
export const MOST_FILE_BYTES = 100 * 1024 * 1024;

/** As `Controller.query` answers. */
export type PieceOutcome =
  | { kind: 'result'; data: Record<string, unknown>; next?: string }
  | { kind: 'refused'; error: QueryError }
  | { kind: 'lost'; why: string };

export type Download =
  | { kind: 'file'; data: Buffer; sha256: string; name?: string; mime_type?: string }
  /** The relay says no: `attachment_not_ready` (later, see `attachment.ready`), `attachment_gone`, `not_found`, … */
  | { kind: 'refused'; error: QueryError }
  /** Ask again. */
  | { kind: 'lost'; why: string }
  /** Larger than the caller takes. */
  | { kind: 'too_large'; bytes: number }
  /** What came is not what was promised. */
  | { kind: 'broken'; words: string };

export interface DownloadOptions {
  /** Puts one `attachment.get` question. */
  ask: (data: { attachment: string; offset: number }) => Promise<PieceOutcome>;
  clock: Pick<LineClock, 'after'>;
  /** What the caller has room for, MOST_FILE_BYTES if not given. */
  mostBytes?: number | undefined;
}

export async function downloadAttachment(attachment: string, o: DownloadOptions): Promise<Download> {
  for (let start = 0; start < MOST_STARTS; start += 1) {
    const done = await downloadOnce(attachment, o);
    if (done !== 'changed') return done;
  }
  return { kind: 'broken', words: 'The file changes while it is being fetched.' };
}

async function downloadOnce(
  attachment: string,
  { ask, clock, mostBytes = MOST_FILE_BYTES }: DownloadOptions,
): Promise<Download | 'changed'> {
  const pieces: Buffer[] = [];
  let first: ResultData<'attachment.get'> | undefined;
  for (let offset = 0; ; ) {
    const outcome = await askPatiently(clock, () => ask({ attachment, offset }));
    if (outcome.kind !== 'result') return outcome;
    const parsed = RESULT_DATA['attachment.get'].safeParse(outcome.data);
    if (!parsed.success || parsed.data.offset !== offset)
      return { kind: 'broken', words: 'The answer is no piece of it.' };
    const piece = parsed.data;
    first ??= piece;
    if (piece.sha256 !== first.sha256 || piece.bytes !== first.bytes) return 'changed';
    if (piece.bytes > mostBytes) return { kind: 'too_large', bytes: piece.bytes };
    const data = Buffer.from(piece.data, 'base64');
    pieces.push(data);
    offset += data.length;
    if (offset >= piece.bytes) break;
    if (data.length === 0) return { kind: 'broken', words: `It ends at ${offset} of ${piece.bytes} bytes.` };
  }
  const data = Buffer.concat(pieces);
  const { sha256, bytes, name, mime_type } = first;
  if (data.length !== bytes || createHash('sha256').update(data).digest('hex') !== sha256)
    return { kind: 'broken', words: 'The SHA-256 of what came is another one.' };
  return { kind: 'file', data, sha256, ...(name ? { name } : {}), ...(mime_type ? { mime_type } : {}) };
}

async function askPatiently(clock: DownloadOptions['clock'], ask: () => Promise<PieceOutcome>): Promise<PieceOutcome> {
  for (let tries = 0; ; tries += 1) {
    const outcome = await ask();
    const isBusy = outcome.kind === 'refused' && outcome.error.code === 'overloaded';
    if (!isBusy || tries === MOST_AGAIN) return outcome;
    await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve));
  }
}
