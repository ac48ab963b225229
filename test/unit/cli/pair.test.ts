/** `relayctl pair` as a person types it, in folders of its own. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

const URL_ = 'wss://relay.example.com/v1';
let home: string;
beforeEach(() => {
  home = makeFolder();
});

const pair = (args: string[], input?: string) =>
  relayctl(['pair', ...args], { home, ...(input === undefined ? {} : { input }) });
const file = (name: string) => join(home, name);
const read = (name: string) => readFileSync(file(name), 'utf8');
const mode = (name: string) => statSync(file(name)).mode & 0o777;

it('makes a token of 32 bytes, shows it once, and is paired from then on', async () => {
  const first = await pair(['--device', 'mac-1', '--url', URL_]);
  expect({ code: first.code, err: first.err }).toEqual({ code: 0, err: '' });
  const token = read('token').trim();
  expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  expect(first.lines.filter((line) => line.includes(token))).toEqual([`  ${token}`]);
  expect(first.lines.every((line) => line.length <= 80 || !line.includes(' '))).toBe(true);
  expect([mode('token'), mode('config.json')]).toEqual([0o600, 0o600]);
  expect(read('config.json')).toContain('"device": "mac-1"');
  const before = read('config.json');

  const again = await pair([]);
  expect({ code: again.code, out: again.out }).toEqual({
    code: 0,
    out: expect.stringContaining('Paired already: mac-1'),
  });
  expect(again.out).not.toContain(token);
  expect([read('token').trim(), read('config.json')]).toEqual([token, before]);

  const [rotated] = (await pair(['--rotate', '--json'])).json() as { token: string; secret: string }[];
  expect(rotated).toMatchObject({ schema: 1, device: 'mac-1', url: URL_, token: 'made', changed: [] });
  expect(read('token').trim()).toBe(rotated?.secret);
  expect(rotated?.secret).not.toBe(token);
  expect(readdirSync(home).filter((name) => name.endsWith('.new'))).toEqual([]);
});

it('takes a token from a file or stdin and never shows it', async () => {
  const secret = 'a-token-that-the-controller-gave-out';
  const given = await pair(['--device', 'mac-1', '--url', URL_, '--token-file', '-', '--json'], `${secret}\n`);
  expect(given.json()).toMatchObject([{ token: 'taken' }]);
  expect(given.out + given.err).not.toContain(secret);
  expect([read('token').trim(), mode('token')]).toEqual([secret, 0o600]);
  expect((await pair(['--token-file', file('token'), '--json'])).json()).toMatchObject([{ token: 'kept' }]);

  writeFileSync(file('other'), 'another-token');
  const refused = await pair(['--token-file', file('other')]);
  expect({ code: refused.code, out: refused.out }).toEqual({ code: 1, out: '' });
  expect(refused.err).toContain('--rotate');
  expect(read('token').trim()).toBe(secret);
  expect((await pair(['--token-file', file('other'), '--rotate'])).code).toBe(0);
  expect(read('token').trim()).toBe('another-token');

  for (const wrong of ['', 'two words', 'ü', 'a\nb'])
    expect(await pair(['--token-file', '-', '--rotate'], wrong)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/visible ASCII/),
    });
  expect(read('token').trim()).toBe('another-token');
});

it('keeps the comments of config.json, and writes nothing that would not be right', async () => {
  const text =
    '{\n  // under the desk\n  "device": "old", /* see the list */\n  "log": { "level": "warn" }, // quiet\n}\n';
  writeFileSync(file('config.json'), text);
  expect((await pair(['--device', 'mac-1', '--url', 'ws://elsewhere.example'])).code).toBe(1);
  expect([read('config.json'), existsSync(file('token'))]).toEqual([text, false]);
  expect((await pair(['--device', 'mac-1', '--url', URL_])).code).toBe(0);
  expect(read('config.json')).toBe(
    text.replace('"old"', '"mac-1"').replace('}, // quiet\n', `}, // quiet\n  "controller": {"url":"${URL_}"},\n`),
  );
  writeFileSync(file('config.json'), '{ "device": ');
  const broken = await pair(['--url', URL_, '--device', 'b']);
  expect({ code: broken.code, err: broken.err }).toEqual({ code: 1, err: expect.stringContaining('line 1, column') });
});

it('is undone, and doing so again is a success', async () => {
  await pair(['--device', 'mac-1', '--url', URL_]);
  expect((await pair(['--remove', '--json'])).json()).toMatchObject([{ removed_token: true, changed: ['controller'] }]);
  expect(existsSync(file('token'))).toBe(false);
  expect(read('config.json')).not.toContain('controller"');
  expect((await pair(['--remove', '--json'])).json()).toMatchObject([{ removed_token: false, changed: [] }]);
  expect((await pair(['--url', URL_])).code).toBe(0);
});

it('names the flags that are missing, and refuses a token that others could read', async () => {
  const nothing = await pair([]);
  expect({ code: nothing.code, out: nothing.out }).toEqual({ code: 2, out: '' });
  expect(nothing.err).toMatch(/--device NAME and --url/);
  expect((await pair(['--remove', '--rotate'])).code).toBe(2);
  expect((await pair(['--token', 'secret'])).code).toBe(2);
  await pair(['--device', 'mac-1', '--url', URL_]);
  chmodSync(file('token'), 0o644);
  expect(await pair([])).toMatchObject({ code: 1, err: expect.stringContaining('others can reach') });
  expect((await pair(['--rotate'])).code).toBe(0);
  expect(mode('token')).toBe(0o600);
});
