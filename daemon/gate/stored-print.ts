/** Fingerprints as the disk holds them. */
import type { Fingerprint } from './fingerprint.ts';
import { bytesOf, headLength, headOf, printOf } from './print-head.ts';

/** For the disk: the head (print-head.ts), then the grams, little-endian. */
export function encode(print: Fingerprint): Uint8Array {
  const head = headOf(print);
  const bytes = Buffer.allocUnsafe(head.length + print.grams.byteLength);
  bytes.write(head, 'latin1');
  bytes.set(bytesOf(print.grams), head.length);
  return bytes;
}

/** Null for another version: such fingerprints match nothing. `bytes` must not change after this. */
export function decode(bytes: Uint8Array): Fingerprint | null {
  const length = headLength(bytes);
  if (length < 0) return null;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1');
  return printOf(head, numbersOf(bytes, length));
}

/** The numbers from there on. They must stand at multiples of four; where they do not, a copy. */
function numbersOf(bytes: Uint8Array, from: number): Int32Array {
  const count = (bytes.length - from) >> 2;
  const at = bytes.byteOffset + from;
  if (at % 4 === 0) return new Int32Array(bytes.buffer as ArrayBuffer, at, count);
  const numbers = new Int32Array(count);
  new Uint8Array(numbers.buffer).set(bytes.subarray(from, from + 4 * count));
  return numbers;
}
