import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assetFolder } from '../../../daemon/host/assets.ts';
import { installationKey } from '../../../daemon/host/installation-key.ts';
import { takeLock } from '../../../daemon/host/lock.ts';
import { prepareHome, relayPaths } from '../../../daemon/host/paths.ts';
import { readToken } from '../../../daemon/host/token.ts';
import { VERSION } from '../../../daemon/host/version.ts';
import { makeFolder } from '../../support/store.ts';

let folder: string;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const mode = (path: string) => statSync(path).mode & 0o777;
const code = (wanted: string) => expect.objectContaining({ code: wanted });

describe('paths', () => {
  it('are those of a Mac unless a folder is chosen', () => {
    const mac = relayPaths({ env: {}, userHome: '/Users/ann' });
    expect(mac.db).toBe('/Users/ann/Library/Application Support/SenderRelay/relay.db');
    expect(mac.logs).toBe('/Users/ann/Library/Logs/SenderRelay');
    const env = { SENDER_RELAY_HOME: '/srv/relay' };
    expect(relayPaths({ env })).toMatchObject({ socket: '/srv/relay/relay.sock', logs: '/srv/relay/logs' });
    expect(relayPaths({ env, home: '/srv/other' }).home).toBe('/srv/other');
    expect(relayPaths({ env: { SENDER_RELAY_HOME: '' }, userHome: '/Users/ann' })).toEqual(mac);
  });

  it('are made for this user only, and taken back from others', () => {
    const paths = relayPaths({ env: {}, home: join(folder, 'deep', 'home') });
    prepareHome(paths);
    expect([paths.home, paths.work, paths.logs].map(mode)).toEqual([0o700, 0o700, 0o700]);
    chmodSync(paths.home, 0o755);
    prepareHome(paths);
    expect(mode(paths.home)).toBe(0o700);
  });

  it('are refused when the folder is a file', () => {
    writeFileSync(join(folder, 'home'), '');
    expect(() => prepareHome(relayPaths({ env: {}, home: join(folder, 'home') }))).toThrowError(code('home_unusable'));
  });

  it('are refused early when the socket’s address is too long', () => {
    const at = (bytes: number) =>
      relayPaths({ env: {}, home: `/tmp/${'x'.repeat(bytes - '/tmp//relay.sock'.length)}` });
    expect(Buffer.byteLength(at(103).socket)).toBe(103);
    expect(() => prepareHome(at(104))).toThrowError(code('socket_path_long'));
    expect(existsSync(at(104).home)).toBe(false);
    prepareHome(at(103));
    rmSync(at(103).home, { recursive: true });
  });
});

describe('the token', () => {
  const written = (content: string, bits = 0o600) => {
    const path = join(folder, 'token');
    writeFileSync(path, content);
    chmodSync(path, bits);
    return path;
  };

  it('is one line', () => expect(readToken(written('abc-123\n'))).toBe('abc-123'));
  it.each([0o640, 0o604, 0o660, 0o610])('is refused with mode %o', (bits) =>
    expect(() => readToken(written('abc', bits))).toThrowError(code('token_exposed')),
  );
  it.each(['', '\n', 'two words', 'two\nlines', 'tök'])('is refused as %j', (content) =>
    expect(() => readToken(written(content))).toThrowError(code('token_invalid')),
  );
  it('is missing or no file', () => {
    expect(() => readToken(join(folder, 'none'))).toThrowError(code('token_missing'));
    symlinkSync('nowhere', join(folder, 'link'));
    expect(() => readToken(join(folder, 'link'))).toThrowError(code('token_missing'));
  });
  it('never stands in the error', () => {
    expect(() => readToken(written('se cret'))).toThrowError(expect.not.stringContaining('se cret'));
  });
});

describe('the installation’s key', () => {
  it('stays the same, in a file for its owner only', () => {
    const path = join(folder, 'key');
    const key = installationKey(path);
    expect(key.length).toBe(32);
    expect(Buffer.from(installationKey(path)).equals(key)).toBe(true);
    expect(mode(path)).toBe(0o600);
    writeFileSync(path, 'short');
    expect(() => installationKey(path)).toThrowError(code('key_damaged'));
  });
});

describe('the lock', () => {
  it('lets one daemon in, names it to the next, and is free after release', () => {
    const path = join(folder, 'lock');
    const lock = takeLock(path);
    expect(() => takeLock(path)).toThrowError(
      expect.objectContaining({
        code: 'already_running',
        message: expect.stringContaining(`(process ${process.pid})`),
      }),
    );
    lock.release();
    takeLock(path).release();
  });

  it('is free as soon as its process was killed', async () => {
    const path = join(folder, 'lock');
    const script = `const { takeLock } = await import(${JSON.stringify(new URL('../../../daemon/host/lock.ts', import.meta.url).href)});
      const lock = takeLock(${JSON.stringify(path)}); console.log('taken'); setInterval(() => lock, 1000);`;
    const other = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(other.stdout, 'data');
      expect(() => takeLock(path)).toThrowError(
        expect.objectContaining({ message: expect.stringContaining(`(process ${other.pid})`) }),
      );
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
    takeLock(path).release();
  });
});

describe('what travels with the code', () => {
  it('is found from the sources', () => {
    expect(existsSync(new URL('0001-journal.sql', assetFolder('migrations')))).toBe(true);
    const pack = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(VERSION).toBe(pack.version);
  });
});
