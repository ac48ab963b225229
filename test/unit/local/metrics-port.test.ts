import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLog } from '../../../daemon/host/log.ts';
import { MetricsPort } from '../../../daemon/local/metrics-port.ts';

let fails: boolean;
let port: number;
let open: MetricsPort;
const metrics = {
  contentType: 'text/plain; version=0.0.4; charset=utf-8',
  text: async () => {
    if (fails) throw new Error('no');
    return 'sender_relay_ready 1\n';
  },
};

beforeEach(async () => {
  fails = false;
  // Port 0: any that is free.
  open = new MetricsPort({ port: 0, metrics, log: silentLog });
  port = (await open.start()) ?? -1;
});
afterEach(() => open.stop());

function ask(path: string, o: { method?: string; host?: string } = {}): Promise<[number | undefined, string]> {
  const { method = 'GET', host = `127.0.0.1:${port}` } = o;
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path, method, headers: { host } }, async (response) =>
      resolve([response.statusCode, await text(response)]),
    )
      .on('error', reject)
      .end();
  });
}

it('gives the metrics to who asks for 127.0.0.1, and nothing else', async () => {
  expect(await ask('/metrics')).toEqual([200, 'sender_relay_ready 1\n']);
  expect(await ask('/metrics', { host: `localhost:${port}` })).toEqual([200, 'sender_relay_ready 1\n']);
  expect((await ask('/metrics', { host: 'evil.example' }))[0]).toBe(403);
  expect((await ask('/'))[0]).toBe(404);
  expect((await ask('/metrics', { method: 'POST' }))[0]).toBe(405);
  fails = true;
  expect((await ask('/metrics'))[0]).toBe(500);
});

it('does without a port that is taken', async () => {
  const second = new MetricsPort({ port, metrics, log: silentLog });
  expect(await second.start()).toBeNull();
  await second.stop();
  expect((await ask('/metrics'))[0]).toBe(200);
});
