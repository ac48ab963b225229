/** Messages with attachments: the files come first, then text and files go one after another, and what goes wrong stops the rest. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SendOutcome, Staged } from '../../../daemon/outbox/ports.ts';
import type { Sighted } from '../../../daemon/outbox/sighted.ts';
import type { MessageStatus } from '../../../protocol/events.ts';
import { settle, until } from '../../support/fake-clock.ts';
import { OutboxWorld } from '../../support/outbox-world.ts';

const ANNA = '+14155550101';
const BEN = '+14155550102';
const A = 'https://files.example/a.jpg';
const B = 'https://files.example/b.pdf';

let world: OutboxWorld;
beforeEach(() => {
  world = new OutboxWorld();
});
afterEach(() => world.close());

async function send(text: string, urls: string[], more: Record<string, unknown> = {}, to: unknown = ANNA) {
  const result = await world.command(
    'message.send',
    world.send(to, text, { attachments: urls.map((url) => ({ url })), ...more }),
  );
  return { result, ids: ((result.detail?.messages ?? []) as { message: string }[]).map(({ message }) => message) };
}
const newest = (message?: string): MessageStatus | undefined => world.statuses(message).at(-1);
const parts = (message?: string) => newest(message)?.parts?.map(({ state }) => state);
const begun = (count: number) => until(() => world.bridge.ran.length === count, `${count} attempts`);
/** A row says this of the n-th attempt. */
async function row(n: number, state: Sighted['state'], detail: Sighted['detail'] = {}): Promise<void> {
  const request = world.bridge.begun[n];
  if (!request) throw new Error(`no attempt ${n}`);
  const { message, attempt } = request;
  const appleError = detail.apple_error;
  const outcome = { state, ...(appleError && { meaning: appleError.meaning, appleError: appleError.number }) };
  await world.store.commit.run(() =>
    world.outbox.sighted(message, {
      attempt,
      state,
      at: world.clock.now(),
      outcome,
      detail: { guid: `G${n}`, ...detail },
    }),
  );
}
const what = () => world.bridge.begun.map(({ text, file }) => file ?? text);
/** Time passes in pieces, and what it brings about comes to the disk. */
async function pass(ms: number, pieces = 1): Promise<void> {
  for (let i = 0; i < pieces; i += 1) {
    await world.clock.advanceAsync(ms / pieces);
    await settle();
    await world.store.commit.run(() => {});
    await settle();
  }
}
/** A stage that the test ends. */
function awaited(url: string): (staged: Staged) => void {
  let end: (staged: Staged) => void = () => {};
  world.files.next.set(url, [() => new Promise<Staged>((done) => (end = done))]);
  return (staged) => end(staged);
}
const failed = (more: Partial<Extract<Staged, { ok: false }>> = {}): Staged => ({
  ok: false,
  again: true,
  words: 'files.example cannot be reached.',
  ...more,
});

describe('files', () => {
  it('are fetched right after the commit, and nothing goes before they are all here', async () => {
    const [a, b] = [awaited(A), awaited(B)];
    world.outbox.start();
    await send('Look!', [A, B]);
    await until(() => world.files.asked.length === 2, 'both are asked for');
    expect(world.states()).toEqual(['accepted', 'held']);
    expect(newest()).toMatchObject({ rule: 'attachment', evidence: { words: expect.stringMatching(/being fetched/) } });
    expect(parts()).toEqual(['waiting', 'waiting', 'waiting']);
    a(world.files.file(A));
    await settle();
    expect(world.bridge.begun).toEqual([]);
    b(world.files.file(B));
    await begun(1);
    expect(newest()).toMatchObject({
      state: 'dispatching',
      parts: [
        { kind: 'text', state: 'dispatching' },
        { kind: 'attachment', state: 'waiting', name: 'a.jpg', bytes: 10, sha256: 'sha-a.jpg' },
        { kind: 'attachment', state: 'waiting', name: 'b.pdf' },
      ],
    });
  });

  it('are shared by all recipients of a command', async () => {
    world.outbox.start();
    await send('', [A], {}, [ANNA, BEN]);
    await begun(2);
    expect(world.files.asked).toHaveLength(1);
    expect(new Set(what()).size).toBe(1);
  });

  it('make the gate see what they are, vCards left out, when it decides', async () => {
    world.files.next.set(B, [() => world.files.file(B, { vcard: true })]);
    const gate = world.gate;
    gate.paused = true;
    const asked: (string[] | undefined)[] = [];
    const admit = gate.admit.bind(gate);
    gate.admit = (request) => {
      asked.push(request.attachments);
      return admit(request);
    };
    world.outbox.start();
    await send('Look!', [A, B], { attachments: [{ url: A, sha256: 'f'.repeat(64) }, { url: B }] });
    await until(() => gate.waiting.length === 1, 'it waits in the gate');
    expect(asked).toEqual([['f'.repeat(64)], ['sha-a.jpg']]);
    expect(gate.waiting[0]?.attachments).toEqual(['sha-a.jpg']);
  });

  it('that do not come for now are asked for again, later each time, and it is told why', async () => {
    world.files.next.set(A, [
      () => failed(),
      () => failed(),
      () => failed({ words: 'files.example answers 503.', retryAfterMs: 60_000 }),
    ]);
    world.outbox.start();
    await send('Look!', [A]);
    const asked = (count: number) => until(() => world.files.asked.length === count, `asked ${count} times`);
    await asked(1);
    await until(() => /cannot be reached/.test(newest()?.evidence?.words ?? ''), 'the reason is told');
    await world.clock.advanceAsync(1_999);
    expect(world.files.asked).toHaveLength(1);
    await world.clock.advanceAsync(1);
    await asked(2);
    await settle();
    await world.clock.advanceAsync(3_999);
    expect(world.files.asked).toHaveLength(2);
    await world.clock.advanceAsync(1);
    await until(() => /503/.test(newest()?.evidence?.words ?? ''), 'the other reason is told');
    // The same reason is told once.
    expect(world.states()).toEqual(['accepted', 'held', 'held', 'held']);
    await world.clock.advanceAsync(59_999);
    expect(world.files.asked).toHaveLength(3);
    await world.clock.advanceAsync(1);
    await begun(1);
  });

  it('are asked for until the message expires, and not after that', async () => {
    world.files.next.set(
      A,
      Array.from({ length: 100 }, () => () => failed()),
    );
    world.outbox.start();
    const { ids } = await send('Look!', [A], { expires_at: world.clock.now() + 60_000 });
    await pass(100_000, 50);
    expect(world.states(ids[0]).at(-1)).toBe('expired');
    const { length } = world.files.asked;
    await pass(1_200_000, 20);
    expect(world.files.asked).toHaveLength(length);
    expect(world.store.db.sql('SELECT url FROM command_file').all()).toEqual([]);
  });

  it('that are refused take the message with them, and all that came for it is let go', async () => {
    world.files.next.set(B, [() => failed({ again: false, words: 'files.example answers 404 for the file.' })]);
    world.outbox.start();
    const { ids } = await send('Look!', [A, B], {}, [ANNA, BEN]);
    await until(() => ids.every((id) => newest(id)?.state === 'rejected'), 'both are rejected');
    expect(newest(ids[0])).toMatchObject({
      code: 'attachment_refused',
      retryable: false,
      words: expect.stringMatching(/404/),
    });
    await pass(900_000, 30);
    expect(world.files.here.size).toBe(0);
  });

  it('are let go ten minutes after all is settled, and not before', async () => {
    world.outbox.start();
    await send('', [A]);
    await begun(1);
    await pass(1_800_000, 60);
    expect(world.files.released).toEqual([]);
    await row(0, 'sent');
    await pass(570_000, 19);
    expect(world.files.released).toEqual([]);
    await pass(60_000, 2);
    await until(() => world.files.released.length === 1, 'it is let go');
  });

  it('survive a restart, and so does the wish for those that have not come', async () => {
    world.gate.paused = true;
    awaited(B);
    world.outbox.start();
    await send('one', [A]);
    await send('two', [B]);
    await until(() => world.files.asked.length === 2 && world.gate.waiting.length === 1, 'one is here');
    world.files.next.delete(B);
    const [kept] = [...world.files.here];
    await world.restart();
    world.outbox.start();
    await until(() => world.files.asked.length === 3, 'the other is asked for again');
    expect(world.files.asked[2]?.url).toBe(B);
    expect(world.files.swept.at(-1)).toEqual([kept]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
  });

  it('that somebody removed while the relay was down are fetched again', async () => {
    world.gate.paused = true;
    world.outbox.start();
    await send('', [A]);
    await until(() => world.gate.waiting.length === 1, 'it is here');
    world.files.here.clear();
    await world.restart();
    world.outbox.start();
    await begun(1);
    expect(world.files.asked).toHaveLength(2);
    expect(what()).toEqual(['/files/f2/a.jpg']);
  });

  it('that are gone when it is their turn: the message is rejected, nothing of it goes', async () => {
    world.gate.paused = true;
    world.outbox.start();
    await send('', [A]);
    await until(() => world.gate.waiting.length === 1, 'it is here');
    world.files.here.clear();
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await until(() => newest()?.state === 'rejected', 'it is rejected');
    expect(newest()).toMatchObject({ code: 'attachment_refused' });
    expect(world.bridge.begun).toEqual([]);
  });

  it('a message that is cancelled while they come does not go', async () => {
    const a = awaited(A);
    world.outbox.start();
    const { ids } = await send('', [A]);
    await until(() => world.files.asked.length === 1, 'it is asked for');
    await world.command('message.cancel', { message: ids[0] });
    a(world.files.file(A));
    await until(() => world.files.released.length === 1, 'it is let go');
    expect(world.states()).toEqual(['accepted', 'held', 'cancelled']);
    expect(world.gate.waiting).toEqual([]);
  });
});

describe('parts', () => {
  beforeEach(() => world.outbox.start());

  it('go in order, each when the row of the one before says sent, and the message is what its worst part is', async () => {
    await send('Look!', [A, B]);
    await begun(1);
    await settle();
    expect(what()).toEqual(['Look!']);
    await row(0, 'sent');
    await begun(2);
    await row(0, 'delivered');
    await row(1, 'delivered');
    await begun(3);
    expect(what()).toEqual(['Look!', '/files/f1/a.jpg', '/files/f2/b.pdf']);
    expect(newest()).toMatchObject({ state: 'dispatching', guid: 'G0' });
    expect(parts()).toEqual(['delivered', 'delivered', 'dispatching']);
    await row(2, 'sent');
    expect(newest()?.state).toBe('sent');
    await row(2, 'delivered');
    expect(newest()?.state).toBe('delivered');
    for (const n of [0, 1, 2]) await row(n, 'read');
    expect(newest()).toMatchObject({ state: 'read', guid: 'G0' });
    expect(newest()?.parts?.map(({ guid }) => guid)).toEqual(['G0', 'G1', 'G2']);
    expect(world.gate.outcomes.map(({ state }) => state)).toEqual(['sent', 'delivered', 'read']);
    expect([...new Set(world.states())].filter((state) => state !== 'dispatching')).toEqual([
      'accepted',
      'held',
      'sent',
      'delivered',
      'read',
    ]);
  });

  it('without a text begin with the first file', async () => {
    await send(' ', [A]);
    await begun(1);
    expect(world.bridge.begun[0]).toMatchObject({ text: '', file: '/files/f1/a.jpg' });
    await row(0, 'sent');
    expect(newest()).toMatchObject({ state: 'sent', parts: [{ kind: 'attachment', state: 'sent' }] });
  });

  const NETWORK = {
    apple_error: { number: 34, name: 'attachmentUploadFailure', meaning: 'attachment' as const },
    words: 'No.',
  };

  it.each<[string, SendOutcome | null, Sighted['state'] | null, string[], string]>([
    ['is not delivered', null, 'not_delivered', ['sent', 'not_delivered', 'not_sent'], 'not_delivered'],
    ['is unknown', null, 'unknown', ['sent', 'unknown', 'not_sent'], 'unknown'],
    ['may have gone', { kind: 'may_have_gone', words: 'Who knows.' }, null, ['sent', 'unknown', 'not_sent'], 'unknown'],
    [
      'cannot go',
      { kind: 'not_started', code: 'attachment_refused', words: 'It is gone.', again: false },
      null,
      ['sent', 'failed', 'not_sent'],
      'not_delivered',
    ],
  ])('behind one that %s are not sent', async (_what, outcome, state, wanted, whole) => {
    world.bridge.next.push(() => ({ kind: 'accepted' }));
    if (outcome) world.bridge.next.push(() => outcome);
    await send('Look!', [A, B]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    if (state) await row(1, state, state === 'not_delivered' ? NETWORK : {});
    await until(() => newest()?.state === whole, whole);
    expect(parts()).toEqual(wanted);
    await settle();
    expect(what()).toHaveLength(2);
    expect(world.gate.outcomes.map((o) => o.state)).toEqual([whole]);
    if (state === 'not_delivered') expect(newest()).toMatchObject({ apple_error: { number: 34 } });
    if (outcome?.kind === 'not_started')
      expect(newest()).toMatchObject({ code: 'partly_sent', words: expect.stringMatching(/2 of its 3 parts/) });
  });

  it('one that is found after all does not bring back those behind it: the whole was not delivered', async () => {
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Who knows.' }));
    await send('Look!', [A]);
    await until(() => newest()?.state === 'unknown', 'unknown');
    await row(0, 'sent');
    expect(newest()).toMatchObject({ state: 'not_delivered', code: 'partly_sent', retryable: false });
    expect(parts()).toEqual(['sent', 'not_sent']);
    await settle();
    expect(what()).toEqual(['Look!']);
  });

  it('that have not begun go with the message as a whole', async () => {
    world.gate.paused = true;
    const { ids } = await send('Look!', [A]);
    await world.command('message.cancel', { message: ids[0] });
    expect(parts(ids[0])).toEqual(['not_sent', 'not_sent']);
    world.lookalike = true;
    const again = await send('Look again!', [A]);
    expect(newest(again.ids[0])?.state).toBe('unknown');
    expect(parts(again.ids[0])).toEqual(['unknown', 'unknown']);
  });

  it.each([
    ['sent', 'sent'],
    ['not-sent', 'not_delivered'],
  ] as const)('of which nobody knows are settled by a person as %s', async (as, state) => {
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Who knows.' }));
    const { ids } = await send('', [A]);
    await until(() => newest()?.state === 'unknown', 'unknown');
    await world.store.commit.run(() => world.outbox.settle(ids[0] ?? '', as));
    expect(newest()).toMatchObject({ state, parts: [{ state }] });
  });

  it('the last of them that is found after all completes the message', async () => {
    world.bridge.next.push(
      () => ({ kind: 'accepted' }),
      () => ({ kind: 'may_have_gone', words: 'Who knows.' }),
    );
    await send('Look!', [A]);
    await begun(1);
    await row(0, 'delivered');
    await until(() => newest()?.state === 'unknown', 'unknown');
    await row(1, 'delivered');
    expect(newest()?.state).toBe('delivered');
  });

  it('if not even the first has left, the message has failed, and may be sent again', async () => {
    world.bridge.next.push(() => ({ kind: 'not_started', code: 'not_found', words: 'No such chat.', again: false }));
    await send('Look!', [A]);
    await until(() => newest()?.state === 'failed', 'failed');
    expect(newest()).toMatchObject({ code: 'not_found', retryable: true });
    expect(parts()).toEqual(['failed', 'not_sent']);
    expect(world.gate.outcomes).toEqual([expect.objectContaining({ state: 'failed' })]);
  });

  const LATER: SendOutcome = { kind: 'not_started', code: 'messages_unavailable', words: 'Not running.', again: true };

  it('that did not start are tried again, five times at the most; those that went are not', async () => {
    world.bridge.next.push(
      () => LATER,
      () => ({ kind: 'accepted' }),
      ...Array.from({ length: 5 }, () => () => LATER),
    );
    await send('Look!', [A, B]);
    await begun(2);
    expect(what()).toEqual(['Look!', 'Look!']);
    await row(1, 'sent');
    await begun(7);
    await until(() => newest()?.state === 'not_delivered', 'given up');
    expect(what()).toEqual(['Look!', 'Look!', ...Array.from({ length: 5 }, () => '/files/f1/a.jpg')]);
    expect(parts()).toEqual(['sent', 'failed', 'not_sent']);
  });

  it('are not sent to somebody who opts out in between', async () => {
    await send('Look!', [A]);
    await begun(1);
    world.gate.optedOut.add(ANNA);
    await row(0, 'sent');
    await until(() => newest()?.state === 'not_delivered', 'the rest does not go');
    expect(newest()?.parts).toMatchObject([{ state: 'sent' }, { state: 'not_sent', code: 'opted_out' }]);
    expect(what()).toEqual(['Look!']);
  });

  it('wait while the sender is paused, and go on then', async () => {
    await send('Look!', [A]);
    await begun(1);
    world.gate.paused = true;
    await row(0, 'sent');
    await settle();
    expect(what()).toEqual(['Look!']);
    world.gate.paused = false;
    world.outbox.dispatcher.wake();
    await begun(2);
  });

  it('do not go after their time, nor behind one that went as SMS', async () => {
    await send('Look!', [A], { expires_at: world.clock.now() + 60_000 });
    await begun(1);
    world.clock.advance(60_000);
    await row(0, 'sent');
    await until(() => newest()?.state === 'not_delivered', 'too late');
    expect(newest()?.parts?.[1]).toMatchObject({ state: 'not_sent', code: 'expired' });
    const { ids } = await send('Look!', [A], {}, BEN);
    await begun(2);
    await row(1, 'sent', { service: 'SMS', downgraded: true });
    await until(() => newest(ids[0])?.state === 'not_delivered', 'downgraded');
    expect(newest(ids[0])?.parts?.[1]).toMatchObject({ state: 'not_sent', code: 'recipient_not_imessage' });
    expect(newest(ids[0])).toMatchObject({ downgraded: true, service: 'SMS' });
    expect(what()).toHaveLength(2);
  });

  it('a crash between them sends none twice, and the rest goes on', async () => {
    await send('Look!', [A, B]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    const [first, second] = world.bridge.begun;
    await world.restart();
    world.bridge.stored.set(second?.message ?? '', { kind: 'accepted' });
    world.outbox.start();
    await settle();
    expect(world.bridge.begun).toEqual([first, second]);
    await row(1, 'sent');
    await begun(3);
    await world.restart();
    world.bridge.leftovers.push({
      attempt: world.bridge.begun[2]?.attempt ?? '',
      message: first?.message ?? '',
      outcome: LATER,
    });
    world.outbox.start();
    await begun(4);
    expect(what()).toEqual(['Look!', '/files/f1/a.jpg', '/files/f2/b.pdf', '/files/f2/b.pdf']);
    expect(parts()).toEqual(['sent', 'sent', 'dispatching']);
  });

  it('a crash right after a part was sent: the next goes, once', async () => {
    await send('Look!', [A]);
    await begun(1);
    world.bridge.condition = 'messages_hung';
    await row(0, 'sent');
    await world.restart();
    world.bridge.condition = null;
    world.bridge.stored.set(newest()?.message ?? '', { kind: 'accepted' });
    world.outbox.start();
    await begun(2);
    await settle();
    expect(what()).toEqual(['Look!', '/files/f1/a.jpg']);
  });
});

describe('twins', () => {
  beforeEach(() => world.outbox.start());

  it('of a file of which nobody knows whether it went wait; other files do not, though neither has a text', async () => {
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Who knows.' }));
    const first = await send('', [A]);
    await until(() => newest(first.ids[0])?.state === 'unknown', 'unknown');
    const twin = await send('', [A]);
    const other = await send('', [B]);
    await until(() => newest(other.ids[0])?.state === 'dispatching', 'the other goes');
    await until(() => newest(twin.ids[0])?.rule === 'unknown_before', 'the twin waits');
    await row(0, 'sent');
    await until(() => newest(twin.ids[0])?.state === 'dispatching', 'the twin goes');
  });

  it.each([
    [
      'another of the same name',
      'https://files.example/other/A.HEIC',
      { sha256: 'another' },
      /^A file of the same name/,
    ],
    ['the same visiting card', A, { vcard: true }, /^The same file to this recipient may have gone/],
  ])('of such a file are %s too: chat.db could not tell them apart', async (_what, url, more, words) => {
    world.files.next.set(A, [() => world.files.file(A, { vcard: 'vcard' in more })]);
    world.bridge.next.push(() => ({ kind: 'may_have_gone', words: 'Who knows.' }));
    const first = await send('', [A]);
    await until(() => newest(first.ids[0])?.state === 'unknown', 'unknown');
    world.files.next.set(url, [() => world.files.file(url, more)]);
    const twin = await send('', [url]);
    await until(() => newest(twin.ids[0])?.rule === 'unknown_before', 'the twin waits');
    expect(newest(twin.ids[0])?.evidence?.words).toMatch(words);
    await row(0, 'sent');
    await until(() => newest(twin.ids[0])?.state === 'dispatching', 'the twin goes');
  });
});
