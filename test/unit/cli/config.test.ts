import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { configFields } from '../../../daemon/host/config-fields.ts';
import { policyRules } from '../../../daemon/inspect.ts';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

let home: string;
beforeEach(() => {
  home = makeFolder();
});

const write = (content: object | string) => {
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));
};
const run = (...args: string[]) => relayctl(['config', ...args], { home });
const fits = (lines: string[]) => expect(lines.filter((line) => line.length > 80)).toEqual([]);

describe('config check', () => {
  it('says that a file is right', async () => {
    write('{ "device": "mac-1", // the one under the desk\n }');
    const { code, out } = await run('check');
    expect([code, out]).toEqual([0, `${join(home, 'config.json')} is right.\n`]);
  });

  it('names every mistake, in the file and in its policy, with what is allowed', async () => {
    write({ device: 'mac 1', log: { level: 'loud' }, policy: { caps: { unanswered: 0 } } });
    const { code, out, lines } = await run('check');
    expect(code).toBe(1);
    expect(out).toContain('has 3 mistakes.');
    expect(out).toContain('log.level\n  found   "loud"\n  allowed "debug" or "info" or "warn" or "error"\n');
    expect(out).toContain('policy.caps.unanswered\n  found   0\n  allowed a whole number from 1 to 1,000,000');
    fits(lines);
    const [checked] = (await run('check', '--json')).json() as { ok: boolean; mistakes: { where: string }[] }[];
    expect(checked?.ok).toBe(false);
    expect(checked?.mistakes.map(({ where }) => where)).toEqual(['device', 'log.level', 'policy.caps.unanswered']);
  });

  it('says where it is no JSON, and when there is no file', async () => {
    write('{ "device": "mac-1"\n  "log": {} }');
    expect((await run('check')).out).toContain('line 2, column 3');
    const { code, out } = await run('check', join(home, 'elsewhere.json'));
    expect([code, out]).toEqual([1, expect.stringContaining('there is no such file')]);
  });
});

describe('config show', () => {
  it('says what holds and where it comes from', async () => {
    write({ device: 'mac-1', policy: { caps: { unanswered: 3 } } });
    const env = { SENDER_RELAY_LOG_LEVEL: 'debug' };
    const { code, out, lines } = await relayctl(['config', 'show'], { home, env });
    expect(code).toBe(0);
    expect(out).toMatch(/^log\.level +debug +environment$/m);
    expect(out).toMatch(/^policy\.caps\.unanswered +3 +file$/m);
    expect(out).not.toContain('log.files');
    fits(lines);
    expect((await run('show', '--all')).out).toMatch(/^log\.files +5 +default$/m);
    const [json] = (await run('show', '--json')).json() as { fields: object[] }[];
    expect(json?.fields).toContainEqual({ key: 'log.files', value: 5, from: 'default' });
  });

  it('does not show a file that is not right', async () => {
    write({});
    const { code, err } = await run('show');
    expect([code, err]).toEqual([1, expect.stringContaining('device')]);
  });
});

describe('config explain', () => {
  it('says of a field what it means, may be and is', async () => {
    write({ device: 'mac-1', log: { level: 'warn' } });
    const { code, lines } = await run('explain', 'log.level');
    expect(code).toBe(0);
    expect(lines).toEqual([
      'log.level',
      'How much is logged.',
      '',
      'allowed   "debug" or "info" or "warn" or "error"',
      'default   info',
      'now       warn, from the file',
      'variable  SENDER_RELAY_LOG_LEVEL in the environment wins over the file',
      'change    takes effect with relayctl config reload',
    ]);
  });

  it('lists a section, or all, and knows no others', async () => {
    const { lines } = await run('explain', 'policy.caps');
    expect(lines.filter((line) => line.startsWith('policy.caps.'))).toHaveLength(5);
    fits((await run('explain')).lines);
    const [json] = (await run('explain', 'device', '--json')).json() as { fields: object[] }[];
    expect(json?.fields).toMatchObject([{ key: 'device', required: true, default: null }]);
    const { code, err } = await run('explain', 'logs');
    expect([code, err]).toEqual([1, expect.stringContaining('There is no field logs.')]);
  });

  it('has words for every field', async () => {
    for (const { key, meaning, allowed } of configFields(await policyRules())) {
      expect([key, meaning]).toEqual([key, expect.stringMatching(/^(\p{Lu}|… ).{10,}[.…]$/u)]);
      expect([key, allowed]).toEqual([key, expect.not.stringMatching(/^$|Invalid input/)]);
    }
  });
});

describe('config example', () => {
  it('is right as it stands, and with all that it offers', async () => {
    const { out } = await run('example');
    write(out);
    expect((await run('check')).code).toBe(0);
    // Every field is offered as one line that can be uncommented.
    const all = out
      .replace(/^( *)\/\/ ("[a-z_]+": .*,)$/gm, '$1$2')
      .replace('"time_zone": null', '"time_zone": "Europe/Berlin"');
    write(all);
    expect((await run('check')).out).toContain('is right.');
    const [shown] = (await run('show', '--json')).json() as { fields: { key: string; from: string }[] }[];
    expect(shown?.fields.filter(({ from }) => from !== 'file')).toEqual([]);
  });
});
