/** The SHA-256 of a file that is open: read piece by piece, so that a large one holds up nobody and takes no memory. */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const READ_BYTES = 1024 * 1024;

type GoesOn = (piece: Buffer, at: number) => boolean;

/**
 * Hex, of the first `bytes` bytes, or of as many as there are by now. `goesOn` is asked with each piece, and the place at which it begins, before
 * that is taken in: null if it says no.
 */
export function sha256Of(file: FileHandle, bytes: number): Promise<string>;
export function sha256Of(file: FileHandle, bytes: number, goesOn: GoesOn): Promise<string | null>;
export async function sha256Of(file: FileHandle, bytes: number, goesOn: GoesOn = () => true): Promise<string | null> {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(Math.min(READ_BYTES, Math.max(1, bytes)));
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    const piece = buffer.subarray(0, bytesRead);
    if (bytesRead === 0) break;
    if (!goesOn(piece, at)) return null;
    hash.update(piece);
    at += bytesRead;
  }
  return hash.digest('hex');
}
