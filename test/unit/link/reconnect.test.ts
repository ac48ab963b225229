import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Ended, Reconnect } from '../../../daemon/link/reconnect.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function make(random = () => 0.5) {
  const clock = new FakeClock();
  return { clock, reconnect: new Reconnect({ clock, random }) };
}
const closed = (code: number, more: Partial<Extract<Ended, { kind: 'closed' }>> = {}): Ended => ({
  kind: 'closed',
  code,
  openMs: 0,
  ...more,
});

describe('reconnect', () => {
  test('full jitter between 1 s and a bound that doubles up to 60 s', () => {
    const least = make(() => 0).reconnect;
    const most = make(() => 1).reconnect;
    const delays = (r: Reconnect) => Array.from({ length: 8 }, () => r.after({ kind: 'unreachable' }).delayMs / 1000);
    expect(delays(least)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(delays(most)).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
  });

  test('a connection that lasted a minute begins anew; a short one does not', () => {
    const { reconnect } = make(() => 1);
    for (let i = 0; i < 6; i += 1) reconnect.after({ kind: 'unreachable' });
    expect(reconnect.after(closed(1006, { openMs: 59_999 })).delayMs).toBe(60_000);
    expect(reconnect.after(closed(1006, { openMs: 60_000 })).delayMs).toBe(2_000);
  });

  test.each([4400, 4401, 4403, 4406])('%i: slowly, 15 to 60 minutes', (code) => {
    for (const [share, minutes] of [
      [0, 15],
      [1, 60],
    ] as const)
      expect(make(() => share).reconnect.after(closed(code))).toEqual({
        delayMs: minutes * 60_000,
        slowly: true,
        cloned: false,
      });
  });

  test.each([4408, 4410, 4413, 4429, 4500, 4503, 1001, 1006])('%i: soon', (code) => {
    const { delayMs, slowly } = make().reconnect.after(closed(code));
    expect([delayMs, slowly]).toEqual([1_500, false]);
  });

  test('`reconnect: false` in a bye means slowly, whatever the code', () => {
    expect(make().reconnect.after(closed(4503, { reconnect: false })).slowly).toBe(true);
  });

  test('retry_after_ms is never undercut, and never longer than an hour', () => {
    const { reconnect } = make(() => 0);
    expect(reconnect.after(closed(4503, { retryAfterMs: 20_000 })).delayMs).toBe(20_000);
    expect(reconnect.after(closed(4503, { retryAfterMs: 1e12 })).delayMs).toBe(3_600_000);
  });

  test('fenced twice within 10 minutes is a clone; once, or twice in 11 minutes, is not', () => {
    const { clock, reconnect } = make();
    expect(reconnect.after(closed(4409, { reconnect: false }))).toMatchObject({ slowly: false, cloned: false });
    clock.advance(11 * 60_000);
    expect(reconnect.after(closed(4409))).toMatchObject({ slowly: false, cloned: false });
    clock.advance(10 * 60_000);
    expect(reconnect.after(closed(4409))).toMatchObject({ slowly: true, cloned: true });
  });

  test('a renewed stream opens again at once, but not twice in a row', () => {
    const { clock, reconnect } = make(() => 0);
    reconnect.identified();
    expect(reconnect.after({ kind: 'renewed' }).delayMs).toBe(0);
    reconnect.identified();
    expect(reconnect.after({ kind: 'renewed' }).delayMs).toBe(5_000);
    clock.advance(5_000);
    reconnect.after(closed(1006, { openMs: 1 }));
    expect(reconnect.after({ kind: 'renewed' }).delayMs).toBe(0);
  });

  test('two identifies are never closer than 5 s, whatever happens in between', () => {
    const ending = fc.oneof(
      fc.constant<Ended>({ kind: 'unreachable' }),
      fc.record({
        kind: fc.constant('closed' as const),
        code: fc.constantFrom(1006, 4409, 4410, 4429, 4500),
        openMs: fc.integer({ min: 0, max: 100_000 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(ending, fc.double({ min: 0, max: 0.99, noNaN: true }))), (endings) => {
        let share = 0;
        const { clock, reconnect } = make(() => share);
        let last = Number.NEGATIVE_INFINITY;
        for (const [ended, random] of endings) {
          // But for the rounding of a sum of many.
          expect(clock.mono() - last).toBeGreaterThan(5_000 - 1e-6);
          last = clock.mono();
          reconnect.identified();
          share = random;
          clock.advance(reconnect.after(ended).delayMs);
        }
      }),
    );
  });
});
