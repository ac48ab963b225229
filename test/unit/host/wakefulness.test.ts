/** caffeinate as a real process; sleep as clocks that went on while no timer fired. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { Wakefulness } from '../../../daemon/host/wakefulness.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { makeFolder } from '../../support/store.ts';

let clock: FakeClock;
let health: Health;
let folder: string;
let made: Wakefulness | undefined;
beforeEach(() => {
  clock = new FakeClock();
  health = new Health(clock);
  folder = makeFolder();
});
afterEach(() => made?.stop());

function start(caffeinate: string | null): Wakefulness {
  made = new Wakefulness({ clock, health, log: silentLog, caffeinate });
  made.start();
  return made;
}
const caffeinate = (script: string) => {
  const path = join(folder, 'caffeinate');
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
};
const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const patience = { timeout: 20_000 };

describe('caffeinate', () => {
  it('is tied to this process, and ends with it', async () => {
    const said = join(folder, 'said');
    const wakefulness = start(caffeinate(`echo "$$ $*" > '${said}.new'; mv '${said}.new' '${said}'; exec sleep 600`));
    await expect.poll(() => existsSync(said), patience).toBe(true);
    const [pid = '', ...args] = readFileSync(said, 'utf8').trim().split(' ');
    expect(args).toEqual(['-i', '-s', '-w', String(process.pid)]);
    wakefulness.stop();
    await expect.poll(() => isAlive(Number(pid)), patience).toBe(false);
    expect(health.list()).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  it('that is not there or ends is a condition, and is tried again', async () => {
    start(join(folder, 'nothing'));
    await expect.poll(() => health.has('may_sleep'), patience).toBe(true);
    expect(health.ready).toBe(true);
    const said = join(folder, 'said');
    writeFileSync(join(folder, 'nothing'), `#!/bin/sh\n> '${said}'; exec sleep 600\n`, { mode: 0o755 });
    clock.advance(60_000);
    await expect.poll(() => existsSync(said), patience).toBe(true);
    expect(health.has('may_sleep')).toBe(true);
    clock.advance(10_000);
    expect(health.list()).toEqual([]);
  });

  it('that never comes is one condition since it began, not one for each try', async () => {
    let changes = 0;
    health.onChange(() => {
      changes += 1;
    });
    const since = clock.now();
    let gone = 0;
    const warn = () => {
      gone += 1;
    };
    const log = { ...silentLog, warn };
    made = new Wakefulness({ clock, health, log, caffeinate: join(folder, 'nothing') });
    made.start();
    for (let tries = 1; tries <= 5; tries += 1) {
      await expect.poll(() => gone, patience).toBe(tries);
      expect(health.list()).toMatchObject([{ name: 'may_sleep', since }]);
      clock.advance(60_000);
    }
    expect(changes).toBe(1);
  });

  it('is left alone if that is the wish', () => {
    start(null);
    clock.advance(600_000);
    expect(health.list()).toEqual([]);
  });
});

describe('sleep', () => {
  it('is told for an hour', () => {
    start(null);
    clock.advance(60_000);
    expect(health.list()).toEqual([]);
    // On a Mac the monotonic clock goes on, and no timer fires.
    clock.flowMs = 20 * 60_000;
    clock.mono();
    clock.flowMs = 0;
    clock.advance(10_000);
    expect(health.list()).toMatchObject([
      { name: 'slept', severity: 'warning', words: expect.stringContaining('20 minutes'), remedy: expect.any(String) },
    ]);
    clock.advance(3_600_000);
    expect(health.list()).toEqual([]);
  });
});
