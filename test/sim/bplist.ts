/** Writes a binary property list: what Apple keeps the history of an edited message in, among other things. */

export type PlistValue =
  | boolean
  | number
  | string
  | Uint8Array
  | { real: number }
  | PlistValue[]
  | { dict: Record<string, PlistValue> };

const TRAILER = 32;

export function bplist(root: PlistValue): Uint8Array {
  const objects: number[][] = [];

  /** The number of the object that was written. References are two bytes long. */
  function add(value: PlistValue): number {
    const index = objects.length;
    objects.push([]);
    objects[index] = bytesOf(value);
    return index;
  }

  function bytesOf(value: PlistValue): number[] {
    if (typeof value === 'boolean') return [value ? 0x09 : 0x08];
    if (typeof value === 'number') return [0x13, ...big(BigInt(value), 8)];
    if (typeof value === 'string') return textOf(value);
    if (value instanceof Uint8Array) return [...marker(0x40, value.length), ...value];
    if (Array.isArray(value)) return [...marker(0xa0, value.length), ...value.flatMap((v) => big(BigInt(add(v)), 2))];
    if ('real' in value) return [0x23, ...new Uint8Array(Float64Array.of(value.real).buffer).reverse()];
    const entries = Object.entries(value.dict);
    const keys = entries.map(([key]) => add(key));
    const values = entries.map(([, v]) => add(v));
    return [...marker(0xd0, entries.length), ...[...keys, ...values].flatMap((n) => big(BigInt(n), 2))];
  }

  add(root);
  const out = [...new TextEncoder().encode('bplist00')];
  const offsets = objects.map((bytes) => {
    const offset = out.length;
    for (const byte of bytes) out.push(byte);
    return offset;
  });
  const table = out.length;
  out.push(...offsets.flatMap((offset) => big(BigInt(offset), 4)));
  const trailer = [...big(0n, 6), 4, 2, ...big(BigInt(objects.length), 8), ...big(0n, 8), ...big(BigInt(table), 8)];
  if (trailer.length !== TRAILER) throw new RangeError('a trailer has 32 bytes');
  return Uint8Array.from([...out, ...trailer]);
}

function textOf(text: string): number[] {
  if (/^[\0-\x7f]*$/.test(text)) return [...marker(0x50, text.length), ...new TextEncoder().encode(text)];
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
  return [...marker(0x60, text.length), ...units.flatMap((unit) => [unit >> 8, unit & 0xff])];
}

/** Kind and length; lengths from 15 on follow as a number of their own. */
function marker(kind: number, length: number): number[] {
  return length < 15 ? [kind | length] : [kind | 15, 0x12, ...big(BigInt(length), 4)];
}

function big(value: bigint, size: number): number[] {
  return Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * (size - 1 - index))) & 0xffn));
}
