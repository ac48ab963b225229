import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { followLog } from '../../../daemon/cli/log-lines.ts';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

let home: string;
let file: string;
beforeEach(() => {
  home = makeFolder();
  mkdirSync(join(home, 'logs'));
  file = join(home, 'logs', 'relay.log');
});

const line = (n: number, level = 'info', room = 'link') =>
  `${JSON.stringify({ at: `2026-01-31T12:00:${String(n).padStart(2, '0')}.000Z`, level, room, event: `event_${n}`, to: 'h:123abc', n })}\n`;
const run = (...args: string[]) => relayctl(['logs', ...args], { home });

describe('logs', () => {
  it('shows the newest lines over all files, oldest first', async () => {
    writeFileSync(join(home, 'logs', 'relay.1.log'), line(1) + line(2));
    writeFileSync(file, line(3) + line(4));
    const { code, lines } = await run('-n', '3');
    expect([code, lines]).toEqual([
      0,
      [2, 3, 4].map((n) => `2026-01-31 12:00:0${n} info  link.event_${n}  to=h:123abc n=${n}`),
    ]);
    expect((await run('-n', '1', '--json')).json()).toMatchObject([{ schema: 1, event: 'event_4', level: 'info' }]);
  });

  it('picks a level and a room', async () => {
    writeFileSync(file, line(1) + line(2, 'warn') + line(3, 'error', 'gate') + line(4, 'debug'));
    expect((await run('--level', 'warn')).lines.map((l) => l.match(/event_\d/)?.[0])).toEqual(['event_2', 'event_3']);
    expect((await run('--room', 'gate')).lines).toHaveLength(1);
  });

  it('does not let a line steer the terminal, and shows one that is no JSON', async () => {
    writeFileSync(file, `${JSON.stringify({ at: 'x', level: 'info', event: 'a', words: '\u001b[2J\nb' })}\nbroken\n`);
    const { out } = await run();
    expect(out).not.toContain('\u001b');
    expect(out).toContain('\nbroken\n');
  });

  it('says that there is none', async () => {
    expect(await run()).toMatchObject({ code: 1, err: expect.stringContaining('There is no log') });
  });
});

it('a log is followed through a rotation, and whole lines only', async () => {
  writeFileSync(file, 'old\n');
  const end = new AbortController();
  const lines: string[] = [];
  const following = (async () => {
    for await (const one of followLog(join(home, 'logs'), 4, end.signal)) lines.push(one);
  })();
  const seen = (count: number) => expect.poll(() => lines.length, { timeout: 10_000 }).toBe(count);
  appendFileSync(file, 'one\ntw');
  await seen(1);
  appendFileSync(file, 'o ü\n');
  await seen(2);
  appendFileSync(file, 'last of the old\n');
  renameSync(file, join(home, 'logs', 'relay.1.log'));
  writeFileSync(file, 'first of the new\n');
  await seen(4);
  end.abort();
  await following;
  expect(lines).toEqual(['one', 'two ü', 'last of the old', 'first of the new']);
});
