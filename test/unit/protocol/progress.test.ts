import { describe, expect, test } from 'vitest';
import { advance, commandOf, NO_PROGRESS, type Progress } from '../../../protocol/controller-progress.ts';

const result = (data: Record<string, unknown>) => ({ name: 'command.result', data: { command: 'c', ...data } });
const status = (message: string, state: string) => ({ name: 'message.status', data: { command: 'c', message, state } });
const two = { ok: true, detail: { messages: [{ message: 'a' }, { message: 'b' }] } };

function finals(name: string, events: { name: string; data: Record<string, unknown> }[]): boolean[] {
  let progress: Progress = NO_PROGRESS;
  return events.map((event) => {
    const step = advance(name, progress, event);
    progress = step.progress;
    return step.final;
  });
}

describe('when a command is final', () => {
  test('a refusal, and the result of anything but message.send', () => {
    expect(finals('message.send', [result({ ok: false })])).toEqual([true]);
    expect(finals('sender.pause', [result({ ok: true })])).toEqual([true]);
  });

  test('message.send: when each message of its result has ended, in whatever order that is told', () => {
    expect(finals('message.send', [result(two), status('a', 'delivered'), status('b', 'failed')])).toEqual([
      false,
      false,
      true,
    ]);
    expect(finals('message.send', [status('a', 'rejected'), status('b', 'delivered'), result(two)])).toEqual([
      false,
      false,
      true,
    ]);
  });

  test.each(['accepted', 'held', 'dispatching', 'sent', 'unknown'])('%s ends nothing', (state) => {
    expect(finals('message.send', [result(two), status('a', state), status('b', state)])).toEqual([
      false,
      false,
      false,
    ]);
  });

  test.each(['delivered', 'read', 'not_delivered', 'failed', 'rejected', 'cancelled', 'expired'])(
    '%s ends',
    (state) => {
      expect(finals('message.send', [result(two), status('a', state), status('b', state)])).toEqual([
        false,
        false,
        true,
      ]);
    },
  );

  test('one message that ends twice does not stand for two', () => {
    expect(finals('message.send', [result(two), status('a', 'delivered'), status('a', 'read')])).toEqual([
      false,
      false,
      false,
    ]);
  });

  test('a result that names no messages leaves the command open', () => {
    expect(finals('message.send', [result({ ok: true }), status('a', 'delivered')])).toEqual([false, false]);
  });

  test('only results and statuses speak of a command', () => {
    expect(commandOf(result({}))).toBe('c');
    expect(commandOf({ name: 'message.inbound', data: { command: 'c' } })).toBeNull();
    expect(commandOf({ name: 'message.status', data: {} })).toBeNull();
  });
});
