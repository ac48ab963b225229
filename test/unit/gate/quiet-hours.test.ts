/** Quiet hours: whose clock counts, days of 23 and 25 hours, and attempts to get round them. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QuietHours } from '../../../daemon/gate/quiet-hours.ts';
import { GateWorld, person } from './gate-world.ts';
import { loner } from './letters.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NIGHT = { from: 21, to: 8, time_zone: null };
const at = (iso: string) => Date.parse(iso);

describe('the hours themselves', () => {
  const hours = new QuietHours(() => NIGHT, 'UTC');

  it.each([
    ['20:59:59.999 is not quiet yet', '2026-11-24T20:59:59.999Z', null, null],
    ['from 21:00 on until 8:00 of the next day', '2026-11-24T21:00:00Z', null, '2026-11-25T08:00:00Z'],
    ['after midnight until 8:00 of this day', '2026-11-25T00:30:00Z', null, '2026-11-25T08:00:00Z'],
    ['8:00 is not quiet any more', '2026-11-25T08:00:00Z', null, null],
    ['in the zone of the recipient', '2026-11-24T20:30:00Z', 'Europe/Berlin', '2026-11-25T07:00:00Z'],
    ['in a zone of half hours', '2026-11-24T16:00:00Z', 'Asia/Kolkata', '2026-11-25T02:30:00Z'],
    ['in a zone of quarters', '2026-11-24T16:00:00Z', 'Asia/Kathmandu', '2026-11-25T02:15:00Z'],
    ['a night of ten hours, when clocks go forward', '2027-03-27T21:00:00Z', 'Europe/Berlin', '2027-03-28T06:00:00Z'],
    ['a night of twelve, when they go back', '2026-10-24T19:00:00Z', 'Europe/Berlin', '2026-10-25T07:00:00Z'],
    ['in New York as well', '2027-03-14T02:00:00Z', 'America/New_York', '2027-03-14T12:00:00Z'],
    ['across the date line', '2026-11-24T08:30:00Z', 'Pacific/Auckland', '2026-11-24T19:00:00Z'],
  ])('%s', (_, now, zone, end) => {
    expect(hours.endOf(at(now), zone)).toBe(end === null ? null : at(end));
  });

  it('an end that is left out when clocks go forward is the next moment that there is', () => {
    const short = new QuietHours(() => ({ from: 21, to: 2, time_zone: null }), 'Europe/Berlin');
    expect(short.endOf(at('2027-03-27T22:00:00Z'), null)).toBe(at('2027-03-28T01:00:00Z'));
  });

  it('an hour that comes twice is quiet both times only if it is', () => {
    const short = new QuietHours(() => ({ from: 21, to: 2, time_zone: null }), 'Europe/Berlin');
    expect(short.endOf(at('2026-10-25T00:30:00Z'), null), '2:30 the first time').toBeNull();
  });

  it('can be switched off, and follow the policy without a restart', () => {
    const policy = { from: 24, to: 0, time_zone: null as string | null };
    const live = new QuietHours(() => policy, 'UTC');
    expect(live.endOf(at('2026-11-24T23:00:00Z'), null)).toBeNull();
    policy.from = 20;
    expect(live.endOf(at('2026-11-24T20:00:00Z'), null)).toBe(at('2026-11-25T00:00:00Z'));
    policy.time_zone = 'Asia/Tokyo';
    expect(live.endOf(at('2026-11-24T11:00:00Z'), null)).toBe(at('2026-11-24T15:00:00Z'));
  });

  it('end at the first moment that is not quiet there, in every zone and at every time', () => {
    const zones = [
      'UTC',
      'Europe/Berlin',
      'America/St_Johns',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'America/Sao_Paulo',
    ];
    const time = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2028-01-01T00:00:00Z') });
    const isQuiet = (when: number, zone: string) => {
      const hour = Number(new Date(when).toLocaleTimeString('en-GB', { timeZone: zone }).slice(0, 2));
      return hour >= 21 || hour < 8;
    };
    fc.assert(
      fc.property(fc.array(fc.tuple(time, fc.constantFrom(...zones)), { minLength: 1, maxLength: 5 }), (asked) => {
        const one = new QuietHours(() => NIGHT, 'UTC');
        for (const [when, zone] of asked) {
          const end = one.endOf(when, zone);
          expect(end !== null).toBe(isQuiet(when, zone));
          if (end === null) continue;
          expect(isQuiet(end, zone)).toBe(false);
          expect(isQuiet(end - 1, zone)).toBe(true);
          expect(end - when).toBeLessThanOrEqual(12 * HOUR);
        }
      }),
    );
  });
});

describe('marketing at night', () => {
  let world: GateWorld;

  /** At so many hours of the day (UTC), with people who wrote first long ago. */
  function night(hour: number, o: ConstructorParameters<typeof GateWorld>[0] = {}): void {
    world = new GateWorld({ rules: 'default', kind: 'dedicated', ...o });
    for (let n = 1; n <= 30; n += 1) world.inbound(person(n), 'do you have offers?');
    world.clock.advance((hour - 9) * HOUR);
  }

  beforeEach(() => night(22));
  afterEach(() => world.close());

  it('is held until the morning, and then goes: never lost', () => {
    const admission = world.admit(person(1), loner(1), { category: 'marketing' });
    const until = at('2026-11-25T08:00:00Z');
    expect(admission).toEqual({
      ok: true,
      verdicts: [
        {
          kind: 'hold',
          reply: false,
          hold: {
            until,
            rule: 'quiet_hours',
            evidence: { words: 'Waits until 2026-11-25 08:00:00: marketing does not go between 21:00 and 8:00.' },
          },
        },
      ],
    });
    const held = world.one(person(1), loner(1), { category: 'marketing' });
    expect(world.drain()).toEqual([]);
    world.clock.advance(10 * HOUR - 1);
    expect(world.drain()).toEqual([]);
    world.clock.advance(1);
    expect(world.drain()).toEqual([held]);
  });

  it('what is no marketing, and replies, go at any hour', () => {
    world.one(person(1), loner(1), { category: 'conversational' });
    world.one(person(1), loner(2), { category: 'transactional' });
    world.inbound(person(2), 'any offers now?');
    world.one(person(2), loner(3), { category: 'marketing' });
    expect(world.drain()).toHaveLength(3);
  });

  it('by the clock of its recipient where the message names one', () => {
    const sooner = world.one(person(1), loner(1), { category: 'marketing', timeZone: 'America/New_York' });
    expect(world.drain()).toEqual([sooner]);
    const later = world.admit(person(2), loner(2), { category: 'marketing', timeZone: 'Pacific/Honolulu' });
    expect(later).toMatchObject({ verdicts: [{ kind: 'go' }] });
    const east = world.admit(person(2), loner(2), { category: 'marketing', timeZone: 'Asia/Tokyo' });
    expect(east).toMatchObject({
      verdicts: [
        {
          hold: {
            until: at('2026-11-24T23:00:00Z'),
            evidence: { words: 'Waits until 23:00:00: marketing does not go between 21:00 and 8:00 in Asia/Tokyo.' },
          },
        },
      ],
    });
  });

  it('with pacing "reject", or an end before the morning, is refused with the code and the time', () => {
    const o = { category: 'marketing' as const };
    expect(world.admit(person(1), loner(1), { ...o, pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'quiet_hours', retryable: true, retryAfterMs: 10 * HOUR },
    });
    expect(world.admit(person(1), loner(1), { ...o, expiresAt: world.clock.now() + 9 * HOUR })).toMatchObject({
      verdicts: [{ kind: 'refuse', refusal: { code: 'quiet_hours', retryAfterMs: 10 * HOUR } }],
    });
  });

  it('a row of near texts goes in the morning one after the other, and each is told its own time', () => {
    const text = 'Our autumn offer: two tables for the price of one, only this week';
    const people = Array.from({ length: 4 }, (_, n) => person(n + 1));
    const admission = world.admit(people, text, { category: 'marketing' });
    const morning = at('2026-11-25T08:00:00Z');
    const untils = admission.ok ? admission.verdicts.map((one) => (one.kind === 'hold' ? one.hold.until : 0)) : [];
    expect(untils).toEqual([0, 1, 2, 3].map((n) => morning + n * MINUTE));
    world.send(people, text, { category: 'marketing' });
    world.clock.advance(10 * HOUR - MINUTE);
    const gone: number[] = [];
    for (let n = 0; n < 20; n += 1) {
      for (const _ of world.drain()) gone.push(world.clock.now());
      world.clock.advance(MINUTE / 2);
    }
    expect(gone).toEqual(untils);
  });

  it('no near text that may go waits for one that is held for the night', () => {
    const text = 'Your table for two is ready, please come to the counter';
    world.one(person(1), text, { category: 'marketing' });
    const now = world.one(person(2), text, { category: 'transactional' });
    expect(world.admit(person(3), loner(1))).toMatchObject({ verdicts: [{ kind: 'go' }] });
    expect(world.drain()).toEqual([now]);
  });

  it('waits for a slot of a cap and for the morning, whichever is later', () => {
    world.close();
    night(19, { policy: { caps: { daily_volume: 1 } } });
    world.one(person(1), loner(1));
    world.drain();
    const verdicts = () => world.admit(person(2), loner(2), { category: 'marketing' });
    expect(verdicts()).toMatchObject({
      verdicts: [{ hold: { rule: 'daily_volume', until: world.clock.now() + DAY } }],
    });
    world.clock.advance(23 * HOUR + MINUTE);
    world.clock.jumpWall(4 * HOUR);
    expect(verdicts()).toMatchObject({
      verdicts: [{ hold: { rule: 'quiet_hours', until: at('2026-11-26T08:00:00Z') } }],
    });
  });
});

describe('attempts to get round the night', () => {
  let world: GateWorld;
  afterEach(() => world.close());

  const text = 'Your parcel is on its way, it will be with you tomorrow morning';

  function bulk(o: ConstructorParameters<typeof GateWorld>[0] = {}, people = 30): void {
    world = new GateWorld({
      rules: 'default',
      kind: 'dedicated',
      policy: { caps: { new_contacts_hour: 100 } },
      ...o,
    });
    for (let n = 1; n <= people; n += 1) world.inbound(person(n), 'when does it come?');
    world.clock.advance(11 * HOUR + 50 * MINUTE);
  }

  /** Lets a row of near texts run until the hour comes. */
  function until(iso: string): number {
    let gone = 0;
    while (world.clock.now() < at(iso)) {
      gone += world.drain().length;
      world.clock.advance(MINUTE);
    }
    return gone;
  }

  it('a text to more than 10 people is marketing, whatever its category says', () => {
    bulk();
    for (let n = 1; n <= 20; n += 1) world.one(person(n), text, { category: 'transactional' });
    // 20:50 to 21:01, the row goes on past nine until eleven have got it.
    expect(until('2026-11-24T23:00:00Z')).toBe(11);
    const waiting = [...world.waiting.keys()];
    expect(waiting).toHaveLength(9);
    expect(world.gate.holdOf(waiting[0] ?? '')).toMatchObject({
      rule: 'quiet_hours',
      until: at('2026-11-25T08:00:00Z'),
      evidence: {
        words: 'Waits until 2026-11-25 08:00:00: a text to more than 10 people does not go between 21:00 and 8:00.',
      },
    });
    expect(until('2026-11-25T08:00:00Z')).toBe(0);
    expect(until('2026-11-25T09:00:00Z')).toBe(9);
  });

  it('nor does another wording of it help, nor a restart', async () => {
    bulk();
    for (let n = 1; n <= 20; n += 1) world.one(person(n), `Hi Ann${n}! ${text}`);
    expect(until('2026-11-24T22:00:00Z')).toBe(11);
    await world.restart();
    expect(until('2026-11-25T08:00:00Z')).toBe(0);
  });

  it('unless this Mac’s own file allows it', () => {
    bulk({ policy: { bulk_transactional: 'allow', caps: { new_contacts_hour: 100 } } });
    for (let n = 1; n <= 20; n += 1) world.one(person(n), text, { category: 'transactional' });
    expect(until('2026-11-24T23:00:00Z')).toBe(20);
  });

  it('it goes to those who got it before only if there were more than 10 others', () => {
    bulk();
    for (let n = 1; n <= 11; n += 1) world.one(person(n), text);
    until('2026-11-24T21:30:00Z');
    expect(world.waiting.size).toBe(0);
    const again = world.one(person(1), text);
    expect(world.drain(), 'ten others got it').toEqual([again]);
    world.clock.advance(2 * MINUTE);
    world.one(person(12), text);
    expect(world.drain(), 'eleven others got it').toEqual([]);
  });
});
