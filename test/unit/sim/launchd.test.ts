/** The stand-in of launchctl: does it keep a job alive, and refuse, as the real one does? */
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentWorld } from '../../support/agent-world.ts';

let world: AgentWorld;
beforeEach(() => {
  world = AgentWorld.open();
});
afterEach(() => world.close());

/** Through the executable, as the relay calls it. */
function launchctl(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(world.launchd.launchctl, args, (error, out, err) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
    );
  });
}
const target = () => `${world.launchd.domain}/a.job`;
const bootstrap = (path: string) => world.launchd.obey(['bootstrap', world.launchd.domain, path]);
const starts = (said: string) => said.split('\n').filter((line) => line.startsWith('start')).length;

describe('a job', () => {
  it('runs as its property list says', async () => {
    const folder = join(world.folder, 'relay');
    const out = join(world.folder, 'out.log');
    const path = world.job(
      'echo out; echo err >&2; echo "$PWD|$GREETING|$(env | grep -c ^NODE_OPTIONS=$)|$(umask)|$*" >"$said"; exec sleep 60',
      {
        ProgramArguments: [world.program(''), 'a b', "c'd"],
        WorkingDirectory: folder,
        EnvironmentVariables: { GREETING: 'good day', NODE_OPTIONS: '' },
        Umask: 63,
        StandardOutPath: out,
        StandardErrorPath: out,
      },
    );
    expect(await launchctl('bootstrap', world.launchd.domain, path)).toEqual({ code: 0, out: '', err: '' });
    expect(await world.saying((said) => said.endsWith('\n'))).toBe(`${folder}|good day|1|0077|a b c'd\n`);
    expect(readFileSync(out, 'utf8').split('\n').sort()).toEqual(['', 'err', 'out']);
    const { code, out: printed } = await launchctl('print', target());
    expect(code).toBe(0);
    expect(printed).toContain(`\tstate = running\n`);
    expect(printed).toContain(`\tpid = ${world.launchd.pidOf('a.job')}\n`);
  });

  it('comes again whenever it ends, but not before its interval is over', async () => {
    // 10 s at 20 times the speed are half a second.
    const began = performance.now();
    await bootstrap(world.job('echo start >>"$said"; exit 0'));
    await world.saying((said) => starts(said) >= 3);
    const tookMs = performance.now() - began;
    expect(tookMs).toBeGreaterThan(950);
    expect((await launchctl('print', target())).out).toContain('last exit code = 0');
  });

  it('comes at once when it ran longer than its interval', async () => {
    await bootstrap(world.job('echo start >>"$said"; exec sleep 60', { ThrottleInterval: 0 }));
    await world.saying((said) => starts(said) === 1);
    const first = world.launchd.pidOf('a.job');
    process.kill(first as number, 'SIGKILL');
    await world.saying((said) => starts(said) === 2);
    expect((await launchctl('print', target())).out).toContain('last terminating signal = Killed: 9');
  });

  it('stays away when it is not to be kept alive', async () => {
    await bootstrap(world.job('echo start >>"$said"', { KeepAlive: { SuccessfulExit: false }, ThrottleInterval: 0 }));
    await world.saying((said) => starts(said) === 1);
    await expect.poll(async () => (await launchctl('print', target())).out).toContain('state = not running');
    expect(starts(world.said())).toBe(1);
  });

  it('is asked to end, and killed when it does not', async () => {
    await bootstrap(
      world.job('trap "echo asked >>$said" TERM; echo start >>"$said"; while :; do sleep 0.05; done', {
        ExitTimeOut: 10,
      }),
    );
    await world.saying((said) => starts(said) === 1);
    const pid = world.launchd.pidOf('a.job') as number;
    expect(await launchctl('bootout', target())).toMatchObject({ code: 0 });
    // It goes: neither there nor free for another.
    expect(await bootstrap(join(world.folder, 'job.plist'))).toMatchObject({ code: 37 });
    await world.saying((said) => said.includes('asked'));
    await expect.poll(() => world.launchd.labels).toEqual([]);
    expect(() => process.kill(pid, 0)).toThrow();
  });

  it('is killed at once by kickstart -k, and asked by kill', async () => {
    await bootstrap(
      world.job('trap "echo asked >>$said; exit 0" TERM; echo start >>"$said"; while :; do sleep 0.02; done', {
        ThrottleInterval: 0,
      }),
    );
    await world.saying((said) => starts(said) === 1);
    expect(await launchctl('kickstart', '-k', target())).toMatchObject({ code: 0 });
    expect(await world.saying((said) => starts(said) === 2)).not.toContain('asked');
    expect(await launchctl('kill', 'SIGTERM', target())).toMatchObject({ code: 0 });
    expect(await world.saying((said) => starts(said) === 3)).toContain('asked');
  });

  it('whose program is not there is tried again, with the code for it', async () => {
    await bootstrap(world.job('', { ProgramArguments: ['/nowhere/program'] }));
    await expect.poll(() => world.launchd.runsOf('a.job')).toBeGreaterThan(1);
    expect((await launchctl('print', target())).out).toContain('last exit code = 78: EX_CONFIG');
  });
});

describe('refuses with the words of', () => {
  const RICHER = 'Try re-running the command as root for richer errors.\n';
  const missing = () =>
    `Could not find service "a.job" in domain for user ${world.launchd.domain.replace('/', ': ')}\n`;

  it('macOS 15', async () => {
    const path = world.job('exec sleep 60');
    expect(await launchctl('print', target())).toEqual({ code: 113, out: '', err: `Bad request.\n${missing()}` });
    expect(await launchctl('bootout', target())).toEqual({
      code: 3,
      out: '',
      err: 'Boot-out failed: 3: No such process\n',
    });
    expect(await launchctl('kickstart', '-k', target())).toEqual({ code: 113, out: '', err: missing() });
    await bootstrap(path);
    const io = { code: 5, out: '', err: `Bootstrap failed: 5: Input/output error\n${RICHER}` };
    expect(await launchctl('bootstrap', world.launchd.domain, path)).toEqual(io);
    expect(await launchctl('bootstrap', world.launchd.domain, '/nowhere.plist')).toEqual(io);
    expect(await launchctl('load', path)).toMatchObject({ code: 64 });
  });

  it('macOS 10.15', async () => {
    world.launchd.dialect = '10.15';
    const path = world.job('exec sleep 60');
    await bootstrap(path);
    expect(await bootstrap(path)).toEqual({ code: 37, err: `${path}: service already bootstrapped\n` });
    expect(await world.launchd.obey(['bootout', `${world.launchd.domain}/b`])).toMatchObject({ code: 113 });
  });

  it('a Mac without a session, of which SSH sees as little', async () => {
    world.launchd.session = false;
    const path = world.job('exec sleep 60');
    const words = 'Domain does not support specified action\n';
    expect(await launchctl('bootstrap', world.launchd.domain, path)).toEqual({
      code: 125,
      out: '',
      err: `Bootstrap failed: 125: ${words}`,
    });
    expect(await launchctl('print', target())).toEqual({ code: 125, out: '', err: `Bad request.\n${words}` });
    world.launchd.dialect = '10.15';
    expect(await launchctl('print', target())).toMatchObject({
      code: 112,
      err: expect.stringContaining('find domain'),
    });
  });

  it('one that was switched off, that others may write to, that is for another session, that is none', async () => {
    const path = world.job('exec sleep 60');
    await launchctl('disable', target());
    expect(await bootstrap(path)).toMatchObject({ code: 5 });
    expect((await launchctl('print-disabled', world.launchd.domain)).out).toContain('"a.job" => disabled\n');
    await launchctl('enable', target());
    chmodSync(path, 0o666);
    expect(await bootstrap(path)).toMatchObject({ code: 5 });
    world.job('exec sleep 60', { LimitLoadToSessionType: 'Background' });
    chmodSync(path, 0o644);
    expect(await bootstrap(path)).toMatchObject({ code: 134 });
    writeFileSync(path, '<plist version="1.0"><dict></dict></plist>');
    expect(await bootstrap(path)).toMatchObject({ code: 5 });
    expect(await bootstrap(world.job('exec sleep 60'))).toEqual({ code: 0 });
  });
});
