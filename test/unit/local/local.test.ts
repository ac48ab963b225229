import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RelayError } from '../../../daemon/host/errors.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { LocalClient } from '../../../daemon/local/client.ts';
import { headlineOf } from '../../../daemon/local/headline.ts';
import type { LocalEvent } from '../../../daemon/local/schemas.ts';
import { LocalServer } from '../../../daemon/local/server.ts';
import { aMessage, anEvent, aStatus, FakeRelay, NOON } from '../../support/fake-local.ts';
import { makeFolder } from '../../support/store.ts';

let folder: string;
let path: string;
let relay: FakeRelay;
let server: LocalServer;
let client: LocalClient;

beforeEach(async () => {
  folder = makeFolder();
  path = join(folder, 'relay.sock');
  relay = new FakeRelay();
  server = new LocalServer({ path, handlers: relay, now: () => NOON, log: silentLog });
  await server.start();
  client = new LocalClient(path);
});
afterEach(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** What really crosses the socket. */
async function raw(method: string, where: string, body?: string): Promise<{ status: number; content: unknown }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const asking = request({ socketPath: path, method, path: where, agent: false }, resolve);
    asking.on('error', reject);
    asking.end(body);
  });
  return { status: response.statusCode ?? 0, content: JSON.parse(await text(response)) };
}

describe('answers', () => {
  it('carry the schema and the relay’s clock', async () => {
    expect(await raw('GET', '/status')).toEqual({ status: 200, content: { schema: 1, ...aStatus() } });
    expect(await client.status()).toEqual({ kind: 'ok', data: aStatus(), now: NOON });
  });

  it('come in pages', async () => {
    relay.messages = ['m_1', 'm_2', 'm_3'].map((message) => aMessage({ message }));
    const first = await client.queue({ limit: 2 });
    expect(first).toMatchObject({ kind: 'ok', data: { total: 3, next: '2', messages: [{}, {}] } });
    expect(await client.queue({ limit: 2, cursor: '2' })).toEqual({
      kind: 'ok',
      now: NOON,
      data: { total: 3, messages: [aMessage({ message: 'm_3' })] },
    });
    expect((await client.queue()).kind).toBe('ok');
    expect(relay.asked.at(-1)).toEqual(['queue', { limit: 50 }]);
  });

  it('tell one message, cancel it, send one, check one', async () => {
    relay.messages = [aMessage({ message: 'm/1 ü' })];
    expect(await client.message('m/1 ü')).toMatchObject({ kind: 'ok', data: { message: 'm/1 ü' } });
    expect(await client.cancel('m/1 ü')).toMatchObject({ kind: 'ok', data: { cancelled: ['m/1 ü'] } });
    expect(await client.settle('m/1 ü', 'sent')).toMatchObject({ kind: 'refused', error: { code: 'too_late' } });
    expect(relay.asked.at(-1)).toEqual(['settle', ['m/1 ü', 'sent']]);
    expect(await client.send({ to: '+15550101234', text: 'hi ü 🎈' })).toMatchObject({
      kind: 'ok',
      data: { command: 'c_1' },
    });
    expect(relay.asked.at(-1)).toEqual(['send', { to: '+15550101234', text: 'hi ü 🎈' }]);
    expect(await client.gateCheck({ to: ['a@b.co'], text: 'x' })).toMatchObject({ kind: 'ok', data: relay.check });
    expect(relay.asked.at(-1)).toEqual(['gateCheck', { to: ['a@b.co'], text: 'x', category: 'conversational' }]);
  });

  it('list refused texts, block one, lift one by its text or its number', async () => {
    const one = { number: 3, source: 'relay' as const, reason: 'so it seems', since: NOON, until: NOON + 1 };
    relay.refusedTexts = [one];
    expect(await client.texts()).toMatchObject({ kind: 'ok', data: { texts: [one] } });
    expect(await client.blockText({ text: 'Sale ü', reason: 'spam' })).toMatchObject({ kind: 'ok', data: {} });
    expect(relay.asked.at(-1)).toEqual(['textBlock', { text: 'Sale ü', reason: 'spam' }]);
    expect(await client.clearText({ number: 3 })).toMatchObject({ kind: 'ok', data: { cleared: 1 } });
    expect(await client.clearText({ text: 'Sale ü' })).toMatchObject({ kind: 'ok', data: { cleared: 0 } });
    expect(relay.asked.at(-1)).toEqual(['textClear', { text: 'Sale ü' }]);
  });

  it('pause and resume the sender', async () => {
    expect(await client.pause('lunch')).toMatchObject({ kind: 'ok', data: { state: 'paused', reason: 'lunch' } });
    expect(await client.pause()).toMatchObject({ kind: 'ok', data: { reason: 'paused at the Mac' } });
    expect(await client.resume()).toMatchObject({ kind: 'ok', data: { state: 'at_risk' } });
  });
});

describe('refusals', () => {
  it.each([
    ['GET', '/nothing', undefined, 404, 'no_such_route'],
    ['GET', '/', undefined, 404, 'no_such_route'],
    ['DELETE', '/status', undefined, 405, 'wrong_method'],
    ['GET', '/gate/check', undefined, 405, 'wrong_method'],
    ['GET', '/messages/m_9', undefined, 404, 'not_found'],
    ['POST', '/messages/m_9/cancel', undefined, 404, 'not_found'],
    ['GET', '/queue?limit=0', undefined, 400, 'bad_request'],
    ['GET', '/queue?limit=x', undefined, 400, 'bad_request'],
    ['GET', '/queue?colour=red', undefined, 400, 'bad_request'],
    ['GET', '/events?after=-1', undefined, 400, 'bad_request'],
    ['GET', '/messages/%ff', undefined, 400, 'bad_request'],
    ['POST', '/gate/check', '{"to":[],"text":"x"}', 400, 'bad_request'],
    ['POST', '/gate/check', '{"to":"a@b.co","text":"x"}', 400, 'bad_request'],
    ['POST', '/messages', '{"to":', 400, 'bad_request'],
    ['POST', '/messages', '7', 400, 'bad_request'],
    ['POST', '/sender/resume', '{"force":true}', 400, 'bad_request'],
    ['POST', '/texts/clear', '{}', 400, 'bad_request'],
    ['POST', '/texts/clear', '{"text":"x","number":1}', 400, 'bad_request'],
    ['POST', '/texts/clear', '{"number":0}', 400, 'bad_request'],
    ['POST', '/texts/clear', '{"number":9}', 404, 'not_found'],
    ['POST', '/texts/block', '{"reason":"x"}', 400, 'bad_request'],
    ['POST', '/messages', JSON.stringify({ to: 'a', text: 'x'.repeat(1_100_000) }), 413, 'too_large'],
  ])('%s %s %.20s → %i %s', async (method, where, body, status, code) => {
    const answered = await raw(method, where, body);
    expect(answered).toMatchObject({ status, content: { schema: 1, error: { code, message: expect.any(String) } } });
  });

  it('reach the client with code and words', async () => {
    expect(await client.cancel('m_9')).toEqual({
      kind: 'refused',
      error: { code: 'not_found', message: 'There is no such message here.' },
    });
    expect(await client.queue({ limit: 1_000 })).toMatchObject({ kind: 'refused', error: { code: 'bad_request' } });
  });

  it('tell what broke inside, with its remedy, and the next question is answered', async () => {
    relay.status = () => {
      throw new RelayError('store_unwritable', 'relay.db cannot be opened', { hint: 'Is the disk full?' });
    };
    expect(await client.status()).toEqual({
      kind: 'refused',
      error: { code: 'store_unwritable', message: 'relay.db cannot be opened', hint: 'Is the disk full?' },
    });
    relay.status = () => aStatus();
    expect((await client.status()).kind).toBe('ok');
  });
});

describe('events', () => {
  it('come from the past and live, in order, until the listener goes', async () => {
    for (const seq of [1, 2, 3]) relay.journal.push(anEvent(seq));
    const seen: LocalEvent[] = [];
    const abort = new AbortController();
    const end = await client.events({ after: 1, signal: abort.signal }, (event) => {
      seen.push(event);
      if (event.seq === 3) relay.tell(anEvent(4, { name: 'message.inbound', data: { text: 'ü\n🎈' } }));
      if (event.seq === 4) abort.abort();
    });
    expect(end).toEqual({ kind: 'ended' });
    expect(seen.map((e) => e.seq)).toEqual([2, 3, 4]);
    expect(seen[2]).toEqual(anEvent(4, { name: 'message.inbound', data: { text: 'ü\n🎈' } }));
    await server.stop();
    expect(relay.listeners.size).toBe(0);
    await server.start();
  });

  it('end when the relay ends', async () => {
    const ended = client.events({ after: 0 }, () => void server.stop());
    await waitFor(() => relay.listeners.size === 1);
    relay.tell(anEvent(1));
    expect(await ended).toEqual({ kind: 'ended' });
    await server.start();
  });

  it('are refused like everything else', async () => {
    expect(await client.events({ after: -1 }, () => {})).toMatchObject({
      kind: 'refused',
      error: { code: 'bad_request' },
    });
  });
});

describe('the socket', () => {
  it('is for this user only, and gone after the end', async () => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await server.stop();
    expect(existsSync(path)).toBe(false);
    expect(await client.status()).toEqual({ kind: 'not_running' });
    expect(await client.events({}, () => {})).toEqual({ kind: 'not_running' });
    await server.start();
  });

  it('of a dead relay does not stand in the way, and nobody answers on it', async () => {
    await server.stop();
    writeFileSync(path, '');
    expect(await client.status()).toEqual({ kind: 'not_running' });
    await server.start();
    expect((await client.status()).kind).toBe('ok');
  });

  it('is refused when its address is too long', async () => {
    const long = new LocalServer({
      path: join(folder, 'x'.repeat(104)),
      handlers: relay,
      now: () => 0,
      log: silentLog,
    });
    await expect(long.start()).rejects.toMatchObject({ code: 'socket_path_long' });
  });

  it('is not understood when something else speaks on it', async () => {
    await server.stop();
    const answers = [
      'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{"schema":2}',
      'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n<html>',
    ];
    const other: Server = createServer((socket) => socket.once('data', () => socket.end(answers.shift() ?? '')));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    for (let turn = 0; turn < 2; turn += 1)
      expect(await client.status()).toMatchObject({ kind: 'refused', error: { code: 'not_understood' } });
    await new Promise((resolve) => other.close(resolve));
    await server.start();
  });
});

describe('the headline', () => {
  const condition = (severity: 'info' | 'warning' | 'error', words: string) => ({
    name: 'x',
    severity,
    since: NOON,
    words,
    remedy: '',
  });
  it.each([
    [[], 'Ready.'],
    [[condition('info', 'x')], 'Ready.'],
    [[condition('warning', 'x')], 'Ready, with a warning: x.'],
    [[condition('warning', 'x'), condition('warning', 'y')], 'Ready, with a warning: x; and 1 more.'],
    [
      [condition('error', 'The database is not readable.'), condition('warning', 'y')],
      'Not ready: the database is not readable.',
    ],
    [[condition('error', 'Messages hangs.'), condition('error', 'y')], 'Not ready: Messages hangs; and 1 more.'],
  ])('%#', (conditions, headline) => expect(headlineOf(conditions)).toBe(headline));
});

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
