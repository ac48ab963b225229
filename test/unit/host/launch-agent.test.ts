/** The property list of the LaunchAgent: is each key one that launchd knows, and does it say the same to every reader? */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseBuffer } from 'bplist-parser';
import fc from 'fast-check';
import { parse } from 'plist';
import { describe, expect, it } from 'vitest';
import { agentKeys, agentText, type Filling, programOf, readTemplate } from '../../../daemon/host/launch-agent.ts';
import { keyMistakes, LAUNCHD_KEYS } from '../../../daemon/host/launchd-keys.ts';
import { readJobKeys } from '../../sim/launchd-job.ts';
import { runs } from '../../support/executables.ts';

const FILLING: Filling = {
  app: '/Applications/Sender Relay.app/Contents/MacOS/Sender Relay',
  main: '/Applications/Sender Relay.app/Contents/Resources/dist/relayd.js',
  home: '/Users/ann/Library/Application Support/SenderRelay',
  logs: '/Users/ann/Library/Logs/SenderRelay',
  chosenHome: false,
};
const filled = (filling: Partial<Filling> = {}) => agentKeys(readTemplate(), { ...FILLING, ...filling });

/** What an independent reader of property lists makes of a text: its own binary form, read by a third. */
function plistutil(text: string): unknown {
  const folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  try {
    const [xml, binary] = [join(folder, 'a.plist'), join(folder, 'b.plist')];
    writeFileSync(xml, text);
    execFileSync('plistutil', ['-f', 'bin', '-i', xml, '-o', binary]);
    return parseBuffer(readFileSync(binary))[0];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the filled template', () => {
  it('has the keys that the relay needs, and nothing secret', () => {
    expect(filled()).toEqual({
      Label: 'com.sender.relay',
      ProgramArguments: [
        FILLING.app,
        '--disable-sigusr1',
        '--max-semi-space-size=4',
        '--max-old-space-size=1024',
        FILLING.main,
      ],
      AssociatedBundleIdentifiers: ['com.sender.relay'],
      LimitLoadToSessionType: 'Aqua',
      RunAtLoad: true,
      KeepAlive: true,
      ThrottleInterval: 10,
      ExitTimeOut: 75,
      ProcessType: 'Interactive',
      EnvironmentVariables: { LANG: 'en_US.UTF-8', NODE_OPTIONS: '' },
      WorkingDirectory: FILLING.home,
      Umask: 0o077,
      StandardOutPath: `${FILLING.logs}/launchd.log`,
      StandardErrorPath: `${FILLING.logs}/launchd.log`,
    });
  });

  it('names the folder only where one was chosen', () => {
    expect(filled({ home: '/srv/relay', chosenHome: true }).EnvironmentVariables).toEqual({
      LANG: 'en_US.UTF-8',
      NODE_OPTIONS: '',
      SENDER_RELAY_HOME: '/srv/relay',
    });
  });

  it('waits longer for an end than the daemon takes for one', () => {
    // main.ts gives up after the send limit (45 s if not configured) and 15 s.
    expect(filled().ExitTimeOut).toBeGreaterThan(60);
  });

  it.each([
    ['usual', FILLING],
    ['strange', { ...FILLING, home: `/Users/Zoë & Söhne/<a> "b" 'c'/日本 ]]> &amp; @APP@\n`, chosenHome: true }],
  ])('%s paths come back whole from plist', (_, filling) => {
    const keys = filled(filling);
    expect(parse(agentText(keys))).toEqual(keys);
    expect(programOf(agentText(keys))).toEqual({
      program: FILLING.app,
      home: filling.chosenHome ? filling.home : null,
    });
  });

  it.skipIf(!runs('plistutil', '--version'))('comes back whole from plistutil (libplist-utils)', () => {
    const keys = filled({ home: `/Users/Zoë & <Söhne> "'`, chosenHome: true });
    expect(plistutil(agentText(keys))).toEqual(keys);
  });

  it('comes back whole, whatever the folder is called', () => {
    const name = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((s) => !/[\u0000-\u001f\r\ufffe\uffff]/.test(s));
    fc.assert(
      fc.property(name, (home) => {
        const keys = filled({ home: `/${home}`, chosenHome: true });
        expect(parse(agentText(keys))).toEqual(keys);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses paths that launchd cannot be given', () => {
    for (const [home, why] of [
      ['relay', 'is not absolute'],
      ['~/relay', 'is not absolute'],
      ['/a\u0007b', 'has control characters'],
    ] as const)
      expect(() => filled({ home })).toThrow(
        expect.objectContaining({ code: 'plist_path', message: expect.stringContaining(why) }),
      );
  });

  it('is what the stand-in of launchd understands', () => {
    expect(readJobKeys(filled())).toMatchObject({
      session: 'Aqua',
      keepAlive: 'always',
      umask: 63,
      exitTimeOutMs: 75_000,
    });
  });

  it('tells a template that was changed for the worse', () => {
    const planted: [from: string, to: string, words: string][] = [
      ['<key>KeepAlive</key>', '<key>KeepAlife</key>', 'KeepAlife is not a key of launchd'],
      ['<integer>10</integer>', '<string>10</string>', 'ThrottleInterval is not an integer'],
      ['<string>Aqua</string>', '<string>Water</string>', 'LimitLoadToSessionType is Water, not one of Aqua'],
      ['<string>@HOME@</string>', '<string>~/relay</string>', 'WorkingDirectory is not an absolute path: ~/relay'],
      ['<string>@APP@</string>', '<string>node</string>', 'the program node is not an absolute path'],
      ['<string>en_US.UTF-8</string>', '<true/>', 'EnvironmentVariables.LANG is not a string'],
      ['<string>com.sender.relay</string>', '<string></string>', 'Label is missing'],
      ['</plist>', '', 'it is no property list'],
    ];
    for (const [from, to, words] of planted) {
      const template = readTemplate();
      expect(template).toContain(from);
      expect(() => agentKeys(template.replace(from, to), FILLING), from).toThrow(
        expect.objectContaining({ code: 'plist_template', message: expect.stringContaining(words) }),
      );
    }
  });
});

describe('the table of keys', () => {
  it('takes every type that it names, and no other', () => {
    const samples = {
      string: '/a',
      boolean: true,
      integer: 1,
      strings: ['a'],
      dictionary: { a: 'b' },
      array: [{ Hour: 1 }],
    };
    for (const [name, { types, values }] of Object.entries(LAUNCHD_KEYS)) {
      const good = { Label: 'a', ProgramArguments: ['/a'] };
      for (const [type, sample] of Object.entries(samples)) {
        const known = types.some((t) => t === type) || (type === 'strings' && types.includes('array'));
        const value = known && values ? values[0] : sample;
        if (known && name !== 'ProgramArguments')
          expect(keyMistakes({ ...good, [name]: value }), `${name}: ${type}`).toEqual([]);
        if (!known)
          expect(keyMistakes({ ...good, [name]: sample }).join(), `${name}: ${type}`).toMatch(`${name} is not a`);
      }
    }
  });

  it('has no word for what is missing', () => {
    expect(keyMistakes({})).toEqual(['Label is missing', 'neither Program nor ProgramArguments names a program']);
    expect(keyMistakes({ Label: 'a', Program: '/a', toString: 1 })).toEqual(['toString is not a key of launchd']);
  });
});

it('an installed file that is no property list is no reason to fail', () => {
  for (const text of [
    '',
    'hello',
    '<plist version="1.0"><array></array></plist>',
    readFileSync(import.meta.filename, 'utf8'),
  ])
    expect(programOf(text)).toBe(null);
});
