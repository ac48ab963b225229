/** Frames on their way to the disk: together, in their order, and what cannot be stored takes nothing with it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Arrivals } from '../../../daemon/link/arrivals.ts';
import type { NumberedFrame } from '../../../protocol/line.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
beforeEach(() => {
  store = openStore();
  store.db.exec('CREATE TABLE stored (seq INTEGER PRIMARY KEY, nth INTEGER)');
});
afterEach(() => store.remove());

const frame = (seq: number): NumberedFrame => ({ type: 'unknown', name: 'later', seq });

/** `fails`: of which frames the storing fails, so often. */
function open(fails: Map<number, number> = new Map()) {
  const pieces: number[][] = [];
  const acked: number[] = [];
  const broken: unknown[] = [];
  const arrivals = new Arrivals({
    commit: store.commit,
    store(frames) {
      for (const { seq } of frames) {
        store.db.sql('INSERT INTO stored (seq, nth) VALUES (?, ?)').run(seq, pieces.length);
        const left = fails.get(seq) ?? 0;
        fails.set(seq, left - 1);
        if (left > 0) throw new Error(`${seq} cannot be stored`);
      }
      pieces.push(frames.map(({ seq }) => seq));
    },
    onStored: (last) => acked.push(last.seq),
    onBroken: (error) => broken.push(error),
  });
  const held = () =>
    store.db
      .sql<{ seq: number }>('SELECT seq FROM stored ORDER BY seq')
      .all()
      .map(({ seq }) => seq);
  return { arrivals, pieces, acked, broken, held };
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('frames that arrived together', () => {
  it('are stored as one piece, and the last of them is told', async () => {
    const { arrivals, pieces, acked } = open();
    for (const seq of upTo(5)) arrivals.add(frame(seq));
    await arrivals.settled();
    expect({ pieces, acked }).toEqual({ pieces: [upTo(5)], acked: [5] });
  });

  it('but not too many at once', async () => {
    const { arrivals, pieces, held } = open();
    for (const seq of upTo(600)) arrivals.add(frame(seq));
    await arrivals.settled();
    expect(pieces.map((piece) => piece.length)).toEqual([256, 256, 88]);
    expect(held()).toEqual(upTo(600));
  });

  it('are stored up to the one that cannot be, which is told; nothing behind it is', async () => {
    const { arrivals, acked, broken, held } = open(new Map([[4, 9]]));
    for (const seq of upTo(6)) arrivals.add(frame(seq));
    await arrivals.settled();
    expect({ held: held(), acked }).toEqual({ held: [1, 2, 3], acked: [1, 2, 3] });
    expect(broken).toMatchObject([{ message: '4 cannot be stored' }]);
  });

  it('are each stored once, in their order, however they come and whatever fails once', async () => {
    let whole = 0;
    let again = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 4 }),
        async (bursts, failing) => {
          store.db.exec('DELETE FROM stored');
          const { arrivals, pieces, acked, broken, held } = open(new Map(failing.map((seq) => [seq, 1])));
          let seq = 0;
          for (const burst of bursts) {
            for (let i = 0; i < burst; i += 1) {
              seq += 1;
              arrivals.add(frame(seq));
            }
            await new Promise(setImmediate);
          }
          await arrivals.settled();
          // A frame that came alone has no second try.
          if (broken.length > 0) return;
          expect(pieces.flat()).toEqual(upTo(seq));
          expect(held()).toEqual(upTo(seq));
          expect(acked).toEqual(acked.toSorted((a, b) => a - b));
          expect(acked.at(-1)).toBe(seq);
          whole += 1;
          if (failing.some((one) => one <= seq)) again += 1;
        },
      ),
      // So many that each kind is certain to be among them, whatever the seed.
      { numRuns: 120, endOnFailure: true },
    );
    expect(whole).toBeGreaterThan(20);
    expect(again).toBeGreaterThan(2);
  });
});
