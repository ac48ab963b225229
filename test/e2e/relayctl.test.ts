/** What a person types, beside the whole relay: the screens and their JSON, while something is held, and after a stop. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { relayctl, startRelayctl } from '../support/relayctl.ts';

const PEOPLE = ['+14155550171', '+14155550172', '+14155550173'];
const TEXT = 'The library opens an hour later on Friday because of the repairs.';
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ factor: 5 });
  stage.startRelay();
  const command = await stage.send(PEOPLE, TEXT);
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

describe('queue list', () => {
  it('shows what waits, until when, and why, in words', async () => {
    const { code, out, lines } = await typed('queue', 'list');
    expect(code).toBe(0);
    for (const handle of PEOPLE.slice(1)) expect(out).toContain(handle);
    expect(out).toMatch(/near-same/);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
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

describe('without a relay', () => {
  it('status says so, with 3, and how to start it', async () => {
    await stage.stopRelay();
    const { code, err, out } = await typed('status');
    expect(code).toBe(3);
    expect(out + err).toMatch(/not running/i);
  });
});
