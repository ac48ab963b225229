/** The sender's health, rule by rule, and tries to get round each. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { compare } from '../../../daemon/gate/near.ts';
import { NearIndex } from '../../../daemon/gate/near-index.ts';
import { WIDE_RULES } from '../../support/wide-rules.ts';
import { person } from './gate-world.ts';
import {
  DAY,
  DELIVERED,
  HOUR,
  MINUTE,
  NOBODY,
  ownText,
  REFUSED,
  SENT,
  SenderWorld,
  SWALLOWED,
} from './sender-world.ts';

let world: SenderWorld;
beforeEach(() => {
  world = new SenderWorld({ kind: 'dedicated', policy: { caps: { ...WIDE_RULES.caps, pair_rate: 30 } } });
});
afterEach(() => world.close());

/** Two bad signs in a row. */
function makeSuspicious(): void {
  world.fate(901, REFUSED);
  world.fate(902, REFUSED);
  expect(world.state).toBe('suspicious');
}

it('the texts of these tests are not near one another', () => {
  for (let a = 1; a < 60; a += 1)
    for (let b = 1; b < a; b += 1)
      expect(compare(ownText(a), ownText(b)).verdict, `${ownText(a)} / ${ownText(b)}`).toBe('apart');
});

describe('sign (a): an error that speaks of the sender, the server or nothing known', () => {
  it.each([
    ['nothing known', REFUSED],
    ['the sender account', { ...REFUSED, meaning: 'sender_account' as const, appleError: 19 }],
    ['swallowed as junk', SWALLOWED],
    ['an empty row without any number', { state: 'not_delivered' as const }],
  ])('one puts it at risk: %s', (_what, outcome) => {
    world.fate(1, outcome);
    expect(world.state).toBe('at_risk');
    expect(world.told).toEqual(['at_risk']);
  });

  it.each([
    ['the network of this Mac', { ...REFUSED, meaning: 'network' as const, appleError: 9 }],
    ['an attachment', { ...REFUSED, meaning: 'attachment' as const, appleError: 36 }],
    ['another number that speaks of the recipient', { ...NOBODY, appleError: 23 }],
    ['a text message', { ...REFUSED, service: 'SMS' }],
  ])('says nothing of the sender, however often: %s', (_what, outcome) => {
    for (let n = 1; n <= 9; n += 1) world.fate(n, outcome);
    expect(world.state).toBe('healthy');
  });
});

describe('sign (b): error 22', () => {
  it('of somebody to whom something was delivered within 30 days is one; after that they are new again', () => {
    world.fate(1, DELIVERED);
    world.fate(2, DELIVERED);
    world.clock.advance(29 * DAY);
    world.fate(1, NOBODY);
    expect(world.state).toBe('at_risk');
    expect(world.reason).toContain('…1001, who got messages before, could not be reached');
    world.resume('person');
    world.clock.advance(2 * DAY);
    const before = world.reason;
    world.fate(2, NOBODY);
    expect(world.reason).toBe(before);
  });

  it('of new contacts: the third in a row is one, the fourth another; a delivery in between ends the row', () => {
    world.fate(1, NOBODY);
    world.fate(2, NOBODY);
    world.fate(3, DELIVERED);
    world.fate(4, NOBODY);
    world.fate(5, NOBODY);
    expect(world.state).toBe('healthy');
    world.fate(6, NOBODY);
    expect(world.state).toBe('at_risk');
    expect(world.reason).toMatch(
      /^3 new contacts in a row, the last …1006 at .*, could not be reached \(Apple's error 22\)$/,
    );
    world.fate(7, NOBODY);
    expect(world.state).toBe('suspicious');
  });

  it('one new contact who fails three times is no row', () => {
    for (let n = 0; n < 5; n += 1) world.fate(1, NOBODY);
    world.fate(2, NOBODY);
    expect(world.state).toBe('healthy');
  });

  it('of a group says nothing: nobody is named by it', () => {
    const group = { kind: 'group' as const, chat: 'group:a', members: [person(1), person(2)] };
    for (let n = 0; n < 4; n += 1) {
      const message = world.one(group, ownText(n));
      world.hand(message);
      world.ends(message, NOBODY);
    }
    expect(world.state).toBe('healthy');
  });
});

describe('suspicious', () => {
  it('two in a row, of whatever kind', () => {
    world.fate(1, DELIVERED);
    world.fate(2, REFUSED);
    world.fate(1, NOBODY);
    expect(world.state).toBe('suspicious');
    expect(world.reason).toMatch(/^messages to …1002 and …1001, one after the other, were not delivered, the last at /);
  });

  it('three among the last 20 recipients, with deliveries in between', () => {
    world.fate(1, REFUSED);
    for (let n = 10; n < 18; n += 1) world.fate(n, DELIVERED);
    world.fate(2, REFUSED);
    for (let n = 20; n < 28; n += 1) world.fate(n, DELIVERED);
    expect(world.state).toBe('at_risk');
    world.fate(3, REFUSED);
    expect(world.state).toBe('suspicious');
    expect(world.reason).toContain('messages to 3 of the last 20 recipients were not delivered, the last to …1003');
  });

  it('what lies further back than 20 recipients does not count', () => {
    world.fate(1, REFUSED);
    for (let n = 10; n < 29; n += 1) world.fate(n, DELIVERED);
    world.fate(2, REFUSED);
    world.fate(30, DELIVERED);
    world.fate(3, REFUSED);
    expect(world.state).toBe('at_risk');
  });

  it('one recipient who fails many times counts once, under however many ids', () => {
    for (let n = 0; n < 8; n += 1) world.fate(1, REFUSED);
    expect(world.state).toBe('at_risk');
  });

  it('is not hidden by a delivery to the same person after each failure', () => {
    for (const n of [1, 2]) {
      world.fate(n, REFUSED);
      world.fate(n, DELIVERED);
    }
    expect(world.state).toBe('at_risk');
    world.fate(3, REFUSED);
    expect(world.state).toBe('suspicious');
  });

  it('is not talked away by many deliveries to one friendly phone', () => {
    for (const n of [1, 2, 3]) {
      for (let i = 0; i < 19; i += 1) world.fate(50, DELIVERED);
      world.fate(n, REFUSED);
    }
    expect(world.state).toBe('suspicious');
  });

  it('the same row told twice counts once', () => {
    const message = world.fate(1, REFUSED);
    world.ends(message, REFUSED);
    const other = world.fate(2, DELIVERED);
    for (let n = 0; n < 40; n += 1) world.ends(other, { ...DELIVERED, state: n % 2 ? 'read' : 'delivered' });
    world.clock.advance(2 * DAY);
    expect(world.state).toBe('at_risk');
    world.fate(3, DELIVERED);
    expect(world.state).toBe('at_risk');
  });

  it('holds all but replies, over a restart, and says why', async () => {
    makeSuspicious();
    await world.restart();
    const held = world.one(person(1), ownText(70));
    world.inbound(person(2), 'hello?');
    const reply = world.one(person(2), ownText(71));
    expect(world.drain()).toEqual([reply]);
    expect(world.gate.holdOf(held)).toMatchObject({ rule: 'sender_suspicious' });
    expect(world.health.list()).toMatchObject([
      {
        name: 'sender_suspicious',
        severity: 'error',
        words:
          "Apple seems to take this sender for one of junk since 09:06:00: messages to …1901 and …1902, one after the other, were not delivered, the last at 2026-11-24 09:06:00 (Apple's error 4). Only replies go.",
        remedy: expect.stringContaining('relayctl'),
      },
    ]);
    expect(world.gate.health()).toMatchObject({ state: 'suspicious', remedy: expect.stringContaining('relayctl') });
  });

  it('is the same for any order of good and bad as counting by hand says', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ who: fc.nat(25), bad: fc.boolean() }), { maxLength: 60 }), (ends) => {
        const other = new SenderWorld();
        const seen: { who: number; bad: boolean }[] = [];
        let expected = 'healthy';
        try {
          for (const end of ends) {
            other.fate(end.who, end.bad ? REFUSED : DELIVERED);
            seen.push(end);
            if (end.bad && expected !== 'suspicious') expected = byHand(seen) ? 'suspicious' : 'at_risk';
            if (expected === 'healthy') seen.length = 0;
            expect(other.state).toBe(expected);
            if (expected === 'suspicious') return;
          }
        } finally {
          void other.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});

/** Two in a row, or three among the last 20 recipients: by distinct people. */
function byHand(ends: { who: number; bad: boolean }[]): boolean {
  const newest = ends.toReversed();
  const row = new Set<number>();
  for (const { who, bad } of newest) {
    if (!bad) break;
    row.add(who);
  }
  // The newest good and the newest bad end of each: so many of them as belong to 20 people.
  const kept = newest.filter((end, i) => newest.findIndex((x) => x.who === end.who && x.bad === end.bad) === i);
  const people = new Set<number>();
  const bad = new Set<number>();
  for (const end of kept) {
    people.add(end.who);
    if (people.size > 20) break;
    if (end.bad) bad.add(end.who);
  }
  return row.size >= 2 || bad.size >= 3;
}

describe('healthy again', () => {
  it('after 20 deliveries and 24 hours since the last bad sign, not by one of them alone', () => {
    world.fate(1, REFUSED);
    for (let n = 2; n < 30; n += 1) world.fate(n, DELIVERED);
    expect(world.state).toBe('at_risk');
    world.clock.advance(23 * HOUR);
    world.fate(40, REFUSED);
    world.clock.advance(2 * HOUR);
    for (let n = 41; n < 61; n += 1) world.fate(n, DELIVERED);
    expect(world.state).toBe('at_risk');
    world.clock.advance(24 * HOUR);
    expect(world.state).toBe('at_risk');
    world.fate(70, DELIVERED);
    expect(world.state).toBe('healthy');
  });

  it('counts one that was read before anybody saw that it was delivered', () => {
    world.fate(1, REFUSED);
    world.clock.advance(DAY);
    for (let n = 2; n < 22; n += 1) world.fate(n, { ...DELIVERED, state: 'read' });
    expect(world.state).toBe('healthy');
  });

  it('counts one to a group once, be it told as delivered, as read, or again', async () => {
    world.fate(1, REFUSED);
    world.clock.advance(DAY);
    const group = { kind: 'group' as const, chat: 'group:a', members: [person(50), person(51)] };
    for (let n = 0; n < 10; n += 1) {
      const message = world.one(group, ownText(100 + n));
      world.clock.advance(3 * MINUTE);
      world.hand(message);
      for (const end of [SENT, DELIVERED, { ...DELIVERED, state: 'read' as const }]) world.ends(message, end);
      await world.restart();
      world.ends(message, DELIVERED);
    }
    expect(world.state).toBe('at_risk');
    for (let n = 2; n < 12; n += 1) world.fate(n, DELIVERED);
    expect(world.state).toBe('healthy');
  });

  it('is not hurried by a wall clock that is set forward', () => {
    world.fate(1, REFUSED);
    world.clock.jumpWall(30 * DAY);
    for (let n = 2; n < 40; n += 1) world.fate(n, DELIVERED);
    expect(world.state).toBe('at_risk');
  });

  it('the hours count over reboots', async () => {
    world.fate(1, REFUSED);
    for (let day = 0; day < 3; day += 1) {
      world.live(10 * HOUR);
      world.clock.reboot();
      await world.restart();
    }
    for (let n = 2; n < 22; n += 1) world.fate(n, DELIVERED);
    expect(world.state).toBe('healthy');
  });
});

describe('resume', () => {
  it('by the controller once in 24 hours, and then the next bad sign closes it again: a loop gains nothing', () => {
    makeSuspicious();
    let tries = 0;
    for (let hour = 0; hour < 48; hour += 1) {
      if (world.resume('command').ok && world.state === 'at_risk') {
        tries += 1;
        world.fate(100 + tries, REFUSED);
        expect(world.state).toBe('suspicious');
      }
      world.clock.advance(HOUR);
    }
    expect(tries).toBe(2);
    expect(world.resume('command')).toMatchObject({ ok: true });
    world.fate(200, REFUSED);
    expect(world.resume('command')).toMatchObject({
      ok: false,
      refusal: { code: 'sender_suspicious', retryable: true, retryAfterMs: DAY - 3 * MINUTE },
    });
  });

  it('is not won by a restart, a reboot or a wall clock that is set forward', async () => {
    makeSuspicious();
    world.resume('command');
    world.fate(1, REFUSED);
    world.clock.jumpWall(3 * DAY);
    await world.restart();
    expect(world.resume('command')).toMatchObject({ ok: false });
    world.clock.reboot();
    await world.restart();
    expect(world.resume('command')).toMatchObject({ ok: false });
  });

  it('lifts a pause of a suspicious sender also when it may not lift the suspicion', () => {
    makeSuspicious();
    world.resume('command');
    world.fate(1, REFUSED);
    world.gate.pause('lunch');
    expect(world.resume('command')).toMatchObject({ ok: true, health: { state: 'suspicious' } });
    expect(world.resume('command')).toMatchObject({ ok: false });
  });

  it('by a person at any time, who begins anew', () => {
    makeSuspicious();
    for (let n = 1; n < 4; n += 1) {
      expect(world.resume('person')).toMatchObject({ ok: true, health: { state: 'at_risk' } });
      world.fate(10 * n, REFUSED);
      expect(world.state).toBe('at_risk');
      world.fate(10 * n + 1, REFUSED);
      expect(world.state).toBe('suspicious');
    }
  });
});

describe('sign (c): sent, and not delivered for an hour', () => {
  const send = (n: number, outcome = SENT) => {
    const message = world.one(person(n), world.freshText());
    world.hand(message);
    world.ends(message, outcome);
    return message;
  };

  it('three put the sender at risk, one or two do not; a thousand never make it suspicious', () => {
    send(1);
    send(2);
    world.live(3 * HOUR);
    expect(world.state).toBe('healthy');
    send(3);
    world.live(58 * MINUTE);
    expect(world.state).toBe('healthy');
    world.live(3 * MINUTE);
    expect(world.state).toBe('at_risk');
    expect(world.reason).toMatch(/^messages to …1001, …1002 and …1003 were not delivered within an hour, seen at /);
    for (let n = 4; n < 60; n += 1) send(n);
    world.live(3 * HOUR);
    expect(world.state).toBe('at_risk');
  });

  it('counts distinct recipients', () => {
    for (let n = 0; n < 6; n += 1) send(1);
    world.live(2 * HOUR);
    expect(world.state).toBe('healthy');
  });

  it('a later delivery takes it back, also days after; who has others that are late stays late', () => {
    const messages = [send(1), send(2), send(3)];
    const second = send(3);
    world.live(2 * HOUR);
    expect(world.state).toBe('at_risk');
    world.live(2 * DAY);
    world.ends(messages[2] ?? '', DELIVERED);
    expect(world.state).toBe('at_risk');
    world.ends(second, DELIVERED);
    expect(world.state).toBe('healthy');
    expect(world.told).toEqual(['at_risk', 'healthy']);
  });

  it('a delivery does not take back what else speaks against the sender', () => {
    world.fate(9, REFUSED);
    const messages = [send(1), send(2), send(3)];
    world.live(2 * HOUR);
    for (const message of messages) world.ends(message, DELIVERED);
    expect(world.state).toBe('at_risk');
  });

  it('says nothing where there are no receipts: groups, text messages, or service unknown', () => {
    for (let n = 1; n < 5; n += 1) send(n, { state: 'sent', service: 'SMS' });
    for (let n = 5; n < 9; n += 1) send(n, { state: 'sent' });
    for (let n = 0; n < 4; n += 1) {
      const group = { kind: 'group' as const, chat: `group:${n}`, members: [person(20), person(21)] };
      const message = world.one(group, world.freshText());
      world.hand(message);
      world.ends(message, SENT);
    }
    world.live(3 * HOUR);
    expect(world.state).toBe('healthy');
  });

  it.each([
    ['the Mac slept', (w: SenderWorld) => w.clock.advance(9 * HOUR)],
    ['the Mac slept, on a clock that does not count sleep', (w: SenderWorld) => w.clock.jumpWall(9 * HOUR)],
    [
      'the network was away',
      (w: SenderWorld) => {
        w.watching = false;
        w.live(9 * HOUR);
        w.watching = true;
      },
    ],
  ])('does not count time in which %s, and gives receipts ten minutes to come in', (_what, pass) => {
    const messages = [send(1), send(2), send(3), send(4)];
    world.live(50 * MINUTE);
    pass(world);
    world.live(9 * MINUTE);
    expect(world.state).toBe('healthy');
    for (const message of messages.slice(0, 2)) world.ends(message, DELIVERED);
    world.live(HOUR);
    expect(world.state).toBe('healthy');
  });

  it('survives a restart, and the time in which nothing ran does not count', async () => {
    for (let n = 1; n < 4; n += 1) send(n);
    world.live(40 * MINUTE);
    await world.restart();
    world.clock.advance(5 * HOUR);
    await world.restart();
    world.live(10 * MINUTE);
    expect(world.state).toBe('healthy');
    world.live(20 * MINUTE);
    expect(world.state).toBe('at_risk');
    await world.restart();
    expect(world.state).toBe('at_risk');
  });
});

describe('the probe', () => {
  /** Reached lately, and not lately. */
  const [KNOWN, KNOWN_TOO, LONG_AGO, STRANGER] = [1, 2, 3, 4];
  const waiting = { stranger: '', longAgo: '', marketing: '', first: '', second: '' };

  beforeEach(() => {
    world.fate(LONG_AGO, DELIVERED);
    world.clock.advance(8 * DAY);
    world.fate(KNOWN, DELIVERED);
    world.fate(KNOWN_TOO, DELIVERED);
    makeSuspicious();
    waiting.stranger = world.one(person(STRANGER), ownText(80));
    waiting.longAgo = world.one(person(LONG_AGO), ownText(81));
    world.history.set(person(KNOWN), { at: 1, fromMe: false, text: 'any offers?', tapback: false });
    waiting.marketing = world.one(person(KNOWN), ownText(82), { category: 'marketing' });
    waiting.first = world.one(person(KNOWN), ownText(83));
    waiting.second = world.one(person(KNOWN_TOO), ownText(84));
  });

  it('after 24 hours: the first waiting one, not marketing, to somebody reached within 7 days, alone', () => {
    world.clock.advance(DAY - MINUTE);
    expect(world.next()).toBeNull();
    world.clock.advance(MINUTE);
    expect(world.next()).toBe(waiting.first);
    world.hand(waiting.first);
    expect(world.next()).toBeNull();
    world.ends(waiting.first, SENT);
    world.clock.advance(HOUR);
    expect(world.next()).toBeNull();
    world.ends(waiting.first, DELIVERED);
    expect(world.state).toBe('at_risk');
    expect(world.reason).toMatch(/^a message to …1001, sent to try, was delivered at /);
    expect(world.told.at(-1)).toBe('at_risk');
    expect(world.next()).toBe(waiting.stranger);
  });

  it('not delivered: remains, and the next after another 24 hours', () => {
    world.clock.advance(DAY);
    world.hand(world.next() ?? '');
    world.ends(waiting.first, REFUSED);
    expect(world.state).toBe('suspicious');
    world.clock.advance(DAY - MINUTE);
    expect(world.next()).toBeNull();
    world.clock.advance(MINUTE);
    expect(world.next()).toBe(waiting.second);
    world.hand(waiting.second);
    world.ends(waiting.second, DELIVERED);
    expect(world.state).toBe('at_risk');
  });

  it('one that never left shows nothing: it may be tried again', () => {
    world.clock.advance(DAY);
    world.hand(waiting.first);
    world.ends(waiting.first, { state: 'failed' });
    expect(world.next()).toBe(waiting.second);
  });

  it('no second one by a restart in the middle, a reboot, or a clock that is set forward', async () => {
    world.clock.advance(DAY);
    world.hand(waiting.first);
    world.ends(waiting.first, SENT);
    world.clock.jumpWall(3 * DAY);
    expect(world.next()).toBeNull();
    await world.restart();
    expect(world.next()).toBeNull();
    world.clock.reboot();
    await world.restart();
    expect(world.next()).toBeNull();
    world.ends(waiting.first, DELIVERED);
    expect(world.state).toBe('at_risk');
  });

  it('another delivery, of a reply, does not open the sender', () => {
    world.clock.advance(DAY);
    world.inbound(person(5), 'hello?');
    const reply = world.one(person(5), 'Hello!');
    world.hand(reply);
    world.ends(reply, DELIVERED);
    expect(world.state).toBe('suspicious');
    expect(world.next()).toBe(waiting.first);
  });

  it('is looked for without a search for near texts among those that a simple rule holds back', () => {
    for (let n = 0; n < 40; n += 1) world.one(person(KNOWN), ownText(200 + n));
    world.clock.advance(DAY);
    for (const message of [waiting.first, waiting.second]) world.gate.remove(message);
    // As much to one as may go within a minute.
    for (let n = 0; n < 30; n += 1) world.ownHand([person(KNOWN)], ownText(300 + n));
    const search = vi.spyOn(NearIndex.prototype, 'near');
    expect(world.next()).toBeNull();
    expect(search).not.toHaveBeenCalled();
    search.mockRestore();
    world.clock.advance(MINUTE);
    expect(world.next()).not.toBeNull();
  });

  it('is looked for bit by bit among many that keep their distance, and nothing new begins that anew', () => {
    const text = 'The big sale is on, come by this week and take what you like.';
    world.clock.advance(DAY);
    for (const message of [waiting.first, waiting.second]) world.gate.remove(message);
    world.ownHand([person(50)], text);
    for (let n = 0; n < 60; n += 1) world.one(person(KNOWN), `${text} ${ownText(600 + n).slice(0, 6)}`);
    const last = world.one(person(KNOWN_TOO), ownText(400));
    let searches = 0;
    const { near } = NearIndex.prototype;
    const slow = vi.spyOn(NearIndex.prototype, 'near').mockImplementation(function (
      this: NearIndex<unknown>,
      ...asked
    ) {
      searches += 1;
      world.clock.advance(1);
      return near.apply(this, asked) as ReturnType<typeof near>;
    });
    let looks = 0;
    for (let found: string | null = null; found === null; looks += 1) {
      const before = searches;
      const pick = world.gate.pick();
      expect(searches - before, 'of one look').toBeLessThan(30);
      if (pick.kind === 'idle') expect(pick.wakeInMs).toBeLessThanOrEqual(1_000);
      found = pick.kind === 'go' ? pick.message : null;
      if (found !== null) expect(found).toBe(last);
      world.clock.advance(100);
      world.one(person(STRANGER), ownText(500 + looks));
      expect(looks).toBeLessThan(100);
    }
    slow.mockRestore();
    expect(looks).toBeGreaterThan(2);
  });

  it('is none while the sender is paused, and none to whom an opt-out closes', () => {
    world.clock.advance(DAY);
    world.gate.pause('lunch');
    expect(world.next()).toBeNull();
    world.resume('command');
    makeSuspicious();
    world.clock.advance(DAY);
    world.inbound(person(KNOWN), 'STOP');
    expect(world.next()).toBe(waiting.second);
  });
});

it('a rolled-back transaction leaves nothing behind: no sign, no late one, no suspected text', () => {
  const TEXT = 'The kiln is free again on Thursday, bring your bowls and cups along.';
  world.fate(1, REFUSED, TEXT);
  world.fate(3, DELIVERED);
  const message = world.one(person(2), TEXT);
  world.hand(message);
  expect(world.suspected).toEqual([]);
  expect(() =>
    world.store.db.transaction(() => {
      world.gate.outcome(message, REFUSED);
      world.gate.tend();
      expect(world.suspected).toHaveLength(1);
      expect(world.admit(person(9), TEXT)).toMatchObject({ ok: false });
      throw new Error('the disk is full');
    }),
  ).toThrow('the disk is full');
  world.gate.load();
  expect(world.state).toBe('at_risk');
  expect(world.reason).toContain('…1001');
  expect(world.admit(person(9), TEXT)).toMatchObject({ ok: true });
  world.ends(message, REFUSED);
  expect(world.admit(person(9), TEXT)).toMatchObject({ ok: false });
});

it('what many get is no probe, whatever category is claimed', () => {
  const text = 'The big sale is on, come by this week and take what you like.';
  world.fate(1, DELIVERED);
  makeSuspicious();
  world.clock.advance(DAY - HOUR);
  for (let n = 10; n < 21; n += 1) world.ownHand([person(n)], text);
  world.clock.advance(HOUR);
  const many = world.one(person(1), text, { category: 'transactional' });
  expect(world.next()).toBeNull();
  const one = world.one(person(1), ownText(1));
  expect(world.next()).toBe(one);
  expect(world.gate.holdOf(many)).toMatchObject({ rule: 'sender_suspicious' });
});
