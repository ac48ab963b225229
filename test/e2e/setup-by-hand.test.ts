/**
 * `relayctl setup` as somebody types it, at a real pseudo-terminal: wrong answers, Ctrl-C in a question and in a step, once more, and through. The
 * daemon runs under the stand-in of launchd.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';
import { hasPseudoTerminals, PseudoTerminal } from '../support/pseudo-terminal.ts';
import { RELAYCTL, relayctl } from '../support/relayctl.ts';

const PATIENCE_MS = 180_000;
let stage: Stage;
let home: string;
let user: string;

describe.skipIf(!hasPseudoTerminals())('relayctl setup, typed (needs script of util-linux)', () => {
  beforeAll(async () => {
    stage = await Stage.open({ factor: 20 });
    home = join(stage.folder, 'new');
    user = join(stage.folder, 'user');
    for (const folder of [home, user]) mkdirSync(folder, { mode: 0o700 });
    const { chatDb, osascript, ps, launchctl } = stage.sim;
    const content = { messages: { chat_db: chatDb, osascript, ps }, tools: { launchctl, codesign: '/none' } };
    writeFileSync(join(home, 'config.json'), JSON.stringify(content), { mode: 0o600 });
  }, PATIENCE_MS);
  afterAll(async () => {
    await relayctl(['service', 'uninstall'], { home, env: { HOME: user } });
    await stage.close();
  }, PATIENCE_MS);

  const terminal = (...args: string[]) =>
    new PseudoTerminal([RELAYCTL, 'setup', ...args], { SENDER_RELAY_HOME: home, HOME: user });
  const config = () => JSON.parse(readFileSync(join(home, 'config.json'), 'utf8')) as Record<string, unknown>;
  const url = () => `ws://127.0.0.1:${stage.line.port}`;
  /** A line may be broken where the terminal ends. */
  const flat = (text: string) => text.replace(/\s+/g, ' ');

  it(
    'is left with Ctrl-C in a question, and nothing is written',
    async () => {
      const before = config();
      const typed = terminal();
      await typed.answers('Name of this relay', 'mac-1');
      await typed.shows('Address of the controller');
      typed.interrupts();
      expect(await typed.ended).toBe(1);
      expect(flat(typed.text)).toContain('the set-up was left before its end');
      expect(flat(typed.text)).toContain('What was done stays; run it again to go on.');
      expect(config()).toEqual(before);
    },
    PATIENCE_MS,
  );

  it(
    'asks again after a wrong answer, says what is allowed, and leads to a message to oneself',
    async () => {
      const typed = terminal();
      await typed.answers('Name of this relay', 'my mac!');
      await typed.shows('Allowed:');
      await typed.answers('Name of this relay', 'mac-1');
      await typed.answers('Address of the controller', '');
      await typed.shows('An answer is needed.');
      await typed.answers('Address of the controller', 'https://relay.example.com');
      await typed.shows('Allowed:');
      await typed.answers('Address of the controller', url());
      await typed.answers('File with the token', join(stage.folder, 'none'));
      await typed.shows('There is no such file.');
      await typed.answers('File with the token', join(stage.folder, 'controller-token'));
      await typed.answers('shared or dedicated', 'mine');
      await typed.shows('Allowed:');
      // Enter takes what stands in brackets.
      await typed.answers('shared or dedicated [shared]', '');
      await typed.answers('It sends since', '31.3.2026');
      await typed.shows('Allowed:');
      await typed.answers('It sends since', '2024-03-31');
      await typed.answers('Country of numbers', 'Mars');
      await typed.shows('Allowed:');
      await typed.answers('Country of numbers', 'US');
      await typed.answers('Your own number', '12');
      await typed.shows('It is ');
      await typed.answers('Your own number', '(415) 555-0199');
      await typed.answers('Install it as a service', 'perhaps');
      await typed.shows('Answer y or n.');
      await typed.answers('Install it as a service', 'y');
      for (const step of ['✓ pairing', '✓ sender', '✓ service', '✓ permissions', '✓ test', 'Set up. Ready'])
        await typed.shows(step);
      expect(await typed.ended).toBe(0);
      const rows = readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1);
      expect(rows.map(({ handle, text }) => ({ handle, text }))).toEqual([
        { handle: '+14155550199', text: expect.stringMatching(/^Sender Relay mac-1 is set up\./) },
      ]);
      expect(config()).toMatchObject({
        device: 'mac-1',
        sender: { kind: 'shared', since: '2024-03-31', region: 'US' },
      });
      expect(typed.text).not.toContain(readFileSync(join(stage.folder, 'controller-token'), 'utf8').trim());
    },
    PATIENCE_MS,
  );

  it(
    'offers what is so already, and Enter to everything changes nothing',
    async () => {
      const before = config();
      const typed = terminal();
      await typed.answers('Name of this relay [mac-1]', '');
      await typed.answers(`[${url()}]`, '');
      await typed.answers('shared or dedicated [shared]', '');
      await typed.answers('It sends since (day, Enter: new) [2024-03-31]', '');
      await typed.answers('[US]', '');
      await typed.answers('Your own number', '');
      await typed.answers('Install it as a service', '');
      await typed.shows('✓ pairing      Paired already');
      await typed.shows('Set up. Ready');
      expect(await typed.ended).toBe(0);
      expect(config()).toEqual(before);
    },
    PATIENCE_MS,
  );

  it(
    'is left with Ctrl-C while a step works: what was done stays, and it is said how to go on',
    async () => {
      await relayctl(['service', 'uninstall'], { home, env: { HOME: user } });
      await stage.sim.messages('denied');
      const typed = terminal('--device', 'mac-1', '--url', url(), '--kind', 'shared', '--since', '2024-03-31');
      await typed.answers('[US]', '');
      await typed.answers('Your own number', '');
      await typed.answers('Install it as a service', '');
      await typed.answers('Press Enter when it is granted.', '');
      // It looks for a minute whether that is so.
      await typed.shows('\n');
      typed.interrupts();
      expect(await typed.ended).toBe(1);
      expect(flat(typed.text)).toContain('What was done stays; run it again to go on.');
      expect(existsSync(join(user, 'Library/LaunchAgents/com.sender.relay.plist'))).toBe(true);
      await stage.sim.messages('normal');
      expect((await relayctl(['status', '--wait', '60s'], { home })).code).toBe(0);
    },
    PATIENCE_MS,
  );
});
