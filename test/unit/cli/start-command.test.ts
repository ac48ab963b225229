import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scriptBeside, startCommand } from '../../../daemon/cli/start-command.ts';
import { makeFolder } from '../../support/store.ts';

let folder: string;
let script: string;

beforeAll(() => {
  folder = makeFolder();
  script = join(folder, 'pack', 'scripts', 'relayd');
  mkdirSync(join(folder, 'pack', 'scripts'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  mkdirSync(join(folder, 'other'));
  writeFileSync(script, '');
  writeFileSync(join(folder, 'other', 'relayd'), '');
  symlinkSync(script, join(folder, 'bin', 'relayd'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const typed = (o: { path?: string; at?: string; home?: string; npm?: string; script?: string | null } = {}) =>
  startCommand(o.home, {
    env: { PATH: o.path ?? '/nowhere', npm_command: o.npm },
    folder: o.at ?? join(folder, 'other'),
    script: o.script === undefined ? script : o.script,
  });

it('is the bare name where the shell finds this very relayd', () => {
  expect(typed({ path: `/nowhere:${join(folder, 'bin')}` })).toBe('relayd');
  expect(typed({ path: `${join(folder, 'other')}:${join(folder, 'bin')}` })).toBe(script);
});

it('is the path under npm, which has put relayd where the shell will not look', () => {
  expect(typed({ path: join(folder, 'bin'), npm: 'exec' })).toBe(script);
});

it('is the path from here, or the whole one from elsewhere', () => {
  expect(typed({ at: join(folder, 'pack') })).toBe('scripts/relayd');
  expect(typed({ at: join(folder, 'pack', 'scripts') })).toBe('./relayd');
  expect(typed({ at: join(folder, 'bin') })).toBe(script);
});

it('names the folder of the relay, quoted where the shell needs it', () => {
  expect(typed({ home: "/tmp/Ann's relay", script: null })).toBe("SENDER_RELAY_HOME='/tmp/Ann'\\''s relay' relayd");
});

it('finds the script from the sources and from a built file', () => {
  const from = (file: string) => scriptBeside(pathToFileURL(join(folder, 'pack', file)).href);
  expect(from('daemon/cli/world.ts')).toBe(script);
  expect(from('dist/relayctl.js')).toBe(script);
  expect(from('elsewhere.js')).toBe(null);
});
