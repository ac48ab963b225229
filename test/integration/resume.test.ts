/** After any break, and after any store is lost or set back: nothing acknowledged is lost, no effect happens twice. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { SqliteStore } from '../../protocol/controller-sqlite.ts';
import { type ControllerEnd, controllerEnd } from '../support/controller-end.ts';
import { until } from '../support/fake-clock.ts';
import { DEVICE, type RelayEnd, relayEnd } from '../support/relay-end.ts';
import { openStore } from '../support/store.ts';
import { type Direction, WireCutter } from '../support/wire-cutter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sender-relay-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const say = (relay: RelayEnd, id: string) =>
  relay.store.commit.run(() => relay.journal.append('message.inbound', { guid: id }, { id }));
const send = (cloud: ControllerEnd, id: string) => cloud.controller.send(DEVICE, 'sender.pause', {}, { id });
const idsOf = (cloud: ControllerEnd, name: string) => cloud.events.filter((e) => e.name === name).map((e) => e.id);
const distinct = (ids: string[]) => [...new Set(ids)];

/** Six commands and six inbound messages, over a line that is cut as told. Returns how many frames went each way. */
async function exchange(cut?: { direction: Direction; frame: number }) {
  const cloud = await controllerEnd({ window: { frames: 4, bytes: 100_000 } });
  const cutter = new WireCutter(() => cloud.server.port);
  const port = await cutter.listen();
  if (cut) cutter.cutAfter(cut.direction, cut.frame);
  const relay = relayEnd({ url: `ws://127.0.0.1:${port}/`, window: { frames: 4, bytes: 100_000 } });
  try {
    const ids = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'];
    for (const id of ids) {
      await send(cloud, id);
      await say(relay, `in_${id}`);
    }
    await until(
      () => new Set(cloud.events.map((e) => e.id)).size === 2 * ids.length,
      `all is told, cut ${JSON.stringify(cut)}, events ${cloud.events.map((e) => e.id)}`,
    );
    expect(relay.effects()).toEqual(ids);
    expect(distinct(idsOf(cloud, 'command.result'))).toEqual(idsOf(cloud, 'command.result'));
    expect(idsOf(cloud, 'message.inbound')).toEqual(ids.map((id) => `in_${id}`));
    expect(cloud.errors).toEqual([]);
    return { cuts: cutter.cuts };
  } finally {
    await relay.stop();
    await cloud.close();
    await cutter.close();
    rmSync(relay.store.folder, { recursive: true, force: true });
  }
}

describe('the line is cut', () => {
  test.each(['to_relay', 'to_controller'] as const)(
    'behind every frame %s: all is told once, in order (invariants 1, 3, 4)',
    async (direction) => {
      expect((await exchange()).cuts).toBe(0);
      let frame = 1;
      // Until the exchange is over before the cut comes.
      for (; (await exchange({ direction, frame })).cuts === 1; frame += 1);
      expect(frame).toBeGreaterThan(8);
    },
    60_000,
  );

  test('what happens while the line is down is told afterwards, in both directions', async () => {
    const cloud = await controllerEnd();
    cleanups.push(() => cloud.close());
    const relay = relayEnd({ url: cloud.server.url });
    cleanups.push(() => relay.stop());
    await until(() => cloud.controller.online.length === 1, 'open');
    cloud.controller.cut(DEVICE);
    await until(() => cloud.controller.online.length === 0, 'down');
    await Promise.all([send(cloud, 'c1'), say(relay, 'in1')]);
    await until(() => cloud.events.length === 2, 'both arrive');
    expect(relay.effects()).toEqual(['c1']);
  });
});

describe('a store is lost or set back', () => {
  test('the controller’s file is an older copy: new command stream, events told again, nothing twice (invariant 4)', async () => {
    const dir = folder();
    const path = join(dir, 'cloud.db');
    let cloud = await controllerEnd({ store: new SqliteStore(path) });
    const port = cloud.server.port;
    const relay = relayEnd({ url: cloud.server.url });
    cleanups.push(() => relay.stop());
    await Promise.all([send(cloud, 'c1'), say(relay, 'in1')]);
    await until(() => cloud.events.length === 2, 'the first two');
    await cloud.close();
    cpSync(path, join(dir, 'old.db'));

    cloud = await controllerEnd({ store: new SqliteStore(path), port });
    await Promise.all([send(cloud, 'c2'), send(cloud, 'c3'), say(relay, 'in2')]);
    await until(() => cloud.events.length === 3, 'the next three');
    const before = await cloud.store.state(DEVICE);
    await cloud.close();
    cpSync(join(dir, 'old.db'), path);
    rmSync(`${path}-wal`, { force: true });

    cloud = await controllerEnd({ store: new SqliteStore(path), port });
    cleanups.push(() => cloud.close());
    // The application sends its newest command again, and one that nobody has seen.
    await Promise.all([send(cloud, 'c3'), send(cloud, 'c4')]);
    await until(() => new Set(cloud.events.map((e) => e.data.command)).has('c4'), 'the line works again');
    await until(() => idsOf(cloud, 'message.inbound').includes('in2'), 'what the lost store had acked is told again');
    expect(relay.effects()).toEqual(['c1', 'c2', 'c3', 'c4']);
    const after = await cloud.store.state(DEVICE);
    expect(after.stream).not.toBe(before.stream);
    expect(after.epoch).toBeGreaterThan(before.epoch);
    expect(distinct(cloud.events.map((e) => e.id))).toHaveLength(cloud.events.length);
  });

  test('the controller’s store is lost altogether: the relay tells all that it holds, with the same ids', async () => {
    let cloud = await controllerEnd();
    const port = cloud.server.port;
    const relay = relayEnd({ url: cloud.server.url });
    cleanups.push(() => relay.stop());
    await Promise.all([send(cloud, 'c1'), send(cloud, 'c2'), say(relay, 'in1')]);
    await until(() => cloud.events.length === 3, 'the first three');
    const told = new Set(cloud.events.map((e) => e.id));
    await cloud.close();
    cloud = await controllerEnd({ port });
    cleanups.push(() => cloud.close());
    await send(cloud, 'c3');
    await until(() => idsOf(cloud, 'command.result').includes('cr_c3'), 'the new command');
    for (const id of told) expect(cloud.events.map((e) => e.id)).toContain(id);
    expect(relay.effects()).toEqual(['c1', 'c2', 'c3']);
  });

  test('the relay has pruned what a set-back controller lacks: the journal is renewed, and says so with a snapshot', async () => {
    const dir = folder();
    const path = join(dir, 'cloud.db');
    let cloud = await controllerEnd({ store: new SqliteStore(path) });
    const port = cloud.server.port;
    const relay = relayEnd({ url: cloud.server.url, limits: { keepAcked: 0 } });
    cleanups.push(() => relay.stop());
    await say(relay, 'in_first');
    await until(() => cloud.events.length === 1, 'the first');
    await cloud.close();
    cpSync(path, join(dir, 'old.db'));
    cloud = await controllerEnd({ store: new SqliteStore(path), port });
    await Promise.all(Array.from({ length: 1200 }, (_, i) => say(relay, `in${i}`)));
    await until(() => cloud.events.length === 1200, 'very many', 20_000);
    await until(() => relay.journal.depth().held < 700, 'acked events are pruned');
    await cloud.close();
    cpSync(join(dir, 'old.db'), path);
    const stream = relay.journal.stream;

    cloud = await controllerEnd({ store: new SqliteStore(path), port });
    cleanups.push(() => cloud.close());
    await until(() => idsOf(cloud, 'snapshot').length === 1, 'a snapshot opens the new stream');
    expect(relay.journal.stream).not.toBe(stream);
    await until(() => relay.journal.unacked === 0, 'the new stream is acked');
    expect((await cloud.store.state(DEVICE)).received?.stream).toBe(relay.journal.stream);
    expect(cloud.events.filter((e) => e.id === 'in_first')).toHaveLength(0);
  });

  test('the relay’s store is lost: open commands come again with their ids, ended ones never', async () => {
    const cloud = await controllerEnd();
    cleanups.push(() => cloud.close());
    const port = cloud.server.port;
    let relay = relayEnd({ url: cloud.server.url });
    await send(cloud, 'ended');
    const draft = { to: '+15550001', text: 'hi', category: 'transactional', pacing: 'queue', created: 1 } as const;
    await cloud.controller.send(DEVICE, 'message.send', { ...draft, expires_at: 8e15 }, { id: 'open' });
    await until(() => cloud.events.length === 2, 'both are answered');
    await relay.stop();
    rmSync(relay.store.folder, { recursive: true, force: true });

    relay = relayEnd({ url: `ws://127.0.0.1:${port}/` });
    cleanups.push(() => relay.stop());
    await until(() => relay.effects().length > 0 && relay.journal.unacked === 0, 'the open command comes again');
    await send(cloud, 'later');
    await until(() => relay.effects().includes('later'), 'the line goes on');
    expect(relay.effects()).toEqual(['open', 'later']);
  });

  test('the relay’s store is an older copy: both streams begin anew, nothing is lost or doubled', async () => {
    const cloud = await controllerEnd();
    cleanups.push(() => cloud.close());
    const { url } = cloud.server;
    const store = openStore();
    let relay = relayEnd({ url, store });
    await Promise.all([send(cloud, 'c1'), say(relay, 'in1')]);
    await until(() => cloud.events.length === 2, 'the first two');
    await relay.stop();
    const old = folder();
    cpSync(store.folder, old, { recursive: true });
    relay = relayEnd({ url, store: openStore(store.folder) });
    await Promise.all([send(cloud, 'c2'), say(relay, 'in2')]);
    await until(() => cloud.events.length === 4, 'the next two');
    await relay.stop();

    relay = relayEnd({ url, store: openStore(old) });
    cleanups.push(() => relay.stop());
    await Promise.all([send(cloud, 'c3'), say(relay, 'in3')]);
    await until(() => idsOf(cloud, 'message.inbound').includes('in3'), 'what is new is told');
    await until(() => idsOf(cloud, 'command.result').includes('cr_c3'), 'what is new is done');
    expect(distinct(cloud.events.map((e) => e.id))).toHaveLength(cloud.events.length);
    expect(relay.effects()).toEqual(['c1', 'c3']);
  });
});
