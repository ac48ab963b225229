/** What a controller may get wrong, on the whole daemon: each mistake gets its code and a sentence, and nothing else is disturbed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { makeFolder } from '../support/store.ts';

const MAIN = fileURLToPath(new URL('../../daemon/main.ts', import.meta.url));
const ANN = '+14155550101';

describe('a command', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open({ factor: 10 });
    stage.startRelay();
  });
  afterAll(() => stage.close());

  const created = () => Math.round(stage.sim.now());
  const base = () => ({
    to: ANN,
    text: 'Hello',
    category: 'conversational',
    pacing: 'queue',
    created: created(),
    expires_at: created() + 86_400_000,
  });

  it.each<[string, string, () => Record<string, unknown>, string, RegExp]>([
    [
      'with a name that nobody knows',
      'message.sing',
      () => ({}),
      'unsupported',
      /does not know the command message\.sing/,
    ],
    ['to a handle that is none', 'message.send', () => ({ ...base(), to: '12' }), 'recipient_invalid', /"12" is /],
    [
      'to a chat that is not there',
      'message.send',
      () => ({ ...base(), to: { chat: 'group:none' } }),
      'not_found',
      /no chat/,
    ],
    ['with an empty text', 'message.send', () => ({ ...base(), text: '' }), 'bad_request', /empty/],
    [
      'with 10,001 characters',
      'message.send',
      () => ({ ...base(), text: 'x'.repeat(10_001) }),
      'text_too_long',
      /10,001/,
    ],
    ['with 101 recipients', 'message.send', () => ({ ...base(), to: Array(101).fill(ANN) }), 'bad_request', /to/],
    ['whose time is over', 'message.send', () => ({ ...base(), created: 1, expires_at: 2 }), 'expired', /expired/i],
    ['without a text', 'message.send', () => ({ ...base(), text: undefined }), 'bad_request', /text/],
    [
      'with an attachment that is not fetched by https',
      'message.send',
      () => ({ ...base(), attachments: [{ url: 'http://a.example/b' }] }),
      'bad_request',
      /attachments/,
    ],
  ])('%s', async (_what, name, data, code, words) => {
    const answer = await stage.result(await stage.command(name, data()));
    expect(answer).toMatchObject({ ok: false, code });
    expect(String(answer.message)).toMatch(words);
  });

  it('that is good goes out all the same, once', async () => {
    const status = await stage.state(await stage.send(ANN, 'All is well here.'), ['delivered']);
    expect(status.guid).toBeDefined();
    expect(stage.events.filter((e) => e.name === 'message.status' && e.data.state === 'sent')).toHaveLength(1);
    expect(stage.relayWords).toEqual([]);
  });
});

describe('a configuration', () => {
  it.each([
    ['that is missing', undefined, /there is no configuration at .*config\.json/],
    ['that is no JSON', '{"device": "mac-1",,}', /config\.json:1:\d+ is not JSON/],
    [
      'with a word misspelt',
      '{"device": "mac-1", "contoller": {}}',
      /contoller: found a name that is not known here; allowed: device, controller/,
    ],
    ['with a policy that is none', '{"device": "mac-1", "policy": {"intervall": 3}}', /policy.*intervall/s],
  ])('%s ends the start with 1, a sentence and a remedy', async (_what, content, words) => {
    const home = makeFolder();
    mkdirSync(home, { recursive: true });
    if (content !== undefined) writeFileSync(join(home, 'config.json'), content);
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, SENDER_RELAY_HOME: home },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    rmSync(home, { recursive: true, force: true });
    expect(code).toBe(1);
    expect(said).toMatch(/^relayd: /);
    expect(said).toMatch(words);
    expect(said.trimEnd().split('\n').at(-1)).toMatch(/^ {2}\S/);
    expect(said).not.toContain('    at ');
  });
});
