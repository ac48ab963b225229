/** What `npm run build` makes, and the launchers that start it from wherever they were linked to. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { relayctl } from '../support/relayctl.ts';
import { makeFolder } from '../support/store.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);
let folder: string;
/** A package as npm would unpack it: built files, launchers, no sources. */
let pack: string;
let said: string;

beforeAll(async () => {
  folder = makeFolder();
  pack = join(folder, 'node_modules', 'sender-relay');
  mkdirSync(join(pack, 'scripts'), { recursive: true });
  const built = await run(process.execPath, [join(ROOT, 'scripts/build.ts'), '--out', join(pack, 'dist')]);
  said = built.stdout;
  for (const file of ['scripts/relayctl', 'scripts/relayd', 'scripts/launch.sh', 'package.json'])
    cpSync(join(ROOT, file), join(pack, file));
  symlinkSync(join(ROOT, 'node_modules'), join(pack, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the build', () => {
  it('is one file each, with the files that they read beside them', () => {
    expect(readdirSync(join(pack, 'dist')).sort()).toEqual([
      'demo',
      'licences.txt',
      'migrations',
      'package-mac.js',
      'relayctl.js',
      'relayd.js',
      'runtimes.json',
      'scripts',
      'sender-relay-demo.js',
    ]);
    for (const [from, to] of [
      ['daemon/host/migrations', 'migrations'],
      ['daemon/bridge/scripts', 'scripts'],
    ] as const) {
      const wanted = readdirSync(join(ROOT, from)).sort();
      expect(wanted.length).toBeGreaterThan(0);
      expect(readdirSync(join(pack, 'dist', to)).sort()).toEqual(wanted);
    }
    expect(said).toMatch(/relayd\.js {2}\d+ KiB\n.*relayctl\.js {2}\d+ KiB\n/);
  });

  it('has all that it needs inside', () => {
    const programs = readdirSync(join(pack, 'dist'), { recursive: true, encoding: 'utf8' });
    for (const name of programs.filter((file) => file.endsWith('.js'))) {
      const text = readFileSync(join(pack, 'dist', name), 'utf8');
      const wanted = [...text.matchAll(/^import .*? from "([^"]+)"/gm)].map((match) => match[1] ?? '');
      expect(wanted.length).toBeGreaterThan(0);
      expect(wanted.filter((from) => !from.startsWith('node:') && !/^[a-z_/]+$/.test(from))).toEqual([]);
      expect(wanted).not.toContain('winston');
    }
  });
});

describe('the launchers', () => {
  const built = (args: string[], o: { home?: string; file?: string } = {}) =>
    relayctl(args, { file: join(pack, 'scripts/relayctl'), ...o });

  it('run the built files where there are no sources', async () => {
    const help = await built(['--help']);
    expect({ code: help.code, first: help.lines[0], err: help.err }).toEqual({
      code: 0,
      first: 'Usage: relayctl [options] [command]',
      err: '',
    });
    expect((await built(['status'], { home: join(folder, 'nowhere') })).code).toBe(3);
  });

  it('load each half of the inspection from the built file', async () => {
    const near = await relayctl(['gate', 'near', '--file', '-'], {
      file: join(pack, 'scripts/relayctl'),
      input: 'Your table for two is ready\tYour table for two is ready\n',
    });
    expect(near).toMatchObject({ code: 0, out: 'same\t1.000\t1.000\n', err: '' });
    expect(await built(['chatdb', 'read', join(folder, 'none.db')])).toMatchObject({ code: 1, out: '' });
  });

  it('start the daemon, which says what it misses', async () => {
    const home = join(folder, 'home');
    const { code, err } = await relayctl([], { file: join(pack, 'scripts/relayd'), home });
    expect(code).toBe(1);
    expect(err).toContain(`there is no configuration at ${home}/config.json`);
    expect(err).not.toContain('    at ');
  });

  it('are found through links, also relative ones', async () => {
    mkdirSync(join(folder, 'bin'));
    symlinkSync('../node_modules/sender-relay/scripts/relayctl', join(folder, 'bin', 'one'));
    symlinkSync(join(folder, 'bin', 'one'), join(folder, 'bin', 'two'));
    const { code, out } = await relayctl(['--version'], { file: join(folder, 'bin', 'two') });
    expect({ code, out }).toEqual({
      code: 0,
      out: `${JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version}\n`,
    });
  });

  it('prefer the sources, so that nobody runs a stale build', async () => {
    const checkout = join(folder, 'checkout');
    cpSync(join(pack, 'scripts'), join(checkout, 'scripts'), { recursive: true });
    cpSync(join(pack, 'dist'), join(checkout, 'dist'), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
    mkdirSync(join(checkout, 'daemon', 'cli'), { recursive: true });
    writeFileSync(join(checkout, 'daemon', 'cli', 'main.ts'), 'console.log("the sources" as string);\n');
    expect((await built([], { file: join(checkout, 'scripts', 'relayctl') })).out).toBe('the sources\n');
  });

  it('find the Node that npm put beside the package', async () => {
    rmSync(join(pack, 'node_modules'));
    const { code, err } = await built(['--version']);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/^relayctl: the pinned Node is not installed; .*\.\n$/),
    });
    mkdirSync(join(folder, 'node_modules', '.bin'));
    symlinkSync(process.execPath, join(folder, 'node_modules', '.bin', 'node'));
    expect((await built(['--version'])).code).toBe(0);
  });

  it('say so when there is nothing to run', async () => {
    rmSync(join(pack, 'dist'), { recursive: true });
    const { code, err } = await built([]);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(/^relayctl: neither daemon\/cli\/main\.ts nor dist\/relayctl\.js is in .*\.\n$/),
    });
  });
});
