/** The daemon is killed at any moment of a send: what the next one finds out, and that it never sends on a doubt. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePs } from '../../../daemon/bridge/osascript.ts';
import type { SendOutcome } from '../../../daemon/bridge/outcome.ts';
import { ACCEPT, ANNA, BridgeWorld, fails, HANG, LIMIT_MS } from '../../support/bridge-world.ts';
import { until } from '../../support/fake-clock.ts';

let world: BridgeWorld;
beforeEach(() => {
  world = new BridgeWorld();
});
afterEach(() => world.close());

type Recovered = { attempt: string; message: string; outcome: SendOutcome }[];

/** Starts again and recovers, while time passes in steps of the recovery's looks. */
async function recovered(stepMs = 100): Promise<Recovered> {
  const answer: { is?: Recovered } = {};
  const done = world.open().then((is) => {
    answer.is = is;
  });
  const start = performance.now();
  while (!answer.is && performance.now() - start < 20_000) {
    await world.clock.advanceAsync(stepMs);
    // At most 100 times as fast as the processes, which are real.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await done;
  return answer.is ?? [];
}

/** Killed while the child waits. `until`: what the child waits for. */
async function killedDuring(lines: string, waitsFor: string): Promise<void> {
  world.script('send-to-participant', lines);
  await world.open();
  await world.sending('hello');
  await world.waits(waitsFor);
  await world.kill();
}

const outcomeKinds = (found: Recovered) => found.map((f) => f.outcome.kind);
const stored = () => world.store.db.sql('SELECT kind FROM attempt').get()?.kind;

describe('an attempt that a crash cut off', () => {
  it('did not start if nothing was ever started, and chat.db has no such row', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    await world.kill();
    expect(await recovered()).toEqual([
      {
        attempt: 'a_1',
        message: 'm_1',
        outcome: { kind: 'not_started', code: 'interrupted', again: true, words: expect.any(String) },
      },
    ]);
    expect(stored()).toBe('not_started');
    expect(world.bridge.lastOutcome('m_1')).toMatchObject({ kind: 'not_started' });
    expect(await world.bridge.recover()).toEqual([]);
  });

  it('may have gone if chat.db has such a row, which is claimed and told', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    await world.kill();
    world.chat.own(ANNA, 'hello', world.clock.now());
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
    expect(world.states()).toEqual(['sent']);
    expect(world.ownHand).toEqual([]);
  });

  it('of a file may have gone if chat.db has one of that name, and is told of as a file', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('', { file: '/x/Menu.pdf' }));
    await world.kill();
    world.chat.file(world.chat.own(ANNA, '\uFFFC', world.clock.now()), 'Menu.pdf');
    const [found] = await recovered();
    expect(found?.outcome).toMatchObject({ kind: 'may_have_gone', words: expect.stringContaining('shows this file') });
  });

  it('may have gone if chat.db cannot be read', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    await world.kill();
    rmSync(world.chat.path);
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
  });

  it('may have gone if the Mac was started anew: what was written may be lost', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    await world.kill();
    world.clock.reboot();
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
  });

  it('may have gone if that was long ago: the store may be an older copy', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    await world.kill();
    world.clock.sleep(20 * 60_000);
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
  });

  it('did not start if it was a minute ago', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    await world.kill();
    world.clock.sleep(60_000);
    expect(outcomeKinds(await recovered())).toEqual(['not_started']);
  });

  it('may have gone if ps cannot be asked', async () => {
    await world.open();
    await world.bridge.ready();
    await world.begin(world.request('hello'));
    world.ps = '/nonexistent/ps';
    await world.kill();
    const before = world.clock.mono();
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
    expect(world.clock.mono() - before, 'an unseen child has had its time').toBeGreaterThanOrEqual(LIMIT_MS);
  });
});

describe('a child that outlived the daemon', () => {
  it('is awaited, and its result line counts', async () => {
    await killedDuring(`echo dispatch_started >&2\nwait_for go\n${ACCEPT}`, 'go');
    const found = recovered();
    await until(() => world.clock.timers > 0, 'the recovery looks');
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'recovering' });
    expect(await world.begin(world.request('another'))).toBe(false);
    world.chat.own(ANNA, 'hello', world.clock.now());
    world.go('go');
    expect(outcomeKinds(await found)).toEqual(['accepted']);
    await world.look();
    expect(world.states()).toEqual(['sent']);
    expect(world.workFiles()).toEqual([]);
    expect(await world.bridge.ready()).toEqual({ ok: true });
  });

  it('is ended when its time is over; behind the mark the message may have gone', async () => {
    await killedDuring(`echo dispatch_started >&2\n${HANG}`, 'never');
    const before = world.clock.mono();
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
    expect(world.clock.mono() - before).toBeGreaterThanOrEqual(LIMIT_MS);
  });

  it('that had to be ended before the mark is a doubt as well', async () => {
    await killedDuring(HANG, 'never');
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
  });

  it('that fails before the mark did not start', async () => {
    await killedDuring(`wait_for go\n${fails(-600)}`, 'go');
    world.go('go');
    expect(await recovered()).toMatchObject([
      { outcome: { kind: 'not_started', code: 'messages_unavailable', again: true } },
    ]);
  });

  it('is found by pid and start where ps cuts its lines', async () => {
    await killedDuring(`echo dispatch_started >&2\nwait_for go\n${ACCEPT}`, 'go');
    const ps = join(world.dir, 'ps');
    // The stored start is the test clock's; what ps says is made to agree with it.
    const startedAt = Number(world.store.db.sql('SELECT started_at FROM attempt').get()?.started_at);
    const said = new Date(startedAt)
      .toString()
      .slice(0, 24)
      .replace(/^(\w+ \w+ \d+) (\d+) ([\d:]+)$/, '$1 $3 $2');
    const pid = Number(world.store.db.sql('SELECT pid FROM attempt').get()?.pid);
    writeFileSync(
      ps,
      `#!/bin/sh\nkill -0 ${pid} 2>/dev/null && echo "  ${pid} ${said} /usr/bin/osascript /Use"\nexit 0\n`,
      { mode: 0o755 },
    );
    world.ps = ps;
    await world.kill();
    const found = recovered();
    await until(() => world.clock.timers > 0, 'the recovery looks');
    world.go('go');
    expect(outcomeKinds(await found)).toEqual(['accepted']);
  });

  it('of an attempt with an outcome is ended at once', async () => {
    await killedDuring(`echo dispatch_started >&2\n${HANG}`, 'never');
    world.store.db
      .sql(`UPDATE attempt SET outcome = '{"kind":"may_have_gone","words":"x"}', kind = 'may_have_gone'`)
      .run();
    const before = world.clock.mono();
    // Small steps: on a busy machine the child takes a while to end.
    expect(await recovered(10)).toEqual([]);
    expect(world.clock.mono() - before).toBeLessThan(LIMIT_MS);
    expect(await world.bridge.ready()).toEqual({ ok: true });
  });
});

describe('between the two ways of an attempt', () => {
  it('a crash after −1728 by chat did not start, and another attempt is worth it', async () => {
    world.chat.direct(ANNA);
    world.script('send-to-chat', `${fails(-1728).replace('\nexit 1', '')}\nwait_for never`);
    await world.open();
    await world.sending('hello');
    await world.waits('never');
    await world.kill();
    world.killChildren();
    expect(await recovered()).toMatchObject([{ outcome: { kind: 'not_started', code: 'not_found', again: true } }]);
  });

  it('the files of the second way decide', async () => {
    world.chat.direct(ANNA);
    world.script('send-to-chat', fails(-1728));
    await killedDuring(`echo dispatch_started >&2\nwait_for go\nexit 1`, 'go');
    world.go('go');
    expect(outcomeKinds(await recovered())).toEqual(['may_have_gone']);
  });
});

describe('the work folder', () => {
  it('is swept at start of what belongs to no running attempt', async () => {
    writeFileSync(join(world.work, 'a_old.payload'), 'x');
    writeFileSync(join(world.work, 'probe.out'), 'x');
    await world.open();
    await world.bridge.ready();
    expect(world.workFiles()).toEqual([]);
  });
});

it('reads what ps says, of macOS and Linux, and leaves out the dead', () => {
  const listing = [
    '    1 Tue Nov 24 18:10:16 2026 /sbin/launchd',
    '  812 Wed Nov  4 08:01:02 2026 /usr/bin/osascript /Library/Application Support/x.applescript a_1 /w/a_1.payload',
    '  813 Wed Nov  4 08:01:02 2026 [osascript] <defunct>',
    'garbage',
  ].join('\n');
  expect(parsePs(listing)).toEqual([
    { pid: 1, startedAt: new Date(2026, 10, 24, 18, 10, 16).getTime(), command: '/sbin/launchd' },
    {
      pid: 812,
      startedAt: new Date(2026, 10, 4, 8, 1, 2).getTime(),
      command: expect.stringContaining(' a_1 /w/a_1.payload'),
    },
  ]);
});
