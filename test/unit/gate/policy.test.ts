/** policy.put: stricter at will, looser down to this Mac's file, never below; kept, live, and only on what the controller knew. */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { PolicySchema, readPolicy } from '../../../daemon/gate/policy.ts';
import { fieldsOf, looserFields } from '../../../daemon/gate/policy-floor.ts';
import { GateWorld, person } from './gate-world.ts';
import { loner } from './letters.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let world: GateWorld;
afterEach(() => world.close());

function open(policy: Record<string, unknown> = {}): void {
  world = new GateWorld({ rules: 'default', kind: 'dedicated', policy });
}

function put(policy: Record<string, unknown>, o: { expected?: string; version?: string } = {}) {
  const { expected = world.gate.policies.state().version, version = 'cloud-7' } = o;
  return world.store.db.transaction(() => world.gate.policies.put({ version, expected, policy }));
}

function words(policy: Record<string, unknown>): string {
  const result = put(policy);
  return result.ok ? 'ok' : result.refusal.words;
}

describe('a policy that is put', () => {
  it('may be stricter, holds at once, and is told', () => {
    open();
    const before = world.gate.policies.state().version;
    expect(
      world.admit(
        Array.from({ length: 6 }, (_, n) => person(n)),
        loner(1),
        { pacing: 'reject' },
      ),
    ).toMatchObject({
      ok: false,
      refusal: { code: 'interval_not_kept' },
    });
    const result = put({ blast: { recipients: 5 }, caps: { unanswered: 2 } });
    expect(result).toEqual({ ok: true, version: world.gate.policies.state().version });
    expect(
      world.admit(
        Array.from({ length: 6 }, (_, n) => person(n)),
        loner(1),
        { pacing: 'reject' },
      ),
    ).toMatchObject({
      ok: false,
      refusal: { code: 'marketing_blast', evidence: { limit: 5 } },
    });
    for (let n = 0; n < 3; n += 1) world.one(person(1), loner(n));
    expect(world.drain()).toHaveLength(2);
    const state = world.gate.policies.state();
    expect(state.version).not.toBe(before);
    expect(world.gate.describe().policy_version).toBe(state.version);
    expect(state.put).toEqual({ version: 'cloud-7', at: world.clock.now() });
    expect(state.policy).toMatchObject({ blast: { recipients: 5 }, caps: { unanswered: 2, pair_rate: 30 } });
    expect(state.floor).toMatchObject({ blast: { recipients: 10 }, caps: { unanswered: 5 } });
    expect(state.defaults).toMatchObject({ blast: { recipients: 10 } });
  });

  it('replaces the one before, so that it can be looser again, down to this Mac’s file', () => {
    open({ caps: { unanswered: 8 } });
    put({ caps: { unanswered: 2 } });
    expect(put({ caps: { unanswered: 8 } })).toMatchObject({ ok: true });
    expect(put({ caps: { unanswered: 1 } })).toMatchObject({ ok: true });
    expect(put({})).toMatchObject({ ok: true });
    expect(world.gate.policies.state().policy).toMatchObject({ caps: { unanswered: 8 } });
    expect(words({ caps: { unanswered: 9 } })).toBe(
      'policy.caps.unanswered: 9 is looser than this Mac’s own file allows (8).',
    );
    expect(world.gate.policies.state().policy).toMatchObject({ caps: { unanswered: 8 } });
  });

  it('needs to know what holds: another version is refused, and nothing changes', () => {
    open();
    const [first] = [world.gate.policies.state().version];
    expect(put({ caps: { unanswered: 2 } }, { expected: first })).toMatchObject({ ok: true });
    expect(put({ caps: { unanswered: 3 } }, { expected: first })).toMatchObject({
      ok: false,
      refusal: { code: 'bad_request', rule: 'policy' },
    });
    expect(world.gate.policies.state().policy).toMatchObject({ caps: { unanswered: 2 } });
  });

  it('is checked: each mistake is named', () => {
    open();
    expect(words({ caps: { unanswered: 0 }, quiet: {} })).toBe(
      'policy.put: policy.caps.unanswered: found 0; allowed: a whole number from 1 to 1,000,000 (messages)\n' +
        '  policy.quiet: found a name that is not known here',
    );
  });

  it('outlives a restart, and a reboot of what waits', async () => {
    open();
    put({ caps: { new_contacts_hour: 1 } });
    world.one(person(1), loner(1));
    world.one(person(2), loner(2));
    await world.restart();
    expect(world.gate.policies.state().put).toMatchObject({ version: 'cloud-7' });
    expect(world.drain()).toHaveLength(1);
  });

  it('lets go at once what it held no longer', () => {
    open({ caps: { new_contacts_hour: 5 } });
    put({ caps: { new_contacts_hour: 1 } });
    for (let n = 1; n <= 3; n += 1) world.one(person(n), loner(n));
    expect(world.drain()).toHaveLength(1);
    put({});
    expect(world.drain()).toHaveLength(2);
  });

  it('whose transaction is rolled back holds no more once memory is set right', () => {
    open();
    const { version } = world.gate.policies.state();
    const failing = () =>
      world.store.db.transaction(() => {
        world.gate.policies.put({ version: 'x', expected: version, policy: { caps: { unanswered: 1 } } });
        throw new Error('the disk is full');
      });
    expect(failing).toThrow('the disk is full');
    world.gate.load();
    expect(world.gate.policies.state()).toMatchObject({ version, put: null, policy: { caps: { unanswered: 5 } } });
  });

  it('new opt-out words count at once', () => {
    open();
    put({ opt_out: { words: ['basta'] } });
    expect(world.inbound(person(1), 'Basta!')).toMatchObject([{ kind: 'opted_out' }]);
    expect(world.inbound(person(2), 'stop')).toMatchObject([{ kind: 'opted_out' }]);
  });
});

describe('attempts to get below the floor', () => {
  it.each([
    ['intervals', { interval: { steps: [{ up_to: null, ms: 60_000 }] } }],
    [
      'a step that comes later',
      {
        interval: {
          steps: [
            { up_to: 20, ms: 60_000 },
            { up_to: null, ms: 120_000 },
          ],
        },
      },
    ],
    ['the age of the sender', { interval: { young: [] } }],
    [
      'the age by a step that ends sooner',
      {
        interval: {
          young: [
            { days: 30, times: 2 },
            { days: 180, times: 1.5 },
          ],
        },
      },
    ],
    ['what an active sender is', { interval: { active_conversations: 0 } }],
    ['risk', { interval: { at_risk_times: 1 } }],
    ['a blast', { blast: { recipients: 11 } }],
    ['duplicates', { duplicate: { window_ms: 0 } }],
    ['replies', { reply: { per_inbound: 4 } }],
    ['the window of replies', { reply: { window_ms: HOUR } }],
    ['new contacts', { caps: { new_contacts_day: 51 } }],
    ['the hour', { quiet_hours: { from: 22 } }],
    ['the morning', { quiet_hours: { to: 7 } }],
    ['the zone of the night', { quiet_hours: { time_zone: 'Pacific/Kiritimati' } }],
    ['consent', { consent: 'recorded' }],
    ['what counts as marketing', { bulk_transactional: 'allow' }],
    ['health', { health: { bad_in_look_back: 50 } }],
    ['likeness', { near: { jaccard: 0.8 } }],
    ['the window of likeness', { interval: { window_ms: HOUR } }],
    ['what is said to whom has opted out', { opt_out: { confirmation: 'Are you sure?' } }],
  ])('%s: refused', (_, policy) => {
    open();
    expect(words(policy)).toMatch(/^policy\.[a-z_.]+: .*this Mac’s own file/);
    expect(world.gate.policies.state().put).toBeNull();
  });

  it('what was put before the file became stricter gives way to the file, field by field', () => {
    open({ caps: { unanswered: 100, pair_rate: 100 } });
    put({ caps: { unanswered: 50, pair_rate: 20 } });
    const stored = world.store.db.sql<{ value: string }>("SELECT value FROM gate_fact WHERE name = 'policy'").get();
    const stricter = new GateWorld({ rules: 'default', policy: { caps: { unanswered: 5, pair_rate: 100 } } });
    stricter.store.db.sql("INSERT INTO gate_fact (name, value) VALUES ('policy', ?)").run(stored?.value ?? '');
    stricter.gate.load();
    expect(stricter.gate.policies.state().policy).toMatchObject({ caps: { unanswered: 5, pair_rate: 20 } });
    return stricter.close();
  });

  it('whatever is put: what then holds is nowhere looser than the file', () => {
    open();
    const caps = fc.record(
      {
        new_contacts_day: fc.integer({ min: 1, max: 100 }),
        new_contacts_hour: fc.integer({ min: 1, max: 30 }),
        unanswered: fc.integer({ min: 1, max: 10 }),
      },
      { requiredKeys: [] },
    );
    const hours = fc.record({ from: fc.integer({ min: 13, max: 24 }), to: fc.nat(12) }, { requiredKeys: [] });
    const steps = fc
      .tuple(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1_000, max: 200_000 }), fc.nat(200_000))
      .map(([up, ms, more]) => [
        { up_to: up, ms },
        { up_to: null, ms: ms + more },
      ]);
    const floor = readPolicy({});
    fc.assert(
      fc.property(
        fc.record({ caps, quiet_hours: hours, interval: fc.record({ steps }) }, { requiredKeys: [] }),
        (policy) => {
          const fits = looserFields(readPolicy(policy), floor).length === 0;
          expect(put(policy).ok).toBe(fits);
          expect(looserFields(readPolicy(world.gate.policies.state().policy), floor)).toEqual([]);
        },
      ),
    );
  });
});

it('the fields of the schema are two deep, as the floor takes them', () => {
  open();
  for (const [field] of fieldsOf(PolicySchema.parse({}))) expect(field.split('.').length).toBeLessThanOrEqual(2);
});

describe('a file that is read anew', () => {
  const reread = (policy: Record<string, unknown>) =>
    world.store.db.transaction(() => world.gate.policies.reread(policy));

  it('holds at once where it can, and says what needs a start', () => {
    open({ caps: { unanswered: 4 } });
    const told = reread({ caps: { unanswered: 2 }, near: { jaccard: 0.6 }, quiet_hours: { time_zone: 'Asia/Tokyo' } });
    expect(told).toEqual({ changed: ['caps.unanswered'], restart: ['near.jaccard', 'quiet_hours.time_zone'] });
    const { policy, floor } = world.gate.policies.state();
    expect([policy, floor]).toMatchObject([
      { caps: { unanswered: 2 }, near: { jaccard: 0.5 } },
      { caps: { unanswered: 2 }, near: { jaccard: 0.5 } },
    ]);
    for (let n = 0; n < 3; n += 1) world.one(person(1), loner(n));
    expect(world.drain()).toHaveLength(2);
  });

  it('is the new floor: what the controller put holds on only as far as it is not looser', () => {
    open();
    expect(words({ caps: { unanswered: 3, pair_rate: 7 } })).toBe('ok');
    reread({ caps: { unanswered: 2 } });
    expect(world.gate.policies.policy.caps).toMatchObject({ unanswered: 2, pair_rate: 7 });
    expect(words({ caps: { unanswered: 3 } })).toMatch(/looser/);
    reread({});
    expect(world.gate.policies.policy.caps).toMatchObject({ unanswered: 3, pair_rate: 7 });
  });

  it('changes nothing when it is wrong', () => {
    open({ caps: { unanswered: 4 } });
    const before = world.gate.policies.state();
    expect(() => reread({ caps: { unanswered: 0 } })).toThrow(expect.objectContaining({ code: 'policy_invalid' }));
    expect(world.gate.policies.state()).toEqual(before);
  });
});
