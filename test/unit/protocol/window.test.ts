import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SendWindow } from '../../../protocol/window.ts';

/** A plain model of what is unacked, to compare with. */
type Step =
  | { kind: 'send'; bytes: number }
  | { kind: 'ack'; back: number }
  | { kind: 'resize'; frames: number; bytes: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('send' as const), bytes: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ack' as const), back: fc.nat(6) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('resize' as const), frames: fc.nat(6), bytes: fc.nat(1000) }),
  },
);

describe('send window', () => {
  test('unacked frames and bytes never grow beyond the window; one frame is always allowed; 0 pauses (invariant 6)', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.array(step, { maxLength: 200 }), (start, steps) => {
        const window = new SendWindow();
        window.start(start);
        let limit = { frames: 3, bytes: 500 };
        window.resize(limit);
        let seq = start;
        let unacked: { seq: number; bytes: number }[] = [];
        for (const s of steps) {
          if (s.kind === 'resize') {
            limit = { frames: s.frames, bytes: s.bytes };
            window.resize(limit);
          } else if (s.kind === 'ack') {
            const to = Math.max(start, seq - s.back);
            const moves = unacked.some((u) => u.seq <= to);
            expect(window.acked(to)).toBe(moves ? 'moved' : 'old');
            unacked = unacked.filter((u) => u.seq > to);
          } else {
            const open = limit.frames > 0 && limit.bytes > 0;
            const held = unacked.reduce((sum, u) => sum + u.bytes, 0);
            const within = unacked.length + 1 <= limit.frames && held + s.bytes <= limit.bytes;
            expect(window.fits(s.bytes)).toBe(open && (unacked.length === 0 || within));
            if (window.room() !== null) expect(open).toBe(true);
            if (!window.fits(s.bytes)) continue;
            seq += 1;
            window.sent(seq, s.bytes);
            unacked.push({ seq, bytes: s.bytes });
          }
          expect(window.unackedFrames).toBe(unacked.length);
          expect(window.unackedBytes).toBe(unacked.reduce((sum, u) => sum + u.bytes, 0));
          expect(window.acked(seq + 1)).toBe('beyond');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('nothing goes out before it is started, and no ack counts', () => {
    const window = new SendWindow();
    window.resize({ frames: 9, bytes: 9 });
    expect(window.fits(1)).toBe(false);
    expect(window.acked(5)).toBe('old');
  });

  test('thousands of acks leave nothing behind', () => {
    const window = new SendWindow();
    window.resize({ frames: 4000, bytes: 1e9 });
    window.start(0);
    for (let seq = 1; seq <= 3000; seq += 1) window.sent(seq, 10);
    for (let seq = 1; seq <= 2999; seq += 1) window.acked(seq);
    expect([window.unackedFrames, window.unackedBytes]).toEqual([1, 10]);
  });
});
