/** Commands that no sound controller sends: each gets an answer. One that threw could never be stored, and would come again for ever. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_FRAME_BYTES } from '../../../protocol/limits.ts';
import { RESULT_DATA } from '../../../protocol/queries.ts';
import { RulesWorld } from '../../support/rules-world.ts';

let world: RulesWorld;
beforeEach(() => {
  world = new RulesWorld();
});
afterEach(() => world.close());

const ANN = '+14155551000';
const send = (more: Record<string, unknown>) => {
  const created = world.clock.now();
  const usual = { category: 'conversational', pacing: 'queue', created, expires_at: created + 86_400_000 };
  return world.command('message.send', { to: ANN, text: 'The lamp is ready, come when you like', ...usual, ...more });
};
const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown;
const BAD = { ok: false, code: 'bad_request' };

describe('a command', () => {
  it.each([-1e16, Number.NEGATIVE_INFINITY, 1.5, 1e300])('with an end at %d is answered', async (end) => {
    expect(await send({ expires_at: end })).toMatchObject(BAD);
    expect(await send({ created: end })).toMatchObject(BAD);
  });

  it.each([
    ['conversational', [253_402_300_799_998]],
    ['marketing', []],
  ])('at the end of all dates is answered: %s', async (category, moments) => {
    await world.inbound(ANN, 'Hello!');
    await world.pass(10 * 60_000);
    const last = 8.64e15;
    const to = [ANN, '+14155551001', '+14155551002'];
    expect(await send({ category, to, created: last - 10, not_before: last - 1, expires_at: last })).toMatchObject(BAD);
    const year9999 = 253_402_300_799_999;
    const late = { created: year9999 - 10, not_before: year9999 - 1, expires_at: year9999 };
    expect(await send({ category, to, ...late })).toMatchObject({ ok: true });
    const { messages } = RESULT_DATA['queue.list'].parse(await world.ask('queue.list'));
    // One waits for its moment; the distance of the others, or the quiet hours, would end behind it.
    expect(messages.map(({ until }) => until)).toEqual(moments);
  });

  it('with data in data without end is answered', async () => {
    expect(await send({ more: nested(100_000) })).toMatchObject(BAD);
    const put = { version: 'a', expected: world.gate.policy.version, policy: { near: nested(50_000) } };
    expect(await world.command('policy.put', put)).toMatchObject(BAD);
    expect(await send({ more: nested(20) })).toMatchObject({ ok: true });
  });

  it('with much in the wrong place gets an answer that fits a frame', async () => {
    const put = { version: 'a', expected: world.gate.policy.version, policy: { consent: '"'.repeat(120_000) } };
    expect(await world.command('policy.put', put)).toMatchObject(BAD);
    for (const { data } of world.events())
      expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(MAX_FRAME_BYTES);
  });
});
