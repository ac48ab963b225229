/** The sentences about the sender's health: what happened, to whom, since when, and what to do. One for each rule. */
import { expect, it } from 'vitest';
import { DEFAULT_POLICY } from '../../../daemon/gate/policy.ts';
import { nameAll, REMEDIES, SenderWords } from '../../../daemon/gate/sender-words.ts';
import { Words } from '../../../daemon/gate/words.ts';

const words = new SenderWords(new Words('UTC'), DEFAULT_POLICY.health);
const AT = Date.UTC(2026, 10, 24, 14, 30, 40);
const [A, B, C, D] = ['+14155554412', 'ann@example.com', '+14155559981', '+14155550007'];

it('name what happened, to whom (only the end of a handle) and when', () => {
  const sentences = [
    words.failed(A, 43, AT),
    words.failed(B, undefined, AT),
    words.failed('group:4A0F', 4, AT),
    words.unreachable(A, 22, AT),
    words.strangers(3, C, 22, AT),
    words.inRow([A, C], 22, AT),
    words.many([A, C, D], A, 4, AT),
    words.late([A, B, C, D, '+14155550008'], AT),
    new SenderWords(new Words('UTC'), { ...DEFAULT_POLICY.health, late_after_ms: 600_000 }).late([A], AT),
    words.resumed('command', AT),
    words.resumed('person', AT),
    words.probed(A, AT),
  ];
  expect(sentences).toEqual([
    "a message to …4412 was not delivered at 2026-11-24 14:30:40 (Apple's error 43)",
    'a message to …@example.com was not delivered at 2026-11-24 14:30:40',
    "a message to a group was not delivered at 2026-11-24 14:30:40 (Apple's error 4)",
    "…4412, who got messages before, could not be reached at 2026-11-24 14:30:40 (Apple's error 22)",
    "3 new contacts in a row, the last …9981 at 2026-11-24 14:30:40, could not be reached (Apple's error 22)",
    "messages to …9981 and …4412, one after the other, were not delivered, the last at 2026-11-24 14:30:40 (Apple's error 22)",
    "messages to 3 of the last 20 recipients were not delivered, the last to …4412 at 2026-11-24 14:30:40 (Apple's error 4)",
    'messages to …9981, …@example.com, …4412 and 2 others were not delivered within an hour, seen at 2026-11-24 14:30:40',
    'messages to …4412 were not delivered within 10 minutes, seen at 2026-11-24 14:30:40',
    'resumed by the controller at 2026-11-24 14:30:40',
    'resumed by a person at 2026-11-24 14:30:40',
    'a message to …4412, sent to try, was delivered at 2026-11-24 14:30:40',
  ]);
  expect(sentences.join()).not.toMatch(/\+1415|ann@/);
});

it('each state that is not well has a remedy of its own', () => {
  expect(new Set(Object.values(REMEDIES)).size).toBe(3);
  expect(nameAll([])).toBe('');
  expect(nameAll([A])).toBe('…4412');
});
