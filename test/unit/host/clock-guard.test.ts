/** When the wall clock is believed, and when not. */
import { expect, it } from 'vitest';
import { WallClockGuard } from '../../../daemon/host/clock-guard.ts';
import { Health } from '../../../daemon/host/health.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const MINUTE = 60_000;

function guarded(lastSeenAt: number | null = null, clock = new FakeClock()) {
  const health = new Health(clock);
  const remembered: number[] = [];
  const guard = new WallClockGuard({ clock, health, lastSeenAt, remember: (now) => remembered.push(now) });
  return { clock, guard, remembered, conditions: () => health.list().map((c) => c.name) };
}

it.each([
  ['forward', 6 * MINUTE],
  ['back', -6 * MINUTE],
])('a jump %s is noticed by the first who asks, not only by the next look', (_which, ms) => {
  const { clock, guard, conditions } = guarded();
  guard.start();
  clock.jumpWall(ms);
  expect(guard.trusted).toBe(false);
  expect(conditions()).toEqual(['clock_jump']);
  guard.stop();
});

it('small corrections, and time that passes, are no jump', () => {
  const { clock, guard } = guarded();
  guard.start();
  for (let i = 0; i < 20; i += 1) {
    clock.jumpWall(MINUTE);
    clock.advance(3_600_000);
    expect(guard.trusted).toBe(true);
  }
  guard.stop();
});

it('a doubted clock is not remembered, and the controller’s word ends the doubt only if it agrees', () => {
  const { clock, guard, remembered, conditions } = guarded();
  guard.start();
  expect(remembered).toHaveLength(1);
  clock.jumpWall(3_600_000);
  clock.advance(10 * MINUTE);
  expect(remembered).toHaveLength(1);
  guard.controllerSays(clock.now() - 3_600_000);
  expect(guard.trusted).toBe(false);
  guard.controllerSays(clock.now() + MINUTE);
  expect(guard.trusted).toBe(true);
  expect(conditions()).toEqual([]);
  guard.stop();
});

it('a clock that is behind what the store remembers is doubted from the start', () => {
  const clock = new FakeClock();
  expect(guarded(clock.now() + 6 * MINUTE, clock).guard.trusted).toBe(false);
  expect(guarded(clock.now() - 30 * 24 * 60 * MINUTE, clock).guard.trusted).toBe(true);
});
