/** `relayctl service` as a person types it, with the real daemon under the stand-in of launchd. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AgentWorld } from '../support/agent-world.ts';

const LABEL = 'com.sender.relay';
let world: AgentWorld;
beforeEach(() => {
  world = AgentWorld.open();
});
afterEach(() => world.close());

const service = (...args: string[]) => world.relayctl(['service', ...args]);
const json = async (...args: string[]) => {
  const ran = await service('--json', ...args);
  return { code: ran.code, content: JSON.parse(ran.out || ran.err) as Record<string, unknown> };
};
const filesIn = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [entry.name] : [],
  );

it('goes from nothing to a relay that answers, and back to nothing but data', async () => {
  world.configure();
  const before = await service('status');
  expect({ code: before.code, out: before.out, err: before.err }).toEqual({
    code: 3,
    out: 'Not installed.\n',
    err: 'Install it with: relayctl service install\n',
  });
  const first = await service('install');
  expect({ code: first.code, err: first.err }).toEqual({ code: 0, err: '' });
  expect(first.lines).toEqual([`Installed: ${world.agent}`, expect.stringMatching(/^The relay answers: Not ready/)]);
  const pid = world.launchd.pidOf(LABEL);
  expect(await json('install')).toMatchObject({
    code: 0,
    content: { schema: 1, changed: false, started: false, pid, answers: true },
  });

  const running = await service('status');
  expect({ code: running.code, lines: running.lines }).toEqual({
    code: 0,
    lines: [
      `Running (process ${pid}, start 1 since it was loaded).`,
      `plist    ${world.agent}`,
      `program  ${process.execPath}`,
      `folder   ${world.home}`,
    ],
  });

  // A new process, in an orderly way: the old one had the time to say so.
  expect(await json('restart')).toMatchObject({ code: 0, content: { killed: false, answers: true } });
  expect(world.launchd.pidOf(LABEL)).not.toBe(pid);
  expect(readFileSync(join(world.home, 'logs/relay.log'), 'utf8')).toContain('"stopping"');

  // "Quit & Reopen" of a permission ends it with exit code 0.
  const second = world.launchd.pidOf(LABEL) as number;
  process.kill(second, 'SIGTERM');
  await expect.poll(() => world.launchd.pidOf(LABEL) ?? second, { timeout: 10_000 }).not.toBe(second);

  const gone = await service('uninstall');
  expect({ code: gone.code, lines: gone.lines }).toEqual({
    code: 0,
    lines: ['The service is gone.', `Data and logs stay: ${world.home}, ${join(world.home, 'logs')}`],
  });
  expect(world.launchd.labels).toEqual([]);
  expect(filesIn(world.userHome)).toEqual([]);
  expect(existsSync(join(world.home, 'relay.db'))).toBe(true);
}, 60_000);

it('says why there is no answer', async () => {
  world.configure();
  // Something else is where the database should be.
  mkdirSync(join(world.home, 'relay.db'));
  const { code, out, err } = await service('install');
  expect({ code, out }).toEqual({ code: 1, out: `Installed: ${world.agent}\n` });
  expect(err).toMatch(/relay\.db/);
  expect(err).toContain('It was started, but does not answer');
});

it('shows the property list without doing anything', async () => {
  const { code, out, err } = await service('install', '--print');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('<key>SENDER_RELAY_HOME</key>');
  expect(await json('install', '--print')).toMatchObject({ code: 0, content: { path: world.agent, plist: out } });
  expect(world.launchd.calls).toEqual([]);
  expect(filesIn(world.userHome)).toEqual([]);
});

it('ends with 4 where a person is needed: a configuration, a login at the screen', async () => {
  expect(await json('install')).toMatchObject({ code: 4, content: { error: { code: 'config_missing' } } });
  world.configure();
  world.launchd.session = false;
  const env = { SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' };
  const { code, err } = await world.relayctl(['service', 'install'], { env });
  expect(code).toBe(4);
  expect(err).toContain('nobody is logged in at this Mac’s screen as you (Domain does not support specified action)');
  expect(err).toContain('SSH alone is not enough');
  expect(await json('status')).toMatchObject({
    code: 3,
    content: { installed: false, session: false, running: false },
  });
});

it('ends with 1 where it cannot be done, with the reason also in JSON', async () => {
  writeFileSync(join(world.home, 'config.json'), '{"device": 1}');
  // What this shell has does not count: launchd starts the daemon without it.
  const { code, err } = await world.relayctl(['service', 'install'], { env: { SENDER_RELAY_DEVICE: 'mac-1' } });
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('device: found 1') });
  // The gate would refuse it, and launchd would start it again and again.
  world.configure({ policy: { caps: { unanswered: 0 } } });
  expect(await json('install')).toMatchObject({
    code: 1,
    content: { error: { code: 'config_invalid', message: expect.stringContaining('policy.caps.unanswered: found 0') } },
  });
  expect(world.launchd.calls).toEqual([]);
  expect(await json('start')).toMatchObject({
    code: 1,
    content: {
      schema: 1,
      error: { code: 'not_installed', message: expect.stringContaining(world.agent), hint: expect.any(String) },
    },
  });
  const long = await world.relayctl(['service', 'install', '--print', '--home', join(world.folder, 'a'.repeat(100))]);
  expect({ code: long.code, err: long.err }).toEqual({
    code: 1,
    err: expect.stringMatching(/relay\.sock has \d+ bytes; a socket may have 103/),
  });
  const elsewhere = await world.relayctl(['service', 'stop'], {
    env: { SENDER_RELAY_LAUNCHCTL: '/nowhere/launchctl' },
  });
  expect({ code: elsewhere.code, err: elsewhere.err }).toEqual({
    code: 1,
    err: 'relayctl: a service needs launchd of macOS: there is no /nowhere/launchctl\n          Elsewhere, start relayd by hand.\n',
  });
});

it('ends with 2 for a command line that is not right', async () => {
  for (const args of [['install', '--bundel'], ['begin'], [], ['stop', 'now']])
    expect({ args, code: (await service(...args)).code }).toEqual({ args, code: 2 });
});
