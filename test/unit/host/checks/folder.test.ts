import { once } from 'node:events';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { guarded } from '../../../../daemon/host/checks/check.ts';
import { configuration, logFolder, socket, store, token } from '../../../../daemon/host/checks/folder.ts';
import { controllerReachable, reach } from '../../../../daemon/host/checks/line.ts';
import { CheckedMac } from '../../../support/check-world.ts';
import { makeFolder } from '../../../support/store.ts';

let at: CheckedMac;

beforeEach(() => {
  at = new CheckedMac(makeFolder());
});

afterEach(() => rmSync(at.folder, { recursive: true, force: true }));

describe('the configuration', () => {
  it('is right', () => expect(configuration(at.world())).toMatchObject({ verdict: 'ok' }));

  it('has a mistake, and then the token is not looked for', () => {
    at.configure({ log: { level: 'loud' } });
    expect(configuration(at.world())).toMatchObject({
      verdict: 'fail',
      code: 'config_invalid',
      needs_person: true,
      remedy: expect.stringContaining('Mend the file'),
    });
    expect(token(at.world())).toMatchObject({ verdict: 'skipped', code: 'config_invalid' });
    expect(controllerReachable(at.world(), null)).toMatchObject({ verdict: 'skipped', code: 'config_invalid' });
  });

  it('is missing', () => {
    rmSync(join(at.home, 'config.json'));
    expect(configuration(at.world())).toMatchObject({ verdict: 'fail', code: 'config_missing', needs_person: true });
  });
});

describe('the token', () => {
  it('is there', () => expect(token(at.world())).toMatchObject({ verdict: 'ok' }));

  it('is not needed without a controller', () => {
    at.configure({});
    expect(token(at.world())).toMatchObject({ verdict: 'skipped', code: 'no_controller' });
  });

  it('is seen by others', () => {
    chmodSync(join(at.home, 'token'), 0o644);
    const found = token(at.world());
    expect(found).toMatchObject({ verdict: 'fail', code: 'token_exposed', needs_person: true });
    expect(found.remedy).toContain('chmod 600');
    expect(JSON.stringify(found)).not.toContain('a-token');
  });

  it('is missing', () => {
    rmSync(join(at.home, 'token'));
    expect(token(at.world())).toMatchObject({
      verdict: 'fail',
      code: 'token_missing',
      remedy: expect.stringContaining('chmod 600'),
    });
  });
});

describe('the store', () => {
  const path = () => join(at.home, 'relay.db');

  it('is not there yet', () => expect(store(at.world())).toMatchObject({ verdict: 'skipped', code: 'none_yet' }));

  it('is sound', () => {
    const db = new DatabaseSync(path());
    db.exec('CREATE TABLE a (b); PRAGMA user_version = 7');
    db.close();
    expect(store(at.world())).toMatchObject({ verdict: 'ok', facts: { version: 7 } });
  });

  it('is damaged', () => {
    writeFileSync(path(), 'no database at all, but long enough to be looked at as one'.repeat(20));
    expect(store(at.world())).toMatchObject({
      verdict: 'fail',
      code: 'store_damaged',
      needs_person: true,
      remedy: expect.stringContaining('move'),
    });
  });
});

describe('the socket', () => {
  const path = () => join(at.home, 'relay.sock');

  it('is not there', () => expect(socket(at.world(), false)).toMatchObject({ verdict: 'skipped', code: 'none' }));

  it('is there and answers, is dead, or is exposed', async () => {
    const server = createSocket().listen(path());
    try {
      await once(server, 'listening');
      chmodSync(path(), 0o600);
      expect(socket(at.world(), true)).toMatchObject({ verdict: 'ok' });
      expect(socket(at.world(), false)).toMatchObject({
        verdict: 'warn',
        code: 'dead',
        remedy: expect.stringContaining('relayctl service start'),
      });
      chmodSync(path(), 0o666);
      expect(socket(at.world(), true)).toMatchObject({
        verdict: 'fail',
        code: 'exposed',
        remedy: expect.stringContaining('Restart the relay'),
      });
    } finally {
      server.close();
    }
  });

  it('is a file, or its path is too long', () => {
    writeFileSync(path(), '');
    expect(socket(at.world(), false)).toMatchObject({
      verdict: 'fail',
      code: 'not_a_socket',
      remedy: expect.stringMatching(/Move it away/),
    });
    const { paths } = at.world();
    const long = { ...paths, socket: `/${'a'.repeat(120)}` };
    expect(socket(at.world({ paths: long }), false)).toMatchObject({
      verdict: 'fail',
      code: 'socket_path_long',
      remedy: expect.stringContaining('SENDER_RELAY_HOME'),
    });
  });
});

describe('the folder of the logs', () => {
  const path = () => join(at.home, 'logs');

  it('is there', () => expect(logFolder(at.world())).toMatchObject({ verdict: 'ok' }));

  it('is missing, seen by others, or no folder', () => {
    chmodSync(path(), 0o755);
    expect(logFolder(at.world())).toMatchObject({
      verdict: 'warn',
      code: 'exposed',
      remedy: expect.stringMatching(/Restart the relay/),
    });
    rmSync(path(), { recursive: true });
    expect(logFolder(at.world())).toMatchObject({
      verdict: 'warn',
      code: 'missing',
      remedy: expect.stringMatching(/Start the relay/),
    });
    writeFileSync(path(), '');
    expect(logFolder(at.world())).toMatchObject({
      verdict: 'fail',
      code: 'no_folder',
      remedy: expect.stringMatching(/folder of your own/),
    });
  });
});

describe('the controller', () => {
  it('answers, or has a fault of its own', async () => {
    let status = 426;
    const server = createServer((_, response) => response.writeHead(status).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    at.configure({ controller: { url } });
    try {
      const reached = await reach(url);
      expect(reached).toMatchObject({ ok: true, status: 426, dateAt: expect.any(Number) });
      expect(controllerReachable(at.world(), reached)).toMatchObject({ verdict: 'ok', facts: { status: 426 } });
      status = 503;
      expect(controllerReachable(at.world(), await reach(url))).toMatchObject({
        verdict: 'fail',
        code: 'server_error',
        remedy: expect.stringContaining('Look after the controller'),
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
    await once(server, 'close');
    expect(controllerReachable(at.world(), await reach(url))).toMatchObject({
      verdict: 'fail',
      code: 'econnrefused',
      remedy: expect.stringContaining('Check the port'),
    });
  });

  it('does not answer in time', async () => {
    const server = createSocket().listen(0, '127.0.0.1');
    try {
      await once(server, 'listening');
      const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      expect(await reach(url, 50)).toMatchObject({ ok: false, code: 'timeout' });
    } finally {
      server.close();
    }
  });

  it('has no name that is known, or a certificate that is not believed', () => {
    const world = at.world();
    const unreached = (code: string) => controllerReachable(world, { ok: false, code, words: 'no' }).remedy;
    expect(unreached('enotfound')).toContain('DNS');
    expect(unreached('cert_has_expired')).toContain('certificate');
    expect(unreached('enetunreach')).toContain('network');
  });

  it('is not configured', () => {
    at.configure({});
    expect(controllerReachable(at.world(), null)).toMatchObject({ verdict: 'skipped', code: 'no_controller' });
  });
});

test('a check that breaks says so, and breaks nothing else', async () => {
  const broken = () => {
    throw new TypeError('x is not a function');
  };
  expect(await guarded('disk', broken)).toMatchObject({ name: 'disk', verdict: 'warn', code: 'check_failed' });
});
