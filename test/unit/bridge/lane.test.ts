/** The lane, where a probe and a child that got stuck cross. */
import { expect, it } from 'vitest';
import { Lane } from '../../../daemon/bridge/lane.ts';
import type { Osascript } from '../../../daemon/bridge/osascript.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it('a probe that began before a child got stuck does not open it', async () => {
  const clock = new FakeClock();
  const health = new Health(clock);
  const good = { code: 0, stdout: 'ok\n', stderr: '' };
  let answer: (ended: typeof good) => void = () => {};
  let running = [{ pid: 7 }];
  const osascript = {
    ask: () =>
      new Promise<typeof good>((resolve) => {
        answer = resolve;
      }),
    leftovers: async () => running,
    end: () => {},
  } as unknown as Osascript;
  const lane = new Lane({ osascript, clock, health, log: silentLog, limitMs: 45_000, restart: null });
  lane.start();
  await clock.advanceAsync(0);
  lane.stuck(7);
  answer(good);
  expect(await lane.open()).toEqual({ ok: false, condition: 'messages_hung' });
  await clock.advanceAsync(60_000);
  expect(await lane.open()).toEqual({ ok: false, condition: 'messages_hung' });
  running = [];
  await clock.advanceAsync(60_000);
  answer(good);
  expect(await lane.open()).toEqual({ ok: true });
  expect(health.list()).toEqual([]);
  await lane.stop();
});
