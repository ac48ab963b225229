import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isFinal, isWaiting, mayMove, stepsTo } from '../../../daemon/outbox/states.ts';
import { MESSAGE_STATES, type MessageState } from '../../../protocol/names.ts';

/** The drawing of states.ts, written out a second time and by hand: every arrow, and nothing else. */
const ALLOWED = new Set(
  `accepted>held accepted>dispatching accepted>rejected accepted>cancelled accepted>expired
   held>held held>dispatching held>rejected held>cancelled held>expired
   dispatching>sent dispatching>not_delivered dispatching>failed dispatching>unknown
   sent>delivered sent>not_delivered
   delivered>read
   unknown>sent unknown>delivered unknown>not_delivered
   not_delivered>sent`.split(/\s+/),
);

describe('message states', () => {
  test('exactly the drawn arrows are legal, over all pairs', () => {
    let legal = 0;
    for (const from of MESSAGE_STATES)
      for (const to of MESSAGE_STATES) {
        expect(mayMove(from, to), `${from} to ${to}`).toBe(ALLOWED.has(`${from}>${to}`));
        if (mayMove(from, to)) legal += 1;
      }
    expect(legal).toBe(ALLOWED.size);
  });

  test('a final state has no way out, a waiting one may be cancelled', () => {
    expect(MESSAGE_STATES.filter(isFinal)).toEqual(['read', 'failed', 'rejected', 'cancelled', 'expired']);
    expect(MESSAGE_STATES.filter(isWaiting)).toEqual(['accepted', 'held']);
    for (const state of MESSAGE_STATES) expect(mayMove(state, 'cancelled')).toBe(isWaiting(state));
  });

  test('whatever is seen in whatever order, a message only ever moves along arrows and never out of a final state', () => {
    const anyState = fc.constantFrom(...MESSAGE_STATES);
    fc.assert(
      fc.property(anyState, fc.array(anyState, { maxLength: 12 }), (start, seen) => {
        let at: MessageState = start;
        for (const state of seen)
          for (const step of stepsTo(at, state)) {
            expect(ALLOWED.has(`${at}>${step}`)).toBe(true);
            expect(isFinal(at)).toBe(false);
            at = step;
          }
      }),
      { numRuns: 2_000 },
    );
  });

  test('steps that nobody saw are told in order', () => {
    expect(stepsTo('dispatching', 'read')).toEqual(['sent', 'delivered', 'read']);
    expect(stepsTo('sent', 'read')).toEqual(['delivered', 'read']);
    expect(stepsTo('unknown', 'read')).toEqual(['sent', 'delivered', 'read']);
    expect(stepsTo('read', 'delivered')).toEqual([]);
    expect(stepsTo('delivered', 'not_delivered')).toEqual([]);
    expect(stepsTo('not_delivered', 'delivered')).toEqual(['sent', 'delivered']);
    expect(stepsTo('accepted', 'sent')).toEqual([]);
  });
});
