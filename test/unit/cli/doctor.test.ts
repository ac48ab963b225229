/** The real relayctl, beside a relay that answers as it is told, on a Mac of stand-ins. */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOfReport } from '../../../daemon/cli/doctor.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { DoctorReport } from '../../../daemon/local/schemas.ts';
import { LocalServer } from '../../../daemon/local/server.ts';
import type { Check } from '../../../protocol/queries.ts';
import { CheckedMac } from '../../support/check-world.ts';
import { aStatus, FakeRelay, NOON } from '../../support/fake-local.ts';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

let at: CheckedMac;
let relay: FakeRelay;
let server: LocalServer | undefined;

beforeEach(() => {
  at = new CheckedMac(makeFolder());
  at.configure({ messages: { chat_db: join(at.folder, 'chat.db'), osascript: join(at.folder, 'none') } });
  relay = new FakeRelay();
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  rmSync(at.folder, { recursive: true, force: true });
});

async function runs(checks: Check[]): Promise<void> {
  relay.checks = checks;
  server = new LocalServer({
    path: join(at.home, 'relay.sock'),
    handlers: relay,
    now: () => NOON,
    log: silentLog,
  });
  await server.start();
}

const run = (...args: string[]) => {
  const none = join(at.folder, 'none');
  const env = { HOME: at.folder, SENDER_RELAY_LAUNCHCTL: none, SENDER_RELAY_CODESIGN: none };
  return relayctl(['doctor', ...args], { home: at.home, env });
};
const check = (name: string, o: Partial<Check> = {}): Check => ({
  ...{ name, verdict: 'ok', code: 'ok', words: 'It is in order.' },
  ...o,
});
const denied = check('full_disk_access', {
  verdict: 'fail',
  code: 'chat_db_denied',
  words: 'macOS does not let this process read the database of Messages, which is where all that comes in is found.',
  remedy: 'System Settings › Privacy & Security › Full Disk Access: switch on Sender Relay.',
  needs_person: true,
});

describe('doctor', () => {
  it('shows the worst last, with its remedy, in 80 columns and without colour; it ends with 4 if a person is needed', async () => {
    await runs([
      denied,
      check('automation'),
      check('condition:clock_jump', { verdict: 'warn', remedy: 'Set the clock.' }),
    ]);
    const { code, lines, out } = await run();
    expect(code).toBe(4);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(out).not.toContain('\x1b');
    expect(out).toMatch(/✓ ok +relay +The relay runs and answers\./);
    expect(out).toMatch(/! warning +clock_jump +It is in order\.\n +→ Set the clock\./);
    expect(out).toMatch(/✗ FAILED +full_disk_access +macOS does not let/);
    expect(out).toMatch(/→ System Settings › Privacy & Security › Full Disk/);
    expect(out.indexOf('✓')).toBeLessThan(out.indexOf('!'));
    expect(out.indexOf('!')).toBeLessThan(out.indexOf('✗'));
    expect(lines.at(-1)).toMatch(/^One check failed; what to do stands beside →\./);
  });

  it('believes the relay, not itself, where both know a check', async () => {
    await runs(
      ['full_disk_access', 'chat_db', 'automation', 'messages_answer', 'signed_in'].map((name) => check(name)),
    );
    relay.present = aStatus({ version: '0.0.1' });
    const { code, json } = await run('--json');
    const [answer] = json();
    const report = DoctorReport.parse(answer);
    expect(answer).toMatchObject({ schema: 1, relay: 'running', verdict: 'warn' });
    expect(code).toBe(0);
    const told = report.checks.filter(({ name }) => name === 'chat_db' || name === 'full_disk_access');
    expect(told.map(({ by, verdict }) => [by, verdict])).toEqual([
      ['relay', 'ok'],
      ['relay', 'ok'],
    ]);
    expect(report.checks.find(({ name }) => name === 'versions')).toMatchObject({ verdict: 'warn', by: 'relayctl' });
    expect(new Set(report.checks.map(({ name }) => name)).size).toBe(report.checks.length);
  });

  it('finds out by itself what it can when no relay runs, and does not call that a failure', async () => {
    const { json } = await run('--json');
    const report = DoctorReport.parse(json()[0]);
    const of = (name: string) => report.checks.find((one) => one.name === name);
    expect(report.relay).toBe('not_running');
    expect(of('relay')).toMatchObject({ verdict: 'warn', remedy: expect.stringMatching(/^relayctl service start/) });
    expect(of('macos')).toMatchObject({ verdict: 'ok', facts: { version: '15.1' } });
    expect(of('chat_db')).toMatchObject({ verdict: 'fail', code: 'chat_db_missing', by: 'relayctl' });
    expect(report.checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(
        'macos gui_session auto_login filevault messages_running disk clock config token controller service signature runtime versions socket logs store scripts full_disk_access chat_db messages_answer'.split(
          ' ',
        ),
      ),
    );
  });

  it('works without a configuration that is right, and writes the support file all the same', async () => {
    at.configure({ log: { level: 'loud' } });
    const file = join(at.folder, 'support.tar.gz');
    const { code, out, err } = await run('--bundle', file);
    expect(code).toBe(4);
    expect(out).toMatch(/✗ FAILED +config/);
    expect(err).toContain('… doctor.json for the support file');
    expect(existsSync(file)).toBe(true);
    at.configure({ policy: { caps: { unanswered: 0 } } });
    expect((await run()).out).toMatch(/✗ FAILED +config +[^✓]*policy\.caps\.unanswered/s);
    const again = await run('--bundle', file);
    expect(again.code).toBe(1);
    expect(again.err).toContain('is there already');
  });
});

it('the exit code says who has to do something', () => {
  const failed = { ...check('x', { verdict: 'fail' }), by: 'relay' } as const;
  expect(exitCodeOfReport({ checks: [] })).toBe(0);
  expect(exitCodeOfReport({ checks: [{ ...failed, verdict: 'warn' }] })).toBe(0);
  expect(exitCodeOfReport({ checks: [failed] })).toBe(5);
  expect(exitCodeOfReport({ checks: [failed, { ...failed, by: 'relayctl' }] })).toBe(1);
  expect(exitCodeOfReport({ checks: [failed, { ...failed, needs_person: true }] })).toBe(4);
});
