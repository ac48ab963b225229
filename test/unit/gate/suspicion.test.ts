/** Texts that are taken for junk: how one becomes suspected, what that does, and tries to get round it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { person } from './gate-world.ts';
import { DAY, DELIVERED, HOUR, MINUTE, NOBODY, ownText, REFUSED, SenderWorld, SWALLOWED } from './sender-world.ts';

let world: SenderWorld;
beforeEach(() => {
  world = new SenderWorld();
});
afterEach(() => world.close());

const TEXT = 'Hi Ann, the new catalogue is here: forty pages of lamps, from 12 euro on. Have a look!';
const NEAR = 'Hi Bob, the new catalogue is here: forty pages of lamps, from 15 euro on. Have a look!';
const OTHER = 'The doctor is ill today; we will call you for another appointment.';

const JUNK = { ok: false, refusal: { code: 'text_suspected_junk', rule: 'suspected_text', retryable: false } };

/** Two did not get it, and another text got through. */
function suspect(): void {
  world.fate(1, REFUSED, TEXT);
  world.fate(3, DELIVERED, OTHER);
  world.fate(2, SWALLOWED, NEAR);
  expect(world.suspected).toHaveLength(1);
}

describe('a text becomes suspected', () => {
  it('when two recipients of near texts were not reached while another text got through', () => {
    const first = world.fate(1, REFUSED, TEXT);
    world.fate(3, DELIVERED, OTHER);
    expect(world.suspected).toEqual([]);
    const second = world.fate(2, SWALLOWED, NEAR);
    expect(world.suspected).toEqual([
      {
        messages: [first, second],
        cause: 'errors',
        people: 2,
        since: world.clock.now(),
        until: world.clock.now() + 30 * DAY,
        words: expect.stringMatching(
          /^A text seems to be taken for junk since 2026-11-24 09:09:00: messages with it to …1001 and …1002 were not delivered, while another text got through\./,
        ),
        remedy: expect.stringContaining('text.block'),
      },
    ]);
    expect(JSON.stringify(world.suspected)).not.toMatch(/catalogue|\+1415/);
    for (const text of [TEXT, NEAR]) expect(world.admit(person(9), text)).toMatchObject(JUNK);
    expect(world.admit(person(9), OTHER)).toMatchObject({ ok: true });
  });

  it('also when the other text, a reply, gets through after both', () => {
    world.fate(1, REFUSED, TEXT);
    world.fate(2, REFUSED, NEAR);
    expect(world.suspected).toEqual([]);
    world.inbound(person(5), 'hello?');
    const reply = world.one(person(5), OTHER);
    world.hand(reply);
    world.ends(reply, DELIVERED);
    expect(world.suspected).toHaveLength(1);
  });

  it('over restarts in the middle', async () => {
    world.fate(1, REFUSED, TEXT);
    await world.restart();
    world.fate(3, DELIVERED, OTHER);
    await world.restart();
    world.fate(2, REFUSED, NEAR);
    expect(world.suspected).toHaveLength(1);
  });

  it('when many got it: also if the relay ends while it still looks through what went out', async () => {
    for (let n = 10; n < 21; n += 1) world.fate(n, DELIVERED, n % 2 ? TEXT : NEAR);
    for (let n = 30; n < 40; n += 1) world.fate(n, DELIVERED, OTHER);
    let looks = 0;
    const mono = world.clock.mono.bind(world.clock);
    // Each look at the clock takes a while: one round does not do.
    world.clock.mono = () => mono() + 3 * looks++;
    world.fate(1, REFUSED);
    world.fate(2, REFUSED);
    world.clock.mono = mono;
    expect(world.state).toBe('suspicious');
    expect(world.suspected).toEqual([]);
    await world.restart();
    world.live(MINUTE);
    expect(world.suspected).toMatchObject([{ cause: 'volume', people: 11 }]);
  });

  it('not by one recipient who fails many times, under however many ids', () => {
    for (let n = 0; n < 4; n += 1) {
      world.fate(1, REFUSED, TEXT);
      world.fate(3, DELIVERED);
      world.clock.advance(10 * MINUTE);
    }
    expect(world.suspected).toEqual([]);
  });

  const ends = (...fates: Parameters<SenderWorld['fate']>[]) => {
    for (const fate of fates) world.fate(...fate);
  };

  it.each([
    ['nothing else got through', () => ends([2, REFUSED, NEAR])],
    ['only a near text got through', () => ends([3, DELIVERED, NEAR], [2, REFUSED, NEAR])],
    ['the texts are not near', () => ends([3, DELIVERED, OTHER], [2, REFUSED])],
    [
      'the network failed',
      () => ends([3, DELIVERED, OTHER], [2, { ...REFUSED, meaning: 'network', appleError: 9 }, NEAR]),
    ],
    [
      'it lies more than a day apart',
      () => {
        ends([3, DELIVERED, OTHER]);
        world.live(25 * HOUR);
        ends([2, REFUSED, NEAR]);
      },
    ],
  ])('not if %s', (_what, then) => {
    world.fate(1, REFUSED, TEXT);
    then();
    expect(world.suspected).toEqual([]);
    expect(world.admit(person(9), TEXT)).toMatchObject({ ok: true });
  });

  it('not if it is too short to be told from others', () => {
    world.fate(1, REFUSED, 'See you soon');
    world.fate(3, DELIVERED, OTHER);
    world.fate(2, REFUSED, 'See you soon');
    expect(world.suspected).toEqual([]);
  });

  it('when more than ten people got it as the sender turned suspicious, though other texts were the ones that failed', () => {
    for (let n = 10; n < 21; n += 1) world.fate(n, DELIVERED, n % 2 ? TEXT : NEAR);
    for (let n = 30; n < 40; n += 1) world.fate(n, DELIVERED, OTHER);
    world.fate(1, REFUSED);
    expect(world.suspected).toEqual([]);
    world.fate(2, REFUSED);
    expect(world.state).toBe('suspicious');
    expect(world.suspected).toMatchObject([{ cause: 'volume', people: 11, messages: [expect.any(String)] }]);
    expect(world.admit(person(9), TEXT)).toMatchObject(JUNK);
    expect(world.admit(person(9), OTHER)).toMatchObject({ ok: true });
  });
});

describe('a suspected text', () => {
  it('is refused over a restart, for 30 days, whatever the wall clock says', async () => {
    suspect();
    await world.restart();
    expect(world.admit(person(9), TEXT)).toMatchObject(JUNK);
    world.clock.jumpWall(40 * DAY);
    await world.restart();
    expect(world.admit(person(9), TEXT)).toMatchObject(JUNK);
    world.live(29 * DAY);
    expect(world.admit(person(9), NEAR)).toMatchObject(JUNK);
    world.live(DAY);
    expect(world.admit(person(9), TEXT)).toMatchObject({ ok: true });
    await world.restart();
    expect(world.store.db.sql('SELECT count(*) AS n FROM gate_suspected').get()).toEqual({ n: 0 });
  });

  it('is refused right before dispatch where it waits already', () => {
    const later = world.one(person(8), TEXT, { notBefore: world.clock.now() + 2 * HOUR });
    suspect();
    world.resume('person');
    world.clock.advance(3 * HOUR);
    expect(world.gate.pick()).toMatchObject({ kind: 'refuse', message: later, refusal: JUNK.refusal });
  });

  it('goes as a reply', () => {
    suspect();
    world.inbound(person(9), 'send me the list');
    const reply = world.one(person(9), TEXT);
    expect(world.next()).toBe(reply);
    expect(world.admit([person(9), person(10)], TEXT)).toMatchObject({
      ok: true,
      verdicts: [
        { kind: 'go', reply: true },
        { kind: 'refuse', refusal: JUNK.refusal },
      ],
    });
  });

  it('is refused whatever category or pacing is claimed, and is no probe', () => {
    world.fate(7, DELIVERED);
    const waiting = world.one(person(7), TEXT, { notBefore: world.clock.now() + HOUR });
    suspect();
    for (const category of ['conversational', 'transactional', 'marketing'] as const)
      for (const pacing of ['queue', 'reject'] as const)
        expect(world.admit(person(9), TEXT, { category, pacing })).toMatchObject(JUNK);
    world.fate(20, REFUSED);
    expect(world.state).toBe('suspicious');
    world.clock.advance(DAY);
    expect(world.next()).toBeNull();
    expect(world.gate.holdOf(waiting)).not.toBeNull();
  });

  it('is said in one sentence, with who, when and how alike', () => {
    suspect();
    const answer = world.admit(person(9), TEXT.replace('Have a look!', 'Look!'));
    expect(answer.ok ? '' : answer.refusal.words).toMatch(
      /^A text near to this one \(\d+ % alike\) seems to be taken for junk since 09:09:00: messages with it to …1001 and …1002 were not delivered, while another text got through\. It is refused until about 2026-12-24 09:09:00; write another, or lift it with text\.clear\.$/,
    );
  });

  it('and no text is on the disk, nor a fingerprint without this key', () => {
    suspect();
    world.block(OTHER, 'seen on mac-2');
    world.store.db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    const rows = world.store.db.sql<{ fingerprint: Uint8Array }>('SELECT fingerprint FROM gate_suspected').all();
    expect(rows).toHaveLength(2);
    for (const { fingerprint } of rows)
      expect(Buffer.from(fingerprint).toString('latin1')).not.toMatch(/catalogue|doctor/);
  });
});

describe('text.block and text.clear', () => {
  it('carry it from another Mac, and lift it again', () => {
    expect(world.block(TEXT, 'mac-2 could not deliver it')).toEqual({
      ok: true,
      detail: { until: world.clock.now() + 30 * DAY },
    });
    const answer = world.admit(person(9), NEAR);
    expect(answer).toMatchObject(JUNK);
    expect(answer.ok ? '' : answer.refusal.words).toContain('the controller says: mac-2 could not deliver it');
    expect(world.suspected).toEqual([]);
    expect(world.clear(NEAR)).toEqual({ ok: true, detail: { cleared: 1 } });
    expect(world.admit(person(9), TEXT)).toMatchObject({ ok: true });
    expect(world.clear(NEAR)).toEqual({ ok: true, detail: { cleared: 0 } });
    for (let n = 0; n < 5; n += 1) {
      world.block(TEXT);
      expect(world.clear(TEXT)).toMatchObject({ ok: true });
    }
  });

  it('the same text blocked again is one', () => {
    for (let n = 0; n < 3; n += 1) world.block(TEXT);
    expect(world.clear(TEXT)).toEqual({ ok: true, detail: { cleared: 1 } });
  });

  it('what the relay itself found the controller lifts once in 24 hours, a person at any time: a loop gains nothing', async () => {
    suspect();
    expect(world.clear(TEXT)).toEqual({ ok: true, detail: { cleared: 1 } });
    world.resume('person');
    world.fate(11, REFUSED, TEXT);
    world.fate(13, DELIVERED, OTHER);
    world.fate(12, REFUSED, TEXT);
    expect(world.suspected).toHaveLength(2);
    world.clock.jumpWall(3 * DAY);
    await world.restart();
    expect(world.clear(TEXT)).toMatchObject({
      ok: false,
      refusal: { code: 'text_suspected_junk', retryable: true, retryAfterMs: DAY - 9 * MINUTE },
    });
    expect(world.admit(person(9), TEXT)).toMatchObject(JUNK);
    expect(world.clear(TEXT, 'person')).toMatchObject({ ok: true });
    expect(world.admit(person(9), TEXT)).toMatchObject({ ok: true });
  });

  it('after a clear the old failures do not make it suspected again', () => {
    suspect();
    world.clear(TEXT);
    world.fate(3, DELIVERED, ownText(1));
    expect(world.suspected).toHaveLength(1);
  });

  it('a clear before anything was found forgets no failure', () => {
    world.fate(1, NOBODY, TEXT);
    world.fate(2, NOBODY, TEXT);
    world.one(person(3), TEXT);
    world.clock.advance(HOUR);
    expect(world.next()).toBe(null);
    expect(world.clear(TEXT)).toEqual({ ok: true, detail: { cleared: 0 } });
    world.clock.advance(MINUTE);
    expect(world.next()).toBe(null);
    world.fate(4, DELIVERED, OTHER);
    world.fate(5, REFUSED, NEAR);
    expect(world.clear(NEAR)).toMatchObject({ ok: true });
    world.fate(6, DELIVERED, OTHER);
    world.fate(7, REFUSED, TEXT);
    world.fate(8, DELIVERED, ownText(8));
    expect(world.suspected).toHaveLength(1);
  });

  it('a person lists them by number, blocks one, which no controller lifts, and lifts any', async () => {
    world.block(TEXT, 'so it is elsewhere');
    expect(world.block(OTHER, 'it was complained about', 'person')).toMatchObject({ ok: true });
    expect(world.block(OTHER, undefined, 'person')).toMatchObject({ ok: true });
    await world.restart();
    world.live(DAY);
    const list = () => world.gate.refusedTexts();
    expect(list()).toMatchObject([
      { source: 'command', reason: 'the controller says: so it is elsewhere' },
      { source: 'person', reason: 'a person at this Mac blocked it' },
    ]);
    // Lived time lags behind after a restart: it is refused rather longer.
    for (const { since, until } of list()) expect(until - since).toBeGreaterThanOrEqual(30 * DAY);
    expect(JSON.stringify(world.admit(person(9), OTHER))).toContain('let a person at this Mac lift it.');
    expect(world.clear(OTHER)).toMatchObject({
      ok: false,
      refusal: { code: 'text_suspected_junk', retryable: false, words: expect.stringContaining('only a person') },
    });
    expect(world.admit(person(9), OTHER)).toMatchObject(JUNK);
    const byNumber = (number: number) => world.store.db.transaction(() => world.gate.clearNumbered(number));
    const [first, second] = list().map(({ number }) => number);
    expect(byNumber(second ?? 0)).toEqual({ ok: true, detail: { cleared: 1 } });
    expect(world.admit(person(9), OTHER)).toMatchObject({ ok: true });
    expect(byNumber(second ?? 0)).toMatchObject({ ok: false, refusal: { code: 'not_found' } });
    expect(list().map(({ number }) => number)).toEqual([first]);
    world.live(30 * DAY);
    expect(list()).toEqual([]);
  });

  it('a flood of blocks pushes nothing out that was found here', () => {
    suspect();
    let refused = 0;
    for (let n = 0; n < 260; n += 1) if (!world.block(ownText(n)).ok) refused += 1;
    expect(refused).toBe(60);
    expect(world.admit(person(9), TEXT)).toMatchObject(JUNK);
  });

  it('a text too short to be told from others is not blocked', () => {
    expect(world.block('See you')).toMatchObject({ ok: false, refusal: { code: 'bad_request' } });
  });

  it('looking for one among hundreds costs little', () => {
    for (let n = 0; n < 200; n += 1) world.block(ownText(n));
    const texts = Array.from({ length: 200 }, (_, n) => ownText(1_000 + n));
    for (const text of texts) world.admit(person(9), text);
    const start = performance.now();
    for (const text of texts) world.admit(person(9), text);
    expect((performance.now() - start) / texts.length).toBeLessThan(2);
  });
});

describe('new contacts who cannot be reached', () => {
  it('after two in a row their text waits: not a third gets it', () => {
    world.fate(1, NOBODY, TEXT);
    expect(world.admit(person(3), TEXT)).toMatchObject({ ok: true });
    world.fate(2, NOBODY, NEAR);
    const third = world.one(person(3), TEXT);
    world.clock.advance(HOUR);
    expect(world.next()).toBeNull();
    expect(world.gate.holdOf(third)).toMatchObject({
      rule: 'new_contacts_unreached',
      evidence: {
        words:
          'Waits until about 2026-11-25 09:06:00, or until anything is delivered to anybody: …1001 and …1002, new contacts, could not be reached with a near-same text, the last at 09:06:00.',
      },
    });
    const other = world.one(person(4), OTHER);
    expect(world.next()).toBe(other);
  });

  it('the wait is over when anything is delivered, or after a day, also over a restart', async () => {
    world.fate(1, NOBODY, TEXT);
    world.fate(2, NOBODY, NEAR);
    const third = world.one(person(3), TEXT);
    await world.restart();
    world.clock.advance(2 * MINUTE);
    expect(world.next()).toBeNull();
    world.fate(9, DELIVERED);
    world.clock.advance(MINUTE);
    expect(world.next()).toBe(third);
    world.hand(third);
    world.ends(third, NOBODY);
    world.fate(4, NOBODY, NEAR);
    const fifth = world.one(person(5), TEXT);
    world.clock.advance(DAY - 2 * MINUTE);
    expect(world.next()).toBeNull();
    world.clock.advance(3 * MINUTE);
    expect(world.next()).toBe(fifth);
  });

  it('with pacing "reject" it is refused with the time, and one who fails twice is no row', () => {
    world.fate(1, NOBODY, TEXT);
    world.fate(1, NOBODY, NEAR);
    world.clock.advance(2 * MINUTE);
    expect(world.admit(person(3), TEXT, { pacing: 'reject' })).toMatchObject({ ok: true });
    world.fate(2, NOBODY, NEAR);
    world.clock.advance(2 * MINUTE);
    expect(world.admit(person(3), TEXT, { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'interval_not_kept', rule: 'new_contacts_unreached', retryAfterMs: DAY - 2 * MINUTE },
    });
  });
});
