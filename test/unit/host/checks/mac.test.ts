import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import type { Check, CheckWorld } from '../../../../daemon/host/checks/check.ts';
import {
  autoLogin,
  clockRight,
  diskSpace,
  fileVault,
  guiSession,
  macosVersion,
  messagesRunning,
} from '../../../../daemon/host/checks/mac.ts';
import { SimulatedLaunchd } from '../../../sim/launchd.ts';
import type { Tool } from '../../../sim/tools.ts';
import { CheckedMac } from '../../../support/check-world.ts';
import { NOON } from '../../../support/fake-local.ts';
import { makeFolder } from '../../../support/store.ts';

let at: CheckedMac;

beforeEach(() => {
  at = new CheckedMac(makeFolder());
});

afterEach(() => rmSync(at.folder, { recursive: true, force: true }));

type Says = { code?: number; out?: string; err?: string };
type Row = [verdict: Check['verdict'], code: string, remedy: RegExp | null, says: Says];

const ASKED: [tool: Tool, check: (world: CheckWorld) => Promise<Check>, rows: Row[]][] = [
  [
    'sw_vers',
    macosVersion,
    [
      ['ok', 'ok', null, { out: '13.5' }],
      ['ok', 'ok', null, { out: '26' }],
      ['ok', 'ok', null, { out: '14.0.1' }],
      ['warn', 'version_unknown', /About This Mac/, { out: 'Sonoma' }],
      ['fail', 'too_old', /System Settings › General › Software Update/, { out: '13.4.1' }],
      ['fail', 'too_old', /System Settings › General › Software Update/, { out: '12.7' }],
    ],
  ],
  [
    'defaults',
    autoLogin,
    [
      ['ok', 'ok', null, { out: 'ann' }],
      [
        'warn',
        'off',
        /System Settings › Users & Groups › Automatically log in as: ann/,
        { code: 1, err: 'no such pair' },
      ],
      ['warn', 'other_user', /Automatically log in as: ann/, { out: 'bob' }],
    ],
  ],
  [
    'fdesetup',
    fileVault,
    [
      ['ok', 'ok', null, { out: 'FileVault is Off.' }],
      ['warn', 'on', /System Settings › Privacy & Security › FileVault/, { out: 'FileVault is On.' }],
      ['warn', 'unknown', /System Settings › Privacy & Security › FileVault/, { code: 1, err: 'Error' }],
    ],
  ],
  [
    'pgrep',
    messagesRunning,
    [
      ['ok', 'ok', null, { out: '4711' }],
      ['warn', 'not_running', /Open Messages.*System Settings › General › Login Items/, { code: 1 }],
      ['warn', 'pgrep_failed', /whether Messages is open/, { code: 3 }],
    ],
  ],
];

describe.each(ASKED)('what %s says', (tool, check, rows) => {
  it.each(rows)('%s, %s', async (verdict, code, remedy, says) => {
    at.tools.says(tool, says);
    const found = await check(at.world());
    expect(found).toMatchObject({ verdict, code });
    if (remedy) expect(found.remedy).toMatch(remedy);
    else expect(found).not.toHaveProperty('remedy');
  });

  it('is not missed where there is no Mac, and missed on one', async () => {
    at.tools.remove(tool);
    expect(await check(at.world())).toMatchObject({
      verdict: 'warn',
      code: 'tool_unusable',
      remedy: `Check tools.${tool} in config.json.`,
    });
    at.platform = 'linux';
    expect(await check(at.world())).toMatchObject({ verdict: 'skipped', code: 'no_mac' });
  });
});

test('without a session at the screen a person has to log in there', async () => {
  const launchd = new SimulatedLaunchd({ folder: join(at.folder, 'launchd'), factor: 20 });
  try {
    const uid = process.getuid?.() ?? 0;
    const world = at.world({ uid, tools: { ...at.world().tools, launchctl: launchd.launchctl } });
    expect(await guiSession(world)).toMatchObject({ verdict: 'ok', code: 'ok' });
    launchd.session = false;
    expect(await guiSession({ ...world, env: { SSH_TTY: '/dev/ttys001' } })).toMatchObject({
      verdict: 'fail',
      code: 'no_session',
      needs_person: true,
      words: expect.stringContaining('SSH alone is not enough'),
      remedy: expect.stringContaining('Screen Sharing'),
    });
  } finally {
    await launchd.close();
  }
  expect(await guiSession(at.world())).toMatchObject({ verdict: 'warn', code: 'launchctl_failed' });
  expect(await guiSession(at.world({ platform: 'linux' }))).toMatchObject({ verdict: 'skipped', code: 'no_mac' });
});

it.each<[gib: number, Check['verdict'], string]>([
  [5, 'ok', 'ok'],
  [4.9, 'warn', 'low'],
  [1, 'warn', 'low'],
  [0.9, 'fail', 'full'],
])('%f GiB of disk are %s', (gib, verdict, code) => {
  at.freeGib = gib;
  const found = diskSpace(at.world());
  expect(found).toMatchObject({ verdict, code, facts: { free_gib: gib } });
  if (verdict !== 'ok') expect(found.remedy).toContain('System Settings › General › Storage');
});

it.each<[off: number | null, Check['verdict'], words: RegExp]>([
  [null, 'skipped', /no other clock/],
  [30, 'ok', /agrees/],
  [-30, 'ok', /agrees/],
  [31, 'warn', /31 s ahead of/],
  [-300, 'warn', /300 s behind/],
  [301, 'fail', /301 s ahead of/],
])('a clock that is off by %s s: %s', (off, verdict, words) => {
  const found = clockRight(at.world(), off === null ? null : NOON - off * 1000);
  expect(found).toMatchObject({ verdict, words: expect.stringMatching(words) });
  if (verdict === 'warn' || verdict === 'fail')
    expect(found.remedy).toContain('System Settings › General › Date & Time');
});
