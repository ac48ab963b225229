import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SendOutcome } from '../../../daemon/outbox/ports.ts';
import { Questions } from '../../../daemon/outbox/questions.ts';
import type { CommandResult } from '../../../protocol/events.ts';
import { LOCAL_COMMAND } from '../../../protocol/names.ts';
import type { Check } from '../../../protocol/queries.ts';
import { until } from '../../support/fake-clock.ts';
import { OPTED_OUT } from '../../support/fake-gate.ts';
import { OutboxWorld } from '../../support/outbox-world.ts';

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
});
afterEach(() => world.close());

const ANNA = '+14155550101';
const BEN = '+14155550102';

/** Waits until the newest state of the only (or named) message is the one given. */
const reached = (state: string, message?: string) =>
  until(() => world.states(message).at(-1) === state, `state ${state}`);
const made = (result: CommandResult) => (result.detail?.messages ?? []) as { message: string; to: string }[];
const addressed = (result: CommandResult) => made(result).map((m) => m.to);
const messageOf = (result: CommandResult, index = 0): string => made(result)[index]?.message ?? '';

describe('commands', () => {
  test('a command is answered in the transaction of its effect, and once', async () => {
    const result = await world.command('message.send', world.send(ANNA, 'Hello Anna'), 'one');
    expect(result).toMatchObject({ command: 'one', ok: true });
    expect(world.events().map((e) => e.name)).toEqual(['message.status', 'command.result']);
    expect(world.events().map((e) => e.id)[1]).toBe('cr_one');
  });

  test('invariant 2: the same id with the same content gets the stored answer, with other content a conflict', async () => {
    const data = world.send(ANNA, 'Hello Anna');
    await world.command('message.send', data, 'one');
    const again = await world.command('message.send', { ...data }, 'one');
    expect(again).toMatchObject({ ok: true, duplicate: true });
    const other = await world.command('message.send', { ...data, text: 'Something else' }, 'one');
    expect(other).toMatchObject({ ok: false, code: 'idempotency_conflict', retryable: false });
    expect(world.states()).toEqual(['accepted']);
  });

  test('a refusal is remembered like a success, and survives a restart', async () => {
    const refused = await world.command('message.send', world.send('not a handle', 'Hello'), 'bad');
    expect(refused).toMatchObject({ ok: false, code: 'recipient_invalid' });
    const data = world.send('not a handle', 'Hello');
    await world.restart();
    expect(await world.command('message.send', data, 'bad')).toMatchObject({
      ok: false,
      code: 'recipient_invalid',
      duplicate: true,
    });
  });

  test.each([
    ['an unknown command', 'message.sing', {}, 'unsupported', /does not know the command message\.sing/],
    ['data that do not fit', 'message.send', { text: 7 }, 'bad_request', /^message\.send: text/],
    ['an empty text', 'message.send', { text: '  ' }, 'bad_request', /empty/],
    [
      '10,001 characters',
      'message.send',
      { text: 'x'.repeat(10_001) },
      'text_too_long',
      /10,001 characters; the most is 10,000/,
    ],
    [
      'a bad handle',
      'message.send',
      { to: 'abc' },
      'recipient_invalid',
      /"abc" is neither a phone number nor an e-mail/,
    ],
    ['an unknown group', 'message.send', { to: { chat: 'group:x' } }, 'not_found', /no chat group:x/],
    [
      'an attachment that is not fetched by https',
      'message.send',
      { attachments: [{ url: 'http://example.com/a.png' }] },
      'bad_request',
      /attachments/,
    ],
    ['a life of 31 days', 'message.send', { expires_at: 9e12 }, 'bad_request', /30 days/],
    ['an unknown time zone', 'message.send', { time_zone: 'Mars/Base' }, 'bad_request', /Mars\/Base is not an IANA/],
    ['nothing to cancel', 'message.cancel', { message: 'm_none' }, 'not_found', /no such message/],
    ['cancel of both kinds', 'message.cancel', { message: 'a', command: 'b' }, 'bad_request', /either/],
  ])('bad input is refused with its code and a clear sentence: %s', async (_, name, fields, code, words) => {
    const data = name === 'message.send' ? world.send(ANNA, 'Hello', fields) : fields;
    const result = await world.command(name, data);
    expect(result).toMatchObject({ ok: false, code });
    expect(result.message).toMatch(words);
    expect(world.statuses()).toEqual([]);
    // Nothing else is disturbed: the next command is fine.
    expect(await world.command('message.send', world.send(BEN, 'Still fine'))).toMatchObject({ ok: true });
  });

  test('10,000 characters are fine, and an emoji counts as one', async () => {
    expect(await world.command('message.send', world.send(ANNA, '🎉'.repeat(10_000)))).toMatchObject({ ok: true });
  });

  test('a command past its time is never run, unless the clock is not to be trusted', async () => {
    const data = world.send(ANNA, 'Too late');
    world.clock.advance(86_400_001);
    expect(await world.command('message.send', data, 'late')).toMatchObject({ ok: false, code: 'expired' });
    world.wall.trusted = false;
    expect(await world.command('message.send', data, 'late2')).toMatchObject({ ok: true });
  });

  test('ids are forgotten only long after the command expired', async () => {
    const data = world.send(ANNA, 'Hello');
    await world.command('message.send', data, 'one');
    world.clock.advance(30 * 86_400_000);
    expect(await world.store.commit.run(() => world.outbox.commands.forget(10))).toBe(0);
    world.clock.advance(2 * 86_400_000);
    expect(await world.store.commit.run(() => world.outbox.commands.forget(10))).toBe(1);
    // Forgotten, but still not run: it is past its time.
    expect(await world.command('message.send', data, 'one')).toMatchObject({ ok: false, code: 'expired' });
  });
});

describe('acceptance', () => {
  test('recipients are normalised and written to once each', async () => {
    const result = await world.command(
      'message.send',
      world.send(['(415) 555-0101', ANNA, 'Ben@Example.com'], 'Hello'),
    );
    expect(addressed(result)).toEqual([ANNA, 'ben@example.com']);
  });

  test('where only some may not be written to, the others go their way', async () => {
    world.gate.optedOut.add(BEN);
    const result = await world.command('message.send', world.send([ANNA, BEN], 'Hello'));
    expect(result.ok).toBe(true);
    expect(world.states(messageOf(result, 0))).toEqual(['accepted']);
    expect(world.statuses(messageOf(result, 1)).at(-1)).toMatchObject({ state: 'rejected', code: 'opted_out' });
    expect(world.gate.waiting).toHaveLength(1);
  });

  test('a held message is told with its estimate and the reason in words', async () => {
    const until = world.clock.now() + 60_000;
    world.gate.holdAll = { until, rule: 'interval', evidence: { words: 'Waits a minute.', near_count: 1 } };
    await world.command('message.send', world.send(ANNA, 'Hello'));
    expect(world.statuses().at(-1)).toMatchObject({
      state: 'held',
      until,
      rule: 'interval',
      evidence: { near_count: 1 },
    });
  });

  test('its way is kept: each state once, however often it is told', async () => {
    const until = world.clock.now() + 60_000;
    world.gate.holdAll = { until, rule: 'interval', evidence: { words: 'Waits a minute.' } };
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    const at = world.clock.now();
    world.clock.advance(1_000);
    world.store.db.transaction(() => {
      world.outbox.messages.move(message, 'held', { until: until + 1 });
      world.outbox.messages.move(message, 'cancelled');
      world.outbox.messages.move(message, 'held');
    });
    expect(world.outbox.messages.steps(message)).toEqual([
      { state: 'accepted', at },
      { state: 'held', at },
      { state: 'cancelled', at: at + 1_000 },
    ]);
    expect(world.outbox.messages.steps('m_none')).toEqual([]);
  });

  test('the same command makes the same message ids in a new store', async () => {
    const other = new OutboxWorld();
    const data = world.send(ANNA, 'Hello');
    const [one, two] = [await world.command('message.send', data, 'x'), await other.command('message.send', data, 'x')];
    expect(messageOf(one)).toBe(messageOf(two));
    const ids = (w: OutboxWorld) =>
      w
        .events()
        .filter((e) => e.name === 'message.status')
        .map((e) => e.id);
    expect(ids(world)).not.toEqual(ids(other));
    await other.close();
  });

  test('MESSAGES 20: a command from before the start whose text chat.db already shows is unknown, not sent', async () => {
    world.lookalike = true;
    const data = world.send(ANNA, 'Hello', { created: world.clock.now() - 1000 });
    await world.command('message.send', data);
    expect(world.states()).toEqual(['accepted', 'dispatching', 'unknown']);
    expect(world.gate.waiting).toEqual([]);
    // The controller's clock may be ahead of ours by minutes.
    world.clock.advance(4 * 60_000);
    await world.command('message.send', world.send(BEN, 'Hello'));
    expect(world.states().at(-1)).toBe('unknown');
    world.clock.advance(2 * 60_000);
    await world.command('message.send', world.send(BEN, 'Good day'));
    expect(world.states().at(-1)).toBe('accepted');
  });

  test('a command given at this Mac was not given before it began', async () => {
    world.lookalike = true;
    world.clock.advance(1_000);
    await world.command('message.send', world.send(ANNA, 'Hello'), 'one', 'here');
    expect(world.states()).toEqual(['accepted']);
    const before = world.send(ANNA, 'Hello', { created: world.clock.now() - 60_000 });
    await world.command('message.send', before, 'two', 'here');
    expect(world.states().at(-1)).toBe('unknown');
  });

  test('a command of the controller’s is none of this Mac’s, whatever its name', async () => {
    world.lookalike = true;
    world.clock.advance(1_000);
    await world.command('message.send', world.send(ANNA, 'Hello'), `${LOCAL_COMMAND}one`);
    expect(world.states().at(-1)).toBe('unknown');
  });
});

describe('a store set back to an older copy', () => {
  test('forgets what it made since, so the commands that come again are looked for in chat.db, and told under new ids', async () => {
    const data = world.send(ANNA, 'Hello', { created: world.clock.now() + 3_600_000 });
    world.clock.advance(3_600_000);
    await world.command('message.send', data, 'x');
    const before = world.events().map((e) => e.id);
    const { db } = world.store;
    for (const table of ['command', 'message', 'journal_event']) db.exec(`DELETE FROM ${table}`);
    world.clock.advance(3_600_000);
    await world.restart();
    world.lookalike = true;
    await world.command('message.send', data, 'x');
    expect(world.states()).toEqual(['accepted', 'dispatching', 'unknown']);
    expect(world.gate.waiting).toEqual([]);
    const statusIds = world.events().flatMap((e) => (e.name === 'message.status' ? [e.id] : []));
    expect(statusIds.filter((id) => before.includes(id))).toEqual([]);
  });
});

describe('dispatch', () => {
  test('attempt, fingerprint and state are on disk before osascript starts', async () => {
    world.bridge.next.push(() => {
      expect(world.store.db.sql<{ state: string }>('SELECT state FROM message').get()?.state).toBe('dispatching');
      expect(world.journal.read(0, { frames: 9, bytes: 1e6 }).at(-1)?.data.state).toBe('dispatching');
      return { kind: 'accepted' };
    });
    world.outbox.start();
    await world.command('message.send', world.send(ANNA, 'Hello'));
    await until(() => world.bridge.ran.length === 1, 'one run');
    expect(world.bridge.begun[0]).toMatchObject({ recipient: { handle: ANNA }, text: 'Hello', service: 'imessage' });
    expect(world.gate.inFlight).toHaveLength(1);
    expect(world.states()).toEqual(['accepted', 'dispatching']);
  });

  test('what a row says is told step by step, and the gate hears it', async () => {
    world.outbox.start();
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await reached('dispatching');
    await world.store.commit.run(() =>
      world.outbox.sighted(message, {
        state: 'delivered',
        at: 5,
        outcome: { state: 'delivered' },
        detail: { guid: 'G', service: 'iMessage' },
      }),
    );
    expect(world.states()).toEqual(['accepted', 'dispatching', 'sent', 'delivered']);
    expect(world.statuses().at(-1)).toMatchObject({ guid: 'G', service: 'iMessage', at: 5 });
    await world.store.commit.run(() =>
      world.outbox.sighted(message, { state: 'sent', at: 6, outcome: { state: 'sent' }, detail: {} }),
    );
    expect(world.states()).toHaveLength(4);
  });

  test('"may have gone" is unknown, never sent again, and chat.db may still settle it', async () => {
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Messages did not answer in time.' }));
    world.outbox.start();
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await reached('unknown');
    expect(world.bridge.ran).toHaveLength(1);
    expect(world.statuses().at(-1)?.words).toBe('Messages did not answer in time.');
    await world.store.commit.run(() =>
      world.outbox.sighted(message, { state: 'delivered', at: 9, outcome: { state: 'delivered' }, detail: {} }),
    );
    expect(world.states().at(-1)).toBe('delivered');
  });

  test('proven not started: tried again a few times, then failed as safe to send again', async () => {
    const notStarted: SendOutcome = {
      kind: 'not_started',
      code: 'messages_unavailable',
      words: 'Messages is not running.',
      again: true,
    };
    for (let i = 0; i < 9; i += 1) world.bridge.next.push(() => notStarted);
    world.outbox.start();
    await world.command('message.send', world.send(ANNA, 'Hello'));
    await reached('failed');
    expect(world.bridge.ran).toHaveLength(5);
    expect(world.states()).toEqual(['accepted', 'dispatching', 'failed']);
    expect(world.statuses().at(-1)).toMatchObject({ code: 'messages_unavailable', retryable: true });
  });

  test('an opt-out between two tries ends it: nothing left', async () => {
    world.bridge.next.push(() => {
      world.gate.optedOut.add(ANNA);
      return { kind: 'not_started', code: 'messages_unavailable', words: 'Messages is not running.', again: true };
    });
    world.outbox.start();
    await world.command('message.send', world.send(ANNA, 'Hello'));
    await reached('failed');
    expect(world.bridge.ran).toHaveLength(1);
    expect(world.statuses().at(-1)).toMatchObject({ code: 'opted_out' });
  });

  test('nothing goes while chat.db cannot be read, or has grown since it was read', async () => {
    world.bridge.condition = 'chat_db_denied';
    world.outbox.start();
    await world.command('message.send', world.send(ANNA, 'Hello'));
    await world.clock.advanceAsync(10_000);
    expect(world.bridge.begun).toEqual([]);
    world.bridge.condition = null;
    world.bridge.behind = true;
    await world.clock.advanceAsync(2_000);
    expect(world.bridge.ran).toEqual([]);
    world.bridge.behind = false;
    await until(() => world.bridge.ran.length === 1, 'the send');
  });

  test('one send at a time; stop waits for the one that runs and starts no other', async () => {
    let release = () => {};
    world.bridge.next.push(
      () =>
        new Promise((resolve) => {
          release = () => resolve({ kind: 'accepted' });
        }),
    );
    world.outbox.start();
    await world.command('message.send', world.send(ANNA, 'Hello'));
    await world.command('message.send', world.send(BEN, 'Good day'));
    await until(() => world.bridge.ran.length === 1, 'the first run');
    let stopped = false;
    const stop = world.outbox.stop().then(() => {
      stopped = true;
    });
    await world.clock.advanceAsync(5_000);
    expect(stopped).toBe(false);
    release();
    await stop;
    expect(world.bridge.ran).toHaveLength(1);
  });
});

describe('after a restart', () => {
  test('what waited waits again; what was being sent is settled by what is proven', async () => {
    world.outbox.start();
    world.bridge.next.push(() => new Promise(() => {}));
    const cut = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await reached('dispatching', cut);
    world.gate.paused = true;
    const waits = messageOf(await world.command('message.send', world.send(BEN, 'Good day')));
    // The process dies here: a new outbox over the same store.
    const { db, commit } = world.store;
    expect(db.inTransaction).toBe(false);
    await commit.close();
    const bridge = world.bridge;
    bridge.leftovers = [
      { attempt: 'a', message: cut, outcome: { kind: 'may_have_gone', words: 'It was cut off in the middle.' } },
    ];
    world.gate.paused = false;
    world.outbox.dispatcher.stop();
    await restartWithoutWaiting();
    world.outbox.start();
    await reached('unknown', cut);
    await until(() => bridge.begun.some((b) => b.message === waits), 'the waiting one goes');
    expect(bridge.begun.filter((b) => b.message === cut)).toHaveLength(1);
  });

  test.each([
    [
      'provably did not start: it is tried again',
      { kind: 'not_started', code: 'interrupted', words: 'cut', again: true },
      1,
    ],
    ['may have gone: it is unknown and not tried again', { kind: 'may_have_gone', words: 'cut' }, 0],
    ['was taken by Messages: its row will tell, it is not tried again', { kind: 'accepted' }, 0],
  ] as const)('an attempt whose stored outcome nobody heard of %s', async (_what, outcome, triesMore) => {
    world.outbox.start();
    world.bridge.next.push(() => new Promise(() => {}));
    const cut = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await reached('dispatching', cut);
    world.bridge.stored.set(cut, outcome);
    await restartWithoutWaiting();
    world.outbox.start();
    const last = messageOf(await world.command('message.send', world.send(BEN, 'Good day')));
    await until(() => world.bridge.ran.length === 2 + triesMore, 'all that may go has gone');
    expect(world.bridge.begun.map((b) => b.message)).toEqual(triesMore ? [cut, cut, last] : [cut, last]);
    expect(world.states(cut).at(-1)).toBe(outcome.kind === 'may_have_gone' ? 'unknown' : 'dispatching');
  });

  test('a rolled-back transaction leaves the gate with what the store holds, no more and no less', async () => {
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await expect(
      world.store.commit.run(() => {
        world.outbox.receive(world.frame('message.send', world.send(BEN, 'Good day')));
        world.outbox.receive(world.frame('message.cancel', { message }));
        throw new Error('the disk is full');
      }),
    ).rejects.toThrow('the disk is full');
    expect(world.gate.waiting.map((w) => w.message)).not.toContain(message);
    world.outbox.reload();
    expect(world.gate.waiting.map((w) => w.message)).toEqual([message]);
  });

  test('a from-me row with the text of a waiting message settles it as unknown', async () => {
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Café at 5?')));
    const settle = (to: string, shown: string) =>
      world.store.commit.run(() => world.outbox.settleLookalike((address, text) => address === to && text === shown));
    await settle(BEN, 'Café at 5?');
    await settle(ANNA, 'Café at 6?');
    expect(world.states(message)).toEqual(['accepted']);
    await settle(ANNA, 'Café at 5?');
    expect(world.states(message)).toEqual(['accepted', 'dispatching', 'unknown']);
    expect(world.gate.waiting).toEqual([]);
  });
});

describe('upkeep', () => {
  test('a waiting message expires; with a doubted clock nothing does', async () => {
    world.gate.paused = true;
    await world.command('message.send', world.send(ANNA, 'Hello', { expires_at: world.clock.now() + 60_000 }));
    world.outbox.start();
    world.wall.trusted = false;
    await world.clock.advanceAsync(120_000);
    expect(world.states()).toEqual(['accepted']);
    world.wall.trusted = true;
    await until(() => {
      world.clock.advance(1_000);
      return world.states().at(-1) === 'expired';
    }, 'it expires');
    expect(world.gate.waiting).toEqual([]);
  });

  test('a text is blocked and cleared by the controller; one without anything in it is refused', async () => {
    expect(await world.command('text.block', { text: 'Buy now', reason: 'mac-2' })).toMatchObject({
      ok: true,
      detail: { until: 1 },
    });
    expect(world.gate.texts).toEqual(['Buy now']);
    expect(await world.command('text.block', { text: ' ' })).toMatchObject({ ok: false, code: 'bad_request' });
    expect(await world.command('text.block', {})).toMatchObject({ ok: false, code: 'bad_request' });
    expect(await world.command('text.clear', { text: 'Buy now' })).toMatchObject({ ok: true, detail: { cleared: 1 } });
    expect(world.gate.texts).toEqual([]);
  });

  test('the gate is looked after in each round of upkeep', async () => {
    const start = world.clock.mono();
    world.outbox.start();
    await until(() => {
      world.clock.advance(10_000);
      return world.gate.tended >= 4;
    }, 'four rounds');
    expect(world.clock.mono() - start).toBeGreaterThanOrEqual(90_000);
  });

  test('a moved estimate is told again', async () => {
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    world.gate.paused = true;
    world.gate.moved.push({ message, hold: { until: 99, rule: 'interval', evidence: { words: 'Later.' } } });
    world.outbox.start();
    await reached('held');
    expect(world.statuses().at(-1)).toMatchObject({ until: 99 });
  });

  test('cancel ends what waits and says what was too late', async () => {
    world.gate.paused = true;
    const result = await world.command('message.send', world.send([ANNA, BEN], 'Hello'), 'pair');
    const one = messageOf(result, 0);
    expect(await world.command('message.cancel', { message: one })).toMatchObject({ ok: true });
    expect(await world.command('message.cancel', { message: one })).toMatchObject({ ok: false, code: 'too_late' });
    expect(await world.command('message.cancel', { command: 'pair' })).toMatchObject({
      ok: true,
      detail: { too_late: 1 },
    });
    expect(world.gate.waiting).toEqual([]);
  });

  test('an opt-out by command ends what is held, at once', async () => {
    world.gate.paused = true;
    const message = messageOf(await world.command('message.send', world.send(ANNA, 'Hello')));
    await world.command('opt_out.put', { handle: '(415) 555-0101' });
    expect(world.statuses(message).at(-1)).toMatchObject({ state: 'rejected', code: OPTED_OUT.code });
    expect(world.events().some((e) => e.name === 'contact.opted_out')).toBe(true);
  });

  test('a snapshot tells sender, opt-outs and messages in parts', async () => {
    world.gate.paused = true;
    for (let i = 0; i < 3; i += 1)
      await world.command(
        'message.send',
        world.send(
          Array.from({ length: 70 }, (_, k) => `+1415555${1000 + i * 100 + k}`),
          `Hello ${i}`,
        ),
      );
    await world.command('snapshot.request', {});
    const parts = world.events().filter((e) => e.name === 'snapshot');
    expect(parts.length).toBe(3);
    expect(parts.flatMap((p) => p.data.messages as unknown[])).toHaveLength(210);
    expect(parts[0]?.data).toMatchObject({ part: 1, parts: 3, sender: { state: 'healthy' }, opted_out: [] });
  });
});

test('doctor.get answers with the checks as they are found', async () => {
  const checks: Check[] = [{ name: 'watcher', verdict: 'ok', code: 'ok', words: 'It is looked at.' }];
  const questions = new Questions({
    messages: world.outbox.messages,
    gate: world.gate,
    sender: () => {
      throw new Error('not asked');
    },
    checks: async () => checks,
    files: {
      piece: () => {
        throw new Error('not asked');
      },
    },
    now: () => world.clock.now(),
  });
  expect(await questions.answer('doctor.get', {})).toEqual({ data: { checks } });
});

test('a dry run of an empty text, or of one too long, is refused as the message would be', async () => {
  const questions = new Questions({
    messages: world.outbox.messages,
    gate: world.gate,
    sender: () => {
      throw new Error('not asked');
    },
    files: {
      piece: () => {
        throw new Error('not asked');
      },
    },
    checks: async () => [],
    now: () => world.clock.now(),
  });
  const ask = (text: string) => questions.answer('gate.check', { to: ANNA, text });
  for (const text of ['', ' \n']) expect(await ask(text)).toMatchObject({ error: { code: 'bad_request' } });
  expect(await ask('x'.repeat(10_001))).toMatchObject({
    error: { code: 'text_too_long', message: 'The text has 10,001 characters; the most is 10,000.' },
  });
  expect(await ask('😀'.repeat(10_000))).toMatchObject({ data: { request: { verdict: 'go' } } });
});

async function restartWithoutWaiting(): Promise<void> {
  // The first dispatcher hangs in its run for ever, as a killed process would: it is left behind, not awaited.
  world.outbox.stop = async () => {};
  await world.restart();
}
