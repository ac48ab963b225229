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
  const result = await world.command('message.send', world.send(to, text, { attachments }));
  return ((result.detail?.messages ?? []) as { message: string }[])[0]?.message ?? '';
}
const newest = (message?: string): MessageStatus | undefined => world.statuses(message).at(-1);
const told = (message?: string) => newest(message)?.parts?.map(({ state }) => state);
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
    const end = answered();
    world.bridge.next.unshift(() => ({ kind: 'accepted' }));
    const id = await send('Look!', [A, B]);
    await begun(1);
    await row(0, 'sent');
    await begun(2);
    await row(0, 'not_delivered', UPLOAD);
    expect(told(id)).toEqual(['not_delivered', 'dispatching', 'not_sent']);
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
