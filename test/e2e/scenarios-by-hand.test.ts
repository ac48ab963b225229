/** `npm run sim -- --list` and `--play`: a scenario beside a relay that somebody starts, and kills, as the printed lines say. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SCENARIOS } from '../sim/scenarios/all.ts';
import { makeFolder } from '../support/store.ts';

const SIM = fileURLToPath(new URL('../sim/main.ts', import.meta.url));

let folder: string;
let relay: ChildProcess | undefined;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => {
  relay?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const child = spawn(process.execPath, [SIM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { out, err, code };
}

/** Does what the lines say. What it printed, and its exit code. */
async function play(name: string, more: string[] = []): Promise<{ lines: string[]; code: number }> {
  const args = [SIM, '--play', name, '--folder', folder, '--factor', '20', ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  let start = '';
  const startRelay = () => {
    relay = spawn('/bin/sh', ['-c', `exec env ${start}`], { stdio: 'ignore', env: { PATH: process.env.PATH } });
  };
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (line.startsWith('  SIM_CLOCK=')) {
      start = line.trim();
      startRelay();
    } else if (line.startsWith('NOW KILL THE RELAY') && relay) {
      const gone = once(relay, 'exit');
      relay.kill('SIGKILL');
      await gone;
      startRelay();
    }
  }
  const [code] = await ended;
  return { lines, code: Number(code) };
}

it('--list names each with one line, --play refuses what is not there', async () => {
  const { out, code } = await run('--list');
  expect(code).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines.map((line) => line.split(' ')[0])).toEqual(SCENARIOS.map(({ name }) => name));
  expect(lines.filter((line) => !/^\S+ +\S.* → \S/.test(line))).toEqual([]);
  const refused = await run('--play', 'nothing-of-the-kind');
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--list names them all') });
});

it('--play goes through a scenario in which the relay is killed', async () => {
  const { lines, code } = await play('killed-while-osascript-lives-on');
  expect(lines.filter((line) => line.startsWith('✗'))).toEqual([]);
  expect(lines).toContain('✓ the Mac’s record and the controller’s store agree');
  expect({ code, last: lines.at(-1) }).toEqual({ code: 0, last: 'All is as it must be.' });
});
