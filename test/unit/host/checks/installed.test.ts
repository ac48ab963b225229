import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Check } from '../../../../daemon/host/checks/check.ts';
import {
  runtime,
  scriptsCompile,
  serviceState,
  signature,
  versions,
} from '../../../../daemon/host/checks/installed.ts';
import { RelayError } from '../../../../daemon/host/errors.ts';
import type { ServiceState } from '../../../../daemon/host/service.ts';
import { SimulatedCodesign } from '../../../sim/codesign.ts';
import { CheckedMac } from '../../../support/check-world.ts';
import { makeFolder } from '../../../support/store.ts';

let at: CheckedMac;

beforeEach(() => {
  at = new CheckedMac(makeFolder());
});

afterEach(() => rmSync(at.folder, { recursive: true, force: true }));

const job = { kind: 'loaded', state: 'running', pid: 7, lastExit: '0', runs: 2 } as const;
const state = (o: Partial<ServiceState>): ServiceState => ({
  ...{ installed: true, path: '/a.plist', program: '/a', home: null, job, session: true },
  ...o,
});

describe('the service', () => {
  it.each<[ServiceState | RelayError, Check['verdict'], string, RegExp | null]>([
    [state({}), 'ok', 'ok', null],
    [state({ installed: false, job: null }), 'warn', 'not_installed', /^relayctl service install$/],
    [state({ job: null }), 'warn', 'not_loaded', /^relayctl service start$/],
    [state({ job: { ...job, pid: null, lastExit: '78: EX_CONFIG' } }), 'fail', 'no_process', /relayctl logs/],
    [state({ job: null, session: false }), 'skipped', 'no_session', null],
    [new RelayError('no_launchd', 'no', { hint: 'x' }), 'skipped', 'no_mac', null],
    [new RelayError('launchd_failed', 'no', { hint: 'Try again.' }), 'warn', 'launchd_failed', /Try again/],
  ])('%o', (asked, verdict, code, remedy) => {
    const found = serviceState(asked);
    expect(found).toMatchObject({ verdict, code });
    if (remedy) expect(found.remedy).toMatch(remedy);
    else expect(found).not.toHaveProperty('remedy');
  });
});

it('the signature has to be ours, and valid', async () => {
  const codesign = new SimulatedCodesign(join(at.folder, 'mac'));
  const program = join(at.folder, 'program');
  writeFileSync(program, '');
  const world = at.world({ tools: { ...at.world().tools, codesign: codesign.codesign } });
  expect(await signature(world, null)).toMatchObject({ verdict: 'skipped', code: 'not_installed' });
  const wrong = { verdict: 'fail', needs_person: true, remedy: expect.stringContaining('scripts/package-mac.sh') };
  expect(await signature(world, program)).toMatchObject({ ...wrong, code: 'not_valid' });
  codesign.sign(program, 'org.nodejs.node');
  expect(await signature(world, program)).toMatchObject({ ...wrong, code: 'other_identifier' });
  codesign.sign(program, 'com.sender.relay');
  expect(await signature(world, program)).toMatchObject({ verdict: 'ok' });
  codesign.sign(program, 'com.sender.relay', { broken: true });
  expect(await signature(world, program)).toMatchObject({ ...wrong, code: 'not_valid' });
  expect(await signature(at.world({ platform: 'linux' }), program)).toMatchObject({ code: 'no_mac' });
});

it('the runtime has to be the pinned one', () => {
  expect(runtime('26.10.0', '26.10.0')).toMatchObject({ verdict: 'ok' });
  expect(runtime('20.1.0', '26.10.0')).toMatchObject({
    verdict: 'fail',
    code: 'not_pinned',
    remedy: expect.stringContaining('scripts/relayctl'),
  });
});

it('relay and relayctl should be of one version', () => {
  expect(versions('0.2.0', null)).toMatchObject({ verdict: 'ok' });
  expect(versions('0.2.0', '0.2.0')).toMatchObject({ verdict: 'ok' });
  expect(versions('0.2.0', '0.1.0')).toMatchObject({
    verdict: 'warn',
    code: 'differ',
    remedy: expect.stringContaining('relayctl service restart'),
  });
});

describe('the scripts', () => {
  it('are taken', async () => expect(await scriptsCompile(at.world())).toMatchObject({ verdict: 'ok', code: 'ok' }));

  it('are not taken', async () => {
    at.tools.says('osacompile', { code: 1, err: 'syntax error: Expected end of line (-2741)' });
    expect(await scriptsCompile(at.world())).toMatchObject({
      verdict: 'fail',
      code: 'not_compiled',
      words: expect.stringContaining('-2741'),
      remedy: expect.stringContaining('Install the relay again.'),
    });
  });

  it('are not there', async () => {
    const empty = join(at.folder, 'empty');
    mkdirSync(empty);
    const wanted = { verdict: 'fail', code: 'missing', remedy: 'Install the relay again.' };
    expect(await scriptsCompile(at.world(), empty)).toMatchObject(wanted);
    expect(await scriptsCompile(at.world(), join(at.folder, 'none'))).toMatchObject(wanted);
  });

  it('cannot be tried where there is no Mac', async () => {
    at.tools.remove('osacompile');
    expect(await scriptsCompile(at.world())).toMatchObject({ verdict: 'warn', code: 'tool_unusable' });
    expect(await scriptsCompile(at.world({ platform: 'linux' }))).toMatchObject({ verdict: 'skipped', code: 'no_mac' });
  });
});
