/** What a person types, beside the whole relay: the screens and their JSON, while something is held, and after a stop. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { relayctl, startRelayctl } from '../support/relayctl.ts';

const PEOPLE = ['+14155550171', '+14155550172', '+14155550173'];
const TEXT = 'The library opens an hour later on Friday because of the repairs.';
let stage: Stage;
let command: string;

beforeAll(async () => {
  // So long that what is held waits until the end of the last test, on however slow a machine.
  const interval = { steps: [{ up_to: null, ms: 3_600_000 }] };
  stage = await Stage.open({ factor: 5, config: { policy: { interval } } });
  stage.startRelay();
  command = await stage.send(PEOPLE, TEXT);
  await stage.state(command, ['delivered'], { to: PEOPLE[0] ?? '' });
  await stage.sim.inbound({ from: PEOPLE[0] ?? '', text: 'Thank you!' });
  await stage.event((e) => e.name === 'message.inbound', { what: 'the thanks' });
});
afterAll(() => stage.close());

const typed = (...args: string[]) => relayctl(args, { home: stage.home });

describe('status', () => {
  it('says first whether it is ready, then the rest, in 80 columns', async () => {
    const { code, lines, err } = await typed('status');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines[0]).toMatch(/^Ready/);
    expect(lines.join('\n')).toMatch(/connected/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  it('as JSON', async () => {
    const [status] = (await typed('status', '--json')).json() as Record<string, Record<string, unknown>>[];
    expect(status).toMatchObject({
      schema: 1,
      ready: true,
      controller: { state: 'connected' },
      queue: { held: 2, dispatching: 0, unknown: 0 },
      chat_db: { readable: true },
      sender: { state: 'healthy' },
    });
    expect(status?.last_inbound_at).toEqual(expect.any(Number));
  });
});

describe('metrics', () => {
  it('count what has gone out and come in', async () => {
    const { code, lines } = await typed('metrics');
    expect(code).toBe(0);
    expect(lines).toContain('sender_relay_ready 1');
    expect(lines).toContain('sender_relay_queue_messages{state="held"} 2');
    expect(lines).toContain('sender_relay_messages_total{state="delivered"} 1');
    expect(lines).toContain('sender_relay_inbound_total{late="false"} 1');
    const [json] = (await typed('metrics', '--json')).json() as { metrics: { name: string; values: unknown[] }[] }[];
    const waits = json?.metrics.find(({ name }) => name === 'sender_relay_holds_total');
    expect(waits?.values).toEqual([{ labels: { rule: 'interval' }, value: 2 }]);
  });
});

describe('config reload', () => {
  it('takes over what a running relay can, and names the rest; a mistake changes nothing', async () => {
    const path = join(stage.home, 'config.json');
    const before = JSON.parse(readFileSync(path, 'utf8')) as Record<string, object>;
    const changed = {
      ...before,
      log: { level: 'debug', files: 7 },
      policy: { ...before.policy, caps: { pair_rate: 9 } },
    };
    writeFileSync(path, JSON.stringify(changed));
    const { code, out } = await typed('config', 'reload');
    expect(code).toBe(0);
    expect(out).toMatch(/^In force now: .*policy\.caps\.pair_rate/);
    expect(out).toMatch(/^Only after a new start .*: log\.files\.$/m);
    expect((await typed('policy')).out).toMatch(/caps\.pair_rate +9 +9/);
    writeFileSync(path, JSON.stringify({ ...changed, log: { level: 'loud' } }));
    const refused = await typed('config', 'reload');
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('log.level')]);
    writeFileSync(path, JSON.stringify(before));
    expect((await typed('config', 'reload', '--json')).json()).toMatchObject([
      { changed: expect.arrayContaining(['policy.caps.pair_rate']), restart: [] },
    ]);
  });
});

describe('queue list', () => {
  it('shows what waits, until when, and why, in words', async () => {
    const { code, out, lines } = await typed('queue', 'list');
    expect(code).toBe(0);
    for (const handle of PEOPLE.slice(1)) expect(out).toContain(handle);
    expect(out).toMatch(/near-same/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('queue show', () => {
  it('says why one message waits, in the words of the event, and what goes before it', async () => {
    const last = stage.statuses(command).find(({ to }) => to === PEOPLE[2]);
    const { code, lines, out } = await typed('queue', 'show', last?.message ?? '');
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^Waits until about \d\d:\d\d:\d\d: /);
    expect(lines.join(' ')).toContain(/; (texts like this keep .*)$/.exec(last?.evidence?.words ?? '')?.[1]);
    // On a slow machine the one before it may have gone.
    expect(out).toMatch(/\nbefore it {2}(1 near-same\n {11}m_\S+ to …0172|nothing near-same)\n/);
    expect(out).toMatch(/\nhistory {4}\S+ accepted\n {11}\S+ held\n$/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });
});

describe('gate timeline', () => {
  it('draws what went, and writes the same as a picture', async () => {
    const { code, lines, err } = await typed('gate', 'timeline', '--hours', '1');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines[0]).toMatch(/^\d dispatch(es)? from /);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const file = join(stage.folder, 'timeline.svg');
    const both = await typed('gate', 'timeline', '--svg', file, '--json');
    expect({ code: both.code, err: both.err }).toEqual({ code: 0, err: `Wrote ${file}.\n` });
    expect(both.json()).toMatchObject([{ schema: 1, hours: 24, too_close: 0 }]);
    expect(both.out).toContain(`"to":"${PEOPLE[0]}","kind":"sent"`);
    expect(readFileSync(file, 'utf8')).toMatch(/^<svg .*\n[\s\S]*<\/svg>\n$/);
  });
});

describe('gate check', () => {
  it('explains a wait, a free way, and an opt-out', async () => {
    expect((await typed('gate', 'check', '+14155550179', TEXT)).out).toMatch(/waits/i);
    expect(
      (await typed('gate', 'check', '+14155550179', 'Something quite different, about nothing at all.')).out,
    ).toMatch(/may go/i);
    await stage.result(await stage.command('opt_out.put', { handle: '+14155550180' }));
    expect((await typed('gate', 'check', '+14155550180', 'Hello')).out).toMatch(/opted_out/);
  });
});

describe('tail', () => {
  it('tells what is still held, event by event, as the controller got it', async () => {
    const running = startRelayctl(['tail', '--since', '0', '--json'], { home: stage.home });
    let heard = '';
    const listen = (chunk: Buffer) => {
      heard += chunk.toString();
      if (!heard.includes('message.inbound')) return;
      // Once: a second Ctrl-C kills, as it should.
      running.process.stdout.off('data', listen);
      running.process.kill('SIGINT');
    };
    running.process.stdout.on('data', listen);
    const { code, json } = await running.ended;
    expect(code).toBe(0);
    const events = json() as { seq: number; name: string }[];
    expect(events.map((e) => e.seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.some((e) => e.name === 'message.inbound')).toBe(true);
  });
});

describe('text', () => {
  it('block refuses a text that is near from then on, list shows it, clear lifts it', async () => {
    const text = 'Northwind has everything at half the price this week only, come by and see!';
    const { json: blocked } = await typed('text', 'block', text, '--reason', 'people complained', '--json');
    expect(blocked()).toMatchObject([{ schema: 1, until: expect.any(Number) }]);
    const near = await stage.send('+14155550181', `${text} Ann`);
    expect(await stage.result(near)).toMatchObject({ ok: false, code: 'text_suspected_junk' });
    expect(await stage.result(await stage.command('text.clear', { text }))).toMatchObject({ ok: false });
    const { lines, out } = await typed('text', 'list');
    expect(out).toContain('people complained');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const number = /^Text (\d+), by a person/.exec(lines[0] ?? '')?.[1];
    expect(await typed('text', 'clear', '--number', number ?? '')).toMatchObject({ code: 0 });
    await stage.state(await stage.send('+14155550181', `${text} Ann`), ['delivered']);
    expect((await typed('text', 'list')).out).toBe('No text is refused.\n');
  });
});

describe('doctor', () => {
  it('asks the relay, whose Messages answers and whose chat.db is read', async () => {
    const { json } = await typed('doctor', '--json');
    const [report] = json() as { relay: string; checks: { name: string; verdict: string; by: string }[] }[];
    expect(report?.relay).toBe('running');
    const of = (name: string) => report?.checks.find((one) => one.name === name);
    for (const name of ['full_disk_access', 'chat_db', 'watcher', 'automation', 'messages_answer', 'signed_in'])
      expect(of(name)).toMatchObject({ name, verdict: 'ok', by: 'relay' });
    for (const name of ['config', 'token', 'store', 'socket', 'controller', 'logs'])
      expect(of(name)).toMatchObject({ name, verdict: 'ok', by: 'relayctl' });
  });

  it('writes a support file in which nobody of the story is', async () => {
    const file = join(stage.folder, 'support.tar.gz');
    const { err } = await typed('doctor', '--bundle', file);
    expect(err).toContain(`The support file is ${file}.`);
    const plain = gunzipSync(readFileSync(file)).toString('utf8');
    const token = readFileSync(join(stage.folder, 'controller-token'), 'utf8').trim();
    for (const secret of [...PEOPLE.map((p) => p.slice(1)), TEXT, 'Thank you', token, stage.home])
      expect(plain).not.toContain(secret);
    expect(plain).toContain('sender_relay_ready');
    expect(plain).toContain('"event":"started"');
  });
});

describe('without a relay', () => {
  it('status says so, with 3, and how to start it', async () => {
    await stage.stopRelay();
    const { code, err, out } = await typed('status');
    expect(code).toBe(3);
    expect(out + err).toMatch(/not running/i);
    expect(await typed('gate', 'timeline', '--hours', '168')).toMatchObject({ code: 0, err: '' });
  });
});
