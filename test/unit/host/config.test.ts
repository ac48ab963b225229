import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfig, loadConfig, senderSinceAt } from '../../../daemon/host/config.ts';
import { findJsonMistake } from '../../../daemon/host/json-mistake.ts';
import { type RelayPaths, relayPaths } from '../../../daemon/host/paths.ts';
import { makeFolder } from '../../support/store.ts';

const smallest = { device: 'mac-1', controller: { url: 'wss://relay.example.com/v1' } };
let home: string;
let paths: RelayPaths;

beforeEach(() => {
  home = makeFolder();
  paths = relayPaths({ env: { SENDER_RELAY_HOME: home } });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function load(content: unknown, env: Record<string, string> = {}) {
  writeFileSync(paths.config, typeof content === 'string' ? content : JSON.stringify(content));
  return loadConfig({ paths, env, userHome: '/Users/ann' });
}

function mistakes(content: unknown, env: Record<string, string> = {}) {
  const result = checkConfig(content, { paths, env, folder: home, userHome: '/Users/ann' });
  return result.ok ? [] : result.mistakes;
}

describe('a good configuration', () => {
  it('needs a device only, and fills in the rest', () => {
    expect(load({ device: 'mac-1' })).toEqual({
      device: 'mac-1',
      controller: null,
      messages: {
        chat_db: '/Users/ann/Library/Messages/chat.db',
        osascript: '/usr/bin/osascript',
        ps: '/bin/ps',
        send_limit_ms: 45_000,
        restart_hung: false,
        attachments: {
          folder: '/Users/ann/Library/Messages/Attachments/SenderRelay',
          max_bytes: 104_857_600,
          max_total_bytes: 2_147_483_648,
          fetch_limit_ms: 300_000,
          allow_hosts: [],
          ca_file: null,
        },
      },
      tools: {
        launchctl: '/bin/launchctl',
        codesign: '/usr/bin/codesign',
        sw_vers: '/usr/bin/sw_vers',
        fdesetup: '/usr/bin/fdesetup',
        defaults: '/usr/bin/defaults',
        pgrep: '/usr/bin/pgrep',
        osacompile: '/usr/bin/osacompile',
        caffeinate: '/usr/bin/caffeinate',
        open: '/usr/bin/open',
      },
      power: { caffeinate: process.platform === 'darwin' },
      sender: { kind: 'shared', since: null, region: null },
      policy: {},
      log: { level: 'info', unredacted: false, max_bytes: 10_485_760, files: 5 },
      metrics: { port: null },
    });
  });

  it('takes the token beside it, or where it says, relative to its own folder', () => {
    expect(load(smallest).controller?.token_file).toBe(join(home, 'token'));
    const controller = { ...smallest.controller, token_file: 'secrets/token' };
    expect(load({ ...smallest, controller }).controller?.token_file).toBe(join(home, 'secrets/token'));
    expect(load({ ...smallest, messages: { chat_db: '~/x.db', osascript: './osascript' } }).messages).toMatchObject({
      chat_db: '/Users/ann/x.db',
      osascript: join(home, 'osascript'),
    });
  });

  it('lets the environment win, also over sections that the file does not have', () => {
    const env = {
      SENDER_RELAY_DEVICE: 'mac-2',
      SENDER_RELAY_CHAT_DB: '/tmp/chat.db',
      SENDER_RELAY_LOG_LEVEL: 'debug',
      SENDER_RELAY_TOKEN_FILE: '',
    };
    expect(load(smallest, env)).toMatchObject({
      device: 'mac-2',
      messages: { chat_db: '/tmp/chat.db', ps: '/bin/ps' },
      log: { level: 'debug' },
      controller: { token_file: join(home, 'token') },
    });
  });

  it.each(['ws://127.0.0.1:8080', 'ws://[::1]:8080/x', 'wss://10.0.0.7', 'wss://example.com:8443/path?x=1'])(
    'dials %s',
    (url) => expect(load({ ...smallest, controller: { url } }).controller?.url).toBe(url),
  );

  it('turns the sender’s first day into midnight UTC', () => {
    expect(senderSinceAt(load({ ...smallest, sender: { since: '2026-02-28' } }))).toBe(Date.UTC(2026, 1, 28));
    expect(senderSinceAt(load(smallest))).toBeNull();
  });
});

describe('each mistake is told with its path, what was found, and what is allowed', () => {
  it.each<[string, unknown, string, string, RegExp]>([
    ['no device', {}, 'device', 'nothing', /1 to 128 letters/],
    ['a device with a space', { device: 'my mac' }, 'device', '"my mac"', /1 to 128 letters/],
    ['a number as device', { device: 7 }, 'device', '7', /1 to 128 letters/],
    ['no object at all', [], 'the file', '[]', /an object/],
    ['a section that is none', { ...smallest, log: 'loud' }, 'log', '"loud"', /an object/],
    ['no url', { device: 'a', controller: {} }, 'controller.url', 'nothing', /wss:\/\//],
    [
      'plain ws to elsewhere',
      { device: 'a', controller: { url: 'ws://example.com' } },
      'controller.url',
      '"ws://example.com"',
      /127\.0\.0\.1/,
    ],
    [
      'plain ws to a name',
      { device: 'a', controller: { url: 'ws://localhost' } },
      'controller.url',
      '"ws://localhost"',
      /127\.0\.0\.1/,
    ],
    [
      'plain ws to a name like loopback',
      { device: 'a', controller: { url: 'ws://127.0.0.1.example.com' } },
      'controller.url',
      '"ws://127.0.0.1.example.com"',
      /127/,
    ],
    [
      'http',
      { device: 'a', controller: { url: 'https://example.com' } },
      'controller.url',
      '"https://example.com"',
      /wss:\/\//,
    ],
    [
      'a password in the url',
      { device: 'a', controller: { url: 'wss://u:p@example.com' } },
      'controller.url',
      '"wss://…@example.com"',
      /without user and password/,
    ],
    ['an empty path', { ...smallest, messages: { chat_db: '' } }, 'messages.chat_db', '""', /a path/],
    [
      'a limit too short',
      { ...smallest, messages: { send_limit_ms: 10 } },
      'messages.send_limit_ms',
      '10',
      /from 5000 to 600000/,
    ],
    [
      'a limit as text',
      { ...smallest, messages: { send_limit_ms: '45s' } },
      'messages.send_limit_ms',
      '"45s"',
      /whole number/,
    ],
    [
      'half a millisecond',
      { ...smallest, messages: { send_limit_ms: 45000.5 } },
      'messages.send_limit_ms',
      '45000.5',
      /whole number/,
    ],
    ['an unknown kind', { ...smallest, sender: { kind: 'mine' } }, 'sender.kind', '"mine"', /"shared" or "dedicated"/],
    ['a day that is none', { ...smallest, sender: { since: '2026-02-30' } }, 'sender.since', '"2026-02-30"', /a day/],
    ['a day in words', { ...smallest, sender: { since: 'May 2026' } }, 'sender.since', '"May 2026"', /a day/],
    ['an unknown region', { ...smallest, sender: { region: 'UK' } }, 'sender.region', '"UK"', /a region/],
    ['a policy that is no object', { ...smallest, policy: [] }, 'policy', '[]', /an object/],
    [
      'a level',
      { ...smallest, log: { level: 'loud' } },
      'log.level',
      '"loud"',
      /"debug" or "info" or "warn" or "error"/,
    ],
    ['a flag in words', { ...smallest, log: { unredacted: 'yes' } }, 'log.unredacted', '"yes"', /true or false/],
    ['no files', { ...smallest, log: { files: 0 } }, 'log.files', '0', /from 1 to 100/],
    ['tiny files', { ...smallest, log: { max_bytes: 1 } }, 'log.max_bytes', '1', /from 1024/],
    ['an unknown section', { ...smallest, mesages: {} }, 'mesages', 'a name that is not known here', /messages/],
    [
      'an unknown name in a section',
      { ...smallest, log: { levle: 'info' } },
      'log.levle',
      'a name that is not known here',
      /^level, unredacted, max_bytes, files$/,
    ],
    [
      'an unknown name at the controller',
      { ...smallest, controller: { ...smallest.controller, token: 'x' } },
      'controller.token',
      'a name that is not known here',
      /token_file/,
    ],
  ])('%s', (_name, content, where, found, allowed) => {
    expect(mistakes(content)).toEqual([{ where, found, allowed: expect.stringMatching(allowed) }]);
  });

  it('names the environment variable when the mistake came from there', () => {
    expect(mistakes(smallest, { SENDER_RELAY_LOG_LEVEL: 'loud' })).toMatchObject([
      { where: 'SENDER_RELAY_LOG_LEVEL', found: '"loud"' },
    ]);
  });

  it('tells all of them at once', () => {
    const broken = { device: '', colour: 1, log: { level: 1, files: 1000 } };
    expect(
      mistakes(broken)
        .map((m) => m.where)
        .sort(),
    ).toEqual(['colour', 'device', 'log.files', 'log.level']);
    expect(() => load(broken)).toThrowError(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.stringMatching(/config\.json has 4 mistakes:\n {2}device: found ""; allowed: /),
      }),
    );
  });
});

describe('a file that is not there or not JSON', () => {
  it('says how the smallest one looks', () => {
    expect(() => loadConfig({ paths, env: {} })).toThrowError(
      expect.objectContaining({ code: 'config_missing', hint: expect.stringContaining('"device"') }),
    );
  });

  it('is told apart from one that cannot be read', () => {
    mkdirSync(paths.config);
    expect(() => loadConfig({ paths, env: {} })).toThrowError(expect.objectContaining({ code: 'config_unreadable' }));
  });

  it.each([
    ['{\n  "device": "a",,\n}', '3:1', /comma/],
    ['{"device": x}', '1:12', /wanted a value/],
    ['{"device" "x"}', '1:11', /wanted ":"/],
    ["{'device': 1}", '1:2', /name in double quotes/],
    ['{"device": "x"\n', '2:1', /the file ends here/],
    ['{"device": "x"} more', '1:17', /wanted the end/],
    ['{"device": "x\ny"}', '1:12', /not closed/],
    ['', '1:1', /the file ends here/],
    ['/ config\n{}', '1:1', /wanted a value/],
  ])('says where %j breaks off', (written, place, words) => {
    expect(() => load(written)).toThrowError(
      expect.objectContaining({
        code: 'config_invalid',
        message: expect.stringMatching(new RegExp(`config\\.json:${place} is not JSON: .*${words.source}`)),
      }),
    );
  });

  it('takes a byte order mark', () => expect(load(`\uFEFF${JSON.stringify(smallest)}`).device).toBe('mac-1'));

  it('agrees with the engine on what is JSON', () => {
    const cut = fc.tuple(
      fc.json({ maxDepth: 4 }),
      fc.nat(),
      fc.constantFrom('', ',', '}', '"', '\\', '0', ' ', '\t', 'e'),
    );
    fc.assert(
      fc.property(cut, ([json, place, with_]) => {
        const at = place % (json.length + 1);
        const text = json.slice(0, at) + with_ + json.slice(at + 1);
        let engine = true;
        try {
          JSON.parse(text);
        } catch {
          engine = false;
        }
        expect(findJsonMistake(text) === null).toBe(engine);
      }),
      { numRuns: 2_000 },
    );
  });
});

it('a mistake never shows what is secret in an address', () => {
  for (const controller of [
    { url: 'wss://relay:hunter2@host.example/v1' },
    { url: 'wss://relay:hun/ter2@host.example/v1' },
    { url: 'ws://host.example/v1?key=hunter2' },
    ['wss://relay:hunter2@host.example'],
  ])
    expect(() => load({ device: 'mac-1', controller })).toThrow(
      expect.objectContaining({ code: 'config_invalid', message: expect.not.stringMatching(/hun|ter2/) }),
    );
});
