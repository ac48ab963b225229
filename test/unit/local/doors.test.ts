/** What relayctl is told by a relay: the doors with set answers behind them. */
import { expect, it } from 'vitest';
import { type Parts, personsDoors } from '../../../daemon/local/doors.ts';
import { headlineOf } from '../../../daemon/local/headline.ts';
import type { MessageStatus } from '../../../protocol/events.ts';
import { aMessage, aStatus, NOON } from '../../support/fake-local.ts';

/** Only what these tests touch. */
function doors(held: number, messages: MessageStatus[]) {
  const asked: unknown[] = [];
  const counts = { waiting: 0, held, dispatching: 0, unknown: 0 };
  const parts = {
    about: { device: 'mac-1', version: '0.1.0', started_at: NOON },
    clock: { now: () => NOON },
    conditions: { ready: true, list: () => [] },
    controller: () => aStatus().controller,
    chatDb: () => aStatus().chat_db,
    lastInboundAt: () => null,
    sender: { health: () => aStatus().sender },
    outbox: { messages: { counts: () => counts }, dispatcher: { lastSendAt: null } },
    questions: {
      queue(page: unknown) {
        asked.push(page);
        return { data: { messages, total: held } };
      },
      check(question: unknown) {
        asked.push(question);
        return { data: { request: { verdict: 'go', words: 'It may go now.' }, recipients: [] } };
      },
    },
  } as unknown as Parts;
  return { doors: personsDoors(parts), asked };
}

it('status says by when the next held message goes', () => {
  const messages = [
    aMessage({ state: 'unknown', until: NOON + 1 }),
    aMessage({ state: 'held', until: NOON + 90_000 }),
    aMessage({ state: 'held', until: NOON + 30_000 }),
    aMessage({ state: 'held' }),
  ];
  expect(doors(3, messages).doors.status().queue).toMatchObject({ held: 3, next_at: NOON + 30_000 });
  expect(doors(1, [aMessage({ state: 'held' })]).doors.status().queue).toMatchObject({ next_at: null });
});

it('nothing is estimated when nothing is held', () => {
  const { doors: some, asked } = doors(0, []);
  expect(some.status().queue).not.toHaveProperty('next_at');
  expect(asked).toEqual([]);
});

it('the headline is one sentence', () => {
  const error = (words: string) => ({ name: 'x', severity: 'error' as const, since: NOON, words, remedy: '' });
  expect(headlineOf([error('There is no chat.db.')])).toBe('Not ready: there is no chat.db.');
  expect(headlineOf([error('Messages hangs.'), error('B.')])).toBe('Not ready: Messages hangs; and 1 more.');
});
