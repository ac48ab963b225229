/** A rolling window by itself: the bound that it keeps, and what it says of the slots to come. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RollingWindow } from '../../../daemon/gate/rolling.ts';

describe('a rolling window', () => {
  it('never holds more than its limit within its length, and tells each slot as it then comes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 20 }),
        fc.nat(15),
        (limit, gaps, before) => {
          const window = new RollingWindow(100, () => limit);
          const draws: number[] = [];
          let now = 0;
          for (const gap of gaps) {
            now += gap;
            if (window.slotAt(now) > now) continue;
            window.add(now + 100);
            draws.push(now);
          }
          for (const at of draws)
            expect(draws.filter((one) => one > at - 100 && one <= at).length).toBeLessThanOrEqual(limit);
          const told = window.slotAt(now, before);
          for (let n = 0; n < before; n += 1) {
            now = window.slotAt(now);
            window.add(now + 100);
          }
          expect(window.slotAt(now)).toBe(told);
        },
      ),
    );
  });
});
