/** Messages of which one part went and another did not: nothing that is told of them may lead to a second sending of what is there. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SendOutcome } from '../../../daemon/outbox/ports.ts';
import type { Sighted } from '../../../daemon/outbox/sighted.ts';
import type { MessageStatus } from '../../../protocol/events.ts';
import { settle, until } from '../../support/fake-clock.ts';
import { OutboxWorld } from '../../support/outbox-world.ts';

const ANNA = '+14155550101';
const A = 'https://files.example/a.jpg';
const B = 'https://files.example/b.pdf';
const MAYBE: SendOutcome = { kind: 'may_have_gone', words: 'Who knows.' };
/** Apple's words for a file that could not be uploaded: another try is worth it. */
const UPLOAD = {
  apple_error: { number: 34, name: 'attachmentUploadFailure', meaning: 'attachment' as const },
  words: 'The file could not be uploaded.',
  retryable: true,
};

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
  world.outbox.start();
});
afterEach(() => world.close());

async function send(text: string, urls: string[], to = ANNA): Promise<string> {
  const attachments = urls.map((url) => ({ url }));
  const more = urls.length > 0 ? { attachments } : {};
  const result = await world.command('message.send', world.send(to, text, more));
  return ((result.detail?.messages ?? []) as { message: string }[])[0]?.message ?? '';
}
const newest = (message?: string): MessageStatus | undefined => world.statuses(message).at(-1);
const told = (message?: string) => newest(message)?.parts?.map(({ state }) => state);
const stored = (message: string) => world.outbox.messages.get(message)?.parts?.map(({ state }) => state);
const begun = (count: number) => until(() => world.bridge.ran.length === count, `${count} attempts`);
/** A row says this of the n-th attempt. */
async function row(n: number, state: Sighted['state'], detail: Sighted['detail'] = {}): Promise<void> {
  const { message, attempt } = world.bridge.begun[n] ?? { message: '', attempt: `none of number ${n}` };
  const seen = { attempt, state, at: world.clock.now(), outcome: { state }, detail: { guid: `G${n}`, ...detail } };
  await world.store.commit.run(() => world.outbox.sighted(message, seen));
}
/** The answer to the next run, when the test gives it. */
function answered(): (outcome: SendOutcome) => void {
  let end: (outcome: SendOutcome) => void = () => {};
  world.bridge.next.push(() => new Promise<SendOutcome>((done) => (end = done)));
  return (outcome) => end(outcome);
}

/** The text went and its file runs; then the text was not delivered. `end` ends the run. */
async function running(): Promise<{ id: string; end: (outcome: SendOutcome) => void }> {
  const end = answered();
  world.bridge.next.unshift(() => ({ kind: 'accepted' }));
  const id = await send('Look!', [A, B]);
  await begun(1);
  await row(0, 'sent');
  await begun(2);
  await row(0, 'not_delivered', UPLOAD);
  expect(told(id)).toEqual(['not_delivered', 'dispatching', 'not_sent']);
  return { id, end };
}

describe('the whole may be sent again', () => {
  it('not when its text is there and its file was refused, though the file itself could be tried again', async () => {
    const id = await send('Look!', [A]);
    await begun(1);
    await row(0, 'delivered');
    await begun(2);
    await row(1, 'not_delivered', UPLOAD);
    expect(newest(id)).toMatchObject({
      state: 'not_delivered',
      code: 'partly_sent',
      retryable: false,
      apple_error: { number: 34 },
      words: '1 of its 2 parts was not delivered: The file could not be uploaded.',
    });
  });

  it('not while another part of it runs, nor when nobody knows of that', async () => {
    const { id, end } = await running();
    expect(newest(id)).toMatchObject({ state: 'not_delivered', code: 'partly_sent', retryable: false });
    await row(1, 'unknown');
    expect(newest(id)).toMatchObject({ state: 'not_delivered', code: 'partly_sent', retryable: false });
    end({ kind: 'accepted' });
    await settle();
  });

  it('when nothing of it is there', async () => {
    const id = await send('', [A, B]);
    await begun(1);
    await row(0, 'not_delivered', UPLOAD);
    expect(told(id)).toEqual(['not_delivered', 'not_sent']);
    expect(newest(id)).toMatchObject({ state: 'not_delivered', retryable: true, words: UPLOAD.words });
    expect(newest(id)?.code).toBeUndefined();
  });
});

describe('a person settles', () => {
  const word = (id: string, as: 'sent' | 'not-sent') => world.store.commit.run(() => world.outbox.settle(id, as));

  it.each([
    ['sent', ['sent', 'not_sent'], { code: 'partly_sent', retryable: false }, /saw it.* 1 of its 2 parts was not/],
    ['not-sent', ['not_delivered', 'not_sent'], { retryable: true }, /not there.* may be sent again/],
  ] as const)('a first part as %s: the one behind it did not go', async (as, parts, detail, words) => {
    world.bridge.next.push(() => MAYBE);
    const id = await send('Look!', [A]);
    await until(() => newest(id)?.state === 'unknown', 'unknown');
    expect(await word(id, as)).toEqual({ ok: true });
    expect(newest(id)).toMatchObject({ state: 'not_delivered', rule: 'person', ...detail });
    expect(newest(id)?.words).toMatch(words);
    expect(told(id)).toEqual(parts);
    expect(stored(id)).toEqual(parts);
  });

  it('a last part as sent: the whole was sent', async () => {
    world.bridge.next.push(() => ({ kind: 'accepted' }));
    world.bridge.next.push(() => MAYBE);
    const id = await send('Look!', [A]);
    await begun(1);
    await row(0, 'sent');
    await until(() => newest(id)?.state === 'unknown', 'unknown');
    await word(id, 'sent');
    expect(newest(id)).toMatchObject({ state: 'sent', rule: 'person', words: expect.stringMatching(/saw it/) });
    expect(newest(id)?.code).toBeUndefined();
    expect(told(id)).toEqual(['sent', 'sent']);
    expect(stored(id)).toEqual(['sent', 'sent']);
  });

  it('a last part as not sent: the text before it is there, so the whole may not be sent again', async () => {
    world.bridge.next.push(() => ({ kind: 'accepted' }));
    world.bridge.next.push(() => MAYBE);
    const id = await send('Look!', [A]);
    await begun(1);
    await row(0, 'sent');
    await until(() => newest(id)?.state === 'unknown', 'unknown');
    await word(id, 'not-sent');
    expect(newest(id)).toMatchObject({
      state: 'not_delivered',
      rule: 'person',
      code: 'partly_sent',
      retryable: false,
      words: '1 of its 2 parts was not delivered: A person at the Mac looked at the conversation: it is not there.',
    });
    expect(stored(id)).toEqual(['sent', 'not_delivered']);
    // A row that comes late still says more.
    await row(1, 'sent');
    expect(newest(id)?.state).toBe('sent');
  });

  it('the unknown part of a message that was not delivered, and nothing twice', async () => {
    const id = await send('Look!', [A]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    await row(1, 'unknown');
    await row(0, 'not_delivered', UPLOAD);
    expect(newest(id)?.state).toBe('not_delivered');
    expect(await word(id, 'sent')).toEqual({ ok: true });
    expect(newest(id)).toMatchObject({ state: 'not_delivered', code: 'partly_sent', retryable: false });
    expect(told(id)).toEqual(['not_delivered', 'sent']);
    expect(await word(id, 'sent')).toMatchObject({ ok: false, code: 'too_late' });
  });

  it.each([
    ['Look!', [], 'this text'],
    ['Look!', [A], 'this text or its file'],
    ['Look!', [A, B], 'this text or a file of it'],
    ['', [A], 'this file'],
    ['', [A, B], 'one of these files'],
  ])('one that chat.db may show already, told in true words: %j with %j', async (text, urls, what) => {
    world.lookalike = true;
    expect(newest(await send(text, urls))?.words).toContain(`${what} has or may have gone to this recipient already`);
  });

  it.each([
    ['sent', { state: 'sent' }, ['sent', 'sent']],
    ['not-sent', { state: 'not_delivered', retryable: true }, ['not_delivered', 'not_delivered']],
  ] as const)(
    'one that chat.db may show already, as %s: its parts are stored as they are told',
    async (as, whole, parts) => {
      world.lookalike = true;
      const id = await send('Look!', [A]);
      expect(told(id)).toEqual(['unknown', 'unknown']);
      expect(stored(id)).toEqual(['unknown', 'unknown']);
      await word(id, as);
      expect(newest(id)).toMatchObject(whole);
      expect(told(id)).toEqual(parts);
      expect(stored(id)).toEqual(parts);
    },
  );
});

describe('a part that is being handed over while an earlier one turns bad', () => {
  const LATER: SendOutcome = { kind: 'not_started', code: 'messages_unavailable', words: 'Not running.', again: true };

  it.each<[string, SendOutcome, string, object]>([
    ['is unknown if it may have gone', MAYBE, 'unknown', { code: 'partly_sent', retryable: false }],
    ['is not tried again if it did not start', LATER, 'failed', { retryable: true, words: UPLOAD.words }],
  ])('%s', async (_what, outcome, state, whole) => {
    const { id, end } = await running();
    end(outcome);
    await until(() => told(id)?.[1] === state, `the part is ${state}`);
    expect(newest(id)).toMatchObject({ state: 'not_delivered', ...whole });
    expect(stored(id)).toEqual(['not_delivered', state, 'not_sent']);
    await settle();
    expect(world.bridge.ran).toHaveLength(2);
  });

  it('is told as still open when the earlier one went after all: the whole is not delivered until all of it is there', async () => {
    const end = answered();
    world.bridge.next.unshift(() => ({ kind: 'accepted' }));
    const id = await send('Look!', [A]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    await row(0, 'not_delivered', UPLOAD);
    await row(0, 'sent');
    const open = {
      state: 'not_delivered',
      code: 'partly_sent',
      retryable: false,
      words: expect.stringMatching(/went after all/),
    };
    expect(newest(id)).toMatchObject(open);
    end(MAYBE);
    await until(() => told(id)?.[1] === 'unknown', 'the other is unknown');
    expect(newest(id)).toMatchObject(open);
    await row(1, 'sent');
    expect(newest(id)?.state).toBe('sent');
  });

  it.each(['leftovers', 'stored'] as const)('is settled after a crash, as the %s say', async (where) => {
    const { id } = await running();
    world.outbox.stop = async () => {};
    await world.restart();
    const attempt = world.bridge.begun[1]?.attempt ?? '';
    if (where === 'stored') world.bridge.stored.set(id, MAYBE);
    else world.bridge.leftovers.push({ attempt, message: id, outcome: MAYBE });
    world.outbox.start();
    await until(() => told(id)?.[1] === 'unknown', 'the part is unknown');
    expect(stored(id)).toEqual(['not_delivered', 'unknown', 'not_sent']);
  });

  it('keeps the same file back while it is unknown, and nothing that is known; a row that shows it lets that go', async () => {
    const { id, end } = await running();
    end(MAYBE);
    await until(() => told(id)?.[1] === 'unknown', 'the part is unknown');
    const [file, text, other] = [await send('', [A]), await send('Look!', []), await send('', [B])];
    for (const free of [text, other]) await until(() => newest(free)?.state === 'dispatching', 'it goes');
    await until(() => newest(file)?.rule === 'unknown_before', 'the file waits');
    await row(1, 'sent');
    await until(() => newest(file)?.state === 'dispatching', 'the file goes');
  });
});

describe('a store that was set back: a send that it has forgotten', () => {
  const seen = (shown: string | RegExp) =>
    world.store.commit.run(() =>
      world.outbox.settleLookalike((address, text, files) => {
        const names = files.map((file) => ('name' in file ? file.name : (file.filename ?? file.url)));
        return (
          address === ANNA && (typeof shown === 'string' ? text === shown : names.some((name) => shown.test(name)))
        );
      }),
    );

  it('is known by what will name a file that is still being fetched', async () => {
    world.files.next.set(A, [() => new Promise(() => {})]);
    const id = await send('Look!', [A]);
    await seen(/b\.pdf/);
    expect(newest(id)?.state).toBe('held');
    await seen(/a\.jpg$/);
    expect(newest(id)).toMatchObject({ state: 'unknown', rule: 'chat_db' });
    expect(newest(id)?.words).toMatch(/^This text or its file was already handed to Messages/);
    expect(stored(id)).toEqual(['unknown', 'unknown']);
    await settle();
    expect(world.bridge.ran).toEqual([]);
  });

  it('may be the next part of one that was begun: that part does not go, nor what is behind it', async () => {
    const id = await send('Look!', [A, B]);
    await begun(1);
    world.gate.paused = true;
    await row(0, 'sent');
    await seen('Look!');
    expect(told(id)).toEqual(['sent', 'waiting', 'waiting']);
    await seen(/a\.jpg/);
    expect(newest(id)).toMatchObject({ state: 'unknown', rule: 'chat_db' });
    expect(newest(id)?.words).toMatch(/^One of these files was already handed to Messages/);
    expect(stored(id)).toEqual(['sent', 'unknown', 'unknown']);
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await settle();
    expect(world.bridge.ran).toHaveLength(1);
    expect(world.gate.outcomes).toEqual([{ message: id, state: 'unknown' }]);
    // No row will say more of these: nothing waits for that, whatever is told of the message later.
    await row(0, 'delivered');
    const same = await send('', [A]);
    await until(() => newest(same)?.state === 'dispatching', 'the same file goes');
  });

  it('may be a later part, while the one before it runs', async () => {
    const end = answered();
    const id = await send('Look!', [A]);
    await begun(1);
    await seen(/a\.jpg/);
    expect(stored(id)).toEqual(['dispatching', 'unknown']);
    end({ kind: 'accepted' });
    await row(0, 'sent');
    await settle();
    expect(newest(id)?.state).toBe('unknown');
    expect(stored(id)).toEqual(['sent', 'unknown']);
    expect(world.bridge.ran).toHaveLength(1);
  });

  it.each([[[]], [[A]]])('may be one that did not start before, and waits for another try: %j', async (urls) => {
    world.bridge.next.push(() => {
      world.bridge.condition = 'messages_not_running';
      return { kind: 'not_started', code: 'messages_unavailable', words: 'Not running.', again: true };
    });
    const id = await send('Look!', urls);
    await until(() => world.bridge.ran.length === 1 && world.gate.waiting.length === 1, 'it waits for another try');
    world.bridge.stored.set(id, { kind: 'not_started', code: 'messages_unavailable', words: '', again: true });
    await seen('Look!');
    expect(newest(id)).toMatchObject({ state: 'unknown', rule: 'chat_db' });
    expect(world.gate.waiting).toEqual([]);
    world.bridge.condition = null;
    await world.clock.advanceAsync(10_000);
    expect(world.bridge.ran).toHaveLength(1);
  });
});

describe('a twin that became unknown since a message was begun', () => {
  it('keeps the next part back, told once, until a row shows what became of it', async () => {
    const first = await send('Look!', [A]);
    await begun(1);
    world.bridge.next.push(() => MAYBE);
    const other = await send('', [A]);
    await until(() => newest(other)?.state === 'unknown', 'the twin is unknown');
    await row(0, 'sent');
    await until(() => newest(first)?.rule === 'unknown_before', 'it waits');
    expect(newest(first)).toMatchObject({ state: 'dispatching', until: expect.any(Number) });
    const { length } = world.statuses(first);
    await world.clock.advanceAsync(30 * 60_000);
    expect(world.statuses(first)).toHaveLength(length);
    expect(world.bridge.ran).toHaveLength(2);
    await row(1, 'sent');
    await begun(3);
    expect(told(first)).toEqual(['sent', 'dispatching']);
  });
});

describe('a twin that became unknown while one waits for another try', () => {
  it('keeps that back, and it is told', async () => {
    const first = await send('Look!', []);
    await begun(1);
    world.bridge.next.push(() => {
      world.bridge.condition = 'messages_not_running';
      return { kind: 'not_started', code: 'messages_unavailable', words: 'Not running.', again: true };
    });
    const again = await send('Look!', []);
    await until(() => world.bridge.ran.length === 2 && world.gate.waiting.length === 1, 'it waits for another try');
    await row(0, 'unknown');
    expect(newest(first)?.state).toBe('unknown');
    world.bridge.condition = null;
    await world.clock.advanceAsync(2_000);
    await until(() => newest(again)?.rule === 'unknown_before', 'it is told');
    expect(newest(again)).toMatchObject({ state: 'dispatching', until: expect.any(Number) });
    expect(world.bridge.ran).toHaveLength(2);
    await row(0, 'sent');
    await begun(3);
    expect(newest(again)).not.toHaveProperty('rule');
  });
});

describe('the files of one that was begun', () => {
  it('stay after a restart, also when one that has been sent was removed from the disk', async () => {
    const id = await send('Look!', [A, B]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    world.gate.paused = true;
    await row(1, 'sent');
    world.files.here.delete('f1');
    await world.restart();
    world.gate.paused = true;
    world.bridge.stored.set(id, { kind: 'accepted' });
    world.outbox.start();
    // What the start looks for, fetches and lets go of takes some commits.
    for (let round = 0; round < 8; round += 1) {
      await world.store.commit.run(() => {});
      await settle();
    }
    expect(world.files.released).toEqual([]);
    expect(world.files.asked).toHaveLength(2);
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await begun(3);
    expect(world.bridge.begun[2]?.file).toBe('/files/f2/b.pdf');
  });

  it('stay although another message of the same command is rejected for a file that is gone', async () => {
    const BEN = '+14155550102';
    const attachments = [{ url: A }, { url: B }];
    const result = await world.command('message.send', world.send([ANNA, BEN], 'Look!', { attachments }));
    const [anna = '', ben = ''] = ((result.detail?.messages ?? []) as { message: string }[]).map((m) => m.message);
    world.gate.holds.set(ben, { until: 0, rule: 'interval', evidence: { words: 'Later.' } });
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    world.gate.paused = true;
    await row(1, 'sent');
    world.files.here.delete('f1');
    world.files.next.set(A, [() => ({ ok: false, again: false, words: 'files.example answers 404.' })]);
    await world.restart();
    world.gate.paused = true;
    world.bridge.stored.set(anna, { kind: 'accepted' });
    world.outbox.start();
    await until(() => newest(ben)?.state === 'rejected', 'the other is rejected');
    await settle();
    expect(world.files.released).not.toContain('f2');
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await begun(3);
    expect(world.bridge.begun[2]?.file).toBe('/files/f2/b.pdf');
    await row(2, 'sent');
    expect(newest(anna)?.state).toBe('sent');
  });
});
