/** What every store of a controller owes, asked of both that there are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SqliteStore } from '../../../protocol/controller-sqlite.ts';
import { type ControllerStore, commandsFit, MemoryStore, type NewEvent } from '../../../protocol/controller-store.ts';

const folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const D = 'mac-1';
const cmd = (id: string, data: Record<string, unknown> = {}, name = 'sender.pause') => ({ id, name, version: 1, data });
const ev = (seq: number, id: string, name = 'message.inbound', data: Record<string, unknown> = {}): NewEvent => ({
  seq,
  id,
  name,
  version: 1,
  at: 7,
  data,
});
const answer = (seq: number, command: string, more: Record<string, unknown> = { ok: true }) =>
  ev(seq, `cr_${command}`, 'command.result', { command, ...more });

describe.each([
  ['memory', () => new MemoryStore()],
  ['SQLite', () => new SqliteStore(join(folder, `${++files}.db`))],
] as [string, () => ControllerStore][])('%s store', (_name, make) => {
  let store: ControllerStore;
  beforeEach(async () => {
    store = make();
    await store.takeEpoch(D, 0, 1);
  });
  afterEach(() => store.close());

  const seqs = async () => (await store.commandsAfter(D, 0, 100)).map((c) => `${c.seq}:${c.id}`);

  test('the epoch is swapped only by who knows it, and only upwards', async () => {
    expect(await store.takeEpoch(D, 0, 5)).toBeNull();
    expect(await store.takeEpoch(D, 1, 5)).toMatchObject({ epoch: 5 });
    expect(await store.takeEpoch(D, 1, 6)).toBeNull();
    expect((await store.state(D)).epoch).toBe(5);
  });

  test('every write under an old epoch fails with stale_epoch and changes nothing (invariant 5)', async () => {
    await store.append(D, 1, [cmd('c1')]);
    await store.takeEpoch(D, 1, 2);
    const before = await store.state(D);
    const stale = { code: 'stale_epoch' };
    await expect(store.append(D, 1, [cmd('c2')])).rejects.toMatchObject(stale);
    await expect(store.acked(D, 1, 1, 0)).rejects.toMatchObject(stale);
    await expect(store.renewCommands(D, 1, 0)).rejects.toMatchObject(stale);
    await expect(store.saveEvents(D, 1, 'e', [ev(1, 'x')])).rejects.toMatchObject(stale);
    expect(await store.state(D)).toEqual(before);
    expect(await store.events({})).toEqual([]);
  });

  test('commands are numbered without holes, each device for itself; a double gets no number', async () => {
    await store.takeEpoch('mac-2', 0, 1);
    const done = await store.append(D, 1, [cmd('a'), cmd('b'), cmd('a'), cmd('b', { x: 1 }), cmd('c')]);
    expect(done).toEqual([
      { kind: 'stored', seq: 1 },
      { kind: 'stored', seq: 2 },
      { kind: 'duplicate', seq: 1 },
      { kind: 'conflict' },
      { kind: 'stored', seq: 3 },
    ]);
    expect(await store.append('mac-2', 1, [cmd('a')])).toEqual([{ kind: 'stored', seq: 1 }]);
    expect(await store.commandsAfter(D, 1, 1)).toEqual([{ seq: 2, ...cmd('b') }]);
    expect((await store.state(D)).lastSeq).toBe(3);
  });

  test('a command goes when it is both acked and final, in whichever order', async () => {
    await store.append(D, 1, [cmd('a'), cmd('b'), cmd('c')]);
    await store.saveEvents(D, 1, 'e', [answer(1, 'b')]);
    expect(await seqs()).toEqual(['1:a', '2:b', '3:c']);
    await store.acked(D, 1, 2, 0);
    expect(await seqs()).toEqual(['1:a', '3:c']);
    await store.saveEvents(D, 1, 'e', [answer(2, 'a')]);
    expect(await seqs()).toEqual(['3:c']);
    expect(await store.idAt(D, 2)).toBe('b');
    expect(await store.idAt(D, 3)).toBe('c');
    expect(await store.idAt(D, 1)).toBeNull();
    expect((await store.state(D)).acked).toEqual({ seq: 2, id: 'b' });
    // An older ack changes nothing.
    await store.acked(D, 1, 1, 0);
    expect((await store.state(D)).acked.seq).toBe(2);
  });

  test('an ended id may be used again for a new command', async () => {
    await store.append(D, 1, [cmd('a')]);
    await store.saveEvents(D, 1, 'e', [answer(1, 'a')]);
    expect(await store.append(D, 1, [cmd('a', { again: true })])).toEqual([{ kind: 'stored', seq: 2 }]);
  });

  test('message.send is kept while a message of it may still move, and at the longest until it expires', async () => {
    const data = { expires_at: 1_000 };
    await store.append(D, 1, [cmd('m', data, 'message.send'), cmd('n', data, 'message.send')]);
    const messages = { ok: true, detail: { messages: [{ message: 'm1' }] } };
    await store.saveEvents(D, 1, 'e', [
      answer(1, 'm', messages),
      ev(2, 's1', 'message.status', { command: 'm', message: 'm1', state: 'sent' }),
    ]);
    await store.acked(D, 1, 2, 1_000);
    expect(await seqs()).toEqual(['1:m', '2:n']);
    // `n` was never answered: it is offered for as long as it takes to hear `expired`.
    expect((await store.renewCommands(D, 1, 1_001)).lastSeq).toBe(1);
    expect(await seqs()).toEqual(['1:n']);
  });

  test('a new stream keeps order and ids of what is not final, and begins at 1', async () => {
    await store.append(D, 1, [cmd('a'), cmd('b'), cmd('c'), cmd('d')]);
    const { stream } = await store.state(D);
    await store.acked(D, 1, 1, 0);
    await store.saveEvents(D, 1, 'e', [answer(1, 'b')]);
    const state = await store.renewCommands(D, 1, 0);
    expect(state).toMatchObject({ lastSeq: 3, acked: { seq: 0, id: null }, finalSeq: 0 });
    expect(state.stream).not.toBe(stream);
    expect(await seqs()).toEqual(['1:a', '2:c', '3:d']);
    await store.append(D, 1, [cmd('e')]);
    expect(await seqs()).toEqual(['1:a', '2:c', '3:d', '4:e']);
  });

  test('events are stored once by id and device, with the position, also of what carries no event', async () => {
    const first = await store.saveEvents(D, 1, 'e', [ev(1, 'x', 'gap', { a: 1 }), ev(2, 'x'), { seq: 3, id: null }]);
    expect(first).toEqual([{ ...ev(1, 'x', 'gap', { a: 1 }), n: 1, device: D }]);
    expect((await store.state(D)).received).toEqual({ stream: 'e', seq: 3, id: null });
    await store.takeEpoch('mac-2', 0, 1);
    expect(await store.saveEvents('mac-2', 1, 'f', [ev(1, 'x')])).toHaveLength(1);
    expect((await store.events({ device: 'mac-2' })).map((e) => e.n)).toEqual([2]);
    expect((await store.events({ after: 1 })).map((e) => e.device)).toEqual(['mac-2']);
    expect(await store.events({ limit: 1 })).toEqual(first);
  });
});

describe('does the relay’s position fit?', () => {
  const state = {
    epoch: 1,
    stream: 's',
    lastSeq: 9,
    acked: { seq: 4, id: 'c4' },
    finalSeq: 6,
    received: null,
  };
  test.each([
    ['the same command at a number that may be', { stream: 's', seq: 7, id: 'c7' }, 'c7', true],
    ['another command at that number', { stream: 's', seq: 7, id: 'c7' }, 'x', false],
    ['beyond what was numbered', { stream: 's', seq: 10, id: 'c10' }, null, false],
    ['behind an ack', { stream: 's', seq: 3, id: 'c3' }, 'c3', false],
    ['behind a command whose final event is here', { stream: 's', seq: 5, id: 'c5' }, 'c5', false],
    ['another stream', { stream: 't', seq: 7, id: 'c7' }, 'c7', false],
    ['nothing', null, null, false],
  ])('%s', (_what, received, idThere, fits) => {
    expect(commandsFit(state, received, idThere)).toBe(fits);
  });
  test('an empty stream fits everyone', () => {
    const empty = { ...state, lastSeq: 0, acked: { seq: 0, id: null }, finalSeq: 0 };
    expect(commandsFit(empty, null, null)).toBe(true);
    expect(commandsFit(empty, { stream: 't', seq: 7, id: 'c7' }, null)).toBe(true);
    expect(commandsFit(empty, { stream: 's', seq: 0, id: null }, null)).toBe(true);
    expect(commandsFit(empty, { stream: 's', seq: 1, id: 'c1' }, null)).toBe(false);
  });
});

test('the SQLite store is there again after a restart; a file that is none is refused', async () => {
  const path = join(folder, 'again.db');
  let store = new SqliteStore(path);
  await store.takeEpoch(D, 0, 3);
  await store.append(D, 3, [cmd('a', { text: 'ü' })]);
  await store.saveEvents(D, 3, 'e', [ev(1, 'x')]);
  const before = await store.state(D);
  await store.close();
  store = new SqliteStore(path);
  expect(await store.state(D)).toEqual(before);
  expect(await store.commandsAfter(D, 0, 9)).toEqual([{ seq: 1, ...cmd('a', { text: 'ü' }) }]);
  expect((await store.events({})).map((e) => e.id)).toEqual(['x']);
  await store.close();
  writeFileSync(join(folder, 'no.db'), 'this is not a database, and long enough to be sure of that');
  expect(() => new SqliteStore(join(folder, 'no.db'))).toThrow(/cannot be used/);
});
