/** The osascript stand-in as the relay meets it: real processes, their files, exit codes, and what goes out meanwhile. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../support/fake-clock.ts';
import { SimWorld } from './sim-world.ts';

let shared: SimWorld;
let world: SimWorld;
let ANN = '';
let BOB = '';
beforeAll(async () => {
  shared = await SimWorld.open();
});
beforeEach(async () => {
  world = shared;
  await world.begin();
  ANN = world.person();
  BOB = world.person();
});
afterAll(() => shared.close());

/** For a test that needs a Mac of its own. */
async function own(factor: number): Promise<void> {
  world = await SimWorld.open({ factor });
  onTestFinished(() => world.close());
}

const isAlive = (pid = 0) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const numberOf = (err: string) => Number(/ execution error: .* \((-\d+)\)\n$/.exec(err)?.[1]);
const rows = () => world.ownRows();
const called = (attempt: string) =>
  world.wait((event) => event.kind === 'osascript' && event.attempt === attempt, `the call of ${attempt}`);

describe('when all is well', () => {
  it('a send marks its start, says that it was accepted, and its row comes', async () => {
    const text = 'Hello\n\n  "quoted" \\ back 👋🏽\n';
    const { attempt, ended } = world.call('send-to-participant', ANN, text);
    expect(await ended).toEqual({ code: 0, signal: null, out: `accepted ${attempt}\n`, err: 'dispatch_started\n' });
    await world.wait((event) => event.kind === 'delivered', 'delivery');
    expect(rows()).toMatchObject([{ handle: ANN, chat: `any;-;${ANN}`, text, is_sent: 1, is_delivered: 1, error: 0 }]);
  });

  it('a chat that is there is found by its guid, groups too', async () => {
    await world.sim.inbound({ from: ANN, text: 'hi' });
    const group = await world.sim.group({ members: [ANN, BOB], name: 'Two' });
    for (const guid of [`any;-;${ANN}`, group.guid]) {
      const { ended } = world.call('send-to-chat', guid, `to ${guid}`);
      expect(await ended).toMatchObject({ code: 0, err: 'dispatch_started\n' });
      await world.wait((event) => event.kind === 'sent' && event.chat === guid, 'the row');
    }
    expect(rows()).toMatchObject([{ chat: `any;-;${ANN}` }, { chat: group.guid, handle: '' }]);
  });

  it('the probe is answered and leaves nothing', async () => {
    expect(await world.probe().ended).toEqual({ code: 0, signal: null, out: 'ok\n', err: '' });
    expect(world.rows()).toEqual([]);
  });

  it('many at once are all served, each with its own answer', async () => {
    const calls = Array.from({ length: 20 }, (_, n) => world.call('send-to-participant', ANN, `no. ${n}`));
    const ended = await Promise.all(calls.map((call) => call.ended));
    expect(ended.map(({ code, out }) => [code, out])).toEqual(calls.map((c) => [0, `accepted ${c.attempt}\n`]));
    await until(() => rows().length === 20, '20 rows');
    expect(new Set(rows().map((row) => row.text)).size).toBe(20);
  });

  it('it starts in milliseconds', async () => {
    await own(100_000);
    const times: number[] = [];
    for (let n = 0; n < 9; n += 1) {
      const begin = performance.now();
      await world.probe().ended;
      times.push(performance.now() - begin);
    }
    expect(Math.min(...times)).toBeLessThan(150);
  });
});

describe('errors that macOS reports', () => {
  it.each([
    ['denied', 'send-to-participant', -1743, ''],
    ['not_running', 'send-to-participant', -600, ''],
    ['bad_script', 'send-to-participant', -2741, ''],
    ['no_such_participant', 'send-to-participant', -1728, ''],
    ['connection_lost', 'send-to-participant', -609, 'dispatch_started\n'],
  ] as const)('%s: the number, and nothing goes', async (mode, script, number, mark) => {
    await world.sim.messages(mode);
    const { code, out, err } = await world.call(script, ANN, 'no').ended;
    expect([code, out, numberOf(err), err.startsWith(mark)]).toEqual([1, '', number, true]);
    expect(err.includes('dispatch_started')).toBe(mark !== '');
    await world.sim.messages('normal');
    await world.send(BOB, 'yes');
    expect(rows().map((row) => row.text)).toEqual(['yes']);
  });

  it('a chat that is not there is -1728 before the mark; the person can be reached all the same', async () => {
    const { code, err } = await world.call('send-to-chat', `any;-;${ANN}`, 'first').ended;
    expect([code, numberOf(err), err.includes('dispatch_started')]).toEqual([1, -1728, false]);
    await world.send(ANN, 'second');
    expect(rows().map((row) => row.text)).toEqual(['second']);
    await world.send(`any;-;${ANN}`, 'third', 'send-to-chat');
    await world.sim.messages('no_such_chat');
    expect(numberOf((await world.call('send-to-chat', `any;-;${ANN}`, 'fourth').ended).err)).toBe(-1728);
  });

  it('-1712 comes after the message went out', async () => {
    await world.sim.messages('timed_out', { delayMs: 2_000 });
    const { code, err } = await world.call('send-to-participant', ANN, 'gone').ended;
    expect([code, numberOf(err), err.startsWith('dispatch_started\n')]).toEqual([1, -1712, true]);
    await world.wait((event) => event.kind === 'sent' && event.text === 'gone', 'it is sent');
    expect(rows()).toMatchObject([{ text: 'gone', is_sent: 1 }]);
  });

  it('it dies behind the mark without a word', async () => {
    await world.sim.messages('died', { count: 1 });
    expect(await world.call('send-to-participant', ANN, 'dies').ended).toMatchObject({ code: 139, out: '' });
    await world.wait((event) => event.kind === 'sent' && event.text === 'dies', 'it went all the same');
  });

  it('it says accepted, and nothing ever comes', async () => {
    await world.sim.messages('lost', { count: 1 });
    expect(await world.call('send-to-participant', ANN, 'lost').ended).toMatchObject({ code: 0 });
    await world.send(ANN, 'not lost');
    expect(rows().map((row) => row.text)).toEqual(['not lost']);
  });

  it('a mode lasts for its count, and for its handle', async () => {
    await world.sim.messages('bad_script', { count: 2, handle: BOB });
    const codes: (number | null)[] = [];
    for (const to of [ANN, BOB, ANN, BOB, BOB])
      codes.push((await world.call('send-to-participant', to, 'x').ended).code);
    expect(codes).toEqual([0, 1, 0, 1, 0]);
  });

  it('denied, not running and hung concern the probe too; the other modes do not', async () => {
    await world.sim.messages('denied');
    expect(numberOf((await world.probe().ended).err)).toBe(-1743);
    await world.sim.messages('not_running', { count: 1 });
    expect(numberOf((await world.probe().ended).err)).toBe(-600);
    await world.sim.messages('hung_before_mark');
    expect((await world.probe().ended).out).toBe('ok\n');
    await world.sim.messages('messages_hung');
    const { ended } = world.probe();
    await world.wait((event) => event.script === 'probe' && event.mode === 'messages_hung', 'the probe hangs');
    expect(await world.sim.release()).toBe(1);
    expect((await ended).out).toBe('ok\n');
  });
});

describe('what hangs', () => {
  it('before the mark has sent nothing, and nothing goes when it is killed with its group', async () => {
    await world.sim.messages('hung_before_mark', { count: 1 });
    const { child, attempt, ended } = world.call('send-to-participant', ANN, 'never');
    await called(attempt);
    expect(isAlive(child.pid)).toBe(true);
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    expect(await ended).toMatchObject({ signal: 'SIGKILL', err: '', out: '' });
    await world.wait((event) => event.kind === 'osascript_gone' && event.attempt === attempt, 'its end is seen');
    expect(await world.sim.release()).toBe(0);
    await world.send(ANN, 'next');
    expect(rows().map((row) => row.text)).toEqual(['next']);
  });

  it('after the mark may have sent it or not', async () => {
    await world.sim.messages('hung_after_mark', { count: 1 });
    const silent = world.call('send-to-participant', ANN, 'stays');
    await called(silent.attempt);
    await world.sim.messages('hung_after_mark', { count: 1, goes: true });
    const gone = world.call('send-to-participant', ANN, 'goes');
    await world.wait((event) => event.kind === 'sent' && event.text === 'goes', 'it went');
    expect(await world.sim.release('end')).toBe(2);
    for (const { ended } of [silent, gone])
      expect(await ended).toMatchObject({ code: 1, out: '', err: 'dispatch_started\n' });
    expect(rows().map((row) => row.text)).toEqual(['goes']);
  });

  it('goes on when it is released', async () => {
    await world.sim.messages('messages_hung', { count: 1 });
    const { attempt, ended } = world.call('send-to-participant', ANN, 'late');
    await called(attempt);
    expect(await world.sim.release('go')).toBe(1);
    expect(await ended).toMatchObject({ code: 0, out: `accepted ${attempt}\n` });
    await world.wait((event) => event.kind === 'sent' && event.text === 'late', 'it goes');
  });
});

describe('slow sends', () => {
  it('a caller that is killed leaves an osascript behind, which sends seconds later', async () => {
    await own(20);
    await world.sim.messages('slow', { delayMs: 6_000, count: 1 });
    // The caller is a process of its own, as the relay is.
    const payload = `${world.folder}/work/orphan.payload`;
    const script = `const fs = require('node:fs');
      fs.writeFileSync('${payload}', '${ANN}\\nfrom the orphan', { mode: 0o600 });
      const out = ['out', 'err'].map((end) => fs.openSync('${world.folder}/work/orphan.' + end, 'w'));
      const args = ['${world.script('send-to-participant')}', 'orphan', '${payload}'];
      require('node:child_process').spawn('${world.sim.osascript}', args, { detached: true, stdio: ['ignore', ...out] });`;
    const { spawn } = await import('node:child_process');
    const caller = spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
    const call = await called('orphan');
    caller.kill('SIGKILL');
    await once(caller, 'exit');
    expect(rows()).toEqual([]);
    const pid = Number(call?.pid);
    expect(isAlive(pid)).toBe(true);
    expect(execFileSync(world.sim.ps, ['-axo', 'pid=,lstart=,command='], { encoding: 'utf8' })).toContain(payload);
    const sent = await world.wait((event) => event.kind === 'sent', 'the orphan sends');
    expect(Number(sent?.at) - Number(call?.at)).toBeGreaterThanOrEqual(6_000);
    await world.wait((event) => event.kind === 'osascript_ended' && event.attempt === 'orphan', 'its end');
    expect(rows()).toMatchObject([{ text: 'from the orphan' }]);
  });

  it('one that is ended before its mark sends nothing; behind its mark the message goes all the same', async () => {
    await world.sim.messages('slow_before_mark', { delayMs: 30_000, count: 1 });
    const before = world.call('send-to-participant', ANN, 'before');
    await called(before.attempt);
    before.child.kill('SIGKILL');
    await world.sim.messages('slow', { delayMs: 30_000, count: 1 });
    const behind = world.call('send-to-participant', ANN, 'behind');
    const said = join(world.folder, 'work', `${behind.attempt}.err`);
    await expect.poll(() => readFileSync(said, 'utf8'), { timeout: 20_000 }).toContain('dispatch_started');
    behind.child.kill('SIGKILL');
    const gone = (attempt: string) =>
      world.wait((event) => event.kind === 'osascript_gone' && event.attempt === attempt, 'it is gone');
    await Promise.all([gone(before.attempt), gone(behind.attempt)]);
    await world.wait((event) => event.kind === 'sent' && event.text === 'behind', 'the send');
    expect(rows().map((row) => row.text)).toEqual(['behind']);
  });
});

describe('the contract', () => {
  it.each([
    ['a payload that others can read', 0o644, 'mode 644'],
    ['a payload that the group can read', 0o640, 'mode 640'],
  ])('%s is complained about and not sent', async (_what, mode, words) => {
    const { code, err } = await world.call('send-to-participant', ANN, 'open', { mode }).ended;
    expect([code, err.includes('dispatch_started')]).toEqual([1, false]);
    const complaint = await world.wait((event) => event.kind === 'complaint', 'a complaint');
    expect(complaint?.words).toContain(words);
  });

  it('an unknown script and a missing one fail', async () => {
    expect((await world.run([world.script('other'), 'a1', '/nowhere']).ended).code).toBe(1);
    expect((await world.wait((event) => event.kind === 'complaint', 'a complaint'))?.words).toContain('unknown');
    const { code, err } = await world.run([world.script('gone'), 'a1', '/nowhere']).ended;
    expect([code, err]).toEqual([1, `osascript: ${world.script('gone')}: No such file or directory\n`]);
  });

  it('the payload was read at once: it may be gone while the script still runs', async () => {
    await world.sim.messages('hung_before_mark', { count: 1 });
    const { attempt, ended } = world.call('send-to-participant', ANN, 'kept');
    await called(attempt);
    execFileSync('rm', [`${world.folder}/work/${attempt}.payload`]);
    await world.sim.release();
    expect((await ended).code).toBe(0);
    await world.wait((event) => event.kind === 'sent' && event.text === 'kept', 'it goes');
  });
});

describe('when the simulator ends', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('by %s, so does every osascript', async (signal) => {
    await own(100);
    await world.sim.messages('hung_after_mark');
    const calls = [1, 2, 3].map((n) => world.call('send-to-participant', ANN, `no. ${n}`));
    await Promise.all(calls.map(({ attempt }) => called(attempt)));
    process.kill(world.sim.pid, signal);
    for (const { ended } of calls) expect((await ended).code).toBe(1);
    const { code, err } = await world.call('send-to-participant', ANN, 'after').ended;
    expect([code, numberOf(err)]).toEqual([1, -600]);
  });
});
