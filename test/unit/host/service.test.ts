/** The relay as a service, against the stand-in of launchd. The program is a small one: what launchd does with it is what counts. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { relayPaths } from '../../../daemon/host/paths.ts';
import type { Service } from '../../../daemon/host/service.ts';
import { AgentWorld } from '../../support/agent-world.ts';

const LABEL = 'com.sender.relay';
/** Says that it started, and when it is asked to end; `go` is how it ends then. */
const relayd = (go = 'process.exit(0)') => `
import { appendFileSync } from 'node:fs';
const say = (words) => appendFileSync(process.env.SENDER_RELAY_HOME + '/../said', words + '\\n');
process.on('SIGTERM', () => { say('asked'); ${go}; });
setInterval(() => {}, 1000);
say('start');`;

let world: AgentWorld;
let service: Service;
let app: string;
beforeEach(() => {
  world = AgentWorld.open();
  service = world.service();
  app = world.app(relayd());
});
afterEach(() => world.close());

const code = (wanted: string) => expect.objectContaining({ code: wanted });
const times = (word: string) =>
  world
    .said()
    .split('\n')
    .filter((line) => line === word).length;
const started = (n: number) => world.saying(() => times('start') >= n);
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );

describe('install', () => {
  it('twice gives the same result, and uninstall leaves nothing but data', async () => {
    const first = await service.install(app);
    expect(first).toMatchObject({ changed: true, started: true, path: world.agent });
    expect(statSync(world.agent).mode & 0o777).toBe(0o644);
    expect(first.job).toMatchObject({ state: 'running', pid: world.launchd.pidOf(LABEL), runs: 1 });
    await started(1);
    // The folder for what launchd itself catches was there before.
    expect(statSync(join(world.home, 'logs')).mode & 0o777).toBe(0o700);
    expect(existsSync(join(world.home, 'logs/launchd.log'))).toBe(true);
    const text = readFileSync(world.agent, 'utf8');

    const second = await service.install(app);
    expect(second).toMatchObject({ changed: false, started: false, job: { pid: first.job.pid } });
    expect(readFileSync(world.agent, 'utf8')).toBe(text);
    expect(second.text).toBe(text);

    expect(await service.uninstall()).toEqual({ removed: true, stopped: true });
    expect(filesIn(world.userHome)).toEqual([]);
    expect(world.launchd.labels).toEqual([]);
    expect(times('asked')).toBe(1);
    expect(existsSync(world.home)).toBe(true);
    expect(await service.uninstall()).toEqual({ removed: false, stopped: false });
  });

  it('puts a change in place, and starts the relay with it', async () => {
    const first = await service.install(app);
    await started(1);
    writeFileSync(world.agent, readFileSync(world.agent, 'utf8').replace('<integer>75<', '<integer>5<'));
    const second = await service.install(app);
    expect(second).toMatchObject({ changed: true, started: true });
    expect(second.job.pid).not.toBe(first.job.pid);
    expect(readFileSync(world.agent, 'utf8')).toBe(first.text);
  });

  it('loads what is in place but not loaded', async () => {
    await service.install(app);
    await service.stop();
    expect(await service.install(app)).toMatchObject({ changed: false, started: true });
  });

  it('takes the named app, else the one that it is in, else that in Applications, else the Node that runs it', () => {
    const none = service.plan();
    expect(none).toMatchObject({ program: process.execPath, main: expect.stringMatching(/\/daemon\/main\.ts$/) });
    const usual = world.app('', join(world.userHome, 'Applications/Sender Relay.app'));
    expect(service.plan().program).toBe(join(usual, 'Contents/MacOS/Sender Relay'));
    const own = world.service({ node: join(app, 'Contents/MacOS/Sender Relay') });
    expect(own.plan()).toMatchObject({ main: join(app, 'Contents/Resources/dist/relayd.js') });
    expect(own.plan(usual).program).toBe(service.plan().program);
    for (const wrong of [world.userHome, '/nowhere']) expect(() => service.plan(wrong)).toThrow(code('bundle_broken'));
  });

  it('refuses a signature that no permission is granted to', async () => {
    const signed = world.service({ codesign: true });
    const program = join(app, 'Contents/MacOS/Sender Relay');
    const refused = (words: string) =>
      expect(signed.install(app)).rejects.toThrow(
        expect.objectContaining({ code: 'signature_wrong', message: expect.stringContaining(words) }),
      );
    await refused('has no valid signature');
    world.signatures.sign(program, 'node');
    await refused(`${program} is signed as node; macOS grants permissions to ${LABEL} only`);
    world.signatures.sign(program, LABEL, { broken: true });
    await refused('a sealed resource is missing or invalid');
    expect(filesIn(world.userHome)).toEqual([]);
    world.signatures.sign(program, LABEL);
    expect(await signed.install(app)).toMatchObject({ started: true });
    // On a Mac a missing codesign is no excuse.
    const bare = world.service({ platform: 'darwin', uid: 501 });
    await expect(bare.install(app)).rejects.toThrow(code('signature_wrong'));
  });

  it('is for the user whose Messages it is', async () => {
    const root = world.service({ platform: 'darwin', uid: 0 });
    for (const verb of ['install', 'uninstall', 'start', 'stop', 'restart'] as const)
      await expect(root[verb]()).rejects.toThrow(code('as_root'));
  });

  it('refuses a folder whose socket would have too long a path', async () => {
    const paths = relayPaths({ env: {}, home: join(world.folder, 'a'.repeat(100)) });
    await expect(world.service({ paths }).install(app)).rejects.toThrow(code('socket_path_long'));
    expect(world.launchd.calls).toEqual([]);
  });

  it('says when its file cannot be written', async () => {
    writeFileSync(join(world.userHome, 'Library'), 'not a folder');
    await expect(service.install(app)).rejects.toThrow(code('file_unwritable'));
  });
});

describe('start, stop and restart', () => {
  it('do nothing to what is so already', async () => {
    await expect(service.start()).rejects.toThrow(code('not_installed'));
    await expect(service.restart()).rejects.toThrow(code('not_installed'));
    expect(await service.stop()).toEqual({ stopped: false });
    const { job } = await service.install(app);
    expect(await service.start()).toMatchObject({ started: false, job: { pid: job.pid } });
    expect(await service.stop()).toEqual({ stopped: true });
    expect(await service.stop()).toEqual({ stopped: false });
    expect(await service.start()).toMatchObject({ started: true });
    expect(await service.start()).toMatchObject({ started: false });
  });

  it('restart asks the process to end, and does not wait for the throttle', async () => {
    rmSync(world.folder, { recursive: true });
    await world.launchd.close();
    // At launchd's own speed: ten seconds between two starts.
    world = AgentWorld.open(1);
    app = world.app(relayd());
    service = world.service();
    await service.install(app);
    await started(1);
    const began = performance.now();
    expect(await service.restart()).toMatchObject({ killed: false, job: { runs: 2 } });
    await started(2);
    expect(performance.now() - began).toBeLessThan(8_000);
    expect(times('asked')).toBe(1);
    expect(world.launchd.calls.some((call) => call.includes('-k'))).toBe(false);
  });

  it('restart kills a process that does not go', async () => {
    const patient = world.service({ stopPatienceMs: 300 });
    await patient.install(world.app(relayd('')));
    await started(1);
    const before = world.launchd.pidOf(LABEL);
    const { killed, job } = await patient.restart();
    expect({ killed, calls: world.launchd.calls.filter((call) => call.includes('-k')).length }).toEqual({
      killed: true,
      calls: 1,
    });
    expect(job.pid).not.toBe(before);
  });

  it('restart starts what was stopped', async () => {
    await service.install(app);
    await service.stop();
    expect(await service.restart()).toMatchObject({ killed: false, job: { state: 'running' } });
  });

  it('stop waits until the process is gone, so that the next start is not refused', async () => {
    await service.install(world.app(relayd('setTimeout(() => process.exit(0), 400)')));
    await started(1);
    const pid = world.launchd.pidOf(LABEL) as number;
    expect(await service.stop()).toEqual({ stopped: true });
    expect(() => process.kill(pid, 0)).toThrow();
    expect(await service.start()).toMatchObject({ started: true });
  });

  it('stop tells when the process does not go', async () => {
    const patient = world.service({ stopPatienceMs: 300 });
    await patient.install(world.app(relayd('')));
    await started(1);
    await expect(patient.stop()).rejects.toThrow(code('launchd_failed'));
  });
});

describe('what launchd refuses', () => {
  it('without a session at the screen, nothing is left behind', async () => {
    world.launchd.session = false;
    for (const dialect of ['15', '10.15'] as const) {
      world.launchd.dialect = dialect;
      await expect(service.install(app)).rejects.toThrow(code('no_gui_session'));
      await expect(service.stop()).rejects.toThrow(code('no_gui_session'));
    }
    expect(filesIn(world.userHome)).toEqual([]);
    const ssh = world.service({ env: { SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' } });
    await expect(ssh.install(app)).rejects.toThrow(
      expect.objectContaining({ hint: expect.stringContaining('SSH alone') }),
    );
    // Taking it away needs no session: nothing can be loaded.
    mkdirSync(join(world.userHome, 'Library/LaunchAgents'), { recursive: true });
    writeFileSync(world.agent, 'anything');
    expect(await service.state()).toMatchObject({ installed: true, session: false, job: null, program: null });
    expect(await service.uninstall()).toEqual({ removed: true, stopped: false });
  });

  it('when it was switched off, the way back is named', async () => {
    for (const dialect of ['15', '10.15'] as const) {
      world.launchd.dialect = dialect;
      await world.launchd.obey(['disable', `${world.launchd.domain}/${LABEL}`]);
      await expect(service.install(app)).rejects.toThrow(
        expect.objectContaining({ code: 'service_disabled', hint: expect.stringContaining('Login Items') }),
      );
    }
  });

  it('"Input/output error" and 37 are a success when it is loaded, and a failure when it is not', async () => {
    await service.install(app);
    for (const dialect of ['15', '10.15'] as const) {
      world.launchd.dialect = dialect;
      // Between the look and the call somebody else loads it: what is seen is what bootstrap says.
      const blind = world.service({ tools: { launchctl: blindfolded(world.launchd.launchctl), codesign: '/none' } });
      expect(await blind.start()).toMatchObject({ started: true, job: { pid: world.launchd.pidOf(LABEL) } });
    }
    await service.stop();
    writeFileSync(world.agent, 'no property list');
    world.launchd.dialect = '15';
    await expect(service.start()).rejects.toThrow(
      expect.objectContaining({
        code: 'launchd_failed',
        message: 'launchd refuses: Bootstrap failed: 5: Input/output error',
      }),
    );
  });

  it('says where there is no launchd', async () => {
    const elsewhere = world.service({ tools: { launchctl: '/nowhere/launchctl', codesign: '/none' } });
    for (const verb of ['install', 'uninstall', 'stop', 'state'] as const)
      await expect(elsewhere[verb]()).rejects.toThrow(code('no_launchd'));
    expect(filesIn(world.userHome)).toEqual([]);
  });

  it('tells of a program that ends at once, with its code', async () => {
    await service.install(world.app('process.exit(3)'));
    await expect.poll(async () => (await service.state()).job?.lastExit).toBe('3');
    renameSync(app, `${app}.gone`);
    await expect.poll(async () => (await service.state()).job?.lastExit, { timeout: 5_000 }).toBe('78: EX_CONFIG');
    expect(await service.state()).toMatchObject({ installed: true, program: join(app, 'Contents/MacOS/Sender Relay') });
  });
});

/** A launchctl whose first look finds nothing. */
function blindfolded(launchctl: string): string {
  const path = join(world.folder, 'blindfolded');
  const once = join(world.folder, 'looked');
  rmSync(once, { force: true });
  const script = `if [ "$1" = print ] && [ ! -e '${once}' ]; then touch '${once}'; echo 'Could not find service' >&2; exit 113; fi`;
  writeFileSync(path, `#!/bin/sh\n${script}\nexec '${launchctl}' "$@"\n`, { mode: 0o755 });
  return path;
}
