/** Reads the log's files: the newest lines over all of them, and what is written from now on, through rotations. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { codeOf } from '../host/errors.ts';

const LOOK_EVERY_MS = 200;
const CHUNK = 64 * 1024;

/** The newest `most` lines that are wanted, oldest first, and where the newest file ends; null if there is no log. */
export function lastLines(
  folder: string,
  most: number,
  wanted: (line: string) => boolean,
): { lines: string[]; end: number } | null {
  let lines: string[] = [];
  let end: number | null = null;
  for (let n = 0; ; n += 1) {
    let text: string;
    try {
      text = readFileSync(fileOf(folder, n), 'utf8');
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return end === null ? null : { lines, end };
      throw error;
    }
    // A line that is just being written is for the follower.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    end ??= Buffer.byteLength(whole);
    const here = whole.split('\n').slice(0, -1).filter(wanted);
    lines = [...here, ...lines].slice(Math.max(0, here.length + lines.length - most));
    if (lines.length >= most) return { lines, end };
  }
}

/** Lines that come after `from` bytes of the newest file, until `signal` aborts. */
export async function* followLog(folder: string, from: number, signal: AbortSignal): AsyncGenerator<string> {
  const path = fileOf(folder, 0);
  let file = opened(path);
  let at = file === null ? 0 : from;
  let rest = '';
  try {
    while (!signal.aborted) {
      if (file !== null) {
        const read = readOn(file, at);
        at += read.bytes;
        const lines = (rest + read.text).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
        if (read.bytes > 0) continue;
      }
      // Only once the old file is read to its end.
      if (file === null || isOther(file, path)) {
        const next = opened(path);
        if (next !== null) {
          if (file !== null) closeSync(file);
          file = next;
          at = 0;
          rest = '';
          continue;
        }
      }
      await setTimeout(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    if (file !== null) closeSync(file);
  }
}

function fileOf(folder: string, n: number): string {
  return join(folder, n === 0 ? 'relay.log' : `relay.${n}.log`);
}

function opened(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

function isOther(file: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  return there !== undefined && there.ino !== fstatSync(file).ino;
}

/** Whole characters only: half of one is read with the next look. */
function readOn(file: number, at: number): { text: string; bytes: number } {
  const buffer = Buffer.allocUnsafe(CHUNK);
  const read = buffer.subarray(0, readSync(file, buffer, 0, CHUNK, at));
  const end = read.lastIndexOf(0x0a) + 1;
  const bytes = end > 0 ? end : read.length === CHUNK ? read.length : 0;
  return { text: read.toString('utf8', 0, bytes), bytes };
}
