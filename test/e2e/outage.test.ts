/**
 * Nothing is green while nothing works: an outage of what comes in, and a lane that is stuck, make the relay not ready within 60 s of its
 * clock, by the time of the event itself; and it becomes ready again without a person.
 */
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LocalClient } from '../../daemon/local/client.ts';
import { Stage } from '../../scripts/demo/stage.ts';

interface Told {
  ready: boolean;
  conditions: { name: string; severity: string; remedy: string }[];
}
const LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 20;
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({ factor: 10 });
  stage.startRelay();
  await stage.settle();
}, 60_000);
afterAll(() => stage.close());

const told = (from: number) => stage.events.slice(from).filter((event) => event.name === 'relay.health');
const dataOf = (event: { data: unknown }) => event.data as Told;

/** From a moment on: how long until the relay said that it is not ready, because of this. */
async function redWithin(condition: RegExp, begin: () => Promise<void> | void): Promise<void> {
  const from = stage.events.length;
  const beganAt = stage.sim.now();
  await begin();
  const isRed = (event: { data: unknown }) => {
    const { ready, conditions } = dataOf(event);
    return !ready && conditions.some(({ name }) => condition.test(name));
  };
  await stage.until(() => told(from).some(isRed), { what: `${condition.source} is told`, patienceMs: 60_000 });
  const event = told(from).find(isRed);
  expect((event?.at ?? Number.POSITIVE_INFINITY) - beganAt).toBeLessThanOrEqual(LIMIT_MS);
  const named = event && dataOf(event).conditions.find(({ name }) => condition.test(name));
  expect(named).toMatchObject({ severity: 'error', remedy: expect.stringMatching(/\S/) });
}

async function greenAgain(end: () => Promise<void> | void): Promise<void> {
  const from = stage.events.length;
  await end();
  await stage.until(() => told(from).some((event) => dataOf(event).ready), { what: 'ready again', patienceMs: 60_000 });
}

const filesOfChatDb = () =>
  ['', '-wal', '-shm'].map((end) => `${stage.sim.chatDb}${end}`).filter((file) => existsSync(file));

it('chat.db that is gone', async () => {
  const files = filesOfChatDb();
  await redWithin(/^chat_db_missing$/, () => {
    for (const file of files) renameSync(file, `${file}.away`);
  });
  await greenAgain(() => {
    for (const file of files) renameSync(`${file}.away`, file);
  });
}, 150_000);

it('a chat.db that another program keeps locked', async () => {
  const { chatDb } = stage.sim;
  const files = filesOfChatDb();
  const copy = `${chatDb}.copy`;
  const source = new DatabaseSync(chatDb, { readOnly: true });
  source.exec(`VACUUM INTO '${copy}'`);
  source.close();
  const other = new DatabaseSync(copy);
  other.exec('BEGIN EXCLUSIVE');
  await redWithin(/^chat_db_/, () => {
    for (const file of files) renameSync(file, `${file}.away`);
    renameSync(copy, chatDb);
  });
  await greenAgain(() => {
    other.close();
    for (const file of files) renameSync(`${file}.away`, file);
  });
}, 150_000);

it('a lane that is stuck in a send', async () => {
  await stage.sim.messages('messages_hung');
  await redWithin(/^messages_hung$/, async () => {
    await stage.send('+14155550123', 'Is the lighthouse open on Sundays?');
  });
  await greenAgain(async () => {
    await stage.sim.messages('normal');
    await stage.sim.release('end');
  });
}, 150_000);

it('a Messages that hangs while nobody sends', async () => {
  const from = stage.events.length;
  await stage.sim.messages('messages_hung');
  // It is asked every five minutes.
  await stage.sim.pass(5 * LIMIT_MS, 20);
  const isHung = (event: { data: unknown }) => dataOf(event).conditions.some(({ name }) => name === 'messages_hung');
  await stage.until(() => told(from).some(isHung), { what: 'messages_hung is told', patienceMs: 60_000 });
  expect(dataOf(told(from).find(isHung) ?? { data: null }).ready).toBe(false);
  await greenAgain(async () => {
    await stage.sim.messages('normal');
    await stage.sim.release('end');
  });
}, 150_000);

it('a start before a Messages that hangs: nothing is ready that nobody has asked', async () => {
  await stage.stopRelay();
  await stage.sim.messages('messages_hung');
  const client = new LocalClient(join(stage.home, 'relay.sock'));
  const seen: string[] = [];
  const last = () => seen.at(-1) ?? '';
  stage.startRelay();
  for (; !last().includes('messages_hung'); await pause(LOOK_EVERY_MS)) {
    const status = await client.status();
    if (status.kind !== 'ok') continue;
    const { ready, conditions } = status.data;
    const words = `${ready ? 'ready' : 'not ready'}: ${conditions.map(({ name }) => name).join(' ')}`;
    if (words !== last()) seen.push(words);
  }
  expect(seen[0]).toBe('not ready: starting');
  expect(seen.filter((words) => !words.startsWith('not ready'))).toEqual([]);
  await greenAgain(async () => {
    await stage.sim.messages('normal');
    await stage.sim.release('end');
  });
}, 150_000);
