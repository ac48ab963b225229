/** What the gate lets go, holds and refuses, on a real store. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GateWorld, person } from './gate-world.ts';

const TEXT = 'Your table for two is ready, please come to the counter';
const OTHER = 'The blue folder lies on the desk in the room behind the kitchen';
const MINUTE = 60_000;

let world: GateWorld;
beforeEach(() => {
  world = new GateWorld();
});
afterEach(() => world.close());

const next = () => world.gate.pick();
const go = (message: string) => ({ kind: 'go', message });

describe('the distance between near-same texts', () => {
  it('the first goes at once, the next 60 s after it has gone, and unrelated ones wait for nothing', () => {
    const [a, b] = [world.one(person(1), TEXT), world.one(person(2), `${TEXT}!`)];
    const c = world.one(person(3), OTHER);
    expect(next()).toEqual(go(a));
    world.dispatch(a);
    expect(next()).toEqual(go(c));
    world.dispatch(c);
    world.settle(c);
    expect(next()).toMatchObject({ kind: 'idle' });
    world.clock.advance(5_000);
    world.settle(a);
    world.clock.advance(59_999);
    expect(next()).toEqual({ kind: 'idle', wakeInMs: 1 });
    world.clock.advance(1);
    expect(next()).toEqual(go(b));
  });

  it('while one is in flight no near text goes, and after 10 minutes that is a condition', () => {
    const [a] = [world.one(person(1), TEXT), world.one(person(2), TEXT)];
    world.dispatch(a);
    world.clock.advance(9 * MINUTE);
    expect(next().kind).toBe('idle');
    expect(world.health.has('send_in_flight')).toBe(false);
    world.clock.advance(MINUTE);
    expect(next().kind).toBe('idle');
    expect(world.health.has('send_in_flight')).toBe(true);
    world.settle(a);
    expect(next().kind).toBe('idle');
    expect(world.health.has('send_in_flight')).toBe(false);
  });

  it('a send that never left frees its slot; one that nobody knows of counts, and anew when it shows up', () => {
    const [a, b] = [world.one(person(1), TEXT), world.one(person(2), TEXT)];
    world.dispatch(a);
    world.settle(a, 'failed');
    expect(next()).toEqual(go(b));
    world.dispatch(b);
    world.settle(b, 'unknown');
    const c = world.one(person(3), TEXT);
    world.clock.advance(50_000);
    world.settle(b, 'sent');
    world.clock.advance(59_999);
    expect(next().kind).toBe('idle');
    world.clock.advance(1);
    expect(next()).toEqual(go(c));
  });

  it('grows with the people who got it: 60 s up to 10, 90 s up to 50, 120 s above', () => {
    const gaps: number[] = [];
    for (let n = 0; n < 54; n += 1) {
      const message = world.one(person(n), TEXT);
      const start = world.clock.mono();
      while (next().kind === 'idle') world.clock.advance(1_000);
      gaps.push((world.clock.mono() - start) / 1000);
      world.dispatch(message);
      world.settle(message);
    }
    expect(gaps[0]).toBe(0);
    expect(new Set(gaps.slice(1, 11))).toEqual(new Set([60]));
    expect(new Set(gaps.slice(11, 51))).toEqual(new Set([90]));
    expect(new Set(gaps.slice(51))).toEqual(new Set([120]));
  });

  it('does not count the own recipient, forgets after 24 h, and counts a group as its members', () => {
    const members = Array.from({ length: 11 }, (_, n) => person(n));
    const group = { kind: 'group', chat: 'group:one', members } as const;
    expect(world.drain()).toEqual([]);
    world.one({ ...group, members: [...members] }, TEXT);
    expect(world.drain().length).toBe(1);
    const hold = (to: string) => world.gate.check(world.request(to, TEXT)).recipients[0]?.evidence;
    expect(hold(person(99))).toMatchObject({ near_count: 11, interval_ms: 90_000 });
    expect(hold(person(3))).toMatchObject({ near_count: 10, interval_ms: 60_000 });
    world.clock.advance(24 * 60 * MINUTE);
    expect(world.gate.check(world.request(person(99), TEXT)).request.verdict).toBe('go');
  });

  it('is longer for a young sender with few conversations, and for one at risk', async () => {
    const day = 86_400_000;
    for (const [age, talks, wanted] of [
      [null, 0, 120_000],
      [59, 0, 120_000],
      [61, 0, 90_000],
      [181, 0, 60_000],
      [10, 20, 60_000],
    ] as const) {
      const young = new GateWorld({ since: age === null ? null : world.clock.now() - age * day });
      for (let n = 0; n < talks; n += 1) {
        young.inbound(person(n), `hello ${n} there`);
        young.ownHand([person(n)], 'x');
      }
      young.clock.advance(6 * MINUTE);
      young.one(person(1), TEXT);
      young.drain();
      expect(young.gate.check(young.request(person(2), TEXT)).recipients[0]?.evidence?.interval_ms).toBe(wanted);
      await young.close();
    }
    const [a] = [world.one(person(1), OTHER), world.one(person(2), TEXT)];
    world.drain();
    world.settle(a, 'not_delivered');
    expect(world.gate.check(world.request(person(3), TEXT)).recipients[0]?.evidence?.interval_ms).toBe(120_000);
  });

  it("the owner's own hand counts, once for each row, whenever it is seen", () => {
    world.ownHand([person(1)], TEXT, world.clock.now() - 20_000);
    const message = world.one(person(2), TEXT);
    expect(next()).toEqual({ kind: 'idle', wakeInMs: 40_000 });
    world.ownHand([person(3)], TEXT, world.clock.now() - 25 * 60 * MINUTE);
    world.clock.advance(40_000);
    expect(next()).toEqual(go(message));
  });

  it('an older one that is due goes first, even if a younger one would be free', () => {
    // a is near b, b is near c, a is not near c.
    const words = 'the quick brown fox jumps over every lazy dog that sleeps beside my old wooden garden fence'.split(
      ' ',
    );
    const [ta, tb, tc] = [words.slice(0, 12), words.slice(3, 15), words.slice(6, 17)].map((part) => part.join(' '));
    const sent = world.one(person(1), ta ?? '');
    world.drain();
    const b = world.one(person(2), tb ?? '');
    const c = world.one(person(3), tc ?? '');
    expect(sent).toBeTruthy();
    expect(next()).toMatchObject({ kind: 'idle', wakeInMs: 60_000 });
    world.clock.advance(60_000);
    expect(next()).toEqual(go(b));
    world.gate.remove(b);
    expect(next()).toEqual(go(c));
  });

  it('one that is not due yet holds nobody back', () => {
    const later = world.one(person(1), TEXT, { notBefore: world.clock.now() + 30_000 });
    const now = world.one(person(2), TEXT);
    expect(world.drain()).toEqual([now]);
    world.clock.advance(60_000);
    expect(next()).toEqual(go(later));
  });
});

describe('requests', () => {
  const ten = Array.from({ length: 10 }, (_, n) => person(n));

  it('up to 10 people may be asked for at once, more only with pacing queue', () => {
    const eleven = [...ten, person(10)];
    const refused = world.admit(eleven, TEXT, { pacing: 'reject' });
    expect(refused).toMatchObject({
      ok: false,
      refusal: {
        code: 'marketing_blast',
        rule: 'blast',
        retryable: true,
        retryAfterMs: 10 * MINUTE,
        evidence: { limit: 10, used: 11 },
      },
    });
    expect(refused.ok ? '' : refused.refusal.words).toMatchInlineSnapshot(
      `"11 people at once are a blast (more than 10). With pacing "queue" they would be written to one by one, 60 s or more apart, in about 10 minutes."`,
    );
    const queued = world.admit(eleven, TEXT);
    const untils = queued.ok
      ? queued.verdicts.map((v) => (v.kind === 'hold' ? (v.hold.until - world.clock.now()) / 1000 : 0))
      : [];
    expect(untils).toEqual([0, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600]);
  });

  it('the estimate of each is when it goes', () => {
    const people = Array.from({ length: 14 }, (_, n) => person(n));
    const request = world.request(people, TEXT);
    const admission = world.gate.admit(request);
    const untils = admission.ok
      ? admission.verdicts.map((v) => (v.kind === 'hold' ? v.hold.until : world.clock.now()))
      : [];
    const ids = request.recipients.map((recipient) => world.accept(request, recipient, false));
    expect(ids.map((id) => world.gate.holdOf(id)?.until ?? world.clock.now())).toEqual(untils);
    const gone: number[] = [];
    while (gone.length < people.length) {
      for (const _ of world.drain()) gone.push(world.clock.now());
      world.clock.advance(1_000);
    }
    expect(gone).toEqual(untils);
  });

  it('replies are set aside before people are counted', () => {
    const eleven = [...ten, person(10)];
    world.inbound(person(0), 'are you there?');
    expect(world.admit(eleven, TEXT, { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'interval_not_kept' },
    });
    world.inbound(person(1), 'and you?');
    const three = world.admit([person(0), person(1), person(2)], TEXT, { pacing: 'reject' });
    expect(three).toEqual({
      ok: true,
      verdicts: [
        { kind: 'go', reply: true },
        { kind: 'go', reply: true },
        { kind: 'go', reply: false },
      ],
    });
  });

  it('pacing reject says when it would go, and is all or nothing', () => {
    world.one(person(1), TEXT);
    world.drain();
    world.clock.advance(20_000);
    expect(world.admit(person(2), TEXT, { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: {
        code: 'interval_not_kept',
        rule: 'interval',
        retryable: true,
        retryAfterMs: 40_000,
        evidence: { near_count: 1, interval_ms: 60_000 },
      },
    });
    expect(world.admit([person(2), person(3)], OTHER, { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { retryAfterMs: 60_000 },
    });
    expect(world.admit(person(2), OTHER, { pacing: 'reject' })).toEqual({
      ok: true,
      verdicts: [{ kind: 'go', reply: false }],
    });
    world.clock.advance(40_000);
    expect(world.admit(person(2), TEXT, { pacing: 'reject' }).ok).toBe(true);
  });

  it('what could only go after its end, or after a week, is refused at once', () => {
    world.one(person(1), TEXT);
    world.drain();
    const soon = world.admit([person(2), person(3)], TEXT, { expiresAt: world.clock.now() + 90_000 });
    expect(soon).toMatchObject({
      ok: true,
      verdicts: [
        { kind: 'hold' },
        { kind: 'refuse', refusal: { code: 'interval_not_kept', rule: 'expires_at', retryAfterMs: 120_000 } },
      ],
    });
    const week = 7 * 1440 * MINUTE;
    const many = Array.from({ length: 90 }, (_, n) => person(n + 100));
    for (let round = 0; round < 60; round += 1)
      world.send(
        many.map((p) => `${p}${round}`),
        OTHER,
      );
    const waits = [...world.waiting.keys()].map((id) => (world.gate.holdOf(id)?.until ?? 0) - world.clock.now());
    expect(Math.max(...waits)).toBeLessThanOrEqual(week);
    expect(Math.max(...waits)).toBeGreaterThan(week - 3 * MINUTE);
    expect(world.admit(person(1), OTHER)).toMatchObject({
      ok: true,
      verdicts: [{ kind: 'refuse', refusal: { rule: 'max_wait' } }],
    });
  });

  it('the same text for the same person under another id is a duplicate for 10 minutes', () => {
    const id = world.one(person(1), TEXT, { command: 'one' });
    const again = (o = {}) => world.admit(person(1), TEXT, { command: 'two', ...o });
    expect(again()).toMatchObject({
      ok: true,
      verdicts: [{ kind: 'refuse', refusal: { code: 'duplicate', retryable: false } }],
    });
    expect(again({ command: 'one' })).toMatchObject({ verdicts: [{ kind: 'hold' }] });
    expect(world.admit(person(2), TEXT)).toMatchObject({ verdicts: [{ kind: 'hold' }] });
    world.one(person(1), 'ok');
    expect(world.admit(person(1), 'ok')).toMatchObject({ verdicts: [{ kind: 'hold' }] });
    world.clock.advance(5 * MINUTE);
    world.drain();
    world.clock.advance(10 * MINUTE);
    expect(again()).toMatchObject({ verdicts: [{ kind: 'refuse' }] });
    world.clock.advance(1);
    expect(again()).toMatchObject({ verdicts: [{ kind: 'go' }] });
    expect(id).toBeTruthy();
  });

  it('a restart does not make a duplicate pass, of a reply neither, and 10 minutes stay 10 minutes', async () => {
    world.one(person(1), TEXT);
    world.drain();
    world.inbound(person(2), 'where are you?');
    world.one(person(2), OTHER);
    world.drain();
    world.clock.advance(5 * MINUTE);
    world.clock.jumpWall(30 * MINUTE);
    await world.restart();
    const refused = { verdicts: [{ kind: 'refuse', refusal: { code: 'duplicate' } }] };
    expect(world.admit(person(1), TEXT)).toMatchObject(refused);
    expect(world.admit(person(2), OTHER)).toMatchObject(refused);
    expect(world.admit(person(3), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
    world.clock.advance(5 * MINUTE + 1);
    expect(world.admit(person(1), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
  });

  it.each([
    ['the owner’s own hand wrote', 10, 'row:'],
    ['was sent while duplicates are looked for all day', 1440, 'other'],
  ])('a restart does not make a duplicate pass, however much %s in between', async (_name, minutes, prefix) => {
    await world.close();
    world = new GateWorld({ policy: { duplicate: { window_ms: minutes * MINUTE } } });
    world.one(person(1), TEXT);
    world.drain();
    world.store.db
      .sql(
        `WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 10_001)
         INSERT INTO gate_send (name, address, people, reply, fingerprint, at, mono, in_flight)
           SELECT ? || n, '+14155559999', '["+14155559999"]', 1, x'', ?, ?, 0 FROM number`,
      )
      .run(prefix, Math.round(world.clock.now()), world.clock.mono());
    await world.restart();
    expect(world.admit(person(1), TEXT)).toMatchObject({
      verdicts: [{ kind: 'refuse', refusal: { code: 'duplicate' } }],
    });
  });

  it('what was cancelled is no duplicate', () => {
    world.gate.remove(world.one(person(1), TEXT));
    expect(world.admit(person(1), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
  });

  it('a dry run changes nothing', () => {
    const before = world.gate.check(world.request(person(1), TEXT));
    expect(before).toEqual({
      request: { verdict: 'go', words: 'It may go now.' },
      recipients: [{ to: person(1), verdict: 'go', reply: false }],
    });
    expect(world.gate.check(world.request(person(1), TEXT))).toEqual(before);
    expect(world.gate.check(world.request([person(1), person(2)], TEXT)).request.words).toMatch(
      /^1 may go now, 1 would wait/,
    );
  });
});

describe('replies', () => {
  it('go at once, three for each message that came, within five minutes', () => {
    world.one(person(1), TEXT);
    world.drain();
    world.inbound(person(2), 'is it ready?');
    const ids = [1, 2, 3, 4].map((n) => world.one(person(2), `${TEXT} ${'again '.repeat(n)}`));
    expect(world.drain()).toEqual(ids.slice(0, 3));
    world.inbound(person(2), 'and now?');
    expect(world.admit(person(2), TEXT)).toEqual({ ok: true, verdicts: [{ kind: 'go', reply: true }] });
    world.clock.advance(5 * MINUTE);
    expect(world.admit(person(2), TEXT)).toMatchObject({ verdicts: [{ reply: true }] });
    world.clock.advance(1);
    expect(world.admit(person(2), 'something else entirely')).toMatchObject({ verdicts: [{ reply: false }] });
  });

  it('are opened by no tapback, no late message, no STOP, and by a group only for that group', () => {
    const isReply = (to: Parameters<GateWorld['admit']>[0]) => {
      const result = world.admit(to, TEXT);
      return result.ok && result.verdicts[0]?.kind === 'go' && result.verdicts[0].reply;
    };
    world.inbound(person(1), 'Loved “hello”', { kind: 'tapback' });
    world.inbound(person(2), 'hello', { late: true });
    expect([isReply(person(1)), isReply(person(2))]).toEqual([false, false]);
    world.inbound(person(3), 'hello all', { group: 'group:one' });
    expect(isReply(person(3))).toBe(false);
    expect(isReply({ kind: 'group', chat: 'group:one', members: [person(3), person(4)] })).toBe(true);
    expect(isReply({ kind: 'group', chat: 'group:two', members: [person(3), person(4)] })).toBe(false);
  });

  it('never count, and a held message never becomes one', () => {
    world.inbound(person(1), 'hello?');
    world.one(person(1), TEXT);
    world.drain();
    expect(world.admit(person(2), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
    world.one(person(2), TEXT);
    world.drain();
    const held = world.one(person(3), TEXT);
    world.inbound(person(3), 'hello?');
    expect(next()).toMatchObject({ kind: 'idle' });
    world.clock.advance(MINUTE);
    expect(next()).toEqual(go(held));
  });

  it('are used up once by each, though it is handed to the gate again', () => {
    world.inbound(person(1), 'hello?');
    const left = () => world.gate.people.contact(person(1)).replies_left;
    const reply = world.one(person(1), TEXT);
    const message = world.waiting.get(reply);
    expect(left()).toBe(2);
    world.dispatch(reply);
    world.settle(reply, 'failed');
    if (message) world.gate.add([message]);
    expect(left()).toBe(2);
    expect(() =>
      world.store.db.transaction(() => {
        world.gate.dispatched(reply);
        throw new Error('the disk is full');
      }),
    ).toThrow();
    if (message) world.store.db.transaction(() => world.gate.add([message]));
    expect(left()).toBe(2);
  });

  it('are none if they may only go after the five minutes: by then it is night, or many got them', () => {
    world.inbound(person(1), 'hello?');
    const group = { kind: 'group', chat: 'group:one', members: [person(3), person(4)] } as const;
    world.inbound(person(3), 'hello all', { group: group.chat });
    world.inbound(person(4), 'STOP');
    world.clock.advance(MINUTE);
    const verdict = (to: Parameters<GateWorld['admit']>[0], inMs: number) => {
      const admission = world.admit(to, TEXT, { notBefore: world.clock.now() + inMs });
      return admission.ok && admission.verdicts[0];
    };
    expect(verdict(person(1), -MINUTE)).toMatchObject({ kind: 'go', reply: true });
    expect(verdict(person(1), 4 * MINUTE)).toMatchObject({ kind: 'hold', reply: true });
    expect(verdict(person(1), 4 * MINUTE + 1)).toMatchObject({ kind: 'hold', reply: false });
    const inGroup = { ...group, members: [...group.members] };
    expect(verdict(inGroup, 4 * MINUTE)).toMatchObject({ kind: 'hold', reply: true });
    expect(verdict(inGroup, 4 * MINUTE + 1)).toMatchObject({ kind: 'refuse', refusal: { code: 'opted_out' } });
    // Such a one keeps its distance, and leaves the replies to those that are.
    const late = world.one(person(1), TEXT, { notBefore: world.clock.now() + 10 * MINUTE });
    expect(world.gate.people.contact(person(1)).replies_left).toBe(3);
    world.clock.advance(10 * MINUTE);
    world.ownHand([person(9)], TEXT);
    expect(next().kind).toBe('idle');
    world.clock.advance(MINUTE);
    expect(next()).toEqual(go(late));
  });

  it('survive a restart within their time, not a reboot', async () => {
    world.inbound(person(1), 'hello?');
    await world.restart();
    expect(world.admit(person(1), TEXT)).toMatchObject({ verdicts: [{ reply: true }] });
    world.clock.reboot();
    await world.restart();
    expect(world.admit(person(1), TEXT)).toMatchObject({ verdicts: [{ reply: false }] });
  });
});

describe('opt-outs', () => {
  const words = [
    'STOP',
    'stop!',
    'Stop all',
    'StopAll',
    'unsubscribe',
    'Cancel.',
    'END',
    'quit',
    'opt-out',
    'Opt out',
    'optout',
    'revoke',
    'Remove',
    'arrêt',
    'TD',
    '🛑 stop 🛑',
  ];
  it.each(words)('%s closes', (word) => {
    expect(world.inbound(person(1), word)).toMatchObject([
      { kind: 'opted_out', event: { handle: person(1), source: 'message' } },
    ]);
    expect(world.admit(person(1), TEXT)).toMatchObject({
      ok: true,
      verdicts: [{ kind: 'refuse', refusal: { code: 'opted_out', rule: 'opt_out' } }],
    });
    expect(world.gate.optedOut()).toEqual([person(1)]);
    expect(world.gate.describe().opted_out).toBe(1);
  });

  it.each(['please stop it', 'stop by tomorrow', 'the end', 'cancel my order'])('%s does not', (text) => {
    expect(world.inbound(person(1), text)).toEqual([]);
    expect(world.gate.optedOut()).toEqual([]);
  });

  it('what waits is swept, and is refused at the last moment too, replies included', () => {
    world.inbound(person(1), 'hello');
    const reply = world.one(person(1), OTHER);
    const [a, b] = [world.one(person(1), TEXT), world.one(person(2), TEXT)];
    world.inbound(person(1), 'STOP');
    expect(
      world.gate
        .sweep()
        .map((one) => one.message)
        .sort(),
    ).toEqual([reply, a].sort());
    expect(next()).toMatchObject({ kind: 'refuse', message: reply, refusal: { code: 'opted_out' } });
    for (const { message } of world.gate.sweep()) world.gate.remove(message);
    expect(next()).toEqual(go(b));
    expect(world.gate.sweep()).toEqual([]);
  });

  it('in a group it closes the group; a member’s own closes it to all but replies', () => {
    const one = { kind: 'group', chat: 'group:one', members: [person(1), person(2)] } as const;
    const two = { kind: 'group', chat: 'group:two', members: [person(2), person(3)] } as const;
    world.inbound(person(1), 'stop', { group: 'group:one' });
    expect(world.admit({ ...one, members: [...one.members] }, TEXT)).toMatchObject({ verdicts: [{ kind: 'refuse' }] });
    expect(world.admit(person(1), TEXT)).toMatchObject({ verdicts: [{ kind: 'go' }] });
    world.inbound(person(3), 'stop');
    expect(world.admit({ ...two, members: [...two.members] }, TEXT)).toMatchObject({ verdicts: [{ kind: 'refuse' }] });
    world.inbound(person(2), 'hello', { group: 'group:two' });
    expect(world.admit({ ...two, members: [...two.members] }, TEXT)).toMatchObject({
      verdicts: [{ kind: 'go', reply: true }],
    });
  });

  it('a START lifts it; an old STOP counts unless a START is newer; and all of it is on the disk', async () => {
    const at = world.clock.now();
    world.inbound(person(1), 'STOP', { at });
    await world.restart();
    expect(world.gate.optedOut()).toEqual([person(1)]);
    expect(world.inbound(person(1), 'START', { at: at - 1, late: true })).toEqual([]);
    expect(world.inbound(person(1), 'unstop', { at: at + 1 })).toMatchObject([{ kind: 'opted_in' }]);
    expect(world.inbound(person(1), 'STOP', { at: at - 5, late: true })).toEqual([]);
    await world.restart();
    expect(world.gate.optedOut()).toEqual([]);
    expect(world.inbound(person(2), 'STOP', { at: at - 900_000_000, late: true })).toMatchObject([
      { kind: 'opted_out' },
    ]);
  });

  it('a STOP and a START of the same moment: the one that is told later holds', () => {
    const at = world.clock.now();
    world.inbound(person(1), 'START', { at });
    expect(world.inbound(person(1), 'STOP', { at })).toMatchObject([{ kind: 'opted_out' }]);
    expect(world.inbound(person(1), 'START', { at })).toMatchObject([{ kind: 'opted_in' }]);
  });

  it('a STOP from another address in the same conversation closes both, and a START opens both', () => {
    const [mail, phone] = ['ann@example.com', person(1)];
    const waits = world.one(phone, TEXT);
    expect(world.inbound(mail, 'Stop', { alias: phone })).toMatchObject([
      { kind: 'opted_out', event: { handle: mail } },
      { kind: 'opted_out', event: { handle: phone } },
    ]);
    expect(world.gate.sweep().map((one) => one.message)).toEqual([waits]);
    expect(world.admit(phone, OTHER)).toMatchObject({ verdicts: [{ kind: 'refuse', refusal: { code: 'opted_out' } }] });
    expect(world.inbound(mail, 'start', { alias: phone })).toHaveLength(2);
    expect(world.gate.optedOut()).toEqual([]);
  });

  it('a person at a Mac whose clock is ahead lifts an opt-out: the next STOP counts all the same', () => {
    const at = world.clock.now();
    world.inbound(person(1), 'STOP', { at });
    world.clock.jumpWall(5 * 3_600_000);
    world.gate.optIn(person(1), 'person');
    expect(world.inbound(person(1), 'STOP', { at, late: true })).toEqual([]);
    world.clock.jumpWall(-5 * 3_600_000);
    expect(world.inbound(person(1), 'STOP', { at: at + 60_000 })).toMatchObject([{ kind: 'opted_out' }]);
  });

  it('the controller lifts only what it put; a person lifts all', () => {
    expect(world.gate.optOut(person(1), 'command')).toEqual({
      ok: true,
      changed: true,
      event: { handle: person(1), source: 'command' },
    });
    expect(world.gate.optOut(person(1), 'command')).toEqual({ ok: true, changed: false });
    expect(world.gate.optIn(person(1), 'command')).toMatchObject({ ok: true, changed: true });
    world.inbound(person(1), 'STOP');
    world.gate.optOut(person(1), 'command');
    expect(world.gate.optIn(person(1), 'command')).toMatchObject({ ok: false, refusal: { code: 'opted_out' } });
    expect(world.gate.optedOut()).toEqual([person(1)]);
    expect(world.gate.optIn(person(1), 'person')).toMatchObject({ ok: true, changed: true });
    expect(world.gate.optedOut()).toEqual([]);
    world.inbound(person(1), 'STOP', { at: world.clock.now() - 1_000, late: true });
    expect(world.gate.optedOut()).toEqual([]);
    expect(world.gate.optIn(person(5), 'command')).toEqual({ ok: true, changed: false });
  });
});

describe('over restarts and rolled-back transactions', () => {
  async function remaining(): Promise<number> {
    const pick = next();
    return pick.kind === 'idle' ? (pick.wakeInMs ?? -1) : 0;
  }
  const sentThenWaiting = () => {
    world.one(person(1), TEXT);
    world.drain();
    world.one(person(2), TEXT);
  };

  it.each([
    ['a plain restart', () => {}, 40_000],
    ['the wall clock set forward', () => world.clock.jumpWall(86_400_000 * 3), 40_000],
    ['the wall clock set back', () => world.clock.jumpWall(-3_600_000), 60_000],
    ['a reboot', () => world.clock.reboot(5_000), 55_000],
    [
      'a reboot and the wall clock set forward',
      () => {
        world.clock.reboot(5_000);
        world.clock.jumpWall(86_400_000 * 3);
      },
      55_000,
    ],
    [
      'a reboot that lasted',
      () => {
        world.clock.jumpWall(500_000);
        world.clock.reboot(61_000);
      },
      0,
    ],
  ])('%s: a near text waits what surely remains', async (_name, happens, wanted) => {
    sentThenWaiting();
    world.clock.advance(20_000);
    happens();
    await world.restart();
    expect(await remaining()).toBe(wanted);
  });

  it('a wall clock set weeks forward, again and again, makes the disk forget nothing that still counts', async () => {
    sentThenWaiting();
    for (let round = 0; round < 3; round += 1) {
      world.clock.jumpWall(10 * 86_400_000);
      world.one(person(10 + round), `${OTHER} ${'again '.repeat(8 * round)}`);
      world.drain();
      world.clock.advance(5_000);
      await world.restart();
    }
    expect(await remaining()).toBe(45_000);
  });

  it('what was in flight still is', async () => {
    const [a] = [world.one(person(1), TEXT), world.one(person(2), TEXT)];
    world.dispatch(a);
    await world.restart();
    world.clock.advance(5 * MINUTE);
    expect(next().kind).toBe('idle');
    world.settle(a);
    expect(await remaining()).toBe(60_000);
  });

  it('a wall clock that is set changes nothing while the relay runs', () => {
    sentThenWaiting();
    world.clock.jumpWall(86_400_000);
    world.clock.advance(59_999);
    expect(next()).toEqual({ kind: 'idle', wakeInMs: 1 });
    world.clock.jumpWall(-5 * 86_400_000);
    expect(next()).toEqual({ kind: 'idle', wakeInMs: 1 });
  });

  it('a dispatch that was rolled back is none: the message waits again, and nothing is held back by it', () => {
    const [a, b] = [world.one(person(1), TEXT), world.one(person(2), TEXT)];
    const failing = () =>
      world.store.db.transaction(() => {
        world.gate.dispatched(a);
        throw new Error('disk full');
      });
    expect(failing).toThrow('disk full');
    expect(next()).toEqual(go(a));
    expect(failing).toThrow('disk full');
    world.gate.add([...world.waiting.values()]);
    expect(next()).toEqual(go(a));
    world.dispatch(a);
    world.settle(a);
    world.clock.advance(MINUTE);
    expect(next()).toEqual(go(b));
  });

  it('nothing goes out that is not counted', () => {
    expect(() => world.dispatch('m_unknown')).toThrow(expect.objectContaining({ code: 'not_waiting' }));
  });

  it('no text and no part of one is on the disk', () => {
    const secret = 'The treasure of Captain Flint is buried below the third palm';
    world.one(person(1), secret);
    world.drain();
    for (const table of ['gate_send', 'gate_contact', 'gate_fact', 'gate_sign'])
      for (const row of world.store.db.sql(`SELECT * FROM ${table}`).all())
        for (const value of Object.values(row))
          expect(
            Buffer.from(value instanceof Uint8Array ? value : String(value))
              .toString('latin1')
              .toLowerCase(),
          ).not.toMatch(/treasure|flint|palm/);
  });
});

describe('what is told', () => {
  it('a hold explains itself', () => {
    for (let n = 0; n < 3; n += 1) {
      world.one(person(n), `Hi ${['Ann', 'Bob', 'Eve'][n]}, ${TEXT}`);
      world.drain();
      world.clock.advance(MINUTE);
    }
    world.one(person(3), `Hi Zoe, ${TEXT}`);
    world.drain();
    const message = world.one(person(4), `Hi Max, ${TEXT}`);
    const last = world.one('someone@mail.example', `Hi Kim, ${TEXT}`);
    expect(world.gate.holdOf(message)).toMatchInlineSnapshot(`
      {
        "evidence": {
          "alike": 0.82,
          "interval_ms": 60000,
          "last_at": 1795510980000,
          "last_message": "m8",
          "near_count": 4,
          "words": "Waits until about 09:04:00: 4 people got a near-same text (82 % alike, last to …1003 at 09:03:00); texts like this keep 60 s apart.",
        },
        "rule": "interval",
        "until": 1795511040000,
      }
    `);
    expect(world.gate.holdOf(last)?.evidence.words).toMatchInlineSnapshot(
      `"Waits until about 09:05:00: 4 people got a near-same text (82 % alike, last to …1003 at 09:03:00); 1 near-same text waits before it; texts like this keep 60 s apart."`,
    );
    expect(world.gate.holdOf('m_unknown')).toBeNull();
    expect(world.gate.before(last)).toEqual({ count: 1, first: [message] });
    expect(world.gate.before(message)).toEqual({ count: 0, first: [] });
  });

  it('a dry run gives the sentence that the message then waits with', () => {
    world.one(person(0), `Hi Ann, ${TEXT}`);
    world.drain();
    const request = world.request(person(1), `Hi Zoe, ${TEXT}`);
    const { request: asked, recipients } = world.gate.check(request);
    const waits = world.gate.holdOf(world.one(person(1), `Hi Zoe, ${TEXT}`));
    expect(asked.words).toMatch(/^Waits until about /);
    expect(recipients[0]?.evidence?.words).toBe(asked.words);
    expect(waits?.evidence.words).toBe(asked.words);
  });

  it('of many that go before, the first few are named, in their order', () => {
    world.one(person(0), `Hi Ann, ${TEXT}`);
    world.drain();
    const row = [1, 2, 3, 4, 5, 6, 7].map((n) => world.one(person(n), `Hi ${n % 2 ? 'Bob' : 'Eve'}, ${TEXT}`));
    world.one(person(8), 'Something quite different, about nothing at all.');
    expect(world.gate.before(row[6] ?? '')).toEqual({ count: 6, first: row.slice(0, 5) });
  });

  it('in other words for other reasons', () => {
    const words = (to: Parameters<GateWorld['admit']>[0], o = {}) => {
      const result = world.admit(to, TEXT, o);
      const [verdict] = result.ok ? result.verdicts : [];
      if (!result.ok) return result.refusal.words;
      if (verdict?.kind === 'refuse') return verdict.refusal.words;
      return verdict?.kind === 'hold' ? verdict.hold.evidence.words : 'goes';
    };
    const a = world.one('someone@mail.example', TEXT);
    const told: string[] = [words('someone@mail.example')];
    world.dispatch(a);
    told.push(words(person(2)));
    world.settle(a);
    told.push(words(person(2), { pacing: 'reject' }));
    told.push(words([person(2), person(3)], { pacing: 'reject' }));
    told.push(words(person(2), { expiresAt: world.clock.now() + 1_000 }));
    world.clock.advance(2 * MINUTE);
    told.push(words(person(2), { notBefore: world.clock.now() + 86_400_000 }));
    world.inbound(person(2), 'stop');
    world.inbound(person(3), 'stop', { group: 'group:one' });
    told.push(words(person(2)));
    told.push(words({ kind: 'group', chat: 'group:one', members: [person(3)] }));
    told.push(words({ kind: 'group', chat: 'group:two', members: [person(2), person(3)] }));
    const optIn = world.gate.optIn(person(2), 'command');
    told.push(optIn.ok ? '' : optIn.refusal.words);
    world.gate.pause('the office is closed');
    told.push(words(person(5)));
    expect(told).toMatchInlineSnapshot(`
      [
        "…@mail.example was given the same text at 09:00:00 under another id; a retry must keep its id.",
        "Waits until about 09:01:00: a near-same text to …@mail.example is still on its way; texts like this keep 60 s apart.",
        "It may not go now; with pacing "queue" it would go in about 1 minute. Waits until about 09:01:00: 1 person got the same text (last to …@mail.example at 09:00:00); texts like this keep 60 s apart.",
        "With pacing "reject" all recipients must be free at once. It may not go now; with pacing "queue" it would go in about 1 minute. Waits until about 09:01:00: 1 person got the same text (last to …@mail.example at 09:00:00); texts like this keep 60 s apart.",
        "It would wait for about 1 minute, after its expires_at.",
        "Waits until 2026-11-25 09:02:00, as asked for (not_before).",
        "…1002 asked not to be written to.",
        "Somebody in this group asked not to be written to there.",
        "…1002, a member of this group, asked not to be written to.",
        "…1002 said that they are not to be written to; only a START of theirs or a person at this Mac lifts that.",
        "Waits until the sender is resumed: the office is closed.",
      ]
    `);
  });

  it('an estimate is told again only if it moved by more than 10 minutes and 10 %, at most hourly', () => {
    const people = Array.from({ length: 40 }, (_, n) => person(n));
    const ids = world.send(people, TEXT, { command: 'all' }).map((id) => id ?? '');
    world.clock.advance(5 * MINUTE);
    expect(world.gate.movedHolds()).toEqual([]);
    for (const id of ids.slice(0, 30)) world.gate.remove(id);
    world.clock.advance(5 * MINUTE);
    expect(world.gate.movedHolds()).toEqual([]);
    const later = world.send([person(60), person(61)], OTHER, {
      command: 'more',
      notBefore: world.clock.now() + 5 * 3_600_000,
    });
    expect(later.length).toBe(2);
    world.gate.pause('for a while');
    world.clock.advance(61 * MINUTE);
    const moved = world.gate.movedHolds();
    expect(moved.map((one) => one.message).sort()).toEqual([...ids.slice(30), ...later].sort());
    expect(moved[0]?.hold.rule).toBe('sender_paused');
    world.clock.advance(6 * MINUTE);
    expect(world.gate.movedHolds()).toEqual([]);
  });
});

describe('the sender', () => {
  it('paused: nothing goes, not even replies, over a restart, until it is resumed', async () => {
    world.inbound(person(1), 'hello?');
    const [reply, other] = [world.one(person(1), TEXT), world.one(person(2), OTHER)];
    expect(world.gate.pause('the office is closed')).toMatchObject({ state: 'paused', reason: 'the office is closed' });
    await world.restart();
    expect(world.health.has('sender_paused')).toBe(true);
    expect(next()).toEqual({ kind: 'idle', wakeInMs: null });
    expect(world.admit(person(3), OTHER, { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'sender_paused' },
    });
    expect(world.admit(person(3), OTHER)).toMatchObject({
      verdicts: [{ kind: 'hold', hold: { rule: 'sender_paused' } }],
    });
    expect(world.gate.resume('command')).toMatchObject({ ok: true, health: { state: 'healthy' } });
    expect(world.drain()).toEqual([reply, other]);
    expect(world.health.has('sender_paused')).toBe(false);
  });

  const fate = (n: number, outcome: Parameters<GateWorld['gate']['outcome']>[1]) => {
    const message = world.one(
      person(n),
      `${n} ${['alpha', 'beta', 'gamma', 'delta', 'omega'][n % 5]} ${'xyzw'.repeat(1 + (n % 7))} number ${n}`,
      {},
    );
    world.clock.advance(11 * MINUTE);
    world.store.db.transaction(() => {
      world.gate.dispatched(message);
      world.gate.outcome(message, { state: 'sent' });
      world.gate.outcome(message, outcome);
    });
  };
  const state = () => world.gate.health().state;

  it('one bad sign puts it at risk, two in a row make it suspicious: then only replies go', () => {
    fate(1, { state: 'not_delivered', meaning: 'network', appleError: 39 });
    expect(state()).toBe('healthy');
    fate(2, { state: 'not_delivered', meaning: 'unknown', appleError: 4 });
    expect(state()).toBe('at_risk');
    fate(3, { state: 'delivered' });
    fate(4, { state: 'not_delivered', meaning: 'sender_account', appleError: 43 });
    expect(state()).toBe('at_risk');
    fate(6, { state: 'not_delivered', meaning: 'unknown', appleError: 4 });
    expect(state()).toBe('suspicious');
    expect(world.told).toEqual(['at_risk', 'suspicious']);
    world.inbound(person(8), 'hello?');
    const [reply] = [world.one(person(8), TEXT), world.one(person(9), OTHER)];
    expect(world.drain()).toEqual([reply]);
    expect(world.admit(person(10), OTHER)).toMatchObject({
      verdicts: [{ kind: 'hold', hold: { rule: 'sender_suspicious' } }],
    });
    expect(world.gate.resume('command')).toMatchObject({ ok: true, health: { state: 'at_risk' } });
    expect(world.drain().length).toBe(1);
    fate(11, { state: 'not_delivered', meaning: 'unknown' });
    fate(12, { state: 'not_delivered', meaning: 'unknown' });
    expect(state()).toBe('suspicious');
    expect(world.gate.resume('command')).toMatchObject({
      ok: false,
      refusal: { code: 'sender_suspicious', retryable: true },
    });
    expect(world.gate.resume('person')).toMatchObject({ ok: true, health: { state: 'at_risk' } });
  });

  it('an unreachable stranger is no sign, three in a row are; somebody reached before is one', () => {
    fate(1, { state: 'not_delivered', meaning: 'recipient', appleError: 22 });
    fate(2, { state: 'not_delivered', meaning: 'recipient', appleError: 22 });
    expect(state()).toBe('healthy');
    fate(3, { state: 'delivered' });
    fate(4, { state: 'not_delivered', meaning: 'recipient', appleError: 22 });
    expect(state()).toBe('healthy');
    fate(3, { state: 'not_delivered', meaning: 'recipient', appleError: 22 });
    expect(state()).toBe('at_risk');
  });

  it('is healthy again after 20 deliveries and 24 hours', () => {
    fate(1, { state: 'not_delivered', meaning: 'unknown' });
    for (let n = 2; n < 22; n += 1) fate(n, { state: 'delivered' });
    expect(state()).toBe('at_risk');
    world.clock.advance(24 * 60 * MINUTE);
    fate(30, { state: 'delivered' });
    expect(state()).toBe('healthy');
    expect(world.gate.describe()).toMatchObject({
      kind: 'shared',
      since: '2020-01-01',
      health: { state: 'healthy' },
    });
  });
});

describe('the policy', () => {
  it('takes what the owner sets, and names what it does not know', async () => {
    const calm = new GateWorld({
      policy: {
        blast: { recipients: 3 },
        interval: { steps: [{ up_to: null, ms: 300_000 }] },
        opt_out: { words: ['basta'] },
      },
    });
    expect(calm.admit([1, 2, 3, 4].map(person), TEXT, { pacing: 'reject' })).toMatchObject({
      ok: false,
      refusal: { code: 'marketing_blast', retryAfterMs: 900_000 },
    });
    expect(calm.inbound(person(1), 'Basta!')).toMatchObject([{ kind: 'opted_out' }]);
    expect(calm.inbound(person(2), 'STOP')).toMatchObject([{ kind: 'opted_out' }]);
    expect(calm.gate.policy.version).toMatch(/^1-[0-9a-f]{8}$/);
    expect(calm.gate.policy.version).not.toBe(world.gate.policy.version);
    await calm.close();
    const wrong = (policy: Record<string, unknown>) => () => new GateWorld({ policy });
    for (const name of ['policy.interval.step', 'policy.blasts'])
      expect(wrong({ blasts: {}, interval: { step: 1 } })).toThrow(`${name}: found a name that is not known here`);
    expect(wrong({ blast: { recipients: 0 } })).toThrow(
      'config.json: policy.blast.recipients: found 0; allowed: a whole number from 1 to 100 (people)',
    );
    expect(wrong({ interval: { steps: [{ up_to: 10, ms: 60_000 }] } })).toThrow('the last with up_to null');
    expect(wrong({ near: 7 })).toThrow(
      expect.objectContaining({ code: 'policy_invalid', hint: expect.stringContaining('config.json') }),
    );
  });
});

describe('a clock that goes on while a question is answered', () => {
  it('keeps nothing back that may go now', () => {
    world.clock.flowMs = 0.003;
    expect(world.admit(person(1), 'The keys are at the front desk, ask for Ann.')).toMatchObject({
      ok: true,
      verdicts: [{ kind: 'go' }],
    });
    const message = world.one(person(1), 'The keys are at the front desk, ask for Ann.');
    expect(world.gate.holdOf(message)).toBeNull();
    expect(world.admit(person(2), 'Your parcel from Lisbon has come; we close at six.')).toMatchObject({
      ok: true,
      verdicts: [{ kind: 'go' }],
    });
  });
});
