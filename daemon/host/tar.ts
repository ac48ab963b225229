/** A small .tar.gz in memory, as POSIX ustar: plain files with short names, for the support file. */
import { gzipSync } from 'node:zlib';

export interface TarEntry {
  /** At most 100 bytes of ASCII. */
  name: string;
  text: string;
}

const BLOCK = 512;

/** `at`: Unix ms, the time that all files have. Throws RangeError if a name does not fit. */
export function tarGz(entries: TarEntry[], at: number): Buffer {
  const parts: Buffer[] = [];
  for (const { name, text } of entries) {
    const content = Buffer.from(text, 'utf8');
    parts.push(header(name, content.length, at), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK));
  }
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]));
}

function header(name: string, bytes: number, at: number): Buffer {
  if (!/^[\x21-\x7e]{1,100}$/.test(name)) throw new RangeError(`${JSON.stringify(name)} is no name for a tar`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number) => `${Math.floor(value).toString(8).padStart(digits, '0')}\0`;
  block.write(name, 0, 'ascii');
  block.write(octal(0o600, 7), 100, 'ascii');
  block.write(octal(0, 7), 108, 'ascii');
  block.write(octal(0, 7), 116, 'ascii');
  block.write(octal(bytes, 11), 124, 'ascii');
  block.write(octal(at / 1000, 11), 136, 'ascii');
  // The sum is made with eight spaces in its own place.
  block.write('        ', 148, 'ascii');
  block.write('0', 156, 'ascii');
  block.write('ustar\x0000', 257, 'ascii');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'ascii');
  return block;
}
