/** What a person does and asks by hand: send, cancel, sender, contact, wait. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../daemon/host/log.ts';
import { LocalServer } from '../../../daemon/local/server.ts';
import { aMessage, aStatus, FakeRelay, NOON } from '../../support/fake-local.ts';
import { relayctl, startRelayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

let home: string;
let relay: FakeRelay;
let server: LocalServer;

const serve = async () => {
  server = new LocalServer({ path: join(home, 'relay.sock'), handlers: relay, now: () => NOON, log: silentLog });
  await server.start();
};
beforeEach(async () => {
  home = makeFolder();
  relay = new FakeRelay();
  await serve();
});
afterEach(async () => {
  await server.stop();
  rmSync(home, { recursive: true, force: true });
});

const run = (...args: string[]) => relayctl(args, { home });
const fits = (lines: string[]) => expect(lines.filter((line) => line.length > 80)).toEqual([]);

describe('send', () => {
  it('says what became of it right after', async () => {
    const { code, lines } = await run('send', '+14155550101', 'hello');
    const [, words] = /^12:00:00 {2}(.*)$/.exec(lines[0] ?? '') ?? [];
    expect([code, words]).toEqual([0, 'accepted: m_1 to +14155550101']);
    expect(relay.asked).toContainEqual(['send', { to: '+14155550101', text: 'hello' }]);
    fits(lines);
  });

  it('looks on with --wait, and ends with 1 when it was not delivered', async () => {
    relay.messages = [aMessage({ state: 'not_delivered', n: 9, words: 'Not on iMessage.', until: undefined })];
    const { code, lines } = await run('send', '+14155550101', 'hello', '--wait', '10s');
    expect(code).toBe(1);
    expect(lines.at(-2)).toMatch(/not delivered: m_/);
    expect(lines.at(-1)).toBe('          Not on iMessage.');
    const json = (await run('send', '+14155550101', 'hello', '--wait', '10s', '--json')).json();
    expect(json).toMatchObject([
      { schema: 1, state: 'accepted' },
      { state: 'not_delivered', n: 9 },
    ]);
  });

  it('knows what a span is', async () => {
    for (const span of ['soon', '0', '-5s', '25h']) {
      const { code, err } = await run('send', 'a@b.example', 'x', '--wait', span);
      expect([code, err]).toEqual([2, expect.stringContaining('a span such as 30s')]);
    }
  });
});

it('queue cancel takes a message out, or says that there is none', async () => {
  relay.messages = [aMessage({ message: 'm_7' })];
  expect(await run('queue', 'cancel', 'm_7')).toMatchObject({ code: 0, out: 'Cancelled: m_7.\n' });
  expect(await run('queue', 'cancel', 'm_8')).toMatchObject({
    code: 1,
    err: expect.stringContaining('no such message'),
  });
});

describe('sender', () => {
  it('shows its health and its caps in 80 columns', async () => {
    const { code, out, lines } = await run('sender');
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^healthy since /);
    expect(out).toContain(
      '\nA shared sender, in use since 2026-01-01. 3 waiting; 1 contact has opted out;\npolicy 1-0.\n',
    );
    expect(out).toMatch(/^new contacts in a day +50 +50 +0 +12:01:30 \(in 90 s\)$/m);
    fits(lines);
    expect((await run('sender', '--json')).json()).toMatchObject([{ schema: 1, kind: 'shared' }]);
  });

  it('is paused and resumed', async () => {
    expect((await run('sender', 'pause', 'moving')).out).toMatch(/^paused since 12:00:00: moving\n/);
    expect((await run('sender', 'resume')).code).toBe(0);
  });
});

describe('contact', () => {
  it('shows what is known', async () => {
    const { code, lines } = await run('contact', 'show', '+14155550101');
    expect([code, lines[0]]).toEqual([0, '+14155550101 may be written to.']);
    expect(lines).toContain('wrote last     11:59:00 (60 s ago)');
    expect(lines).toContain('marketing      not allowed: This sender is not a dedicated one.');
    fits(lines);
    relay.contactState.opted_out = { source: 'message', at: NOON - 3_600_000 };
    expect((await run('contact', 'show', '+14155550101')).lines[0]).toBe(
      '+14155550101 opted out by a word of theirs, 11:00:00 (60 min ago).',
    );
    expect(await run('contact', 'show', 'nobody')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no number'),
    });
  });

  it('is opted out and in by a person', async () => {
    expect((await run('contact', 'opt-out', '+14155550101')).out).toBe('+14155550101 is not written to any more.\n');
    expect((await run('contact', 'opt-in', '+14155550101')).out).toBe('+14155550101 had not opted out.\n');
    expect(relay.asked).toEqual([
      ['optOut', '+14155550101'],
      ['optIn', '+14155550101'],
    ]);
  });
});

describe('status --wait', () => {
  it('ends as soon as the relay is ready, also one that does not run yet', async () => {
    await server.stop();
    relay.present = aStatus({ ready: false, headline: 'Not ready: x.' });
    const waiting = startRelayctl(['status', '--wait', '60s'], { home });
    await serve();
    await expect.poll(() => relay.looks, { timeout: 20_000 }).toBeGreaterThan(1);
    relay.present = aStatus();
    expect(await waiting.ended).toMatchObject({ code: 0, lines: expect.arrayContaining(['Ready.']) });
  });

  it('says how it stood when the time is over', async () => {
    relay.present = aStatus({ ready: false, headline: 'Not ready: x.' });
    expect(await run('status', '--wait', '300ms')).toMatchObject({ code: 5 });
    await server.stop();
    expect(await run('status', '--wait', '300ms')).toMatchObject({ code: 3 });
    await serve();
  });
});
