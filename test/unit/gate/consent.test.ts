/** Consent to marketing: a sender of its own, people who wrote first or agreed, no groups; and attempts to get round it. */
import { afterEach, describe, expect, it } from 'vitest';
import { GateWorld, person } from './gate-world.ts';
import { loner } from './letters.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const MARKETING = { category: 'marketing' as const };

let world: GateWorld;
afterEach(() => world.close());

function open(o: ConstructorParameters<typeof GateWorld>[0] = {}): void {
  world = new GateWorld({ rules: 'default', kind: 'dedicated', ...o });
}

/** May this one get marketing now? Its code if not. */
function marketing(to: Parameters<GateWorld['admit']>[0], text = loner(1)): string {
  const admission = world.admit(to, text, MARKETING);
  if (!admission.ok) return admission.refusal.code;
  const [verdict] = admission.verdicts;
  return verdict?.kind === 'refuse' ? verdict.refusal.code : 'ok';
}

function consent(state: 'given' | 'withdrawn', at = world.clock.now(), handle = person(1)) {
  return world.store.db.transaction(() =>
    world.gate.people.consentPut({ handle, state, at, source: 'form on the web site' }),
  );
}

/** They wrote, long enough ago that nothing is a reply. */
function wrote(n: number, text = 'do you have offers?'): void {
  world.inbound(person(n), text);
  world.clock.advance(6 * MINUTE);
}

describe('marketing', () => {
  it('needs a sender that is dedicated to it: the whole request is refused', () => {
    open({ kind: 'shared' });
    wrote(1);
    expect(world.admit([person(1), person(2)], loner(1), MARKETING)).toEqual({
      ok: false,
      refusal: {
        code: 'sender_not_dedicated',
        rule: 'consent',
        words: 'Marketing needs a sender of its own: "sender.kind" in this Mac’s config.json is not "dedicated".',
        retryable: false,
      },
    });
  });

  it('goes to whom wrote first, and to nobody else', () => {
    open();
    wrote(1);
    expect(marketing(person(1))).toBe('ok');
    expect(world.admit(person(2), loner(1), MARKETING)).toEqual({
      ok: true,
      verdicts: [
        {
          kind: 'refuse',
          refusal: {
            code: 'no_consent',
            rule: 'consent',
            words: '…1002 has not written first, so marketing may not go to them.',
            retryable: false,
          },
        },
      ],
    });
    world.one(person(3), loner(2));
    world.drain();
    wrote(3, 'thanks');
    expect(marketing(person(3)), 'they only answered').toBe('no_consent');
  });

  it('does not go to groups', () => {
    open();
    const group = { kind: 'group' as const, chat: 'group:1', members: [person(1), person(2)] };
    wrote(1);
    wrote(2);
    world.inbound(person(1), 'hello all', { group: 'group:1' });
    world.clock.advance(6 * MINUTE);
    expect(marketing(group)).toBe('no_consent');
  });

  it('may answer: a reply needs no consent', () => {
    open({ kind: 'shared' });
    world.one(person(1), loner(1));
    world.drain();
    world.inbound(person(1), 'any offers?');
    expect(marketing(person(1), loner(2))).toBe('ok');
  });

  it('is looked at again right before it goes: who withdraws while it waits gets none', () => {
    open();
    wrote(1);
    const held = world.one(person(1), loner(1), { ...MARKETING, notBefore: world.clock.now() + MINUTE });
    consent('withdrawn');
    world.clock.advance(MINUTE);
    expect(world.gate.pick()).toEqual({
      kind: 'refuse',
      message: held,
      refusal: {
        code: 'no_consent',
        rule: 'consent',
        words: '…1001 has withdrawn the consent to get marketing.',
        retryable: false,
      },
    });
  });
});

describe('who wrote first', () => {
  it('is not told by STOP, nor by a tapback', () => {
    open();
    wrote(1, 'STOP');
    wrote(1, 'START');
    expect(marketing(person(1))).toBe('no_consent');
    world.inbound(person(2), 'Loved “Hello”', { kind: 'tapback' });
    world.clock.advance(6 * MINUTE);
    wrote(2);
    expect(marketing(person(2))).toBe('no_consent');
  });

  it('is told by the oldest row that is known, also if it becomes known later', () => {
    open();
    world.one(person(1), loner(1));
    world.drain();
    world.inbound(person(1), 'do you have offers?', { at: world.clock.now() - DAY, late: true });
    expect(marketing(person(1), loner(2))).toBe('ok');
    world.ownHand([person(1)], 'hello Ann', world.clock.now() - 2 * DAY);
    expect(marketing(person(1), loner(2))).toBe('no_consent');
  });

  it('cannot be the answer to what went while the clock was ahead', () => {
    open();
    world.clock.jumpWall(3 * DAY);
    world.one(person(1), loner(1));
    world.drain();
    world.clock.jumpWall(-3 * DAY);
    wrote(1, 'who is this?');
    expect(marketing(person(1), loner(2))).toBe('no_consent');
  });

  it('is not us, if our first message never left', () => {
    open();
    const message = world.one(person(1), loner(1));
    world.dispatch(message);
    world.settle(message, 'failed');
    wrote(1);
    expect(marketing(person(1), loner(2))).toBe('ok');
  });

  it('is told by chat.db, as far back as that goes', () => {
    open();
    world.history.set(person(1), { at: 1, fromMe: true, text: 'Hello Ann', tapback: false });
    wrote(1, 'hello again');
    expect(marketing(person(1)), 'we wrote first, before the relay was there').toBe('no_consent');
    world.history.set(person(2), { at: 1, fromMe: false, text: 'do you have offers?', tapback: false });
    expect(marketing(person(2)), 'they did').toBe('ok');
    for (const oldest of [
      { at: 1, fromMe: false, text: ' Stop! ', tapback: false },
      { at: 1, fromMe: false, text: 'Liked “Hello”', tapback: true },
    ]) {
      world.history.set(person(3), oldest);
      wrote(3);
      expect(marketing(person(3))).toBe('no_consent');
    }
    expect(world.gate.people.contact(person(3)).wrote_first).toBe(false);
    world.one(person(4), loner(2));
    world.drain();
    const at = world.clock.now() + MINUTE;
    world.history.set(person(4), { at, fromMe: false, text: 'who is this?', tapback: false });
    expect(marketing(person(4)), 'our first message was deleted from chat.db').toBe('no_consent');
  });

  it('outlives a restart, and is told per address that they used', async () => {
    open();
    world.inbound('ann@example.com', 'do you have offers?', { alias: person(1) });
    world.clock.advance(6 * MINUTE);
    await world.restart();
    expect(marketing(person(1))).toBe('ok');
    expect(marketing('ann@example.com')).toBe('ok');
    expect(marketing(person(2))).toBe('no_consent');
  });
});

describe('a consent that the controller recorded', () => {
  it('counts only where this Mac’s file says "recorded"', () => {
    open();
    expect(consent('given')).toMatchObject({ ok: false, refusal: { code: 'unsupported', rule: 'consent' } });
    expect(marketing(person(1))).toBe('no_consent');
    world.close();
    open({ policy: { consent: 'recorded' } });
    expect(consent('given')).toEqual({ ok: true, changed: true });
    expect(marketing(person(1))).toBe('ok');
    expect(marketing(person(2))).toBe('no_consent');
  });

  it('is withdrawn by a newer withdrawal, whatever comes first; a withdrawal is always taken', () => {
    open({ policy: { consent: 'recorded' } });
    const now = world.clock.now();
    expect(consent('withdrawn', now - 1_000)).toEqual({ ok: true, changed: true });
    expect(consent('given', now - 2_000)).toEqual({ ok: true, changed: true });
    expect(marketing(person(1))).toBe('no_consent');
    expect(consent('given', now - 1_000), 'at the same moment the withdrawal holds').toMatchObject({ ok: true });
    expect(marketing(person(1))).toBe('no_consent');
    consent('given', now);
    expect(marketing(person(1))).toBe('ok');
    expect(consent('given', now)).toEqual({ ok: true, changed: false });
  });

  it('withdrawn, holds over having written first, on a Mac that takes no records too', () => {
    open();
    wrote(1);
    expect(consent('withdrawn')).toEqual({ ok: true, changed: true });
    expect(marketing(person(1))).toBe('no_consent');
  });

  it('cannot lie in the future, to hold over withdrawals to come', () => {
    open({ policy: { consent: 'recorded' } });
    expect(consent('given', world.clock.now() + DAY)).toMatchObject({ ok: false, refusal: { code: 'bad_request' } });
  });

  it('never opens what an opt-out closed', () => {
    open({ policy: { consent: 'recorded' } });
    wrote(1, 'STOP');
    consent('given');
    expect(marketing(person(1))).toBe('opted_out');
  });
});

describe('attempts to get round consent', () => {
  const text = 'Your table for two is ready, please come to the counter';

  it('a text to more than 10 people is marketing whatever its category says, at acceptance and at its turn', () => {
    open();
    for (let n = 1; n <= 11; n += 1) wrote(n);
    const people = Array.from({ length: 13 }, (_, n) => person(n + 1));
    const admission = world.admit(people, text, { category: 'transactional' });
    expect(admission.ok && admission.verdicts.map((one) => one.kind)).toEqual([
      'go',
      ...Array.from({ length: 10 }, () => 'hold'),
      'refuse',
      'refuse',
    ]);
    expect(admission.ok && admission.verdicts[12]).toMatchObject({
      refusal: {
        code: 'no_consent',
        words: '…1013 has not written first, so a text to more than 10 people may not go to them.',
      },
    });
    // One request for each, so that nobody can count them at acceptance.
    for (const to of people) world.one(to, text);
    const refused: string[] = [];
    for (let minute = 0; minute < 30; minute += 1) {
      world.drain();
      for (let pick = world.gate.pick(); pick.kind === 'refuse'; pick = world.gate.pick()) {
        refused.push(pick.refusal.code);
        world.gate.remove(pick.message);
        world.waiting.delete(pick.message);
      }
      world.clock.advance(MINUTE);
    }
    expect(refused).toEqual(['no_consent', 'no_consent']);
    expect(world.waiting.size).toBe(0);
  });

  it('nor on a sender that is not dedicated, nor in other words or with other variables', () => {
    open({ kind: 'shared', policy: { caps: { new_contacts_hour: 100 } } });
    for (let n = 1; n <= 11; n += 1)
      world.one(person(n), `Hi Ann${n}, your table for two is ready now`, { variables: [`Ann${n}`] });
    for (let minute = 0; minute < 20; minute += 1) {
      world.drain();
      world.clock.advance(MINUTE);
    }
    expect(world.waiting.size).toBe(0);
    expect(world.admit(person(12), 'Hi Bob, your table for two is ready now, come')).toMatchObject({
      verdicts: [
        {
          refusal: {
            code: 'sender_not_dedicated',
            words:
              'A text to more than 10 people is marketing, and this sender is not "dedicated" to that in this Mac’s config.json.',
          },
        },
      ],
    });
    expect(world.admit(person(12), loner(3)), 'what is like no other goes').toMatchObject({
      verdicts: [{ kind: 'go' }],
    });
  });

  it('unless this Mac’s own file allows it', () => {
    open({ kind: 'shared', policy: { bulk_transactional: 'allow', caps: { new_contacts_hour: 100 } } });
    for (let n = 1; n <= 14; n += 1) world.one(person(n), text);
    for (let minute = 0; minute < 30; minute += 1) {
      world.drain();
      world.clock.advance(MINUTE);
    }
    expect(world.waiting.size).toBe(0);
  });
});

describe('what is known of a contact', () => {
  it('is told', () => {
    open({ policy: { consent: 'recorded' } });
    const at = world.clock.now();
    world.inbound(person(1), 'do you have offers?');
    world.clock.advance(MINUTE);
    world.one(person(1), loner(1));
    world.drain();
    consent('given', at);
    expect(world.gate.people.contact(person(1))).toEqual({
      handle: person(1),
      opted_out: null,
      is_new: false,
      last_in_at: at,
      last_out_at: at + MINUTE,
      delivered_at: null,
      unanswered: 0,
      replies_left: 2,
      wrote_first: true,
      consent: { state: 'given', at, source: 'form on the web site' },
      marketing: { allowed: true },
    });
    world.inbound(person(2), 'STOP');
    expect(world.gate.people.contact(person(2))).toMatchObject({
      opted_out: { source: 'message', at: at + MINUTE },
      wrote_first: false,
      replies_left: 0,
      marketing: { allowed: false, code: 'no_consent' },
    });
    expect(world.gate.people.contact(person(3))).toMatchObject({ is_new: true, last_in_at: null, opted_out: null });
  });
});
