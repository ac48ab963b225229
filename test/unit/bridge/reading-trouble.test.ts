/** The pulse of the watcher: a look that does not come is an error within a minute, by itself. */
import { expect, it } from 'vitest';
import { ReadingTrouble } from '../../../daemon/bridge/reading-trouble.ts';
import { RelayError } from '../../../daemon/host/errors.ts';
import { FreshLook } from '../../../daemon/host/fresh-look.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function world() {
  const clock = new FakeClock();
  const health = new Health(clock);
  const asked: string[] = [];
  const canRead = async (path: string) => {
    asked.push(path);
    return false;
  };
  const permission = new FreshLook({ clock, canRead, onStale: () => true });
  const trouble = new ReadingTrouble({ path: '/chat.db', clock, health, log: silentLog, permission });
  trouble.start();
  return { clock, health, asked, trouble };
}
const names = (health: Health) => health.list().map(({ name }) => name);

it('a watcher that looks is no matter, one that is silent is an error within 60 s, and one that looks again is none', () => {
  const { clock, health, trouble } = world();
  for (let s = 0; s < 300; s += 1) {
    clock.advance(1_000);
    trouble.looked();
  }
  expect(names(health)).toEqual([]);
  clock.advance(60_000);
  expect(health.list()).toMatchObject([{ name: 'chat_db_unwatched', severity: 'error', since: expect.any(Number) }]);
  expect(health.ready).toBe(false);
  trouble.looked();
  expect(names(health)).toEqual([]);
  trouble.stop();
  expect(clock.timers).toBe(0);
});

it('a Mac that slept is not blamed on the watcher', () => {
  const { clock, health, trouble } = world();
  clock.flowMs = 3_600_000;
  clock.mono();
  clock.flowMs = 0;
  // The check is the first timer to fire, and the look comes after it.
  clock.advance(5_000);
  expect(names(health)).toEqual([]);
  trouble.looked();
  clock.advance(15_000);
  expect(names(health)).toEqual([]);
});

it('what has a name already is not named twice; a denied file is asked for by a child', () => {
  const { clock, health, asked, trouble } = world();
  trouble.unreadable(new RelayError('chat_db_denied', 'Denied.', { hint: 'Grant it.' }));
  clock.advance(31_000);
  expect([names(health), asked]).toEqual([['chat_db_denied'], ['/chat.db']]);
  trouble.recovered();
  expect(names(health)).toEqual([]);
  clock.advance(300_000);
  expect(asked).toHaveLength(1);
});
