/** Processes that live in the simulated Mac's time: what each sees of it, and what stays as it was. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { VIRTUAL_CLOCK } from '../../sim/sim.ts';
import { clockTerms, simClock, simClockEnv, skip, virtualNow } from '../../sim/sim-clock.ts';

const START = Date.UTC(2027, 0, 15, 8);

/** Runs a script (an ES module) that says `tell(value)`, in virtual time or not. */
async function told<T>(script: string, env: { SIM_CLOCK?: string }): Promise<T> {
  const whole = `const tell = (value) => process.stdout.write(JSON.stringify(value));\n${script}`;
  const { SIM_CLOCK: _, ...real } = process.env;
  const args = [...VIRTUAL_CLOCK, '--input-type=module', '-e', whole];
  const child = spawn(process.execPath, args, { env: { ...real, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const [value] = await Promise.all([json(child.stdout), once(child, 'close')]);
  return value as T;
}

describe('in virtual time', () => {
  it('wall clock and monotonic clocks run factor times as fast, whichever way they are asked', async () => {
    const env = simClockEnv({ factor: 500, start: new Date(START) });
    const before = virtualNow(env);
    const seen = await told<Record<string, number>>(
      `
      import { performance as perf } from 'node:perf_hooks';
      import { hrtime } from 'node:process';
      const begin = { hr: hrtime.bigint(), pair: process.hrtime(), perf: perf.now(), date: Date.now() };
      setTimeout(() => {
        const [seconds, nanos] = process.hrtime(begin.pair);
        tell({ hr: Number(process.hrtime.bigint() - begin.hr) / 1e6, pair: seconds * 1e3 + nanos / 1e6,
          perf: performance.now() - begin.perf, date: new Date().getTime() - begin.date, now: Date.now(),
          origin: performance.timeOrigin + performance.now() - Date.now(), words: Date.parse(Date()) - Date.now() });
      }, 60_000);`,
      env,
    );
    const after = virtualNow(env);
    for (const name of ['hr', 'pair', 'perf']) expect(seen[name]).toBeGreaterThanOrEqual(60_000);
    for (const name of ['pair', 'perf']) expect(Math.abs((seen[name] ?? 0) - (seen.hr ?? 0))).toBeLessThan(30_000);
    // A clock that is not virtual would be 60 s off; a busy machine may take a while between two looks.
    expect(Math.abs((seen.date ?? 0) - (seen.hr ?? 0))).toBeLessThan(30_000);
    expect(Math.abs(seen.origin ?? 0)).toBeLessThan(30_000);
    expect(Math.abs(seen.words ?? 0)).toBeLessThan(30_000);
    expect(seen.now).toBeGreaterThanOrEqual(before);
    expect(seen.now).toBeLessThanOrEqual(after);
    expect(before).toBeGreaterThanOrEqual(START);
  });

  it('no timer fires before its time, of any kind', async () => {
    const seen = await told<[string, number][]>(
      `
      import { setTimeout as later, clearTimeout } from 'node:timers';
      import { setTimeout as pause, setInterval as ticks, scheduler } from 'node:timers/promises';
      import { promisify } from 'node:util';
      const seen = [];
      const check = (kind, begin, delay) => seen.push([kind, performance.now() - begin - delay]);
      const all = [];
      for (let delay = 100; delay < 4_000; delay += 77) {
        const begin = performance.now();
        all.push(new Promise((done) => setTimeout(() => { check('global', begin, delay); done(); }, delay)));
        all.push(new Promise((done) => later((word) => { check(word, begin, delay); done(); }, String(delay), 'timers')));
        all.push(pause(delay, 'value').then((value) => check('promises ' + value, begin, delay)));
        all.push(scheduler.wait(delay).then(() => check('wait', begin, delay)));
        all.push(promisify(setTimeout)(delay, 'v').then((value) => check('promisify ' + value, begin, delay)));
      }
      let last = performance.now(), times = 0;
      all.push(new Promise((done) => { const timer = setInterval(() => {
        check('interval', last, 500); last = performance.now();
        if (++times === 5) { clearInterval(timer); done(); }
      }, 500); }));
      all.push((async () => { let then = performance.now(); let n = 0;
        for await (const tick of ticks(500, 'tick')) { check(tick, then, 500); then = performance.now() - 50; if (++n === 5) break; } })());
      let again;
      all.push(new Promise((done) => {
        const refreshed = setTimeout(() => { check('refresh', again, 3_000); done(); }, 3_000);
        setTimeout(() => { again = performance.now(); refreshed.refresh(); }, 1_000);
      }));
      await Promise.all(all);
      tell(seen);`,
      simClockEnv({ factor: 100 }),
    );
    const kinds = [...new Set(seen.map(([kind]) => kind))].sort();
    const wanted = ['global', 'interval', 'promises value', 'promisify v', 'refresh', 'tick', 'timers', 'wait'];
    expect(kinds).toEqual(wanted);
    expect(seen.length).toBeGreaterThan(200);
    expect(seen.filter(([, late]) => late < 0)).toEqual([]);
    // One that is not virtual would take up to 400 s of the virtual ones.
    expect(seen.filter(([, late]) => late > 100_000)).toEqual([]);
  });

  it('timers are as ever: cleared, unreferenced, numbers, cut off by a signal, and 1 ms when they are too long', async () => {
    const seen = await told<Record<string, unknown>>(
      `
      import { setTimeout as pause } from 'node:timers/promises';
      const seen = {};
      const cleared = setTimeout(() => { seen.cleared = 'fired'; }, 1_000);
      clearTimeout(cleared);
      const byNumber = setTimeout(() => { seen.byNumber = 'fired'; }, 1_000);
      clearTimeout(+byNumber);
      setTimeout(() => { seen.unref = 'fired'; }, 86_400_000).unref();
      const timer = setTimeout(() => {}, 500);
      seen.refs = [timer.hasRef(), timer.unref().hasRef(), timer.ref().hasRef()];
      seen.type = timer.constructor.name;
      { using scoped = setTimeout(() => { seen.scoped = 'fired'; }, 500); seen.using = scoped !== undefined; }
      const signal = AbortSignal.timeout(10_000);
      const begin = performance.now();
      signal.addEventListener('abort', () => { seen.abort = performance.now() - begin; });
      seen.cutOff = await pause(86_400_000, undefined, { signal: AbortSignal.abort() }).catch((error) => error.name);
      process.removeAllListeners('warning');
      process.on('warning', (warning) => { seen.warning = warning.name; });
      const tooLong = performance.now();
      setTimeout(() => { seen.tooLong = performance.now() - tooLong < 60_000; }, 2 ** 31);
      setTimeout(() => tell(seen), 30_000);`,
      simClockEnv({ factor: 300 }),
    );
    expect(seen).toMatchObject({
      refs: [true, false, true],
      type: 'Timeout',
      using: true,
      cutOff: 'AbortError',
      tooLong: true,
      warning: 'TimeoutOverflowWarning',
    });
    expect(Object.keys(seen)).not.toContain('cleared');
    expect(Object.keys(seen)).not.toContain('byNumber');
    expect(Object.keys(seen)).not.toContain('scoped');
    // Unchanged it would come after 3,000 virtual seconds, long after the end.
    expect(Number(seen.abort)).toBeGreaterThan(9_000);
  });

  it('dates are as ever: given ones stay, classes go on, types hold', async () => {
    const seen = await told<unknown[]>(
      `
      class Own extends Date {}
      const own = new Own();
      const { isDate } = (await import('node:util')).types;
      tell([new Date(0).toISOString(), new Date(2026, 0, 1).getFullYear(), Date.UTC(2026, 0), new Date(5) instanceof Date,
        own instanceof Own && own instanceof Date, isDate(new Date()), new Date().constructor === Date,
        structuredClone(new Date(7)).getTime(), typeof Date(), Date.name, Math.abs(own - Date.now()) < 10_000]);`,
      simClockEnv({ factor: 60, start: '2030-01-01T00:00:00Z' }),
    );
    const iso = '1970-01-01T00:00:00.000Z';
    expect(seen).toEqual([iso, 2026, Date.UTC(2026, 0), true, true, true, true, 7, 'string', 'Date', true]);
  });

  it('a fraction of a factor makes time slow', async () => {
    const script = 'const t = performance.now(); setTimeout(() => tell(performance.now() - t), 20);';
    const real = performance.now();
    expect(await told<number>(script, simClockEnv({ factor: 0.25 }))).toBeGreaterThanOrEqual(20);
    expect(performance.now() - real).toBeGreaterThanOrEqual(80);
  });

  it('all processes of one environment have the same time', async () => {
    const env = simClockEnv({ factor: 1_000, start: '2030-01-01T00:00:00Z' });
    const ask = () => told<number>('tell(Date.now())', env);
    const first = await ask();
    const between = virtualNow(env);
    const second = await ask();
    expect(first).toBeLessThanOrEqual(between);
    expect(second).toBeGreaterThanOrEqual(between);
  });
});

it('without SIM_CLOCK nothing is changed', async () => {
  const seen = await told<unknown[]>(
    `tell([/native code/.test(Function.prototype.toString.call(Date)), process.hrtime.bigint.name, 'timeOrigin' in Object.getOwnPropertyDescriptors(performance), Date.now()]);`,
    {},
  );
  expect(seen.slice(0, 1)).toEqual([true]);
  expect(seen[2]).toBe(false);
  expect(Math.abs(Number(seen[3]) - Date.now())).toBeLessThan(60_000);
});

describe('the terms', () => {
  it('that are no terms are refused', () => {
    expect(clockTerms({})).toBeNull();
    for (const SIM_CLOCK of ['x', '1:2', '1:2:0', '1:2:-1', '1:2:Infinity', ':'])
      expect(() => clockTerms({ SIM_CLOCK })).toThrow(RangeError);
    expect(() => simClockEnv({ factor: 0 })).toThrow(RangeError);
    expect(() => simClockEnv({ start: 'soon' })).toThrow(RangeError);
    expect(clockTerms(simClockEnv({ factor: 2.5, start: 1_000 }))).toMatchObject({ virtualOrigin: 1_000, factor: 2.5 });
  });

  it('give the simulator timers that are never early and can be cancelled', async () => {
    const clock = simClock(simClockEnv({ factor: 1_000 }));
    const begin = performance.now();
    await new Promise<void>((resolve) => {
      clock.after(10_000, () => expect.unreachable('it was cancelled')).cancel();
      clock.after(20_000, resolve);
    });
    expect(performance.now() - begin).toBeGreaterThanOrEqual(20);
  });
});

describe('when time is skipped', () => {
  it('all clocks are ahead by it, and timers fire that are due by then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sim-skips-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const env = simClockEnv({ factor: 10, skips: join(folder, 'skips: with colons') });
    const terms = clockTerms(env);
    if (!terms) throw new Error('no terms');
    const HOUR = 3_600_000;
    const seen = told<Record<string, number>>(
      `
      const begin = { hr: process.hrtime.bigint(), perf: performance.now(), date: Date.now(), up: process.uptime() };
      const after = {};
      const since = () => Date.now() - begin.date;
      setTimeout(() => { after.soon = since(); }, 30 * 60_000);
      const again = setTimeout(() => { after.again = since(); }, 10);
      const late = setTimeout(() => { after.late = since(); }, 3 * ${HOUR});
      const cleared = setTimeout(() => { after.cleared = since(); }, 30 * 60_000);
      clearTimeout(cleared);
      let ticks = 0;
      const interval = setInterval(() => { ticks += 1; }, 60_000);
      setTimeout(() => {
        again.refresh();
        after.hr = Number(process.hrtime.bigint() - begin.hr) / 1e6;
        after.perf = performance.now() - begin.perf;
        after.date = since();
        after.up = (process.uptime() - begin.up) * 1000;
        const then = since();
        setTimeout(() => {
          after.between = since() - then;
          after.ticks = ticks;
          clearTimeout(late);
          clearInterval(interval);
          tell(after);
        }, 1_000);
      }, ${HOUR});
`,
      env,
    );
    // It may start before or after the first of the two.
    const steps = setInterval(() => skip(terms, HOUR / 4), 300);
    const after = await seen.finally(() => clearInterval(steps));
    for (const name of ['hr', 'perf', 'date', 'up', 'soon'])
      expect([name, after[name]]).toEqual([name, expect.any(Number)]);
    for (const name of ['hr', 'perf', 'date', 'up']) expect(after[name]).toBeGreaterThanOrEqual(HOUR);
    for (const name of ['hr', 'perf', 'up'])
      expect(Math.abs((after[name] ?? 0) - (after.date ?? 0))).toBeLessThan(30_000);
    expect(after.soon).toBeGreaterThanOrEqual(HOUR / 2);
    expect(after.between).toBeGreaterThanOrEqual(1_000);
    expect(after.ticks).toBeGreaterThan(0);
    expect(after).not.toHaveProperty('cleared');
    expect(after).not.toHaveProperty('late');
    expect(virtualNow(env) - Date.now()).toBeGreaterThanOrEqual(HOUR);
  });

  it('the simulator’s own clock does what is due, in order', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sim-skips-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const clock = simClock(simClockEnv({ factor: 1, skips: join(folder, 'skips') }));
    const done: string[] = [];
    const before = clock.now();
    clock.after(60_000, () => done.push('a minute'));
    clock.after(50_000, () => done.push('less'));
    clock.after(10_000_000, () => done.push('much later'));
    clock.after(60_000, () => done.push('cancelled')).cancel();
    clock.skip(60_000);
    expect(done.toSorted()).toEqual(['a minute', 'less']);
    expect(clock.now() - before).toBeGreaterThanOrEqual(60_000);
  });
});
