/**
 * The daemon killed with SIGKILL at the moments of a send that matter, on a simulated Mac and over a real line. Judged by the Mac's own
 * chat.db and by what the controller was told.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

let stage: Stage;
let people = 0;
const person = () => `+1415555${String(2000 + people++)}`;
const texts = [
  'The roof was looked at on Tuesday.',
  'Bring the long ladder when you come.',
  'Platform nine, twenty past seven.',
  'My sister found your umbrella.',
  'The choir sings in the old mill.',
  'We moved the meeting to the garden.',
];

beforeAll(async () => {
  stage = await Stage.open({ factor: 10, config: { policy: WIDE_RULES } });
  stage.startRelay();
});
afterEach(async () => {
  await stage.sim.messages('normal');
});
afterAll(() => stage.close());

const rowsTo = (handle: string) =>
  readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1 && row.handle === handle);

describe('killed', () => {
  it('before the command is answered: it goes out once', async () => {
    const to = person();
    const command = await stage.send(to, texts[0] ?? '');
    await stage.killRelay();
    stage.startRelay();
    await stage.state(command, ['delivered']);
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('while osascript runs and nothing has left: the child lives on, its row is found, nothing is sent again', async () => {
    const to = person();
    await stage.sim.messages('slow', { delayMs: 15_000, count: 1 });
    const command = await stage.send(to, texts[1] ?? '');
    await stage.sim.waitFor((event) => event?.kind === 'osascript' && event.handle === to, 'osascript runs');
    await stage.killRelay();
    expect(rowsTo(to)).toHaveLength(0);
    stage.startRelay();
    await stage.state(command, ['delivered']);
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('right after Messages wrote the row: it is claimed after the restart', async () => {
    const to = person();
    const command = await stage.send(to, texts[2] ?? '');
    await stage.sim.waitFor((event) => event?.kind === 'sent' && event.handle === to, 'the row is there');
    await stage.killRelay();
    stage.startRelay();
    await stage.state(command, ['delivered']);
    expect(rowsTo(to)).toHaveLength(1);
  });

  it('when osascript hangs behind the mark and dies with nothing to show: unknown, never sent again', async () => {
    const to = person();
    await stage.sim.messages('hung_after_mark', { count: 1 });
    const command = await stage.send(to, texts[3] ?? '');
    await stage.sim.waitFor((event) => event?.kind === 'osascript' && event.handle === to, 'osascript runs');
    await stage.killRelay();
    stage.startRelay();
    const status = await stage.state(command, ['unknown']);
    expect(status.words).toMatch(/\w+/);
    const next = person();
    await stage.state(await stage.send(next, texts[4] ?? ''), ['delivered']);
    expect(rowsTo(to)).toHaveLength(0);
    expect(rowsTo(next)).toHaveLength(1);
  });

  it('again and again with many on their way: each goes out once and is told as it is', async () => {
    const all = Array.from({ length: 10 }, (_, n) => ({
      to: person(),
      text: `${texts[n % 6]} ${'abcdefghij'.repeat(n + 1)}`,
    }));
    const commands: string[] = [];
    for (const [n, { to, text }] of all.entries()) {
      commands.push(await stage.send(to, text));
      if (n % 3 !== 2) continue;
      await stage.killRelay();
      stage.startRelay();
    }
    for (const command of commands) await stage.state(command, ['delivered'], { patienceMs: 60_000 });
    expect(all.map(({ to }) => rowsTo(to).length)).toEqual(all.map(() => 1));
  });
});

describe('a clean stop', () => {
  it('ends with 0, finishes the send that runs, and leaves what waits', async () => {
    const [one, two] = [person(), person()];
    await stage.sim.messages('slow', { delayMs: 3_000, count: 1 });
    const first = await stage.send(one, 'The bees are in the attic again.');
    await stage.sim.waitFor((event) => event?.kind === 'osascript' && event.handle === one, 'osascript runs');
    const second = await stage.send(two, 'Grandfather wants his accordion back.');
    await stage.result(second);
    expect(await stage.stopRelay()).toBe(0);
    expect([rowsTo(one).length, rowsTo(two).length]).toEqual([1, 0]);
    stage.startRelay();
    await stage.state(first, ['delivered']);
    await stage.state(second, ['delivered']);
    expect([rowsTo(one).length, rowsTo(two).length]).toEqual([1, 1]);
  });
});
