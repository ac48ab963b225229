/**
 * From a folder with nothing but where this Mac has its tools: set up by flags, the daemon under the stand-in of launchd, a message to
 * oneself, ready; then once more, and undone.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';
import { relayctl } from '../support/relayctl.ts';

const MYSELF = '+14155550199';
let stage: Stage;
let home: string;
let user: string;
let comment: string;

beforeAll(async () => {
  stage = await Stage.open({ factor: 20 });
  home = join(stage.folder, 'new');
  user = join(stage.folder, 'user');
  for (const folder of [home, user]) mkdirSync(folder, { mode: 0o700 });
  const { chatDb, osascript, ps, launchctl } = stage.sim;
  comment = `{\n  // This Mac is a simulated one.\n  "messages": ${JSON.stringify({ chat_db: chatDb, osascript, ps })},\n  "tools": ${JSON.stringify({ launchctl, codesign: '/none' })}, // no signatures\n}\n`;
  writeFileSync(join(home, 'config.json'), comment, { mode: 0o600 });
}, 60_000);
afterAll(async () => {
  await run('service', 'uninstall');
  await stage.close();
}, 60_000);

const run = (...args: string[]) => relayctl(args, { home, env: { HOME: user } });
const setup = async (...args: string[]) => {
  const ran = await run('setup', ...args, '--json');
  const [content] = ran.json() as { steps: { name: string; state: string; words: string }[]; ready: boolean }[];
  const states = Object.fromEntries((content?.steps ?? []).map(({ name, state }) => [name, state]));
  return { ...ran, content, states };
};
const read = (name: string) => readFileSync(join(home, name), 'utf8');
const flags = () => ['--device', 'mac-1', '--url', `ws://127.0.0.1:${stage.line.port}`];

describe('relayctl setup', () => {
  it('leads by flags alone to a relay that is ready and has sent', async () => {
    const token = join(stage.folder, 'controller-token');
    const asked = [...flags(), '--token-file', token, '--kind', 'dedicated', '--since', '2025-03-01', '--region', 'US'];
    const first = await setup(...asked, '--test-to', '(415) 555-0199');
    expect({ code: first.code, err: first.err, states: first.states }).toEqual({
      code: 0,
      err: '',
      states: { pairing: 'done', sender: 'done', service: 'done', permissions: 'already', test: 'done' },
    });
    expect(first.content?.ready).toBe(true);
    expect(first.out).not.toContain(readFileSync(token, 'utf8').trim());
    const rows = readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1);
    expect(rows.map(({ handle, text }) => ({ handle, text }))).toEqual([
      { handle: MYSELF, text: expect.stringMatching(/^Sender Relay mac-1 is set up\./) },
    ]);
    expect(await run('status', '--wait', '30s')).toMatchObject({ code: 0, out: expect.stringMatching(/^Ready\./) });
    const [status] = (await run('status', '--json')).json();
    expect(status).toMatchObject({ ready: true, device: 'mac-1', controller: { state: 'connected' } });
    expect(read('config.json')).toContain('// This Mac is a simulated one.');
    expect(read('config.json')).toContain('// no signatures');
    expect(read('logs/relay.log')).not.toContain(readFileSync(token, 'utf8').trim());
  }, 120_000);

  it('says what is so already, and starts the relay again only for what changed', async () => {
    const pid = async () => ((await run('status', '--json')).json()[0] as { pid: number }).pid;
    const [before, config] = [await pid(), read('config.json')];
    const again = await setup('--yes');
    expect({ code: again.code, states: again.states }).toEqual({
      code: 0,
      states: { pairing: 'already', sender: 'already', service: 'already', permissions: 'already', test: 'skipped' },
    });
    expect([await pid(), read('config.json')]).toEqual([before, config]);
    const other = await setup('--region', 'DE');
    expect(other.states).toMatchObject({ pairing: 'already', sender: 'done', service: 'done' });
    expect(await pid()).not.toBe(before);
    const shown = await run('setup', '--yes');
    expect(shown.lines.filter((line) => line.length > 80 && !line.includes('/'))).toEqual([]);
    expect(shown.out).toMatch(/^✓ pairing {6}Paired already: mac-1/);
  }, 120_000);

  it('is undone, twice, and leaves data and comments', async () => {
    const ran = await setup('--undo');
    expect({ code: ran.code, states: ran.states }).toEqual({ code: 0, states: { service: 'done', pairing: 'done' } });
    expect(existsSync(join(user, 'Library/LaunchAgents/com.sender.relay.plist'))).toBe(false);
    expect(existsSync(join(home, 'relay.db'))).toBe(true);
    expect(read('config.json')).toContain('// This Mac is a simulated one.');
    expect(read('config.json')).not.toContain('controller"');
    expect((await setup('--undo')).states).toEqual({ service: 'already', pairing: 'already' });
    expect((await run('status')).code).toBe(3);
  }, 120_000);
});

describe('what is missing or wrong', () => {
  it('is a usage mistake that names the flags', async () => {
    const empty = { home: join(stage.folder, 'empty') };
    const nobody = await relayctl(['setup'], empty);
    expect({ code: nobody.code, out: nobody.out }).toEqual({ code: 2, out: '' });
    expect(nobody.err).toMatch(/--device NAME --url/);
    expect(await relayctl(['setup', '--yes'], empty)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--device NAME and --url'),
    });
    for (const wrong of [
      ['--url', 'http://a.b'],
      ['--since', '31.3.2026'],
      ['--region', 'Mars'],
      ['--kind', 'mine'],
      ['--undo', '--yes'],
    ])
      expect(await relayctl(['setup', ...wrong], empty)).toMatchObject({ code: 2, out: '' });
    expect(existsSync(empty.home)).toBe(false);
  }, 60_000);
});
