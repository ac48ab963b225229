/** A file that a fresh child may read while this process may not. */
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { FreshLook, mayRestart } from '../../../daemon/host/fresh-look.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeFolder } from '../../support/store.ts';

let clock: FakeClock;
let can: boolean;
let asked: number;
let stale: number;
let heard: boolean;
let look: FreshLook;
beforeEach(() => {
  clock = new FakeClock();
  can = false;
  asked = 0;
  stale = 0;
  heard = true;
  look = new FreshLook({
    clock,
    canRead: async () => {
      asked += 1;
      return can;
    },
    onStale: () => {
      stale += 1;
      return heard;
    },
  });
});

/** Time passes, and what was asked is answered. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1_000) {
    clock.advance(1_000);
    await Promise.resolve();
    await Promise.resolve();
  }
}

it('asks a child every 30 s, and starts again once when only the child is let in', async () => {
  // As the reader says it, every 2 s.
  for (let i = 0; i < 45; i += 1) {
    look.denied('/chat.db');
    await pass(2_000);
  }
  expect([asked, stale]).toEqual([3, 0]);
  can = true;
  await pass(40_000);
  expect([asked, stale]).toEqual([4, 1]);
  look.denied('/chat.db');
  await pass(600_000);
  expect([asked, stale]).toEqual([4, 1]);
});

it('asks again while there can be no new start', async () => {
  can = true;
  heard = false;
  look.denied('/chat.db');
  await pass(110_000);
  expect(stale).toBe(3);
  heard = true;
  await pass(600_000);
  expect(stale).toBe(4);
});

it('lets this process try before', async () => {
  can = true;
  look.denied('/chat.db');
  await pass(31_000);
  expect(asked).toBe(1);
  look.over();
  await pass(600_000);
  expect([asked, stale, clock.timers]).toEqual([1, 0, 0]);
});

it('a new start is asked for once an hour at most', () => {
  const marker = join(makeFolder(), 'restarted');
  const now = Date.now();
  expect([mayRestart(marker, now), mayRestart(marker, now + 60_000)]).toEqual([true, false]);
  expect(mayRestart(marker, now + 2 * 3_600_000)).toBe(true);
});
