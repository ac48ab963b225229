/** The sentence of each rule, as a person who supports the sender reads it in events, in `gate check` and in `queue list`. */
import { afterEach, expect, it } from 'vitest';
import type { Recipient } from '../../../daemon/gate/requests.ts';
import { type Asking, GateWorld, person } from './gate-world.ts';
import { loner } from './letters.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TABLE = 'Your table for two is ready, please come to the counter';
const GROUP: Recipient = { kind: 'group', chat: 'group:1', members: [person(1), person(2)] };

interface Case {
  rule: string;
  world?: ConstructorParameters<typeof GateWorld>[0];
  before?: (world: GateWorld) => void;
  to?: string | string[] | Recipient;
  text?: string;
  asking?: Asking;
  words: string;
}

function sent(world: GateWorld, count: number, text: (n: number) => string): void {
  for (let n = 1; n <= count; n += 1) {
    world.one(person(100 + n), text(n));
    world.drain();
  }
}

/** Eleven others have got this text in the last half hour. */
function eleven(world: GateWorld): void {
  for (let n = 1; n <= 11; n += 1) {
    world.ownHand([person(100 + n)], TABLE);
    world.clock.advance(2 * MINUTE);
  }
}

const MARKETING: Asking = { category: 'marketing' };
const DEDICATED = { kind: 'dedicated' as const };
const ONE_NEW = { policy: { caps: { new_contacts_hour: 1 } } };
const ONE_A_DAY = { policy: { caps: { new_contacts_day: 1 } } };

const CASES: Case[] = [
  {
    rule: 'opt-out',
    before: (world) => world.inbound(person(1), 'STOP'),
    words: '…1001 asked not to be written to.',
  },
  {
    rule: 'opt-out of a group',
    before: (world) => world.inbound(person(1), 'STOP', { group: 'group:1' }),
    to: GROUP,
    words: 'Somebody in this group asked not to be written to there.',
  },
  {
    rule: 'opt-out of a member',
    before: (world) => world.inbound(person(2), 'STOP'),
    to: GROUP,
    words: '…1002, a member of this group, asked not to be written to.',
  },
  {
    rule: 'duplicate',
    before: (world) => world.one(person(1), TABLE),
    text: TABLE,
    words: '…1001 was given the same text at 09:00:00 under another id; a retry must keep its id.',
  },
  {
    rule: 'blast',
    to: Array.from({ length: 12 }, (_, n) => person(n)),
    asking: { pacing: 'reject' },
    words:
      '12 people at once are a blast (more than 10). With pacing "queue" they would be written to one by one, 60 s or more apart, in about 12 minutes.',
  },
  {
    rule: 'interval',
    before: (world) => sent(world, 1, () => TABLE),
    text: `Hi! ${TABLE}`,
    words:
      'Waits until about 09:01:00: 1 person got a near-same text (95 % alike, last to …1101 at 09:00:00); texts like this keep 60 s apart.',
  },
  {
    rule: 'interval, with pacing "reject"',
    before: (world) => sent(world, 1, () => TABLE),
    text: TABLE,
    asking: { pacing: 'reject' },
    words:
      'It may not go now; with pacing "queue" it would go in about 1 minute. Waits until about 09:01:00: 1 person got the same text (last to …1101 at 09:00:00); texts like this keep 60 s apart.',
  },
  {
    rule: 'not_before',
    asking: { notBefore: Date.UTC(2026, 10, 24, 10) },
    words: 'Waits until 10:00:00, as asked for (not_before).',
  },
  {
    rule: 'pause',
    before: (world) => world.gate.pause('holidays'),
    words: 'Waits until the sender is resumed: holidays.',
  },
  {
    rule: 'new contacts of an hour',
    world: ONE_NEW,
    before: (world) => sent(world, 1, loner),
    words: 'Waits until about 10:00:00: 1 person without talk in 30 days was written to in 60 minutes, the most is 1.',
  },
  {
    rule: 'new contacts of a day',
    world: ONE_A_DAY,
    before: (world) => sent(world, 1, loner),
    words:
      'Waits until about 2026-11-25 09:00:00: 1 person without talk in 30 days was written to in 24 hours, the most is 1.',
  },
  {
    rule: 'daily volume',
    world: { policy: { caps: { daily_volume: 2 } } },
    before: (world) => sent(world, 2, loner),
    words: 'Waits until about 2026-11-25 09:00:00: 2 messages went in 24 hours, the most is 2.',
  },
  {
    rule: 'daily volume, beyond its end',
    world: { policy: { caps: { daily_volume: 2 } } },
    before: (world) => sent(world, 2, loner),
    asking: { expiresAt: Date.UTC(2026, 10, 24, 12) },
    words: 'It would wait for about 24 hours, after its expires_at.',
  },
  {
    rule: 'the rate to one',
    world: { policy: { caps: { pair_rate: 1 } } },
    before: (world) => {
      world.one(person(1), loner(1));
      world.drain();
    },
    words: 'Waits until about 09:01:00: 1 message went to …1001 in 60 seconds, the most is 1.',
  },
  {
    rule: 'messages without an answer',
    world: { policy: { caps: { unanswered: 2 } } },
    before: (world) => {
      for (let n = 1; n <= 2; n += 1) world.one(person(1), loner(n));
      world.drain();
    },
    words: '…1001 has not answered the last 2 messages; nothing more goes until they write.',
  },
  {
    rule: 'a sender that is not dedicated',
    asking: MARKETING,
    words: 'Marketing needs a sender of its own: "sender.kind" in this Mac’s config.json is not "dedicated".',
  },
  {
    rule: 'a sender that is not dedicated, for a text to many',
    before: eleven,
    text: TABLE,
    words:
      'A text to more than 10 people is marketing, and this sender is not "dedicated" to that in this Mac’s config.json.',
  },
  {
    rule: 'consent',
    world: DEDICATED,
    asking: MARKETING,
    words: '…1001 has not written first, so marketing may not go to them.',
  },
  {
    rule: 'consent, for a text to many',
    world: DEDICATED,
    before: eleven,
    text: TABLE,
    words: '…1001 has not written first, so a text to more than 10 people may not go to them.',
  },
  {
    rule: 'consent that was withdrawn',
    world: DEDICATED,
    before: (world) => {
      const put = { handle: person(1), state: 'withdrawn' as const, at: world.clock.now(), source: 'form' };
      world.store.db.transaction(() => world.gate.people.consentPut(put));
    },
    asking: MARKETING,
    words: '…1001 has withdrawn the consent to get marketing.',
  },
  {
    rule: 'no marketing to groups',
    world: DEDICATED,
    to: GROUP,
    asking: MARKETING,
    words: 'A group gets no marketing.',
  },
  {
    rule: 'no text to many to groups',
    world: DEDICATED,
    before: eleven,
    to: GROUP,
    text: TABLE,
    words: 'A group gets no marketing, and a text to more than 10 people is marketing.',
  },
  {
    rule: 'quiet hours',
    world: DEDICATED,
    before: (world) => {
      world.inbound(person(1), 'do you have offers?');
      world.clock.advance(13 * HOUR);
    },
    asking: MARKETING,
    words: 'Waits until 2026-11-25 08:00:00: marketing does not go between 21:00 and 8:00.',
  },
  {
    rule: 'quiet hours, elsewhere',
    world: DEDICATED,
    before: (world) => {
      world.inbound(person(1), 'do you have offers?');
      world.clock.advance(HOUR);
    },
    asking: { ...MARKETING, timeZone: 'Pacific/Honolulu' },
    words: 'Waits until 18:00:00: marketing does not go between 21:00 and 8:00 in Pacific/Honolulu.',
  },
  {
    rule: 'quiet hours, with pacing "reject"',
    world: DEDICATED,
    before: (world) => {
      world.inbound(person(1), 'do you have offers?');
      world.clock.advance(13 * HOUR);
    },
    asking: { ...MARKETING, pacing: 'reject' },
    words:
      'It may not go now; with pacing "queue" it would go in about 10 hours. Waits until 2026-11-25 08:00:00: marketing does not go between 21:00 and 8:00.',
  },
];

let world: GateWorld;
afterEach(() => world.close());

it.each(CASES)('$rule', (one) => {
  world = new GateWorld({ rules: 'default', ...one.world });
  one.before?.(world);
  const request = world.request(one.to ?? person(1), one.text ?? loner(9_000), one.asking);
  expect(world.gate.check(request).request.words).toBe(one.words);
});
