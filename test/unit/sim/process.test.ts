/** The simulated Mac as a process: its lines in and out, its time, and its end. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build } from 'plist';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { MacEvent } from '../../sim/sim.ts';
import { SimWorld } from './sim-world.ts';

const MAIN = fileURLToPath(new URL('../../sim/main.ts', import.meta.url));
const START = '2027-03-01T09:00:00.000Z';

let world: SimWorld;
beforeAll(async () => {
  world = await SimWorld.open({ factor: 100, start: START, reportsUntilVerdict: 1 });
});
beforeEach(() => world.begin());
afterAll(() => world.close());

async function run(args: string[]) {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [[code], out, err] = await Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

describe('the library', () => {
  it('has virtual time that goes on', async () => {
    const begin = world.sim.now();
    expect(begin).toBeGreaterThanOrEqual(Date.parse(START));
    expect(begin).toBeLessThan(Date.parse(START) + 100 * 30_000);
    const { guid } = await world.sim.inbound({ from: world.person(), text: 'now' });
    expect(world.rows().find((row) => row.guid === guid)?.date).toBeGreaterThanOrEqual(begin);
  });

  it('somebody writes: to me, in a group, long ago, in no chat yet', async () => {
    const [ann, bob] = [world.person(), world.person()];
    const group = await world.sim.group({ name: 'Two', members: [ann, bob] });
    await world.sim.inbound({ from: ann, text: 'direct' });
    await world.sim.inbound({ from: bob, text: 'in the group', chat: group.chat });
    await world.sim.inbound({ from: ann, text: 'old', ageMs: 86_400_000 });
    expect(world.rows()).toMatchObject([
      { handle: ann, text: 'direct', chat: `any;-;${ann}`, is_from_me: 0 },
      { handle: bob, text: 'in the group', chat: group.guid },
      { handle: ann, text: 'old' },
    ]);
    const [direct, , old] = world.rows();
    expect(Number(direct?.date) - Number(old?.date)).toBeGreaterThan(86_000_000);
    expect(Number(old?.rowid)).toBeGreaterThan(Number(direct?.rowid));
    const { guid } = await world.sim.inbound({ from: ann, text: 'joined later', joinAfterMs: 10 ** 9 });
    expect(world.rows().at(-1)).toMatchObject({ guid, chat: null });
    await expect(world.sim.inbound({ from: ann, text: 'x', chat: 'group:none' })).rejects.toMatchObject({
      code: 'no_such_chat',
    });
  });

  it('tapbacks name their message and can be taken back', async () => {
    const ann = world.person();
    const { guid } = await world.sim.type({ to: ann, text: 'Nice?' });
    await world.sim.inbound({ from: ann, tapback: { kind: 'like', of: guid } });
    await world.sim.inbound({ from: ann, tapback: { kind: 'like', of: guid, removed: true } });
    expect(world.rows().slice(1)).toMatchObject([
      { associated_message_type: 2001, associated_message_guid: `p:0/${guid}`, handle: ann },
      { associated_message_type: 3001, associated_message_guid: `p:0/${guid}`, handle: ann },
    ]);
  });

  it('launchd keeps programs alive in its time, while somebody is logged in', async () => {
    const file = join(world.folder, 'said-now');
    const plist = join(world.folder, 'a.plist');
    const program = `require('fs').appendFileSync(${JSON.stringify(file)}, Date.now() + '\\n')`;
    const keys = { Label: 'a.clock', ProgramArguments: [process.execPath, '-e', program], KeepAlive: true };
    writeFileSync(plist, build(keys), { mode: 0o644 });
    const launchctl = (...args: string[]) => spawnSync(world.sim.launchctl, args, { encoding: 'utf8' });
    const domain = `gui/${process.getuid?.()}`;
    await world.sim.session(false);
    expect(launchctl('bootstrap', domain, plist)).toMatchObject({ status: 125 });
    await world.sim.session(true);
    const before = world.sim.now();
    expect(launchctl('bootstrap', domain, plist)).toMatchObject({ status: 0, stderr: '' });
    const said = () => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').map(Number) : []);
    await expect.poll(() => said().length, { timeout: 10_000 }).toBeGreaterThan(1);
    const [first = 0, second = 0] = said();
    expect(first).toBeGreaterThan(before);
    expect(second).toBeLessThanOrEqual(world.sim.now());
    expect(second - first).toBeGreaterThan(0);
    expect(launchctl('bootout', `${domain}/a.clock`)).toMatchObject({ status: 0 });
  });

  it('the owner writes by hand, and the events say so in order', async () => {
    const ann = world.person();
    await world.sim.contact(ann, { readAfterMs: 100, answers: [{ text: 'Got it', afterMs: 1_000 }] });
    await world.sim.type({ to: ann, text: 'By hand' });
    await world.wait((event) => event.kind === 'inbound' && event.handle === ann, 'an answer');
    expect(world.events().map((event) => event.kind)).toEqual(['own', 'delivered', 'read', 'inbound']);
    const times = world.events().map((event) => event.at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('a listener hears events until it is taken away; a wait in vain says what for', async () => {
    const heard: MacEvent[] = [];
    const stop = world.sim.onEvent((event) => heard.push(event));
    await world.sim.inbound({ from: world.person(), text: 'one' });
    stop();
    await world.sim.inbound({ from: world.person(), text: 'two' });
    expect(heard.map((event) => event.text)).toEqual(['one']);
    await expect(world.sim.waitFor(() => false, 'the impossible', 20)).rejects.toThrow(/the impossible/);
  });

  it('another file comes behind the path: empty, whole, or as it was before', async () => {
    for (const n of [1, 2, 3]) await world.sim.inbound({ from: world.person(), text: `no. ${n}` });
    const all = await world.sim.rows();
    const inode = () => statSync(world.sim.chatDb).ino;
    const first = inode();
    expect(await world.sim.replaceDb('all')).toBe(all.length);
    expect(await world.sim.rows()).toEqual(all);
    expect(inode()).not.toBe(first);
    expect(await world.sim.replaceDb(all.length - 2)).toBe(all.length - 2);
    expect(await world.sim.rows()).toEqual(all.slice(0, -2));
    // The ROWIDs of the lost ones are given again.
    const { rowid } = await world.sim.inbound({ from: world.person(), text: 'again' });
    expect(rowid).toBe(all.at(-2)?.rowid);
    expect(await world.sim.replaceDb()).toBe(0);
    expect(await world.sim.rows()).toEqual([]);
    await world.send(world.person(), 'into the new file');
    expect((await world.sim.rows()).map((row) => row.text)).toEqual(['into the new file']);
    expect(await world.sim.checkpoint()).toBe(true);
  });

  it('a verdict can be given and taken', async () => {
    const ann = world.person();
    expect(await world.sim.apple({ junk: true })).toEqual(expect.objectContaining({ junk: true }));
    expect(await world.send(ann, 'bad')).toMatchObject({ kind: 'not_delivered', error: 22 });
    await world.sim.apple({ junk: false });
    expect(await world.send(ann, 'good')).toMatchObject({ kind: 'sent' });
  });
});

describe('the program', () => {
  it('says what it can do, and what is wrong with its arguments', async () => {
    const help = await run(['--help']);
    expect([help.code, help.err]).toEqual([0, '']);
    expect(help.out).toContain('--folder DIR');
    expect(help.out).not.toMatch(/^ ?\*/m);
    const wrong = [[], ['--folder', 'x', '--factor', '0'], ['--folder', 'x', '--start', 'soon'], ['--what']];
    for (const { code, out, err } of await Promise.all(wrong.map(run)))
      expect([code, out, err]).toEqual([2, '', expect.stringMatching(/^sim: /)]);
    expect(existsSync('x')).toBe(false);
  });

  it('answers each line with its id: done, or why not; and ends with its input', async () => {
    const folder = join(world.folder, 'second');
    const child = spawn(process.execPath, [MAIN, '--folder', folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => JSON.parse((await lines.next()).value as string) as Record<string, unknown>;
    expect(await next()).toMatchObject({ ready: { chat_db: join(folder, 'Library/Messages/chat.db') } });
    expect(readdirSync(join(folder, 'bin')).sort()).toEqual(['launchctl', 'osascript', 'ps']);
    const ask = (line: string) => {
      child.stdin.write(`${line}\n`);
      return next();
    };
    expect(await ask('{"do":"rows","id":"a"}')).toEqual({ done: { id: 'a', rows: [] } });
    expect(await ask('no json')).toMatchObject({ error: { code: 'bad_line' } });
    expect(await ask('{"do":"fly","id":7}')).toMatchObject({ error: { id: 7, code: 'bad_command' } });
    expect(await ask('{"do":"contact","handle":"+1","reads":1,"id":8}')).toMatchObject({
      error: { id: 8, code: 'bad_command' },
    });
    expect(await ask('{"do":"inbound","from":"+14155550101","text":"x","chat":"none","id":9}')).toMatchObject({
      error: { id: 9, code: 'no_such_chat' },
    });
    child.stdin.end();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(readdirSync(join(folder, 'run'))).toEqual([]);
  });
});
