/** Both halves of the protocol against each other, over real sockets and real stores. */
import { afterEach, describe, expect, test } from 'vitest';
import type { CommandFrame } from '../../protocol/frames.ts';
import { type ControllerEnd, controllerEnd } from '../support/controller-end.ts';
import { until } from '../support/fake-clock.ts';
import { DEVICE, type RelayEnd, type RelayEndOptions, relayEnd } from '../support/relay-end.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function pair(o: { relay?: Partial<RelayEndOptions>; controller?: Parameters<typeof controllerEnd>[0] } = {}) {
  const cloud = await controllerEnd(o.controller);
  cleanups.push(() => cloud.close());
  const relay = relayEnd({ url: cloud.server.url, ...o.relay });
  cleanups.push(() => relay.stop());
  return { cloud, relay };
}

function resultsOf(cloud: ControllerEnd): string[] {
  return cloud.events.filter((e) => e.name === 'command.result').map((e) => String(e.data.command));
}

const opened = (relay: RelayEnd) => until(() => relay.link.state.phase === 'open', 'the line is open');

describe('opening', () => {
  test('hello, identify, welcome: both sides know each other', async () => {
    const { cloud, relay } = await pair();
    await opened(relay);
    expect(relay.link.state).toMatchObject({ controller: 'test-cloud', epoch: 1 });
    await until(() => cloud.lines.length === 1, 'the controller knows of the line');
    expect(cloud.lines[0]).toMatchObject({ kind: 'open', device: DEVICE, agent: 'test/1', features: ['text'] });
    expect(relay.times).toHaveLength(1);
    expect(cloud.controller.online).toEqual([DEVICE]);
  });

  test('a command sent before and one sent after the opening both take effect and are answered', async () => {
    const cloud = await controllerEnd();
    cleanups.push(() => cloud.close());
    await cloud.controller.send(DEVICE, 'sender.pause', {}, { id: 'before' });
    const relay = relayEnd({ url: cloud.server.url });
    cleanups.push(() => relay.stop());
    await opened(relay);
    await cloud.controller.send(DEVICE, 'sender.resume', {}, { id: 'after' });
    await until(() => resultsOf(cloud).length === 2, 'both answers');
    expect(resultsOf(cloud)).toEqual(['before', 'after']);
    expect(relay.effects()).toEqual(['before', 'after']);
  });

  test('an unknown command is handed on, so that it can be answered `unsupported` (invariant 8)', async () => {
    const seen: CommandFrame[] = [];
    const { cloud } = await pair({ relay: { receive: (frame) => seen.push(frame) } });
    await cloud.controller.sendAny(DEVICE, 'moon.fly', { high: true }, { id: 'x', version: 7 });
    await until(() => resultsOf(cloud).length === 1, 'the answer');
    expect(seen).toMatchObject([{ name: 'moon.fly', version: 7, data: { high: true } }]);
  });

  test('a query is answered, refused, or lost, and says which', async () => {
    const { cloud, relay } = await pair({
      relay: {
        answer: async (name) => {
          if (name === 'big') return { data: { text: 'x'.repeat(300_000) } };
          if (name === 'breaks') throw new Error('broken');
          if (name === 'never') return new Promise(() => {});
          if (name === 'page') return { data: { messages: [] }, next: 'cursor' };
          return { error: { code: 'unsupported', message: 'no such question', retryable: false } };
        },
      },
    });
    expect(await cloud.controller.query('mac-2', 'page', {})).toEqual({ kind: 'lost', why: 'offline' });
    await opened(relay);
    const ask = (name: string) => cloud.controller.query(DEVICE, name, {});
    expect(await ask('page')).toEqual({ kind: 'result', data: { messages: [] }, next: 'cursor' });
    expect(await ask('what')).toMatchObject({ kind: 'refused', error: { code: 'unsupported' } });
    expect(await ask('big')).toMatchObject({ kind: 'refused', error: { code: 'overloaded' } });
    expect(await ask('breaks')).toMatchObject({ kind: 'refused', error: { code: 'overloaded', retryable: true } });
    const lost = ask('never');
    cloud.controller.cut(DEVICE);
    expect(await lost).toEqual({ kind: 'lost', why: 'line_lost' });
  });

  test('2,000 commands in one burst are all stored, answered, acked and forgotten', async () => {
    const { cloud, relay } = await pair();
    await opened(relay);
    const ids = Array.from({ length: 2000 }, (_, i) => `c${i}`);
    await Promise.all(ids.map((id) => cloud.controller.send(DEVICE, 'sender.pause', {}, { id })));
    await until(() => resultsOf(cloud).length === ids.length, 'all answers', 20_000);
    expect(relay.effects()).toEqual(ids);
    const settled = async () => (await cloud.store.commandsAfter(DEVICE, 0, 10)).length === 0;
    let done = false;
    await until(() => {
      void settled().then((yes) => {
        done = yes;
      });
      return done;
    }, 'the controller keeps no command that is acked and final');
  });
});
