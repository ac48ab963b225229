/** The reference controller as its own process, with a real relay end dialling it. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/fake-clock.ts';
import { DEVICE, type RelayEnd, relayEnd } from '../support/relay-end.ts';

type Said = Record<string, Record<string, unknown>>;
const TOKEN_HERE = 'a-token-that-is-long-enough';

let folder: string;
let relay: RelayEnd | undefined;
const children: ChildProcessWithoutNullStreams[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  writeFileSync(join(folder, 'token'), `${TOKEN_HERE}\n`, { mode: 0o600 });
});
afterEach(async () => {
  await relay?.stop();
  if (relay) rmSync(relay.store.folder, { recursive: true, force: true });
  relay = undefined;
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function start(...more: string[]) {
  const script = new URL('../../scripts/controller.ts', import.meta.url).pathname;
  const args = [script, '--store', join(folder, 'cloud.db'), '--device', DEVICE, '--token-file', join(folder, 'token')];
  const child = spawn(process.execPath, [...args, ...more]);
  children.push(child);
  const said: Said[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => said.push(JSON.parse(line) as Said));
  let words = '';
  child.stderr.on('data', (chunk) => {
    words += String(chunk);
  });
  const find = async (key: string, fits: (value: Record<string, unknown>) => boolean = () => true) => {
    const hit = () => said.find((s) => key in s && fits(s[key] as Record<string, unknown>));
    await until(() => hit() !== undefined, `${key} in ${JSON.stringify(said)} ${words}`, 10_000);
    return hit()?.[key] as unknown;
  };
  const tell = (line: unknown) => child.stdin.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
  return { child, said, find, tell, words: () => words };
}

test('commands go in, events and answers come out, a cut line comes back, SIGTERM ends it cleanly', async () => {
  const { child, said, find, tell } = start();
  const url = String(await find('listening'));
  expect(Object.keys(said[0] ?? {})).toEqual(['listening']);
  tell({ name: 'sender.pause', data: { reason: 'lunch' }, id: 'c1' });
  expect(await find('sent')).toEqual({ id: 'c1', duplicate: false });
  relay = relayEnd({ url, token: TOKEN_HERE, answer: async (name, data) => ({ data: { name, ...data } }) });
  await find('line', (l) => l.kind === 'open');
  expect(await find('event')).toMatchObject({ n: 1, id: 'cr_c1', data: { command: 'c1', ok: true } });
  tell({ query: 'sender.get', data: { x: 1 } });
  expect(await find('answer')).toMatchObject({
    query: 'sender.get',
    kind: 'result',
    data: { name: 'sender.get', x: 1 },
  });
  tell({ cut: true });
  await find('cut');
  await find('line', (l) => l.kind === 'closed' && l.code === 1006);
  tell('not json');
  tell({ what: 1 });
  await find('error', (e) => e.code === 'failed');
  await find('error', (e) => e.code === 'bad_line');
  child.kill('SIGTERM');
  expect((await once(child, 'exit'))[0]).toBe(0);
}, 20_000);

test('a token file that others can read, and missing arguments, are refused with a sentence', async () => {
  writeFileSync(join(folder, 'open'), TOKEN_HERE);
  const open = start('--token-file', join(folder, 'open'));
  expect((await once(open.child, 'exit'))[0]).toBe(2);
  expect(open.words()).toContain('chmod 600');
  const none = start('--device', '');
  expect((await once(none.child, 'exit'))[0]).toBe(2);
  expect(none.words()).toContain('--store, --device and --token-file are needed.');
});
