/** What must not be sent any more, and what must not be left on its way for ever. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GroupCommit } from '../../../daemon/host/commit.ts';
import type { SendOutcome } from '../../../daemon/outbox/ports.ts';
import type { CommandResult, MessageStatus } from '../../../protocol/events.ts';
import { MAX_FRAME_BYTES } from '../../../protocol/limits.ts';
import { until } from '../../support/fake-clock.ts';
import { OutboxWorld } from '../../support/outbox-world.ts';

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
});
afterEach(() => world.close());

const ANNA = '+14155550101';
const BEN = '+14155550102';
const NOT_RUNNING: SendOutcome = {
  kind: 'not_started',
  code: 'messages_unavailable',
  words: 'Messages is not running.',
  again: true,
};

const made = (result: CommandResult) => (result.detail?.messages ?? []) as { message: string; to: string }[];
const messageOf = (result: CommandResult): string => made(result)[0]?.message ?? '';
const newest = (message?: string) => world.statuses(message).at(-1);
const reached = (state: string, message?: string) => until(() => newest(message)?.state === state, `state ${state}`);
const sighted = (message: string, state: 'sent' | 'delivered', detail: Partial<MessageStatus>) =>
  world.store.commit.run(() => world.outbox.sighted(message, { state, at: 5, outcome: { state }, detail }));

/** The next pieces of work that say `which` fail, as on a full disk. */
function failing(commit: GroupCommit, times: number): void {
  const run = commit.run.bind(commit);
  let left = times;
  commit.run = (work) => {
    if (left === 0) return run(work);
    left -= 1;
    return Promise.reject(new Error('the disk is full'));
  };
}

describe('past its time', () => {
  test('a waiting message is not sent although nobody has looked after the queue since', async () => {
    world.gate.paused = true;
    world.outbox.start();
    await world.clock.advanceAsync(1_000);
    const data = world.send(ANNA, 'Hello', { expires_at: world.clock.now() + 3_000 });
    const message = messageOf(await world.command('message.send', data));
    await world.clock.advanceAsync(5_000);
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await reached('expired', message);
    expect(newest(message)).toMatchObject({ code: 'expired', retryable: false });
    expect(world.bridge.begun).toEqual([]);
    expect(world.gate.waiting).toEqual([]);
  });

  test('one that could not start before is not sent when Messages comes back, and has failed before that', async () => {
    world.bridge.next.push(() => {
      world.bridge.condition = 'messages_not_running';
      return NOT_RUNNING;
    });
    world.outbox.start();
    const data = world.send(ANNA, 'Hello', { expires_at: world.clock.now() + 60_000 });
    const message = messageOf(await world.command('message.send', data));
    await until(() => world.bridge.ran.length === 1 && world.gate.waiting.length === 1, 'it waits for another try');
    await world.clock.advanceAsync(70_000);
    await reached('failed', message);
    expect(newest(message)).toMatchObject({ code: 'expired' });
    world.bridge.condition = null;
    await world.clock.advanceAsync(10_000);
    expect(world.bridge.ran).toHaveLength(1);
  });

  test('while the wall clock is doubted it goes all the same: a wrong clock never freezes the queue', async () => {
    const data = world.send(ANNA, 'Hello', { expires_at: world.clock.now() + 3_000 });
    const message = messageOf(await world.command('message.send', data));
    world.wall.trusted = false;
    world.clock.jumpWall(3_600_000);
    world.outbox.start();
    await until(() => world.bridge.ran.length === 1, 'it goes');
    expect(newest(message)?.state).toBe('dispatching');
  });
});

describe('cut off', () => {
  test('between the outcome and the message: the gate hears that nothing left, and lets it go again', async () => {
    world.outbox.start();
    world.bridge.next.push(() => new Promise(() => {}));
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await until(() => world.bridge.ran.length === 1, 'it runs');
    world.bridge.stored.set(message, NOT_RUNNING);
    world.outbox.stop = async () => {};
    await world.restart();
    world.outbox.start();
    await until(() => world.bridge.ran.length === 2, 'it is tried again');
    expect(world.gate.outcomes).toContainEqual({ message, state: 'failed' });
  });

  test('between the outcome and the message: what will not be tried again has failed', async () => {
    world.outbox.start();
    world.bridge.next.push(() => new Promise(() => {}));
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await until(() => world.bridge.ran.length === 1, 'it runs');
    world.bridge.stored.set(message, {
      kind: 'not_started',
      code: 'recipient_not_imessage',
      words: 'Not on iMessage.',
      again: false,
    });
    world.outbox.stop = async () => {};
    await world.restart();
    world.outbox.start();
    await reached('failed', message);
    expect(world.bridge.ran).toHaveLength(1);
  });

  test('a recovery that could not be stored is done again, until the queue goes on', async () => {
    let asked = 0;
    world.bridge.recover = async () => {
      asked += 1;
      if (asked < 3) throw new Error('the disk is full');
      return [];
    };
    world.outbox.start();
    await world.command('message.send', world.send(ANNA, 'Hello'));
    await world.clock.advanceAsync(10_000);
    await until(() => world.bridge.ran.length === 1, 'the send');
    expect(asked).toBe(3);
  });

  test('an outcome that could not be stored is stored later: the message is not on its way for ever', async () => {
    world.bridge.next.push(() => {
      failing(world.store.commit, 2);
      return { kind: 'may_have_gone', words: 'Messages did not answer.' };
    });
    world.outbox.start();
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await until(() => world.bridge.ran.length === 1, 'it runs');
    await world.clock.advanceAsync(10_000);
    await reached('unknown', message);
    expect(world.bridge.ran).toHaveLength(1);
  });
});

describe('nobody knows whether it went', () => {
  async function unknown(): Promise<string> {
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Messages did not answer.' }));
    world.outbox.start();
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await reached('unknown', message);
    return message;
  }
  const settle = (message: string, as: 'sent' | 'not-sent') =>
    world.store.commit.run(() => world.outbox.settle(message, as));

  test.each([
    ['sent', 'sent'],
    ['not-sent', 'not_delivered'],
  ] as const)('a person says %s: told as %s, by whom, and only once', async (as, state) => {
    const message = await unknown();
    expect(await settle(message, as)).toEqual({ ok: true });
    expect(newest(message)).toMatchObject({ state, rule: 'person', words: expect.stringContaining('A person') });
    expect(await settle(message, as)).toMatchObject({ ok: false, code: 'too_late' });
    expect(await settle('m_none', as)).toMatchObject({ ok: false, code: 'not_found' });
  });

  test('a person says that it is not there: the same text may go again, and a row that shows it after all is told', async () => {
    const message = await unknown();
    const twin = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await reached('held', twin);
    await settle(message, 'not-sent');
    await reached('dispatching', twin);
    await sighted(message, 'delivered', { guid: 'G', service: 'iMessage' });
    expect(world.states(message).slice(-3)).toEqual(['not_delivered', 'sent', 'delivered']);
  });
});

describe('the number of a status', () => {
  test('goes on above what was told, although the store was lost', async () => {
    const before = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    world.outbox.start();
    await reached('dispatching', before);
    const told = newest(before)?.n ?? 0;
    world.clock.advance(1_000);
    const anew = new OutboxWorld();
    try {
      anew.clock.advance(1_000);
      const after = messageOf(await anew.command('message.send', anew.send(ANNA, 'Hello')));
      expect(anew.statuses(after)[0]?.n).toBeGreaterThan(told);
    } finally {
      await anew.close();
    }
  });

  test('grows with each change, also while the wall clock goes back', async () => {
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    world.clock.jumpWall(-86_400_000);
    world.outbox.start();
    await reached('dispatching', message);
    const [first, second] = world.statuses(message).map((s) => s.n);
    expect(second).toBe((first ?? 0) + 1);
  });
});

describe('gone out as SMS', () => {
  const SMS = { guid: 'G', service: 'SMS', downgraded: true };

  async function gone(to: string, text: string): Promise<string> {
    const message = messageOf(await world.command('message.send', world.send(to, text)));
    await reached('dispatching', message);
    await sighted(message, 'sent', { guid: 'G', service: 'iMessage' });
    return message;
  }

  test('learnt after `sent`: told once, under a new number', async () => {
    world.outbox.start();
    const message = await gone(ANNA, 'Hello');
    await sighted(message, 'sent', SMS);
    await sighted(message, 'sent', SMS);
    const told = world.statuses(message);
    expect(told.map((s) => [s.state, s.downgraded])).toEqual([
      ['accepted', undefined],
      ['dispatching', undefined],
      ['sent', undefined],
      ['sent', true],
    ]);
    const numbers = told.map((s) => s.n);
    expect(new Set(numbers).size).toBe(4);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  });

  test('nothing more goes there as iMessage, waiting or new, until they are seen on iMessage again', async () => {
    world.outbox.start();
    const first = await gone(ANNA, 'Hello');
    world.gate.paused = true;
    const waits = messageOf(await world.command('message.send', world.send(ANNA, 'How are you?')));
    await sighted(first, 'sent', SMS);
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await reached('rejected', waits);
    expect(newest(waits)).toMatchObject({ code: 'recipient_not_imessage' });
    const after = await world.command('message.send', world.send([ANNA, BEN], 'Are you there?'));
    expect(made(after).map(({ message }) => world.states(message)[1])).toEqual(['rejected', undefined]);
    const allowed = messageOf(await world.command('message.send', world.send(ANNA, 'As you like', { service: 'any' })));
    await reached('dispatching', allowed);
    await world.store.commit.run(() => world.outbox.heardFrom({ kind: 'handle', handle: ANNA }, 'SMS'));
    expect(newest(messageOf(await world.command('message.send', world.send(ANNA, 'Now?'))))?.state).toBe('rejected');
    await world.store.commit.run(() => world.outbox.heardFrom({ kind: 'handle', handle: ANNA }, 'iMessage'));
    await reached('dispatching', messageOf(await world.command('message.send', world.send(ANNA, 'Now!'))));
  });
});

describe('sizes', () => {
  test('the parts of a snapshot fit into frames, with the largest passthrough and very many opt-outs', async () => {
    world.gate.paused = true;
    for (let i = 0; i < 20_000; i += 1) world.gate.optedOut.add(`+1415${String(5_000_000 + i)}`);
    const to = Array.from({ length: 100 }, (_, k) => `+1415555${1000 + k}`);
    const passthrough = '\u0001'.repeat(1_000);
    const result = await world.command('message.send', world.send(to, 'x'.repeat(10_000), { passthrough }));
    await world.command('snapshot.request', {});
    const parts = world.events().filter((e) => e.name === 'snapshot');
    const sizes = world.events().map((event) => Buffer.byteLength(JSON.stringify({ type: 'event', ...event })));
    expect(Math.max(...sizes)).toBeLessThan(MAX_FRAME_BYTES);
    expect(parts.map((p) => p.data.part)).toEqual(parts.map((_, index) => index + 1));
    expect(new Set(parts.map((p) => p.data.parts))).toEqual(new Set([parts.length]));
    const messages = parts.flatMap((p) => (p.data.messages as MessageStatus[]).map((m) => m.message));
    expect(messages).toEqual(made(result).map((m) => m.message));
    expect(new Set(parts.flatMap((p) => (p.data.opted_out as string[]) ?? [])).size).toBe(20_000);
  });
});

describe('the same text to the same person while nobody knows what became of the one before', () => {
  async function unknown(text: string): Promise<string> {
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Messages did not answer.' }));
    const message = messageOf(await world.command('message.send', world.send(ANNA, text)));
    await reached('unknown', message);
    return message;
  }

  test('waits, told once, while others go; and goes when a row has shown what became of it', async () => {
    world.outbox.start();
    const first = await unknown('Yes');
    const again = messageOf(await world.command('message.send', world.send(ANNA, ' Yes\r\n')));
    await reached('held', again);
    expect(newest(again)).toMatchObject({
      rule: 'unknown_before',
      evidence: { words: expect.stringMatching(/twice|before/) },
    });
    const others = [world.send(BEN, 'Yes'), world.send(ANNA, 'No')];
    for (const other of others) await reached('dispatching', messageOf(await world.command('message.send', other)));
    await world.clock.advanceAsync(30 * 60_000);
    expect(world.states(again)).toEqual(['accepted', 'held']);
    await sighted(first, 'sent', { guid: 'G' });
    await reached('dispatching', again);
    expect(world.bridge.begun.filter((b) => b.message === again)).toHaveLength(1);
  });

  test('goes after a day without a row', async () => {
    world.outbox.start();
    await unknown('Yes');
    const data = world.send(ANNA, 'Yes', { expires_at: world.clock.now() + 3 * 86_400_000 });
    const again = messageOf(await world.command('message.send', data));
    await reached('held', again);
    await world.clock.advanceAsync(23 * 3_600_000);
    expect(newest(again)?.state).toBe('held');
    await world.clock.advanceAsync(2 * 3_600_000);
    await reached('dispatching', again);
  });

  test('can be cancelled, expires, and is ended by an opt-out, at once', async () => {
    world.outbox.start();
    await unknown('Yes');
    const [one, two, three] = [
      messageOf(await world.command('message.send', world.send(ANNA, 'Yes'))),
      messageOf(
        await world.command('message.send', world.send(ANNA, 'Yes', { expires_at: world.clock.now() + 60_000 })),
      ),
      messageOf(await world.command('message.send', world.send(ANNA, 'Yes'))),
    ];
    for (const message of [one, two, three]) await reached('held', message);
    expect(await world.command('message.cancel', { message: one })).toMatchObject({ ok: true });
    await until(() => {
      world.clock.advance(1_000);
      return newest(two)?.state === 'expired';
    }, 'it expires');
    await world.command('opt_out.put', { handle: ANNA });
    expect(newest(three)).toMatchObject({ state: 'rejected', code: 'opted_out' });
    expect(world.bridge.ran).toHaveLength(1);
  });

  test('still waits after a restart; with pacing "reject" it is refused', async () => {
    world.outbox.start();
    await unknown('Yes');
    const again = messageOf(await world.command('message.send', world.send(ANNA, 'Yes')));
    await reached('held', again);
    await world.restart();
    world.outbox.start();
    await reached('dispatching', messageOf(await world.command('message.send', world.send(BEN, 'Yes'))));
    expect(newest(again)?.state).toBe('held');
    expect(await world.command('message.send', world.send(ANNA, 'Yes', { pacing: 'reject' }))).toMatchObject({
      ok: false,
      code: 'duplicate',
    });
  });

  test('what chat.db showed when it was given up holds nothing back', async () => {
    world.lookalike = true;
    const given = messageOf(await world.command('message.send', world.send(ANNA, 'Yes')));
    expect(newest(given)?.state).toBe('unknown');
    world.lookalike = false;
    world.outbox.start();
    await reached('dispatching', messageOf(await world.command('message.send', world.send(ANNA, 'Yes'))));
  });
});

describe('a group', () => {
  test('is asked about with the members that it has when the message goes', async () => {
    world.groups.set('group:g', [ANNA]);
    world.gate.paused = true;
    const message = messageOf(await world.command('message.send', world.send({ chat: 'group:g' }, 'Hello all')));
    world.groups.set('group:g', [BEN, ANNA]);
    world.gate.paused = false;
    world.outbox.start();
    await reached('dispatching', message);
    expect(world.bridge.begun.map((b) => b.recipient)).toEqual([
      { kind: 'group', chat: 'group:g', members: [BEN, ANNA] },
    ]);
    expect(world.states(message)).toEqual(['accepted', 'dispatching']);
  });
});
