/** The ps stand-in beside what the machine itself says about its processes. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clockTerms, simClockEnv, virtualNow } from '../../sim/sim-clock.ts';
import { writeStandIns } from '../../sim/stand-ins.ts';

const ALL = ['-axo', 'pid=,lstart=,command='];

function standIn(o: { factor?: number; start?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'sim-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const env = simClockEnv(o);
  const terms = clockTerms(env);
  if (!terms) throw new Error('no terms');
  return { env, path: writeStandIns(folder, terms).ps };
}

function lines(path: string, args: string[], TZ = 'UTC'): [pid: number, start: string, command: string][] {
  const out = execFileSync(path, args, { encoding: 'utf8', env: { ...process.env, TZ, LC_ALL: 'C' } });
  return out
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const match = /^ *(\d+) (\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) (.*)$/.exec(line);
      if (!match) throw new Error(`not a line of ps: ${line}`);
      return [Number(match[1]), match[2] ?? '', match[3] ?? ''];
    });
}

/** A process with arguments that are easily mangled. */
function sleeper() {
  const args = ['60', '', 'two words', "it's", '$(x)'];
  const child = spawn('/bin/sh', ['-c', 'read line', ...args], { stdio: ['pipe', 'ignore', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { pid: child.pid ?? 0, command: `/bin/sh -c read line ${args.join(' ')}` };
}

// Without /proc the stand-in is the real ps; this says that it was skipped.
describe.skipIf(!existsSync('/proc/self/stat'))('ps', () => {
  it('lists every process once, with its command', () => {
    const { pid, command } = sleeper();
    const { path } = standIn();
    const found = lines(path, ALL);
    expect(new Set(found.map(([p]) => p)).size).toBe(found.length);
    expect(found.find(([p]) => p === pid)?.[2]).toBe(command);
    expect(found.find(([p]) => p === process.pid)?.[2]).toContain('node');
  });

  it('says when a process started, in the time of the simulated Mac and in the zone of the caller', () => {
    const { env, path } = standIn({ factor: 60, start: '2027-03-01T00:00:00Z' });
    const before = virtualNow(env);
    const { pid } = sleeper();
    const after = virtualNow(env);
    const [line] = lines(path, ['-p', String(pid), '-o', 'pid=,lstart=,command=']);
    const at = Date.parse(`${line?.[1]} UTC`);
    // /proc counts hundredths of a second, ps whole ones.
    expect(at).toBeGreaterThanOrEqual(before - 60 * 40);
    expect(at).toBeLessThanOrEqual(after + 60 * 40);
    const [indian] = lines(path, ['-p', String(pid)], 'Asia/Kolkata');
    expect(Date.parse(`${indian?.[1]} UTC`) - at).toBe(5.5 * 3_600_000);
    expect(lines(path, ['-p', String(pid)])).toEqual([line]);
  });

  it('knows nothing of one that has ended', () => {
    const { pid } = spawnSync('true');
    const { path } = standIn();
    expect(() => lines(path, ['-p', String(pid)])).toThrow(/Command failed/);
    expect(lines(path, ALL).map(([p]) => p)).not.toContain(pid);
  });

  it('agrees with the real one', ({ skip }) => {
    const real = spawnSync('ps', ['-p', String(process.pid), '-o', 'pid=,lstart=,command='], { encoding: 'utf8' });
    if (real.status !== 0) skip('there is no ps here');
    const { path } = standIn();
    for (const zone of ['UTC', 'America/New_York', 'Australia/Adelaide']) {
      const [ours] = lines(path, ['-p', String(process.pid)], zone);
      const [theirs] = lines('ps', ['-p', String(process.pid), '-o', 'pid=,lstart=,command='], zone);
      expect([ours?.[0], ours?.[2]]).toEqual([theirs?.[0], theirs?.[2]]);
      expect(Math.abs(Date.parse(ours?.[1] ?? '') - Date.parse(theirs?.[1] ?? ''))).toBeLessThanOrEqual(1_000);
    }
  });
});
