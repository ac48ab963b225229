/** Signatures must rule out nothing that is near, and what they are worth; the code that goes through them is that of its source. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_GRAMS } from '../../../daemon/gate/fingerprint.ts';
import { sharedCount } from '../../../daemon/gate/near.ts';
import { LENGTHS, lengthOf, ROOM_SLOTS, Signatures, TOO_MANY } from '../../../daemon/gate/signatures.ts';
import { generated } from '../../../scripts/generate-signature-scan.ts';

/** As good as chance, and always the same. */
function gram(n: number): number {
  const mixed = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) | 0;
}

const some = (size: number, from: number) => Int32Array.from({ length: size }, (_, i) => gram(from + i)).sort();
const allNeed = (least: number) => new Uint16Array(MAX_GRAMS + 1).fill(least);

/** Grams as hashes are, and such as no hash would give: all close together, so that many fall on one bit. */
const someGrams = fc
  .oneof(
    fc.uniqueArray(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 1, maxLength: MAX_GRAMS }),
    fc.uniqueArray(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: MAX_GRAMS }),
    fc.uniqueArray(
      fc.integer({ min: 0, max: 600 }).map((n) => n * 7_000_000 - 2 ** 31),
      { minLength: 1, maxLength: MAX_GRAMS },
    ),
  )
  .map((grams) => Int32Array.from(grams).sort());

describe('signatures', () => {
  it('pass over no text that shares as many grams as are needed', () => {
    const signatures = new Signatures();
    const rooms = Array.from({ length: LENGTHS + 1 }, (_, length) => signatures.take(Math.max(1, length)));
    fc.assert(
      fc.property(someGrams, someGrams, fc.double({ min: 0, max: 1, noNaN: true }), (asked, other, part) => {
        const mixed = new Set([...asked.slice(0, Math.round(part * asked.length)), ...other]);
        const kept = Int32Array.from([...mixed].slice(0, MAX_GRAMS)).sort();
        const room = rooms[lengthOf(kept.length)];
        if (!room) throw new Error('no room');
        signatures.write(room, 0, kept, 0, kept.length);
        signatures.ask(asked, allNeed(sharedCount(asked, kept)));
        expect(signatures.scan(room, 1)).toBe(1);
      }),
      { numRuns: 2_000 },
    );
  });

  it('rule out nearly all that share too few', () => {
    const signatures = new Signatures();
    const room = signatures.take(lengthOf(150));
    for (let slot = 0; slot < ROOM_SLOTS; slot += 1) {
      // Less than two thirds of what is needed, and much that no other holds.
      const kept = Int32Array.from([...some(60, 0), ...some(90, 1_000 * (slot + 1))]).sort();
      signatures.write(room, slot, kept, 0, kept.length);
    }
    signatures.ask(some(150, 0), allNeed(100));
    expect(signatures.scan(room, ROOM_SLOTS)).toBeLessThan(ROOM_SLOTS / 100);
    signatures.ask(some(150, 0), allNeed(60));
    expect(signatures.scan(room, ROOM_SLOTS)).toBe(ROOM_SLOTS);
    expect([...signatures.found.subarray(0, 3)]).toEqual([0, 1, 2]);
  });

  it('leave out what is of a size that cannot be near, and what was erased', () => {
    const signatures = new Signatures();
    const room = signatures.take(1);
    signatures.write(room, 0, some(20, 0), 0, 20);
    signatures.write(room, 1, some(30, 0), 0, 30);
    signatures.write(room, 2, some(20, 0), 0, 20);
    const needed = allNeed(0);
    needed[0] = TOO_MANY;
    needed[30] = TOO_MANY;
    signatures.ask(some(20, 0), needed);
    expect(signatures.scan(room, 3)).toBe(2);
    signatures.erase(room, 2);
    expect(signatures.scan(room, 3)).toBe(1);
    expect(signatures.found[0]).toBe(0);
  });

  it('go from one room to another, and rooms are used again', () => {
    const signatures = new Signatures();
    const room = signatures.take(2);
    const other = signatures.take(2);
    signatures.write(room, 7, some(120, 0), 0, 120);
    signatures.copy(room, 7, other, 0);
    signatures.giveBack(room);
    expect(signatures.take(2)).toBe(room);
    // Grows the memory under what was there.
    for (let n = 0; n < 40; n += 1) signatures.take(LENGTHS);
    signatures.ask(some(120, 0), allNeed(120));
    expect(signatures.scan(other, 1)).toBe(1);
  });

  it('are gone through by the code that its source says', async () => {
    const file = new URL('../../../daemon/gate/signature-scan.generated.ts', import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(await generated());
  });
});
