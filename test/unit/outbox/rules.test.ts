/** The rules as a controller meets them: commands, statuses and queries, with the real gate behind the outbox. */
import { afterEach, describe, expect, it } from 'vitest';
import { RESULT_DATA } from '../../../protocol/queries.ts';
import { type RulesOptions, RulesWorld } from '../../support/rules-world.ts';
import { loner } from '../gate/letters.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ANN = '+14155550101';
const BOB = '+14155550102';

let world: RulesWorld;
afterEach(() => world.close());

function open(o: RulesOptions = {}): void {
  world = new RulesWorld(o);
}

describe('caps', () => {
  it('hold a message with the numbers and a time, and let it go then', async () => {
    open({ policy: { caps: { new_contacts_hour: 1 } } });
    await world.send(ANN, loner(1));
    const held = await world.send(BOB, loner(2));
    expect(held.result.ok).toBe(true);
    expect(held.status()).toMatchObject({
      state: 'held',
      rule: 'new_contact_limit',
      until: world.clock.now() + HOUR,
      evidence: { used: 1, limit: 1 },
    });
    await world.pass(HOUR);
    expect(held.status()).toMatchObject({ state: 'dispatching' });
  });

  it('refuse it with the code, whether it may come again, and when, with pacing "reject"', async () => {
    open({ policy: { caps: { new_contacts_hour: 1 } } });
    await world.send(ANN, loner(1));
    const { result } = await world.send(BOB, loner(2), { pacing: 'reject' });
    expect(result).toMatchObject({
      ok: false,
      code: 'new_contact_limit',
      retryable: true,
      retry_after_ms: HOUR,
      detail: { rule: 'new_contact_limit', evidence: { used: 1, limit: 1 } },
    });
    expect(result.message).toContain('1 person without talk in 30 days');
  });

  it('end the sixth message without an answer as rejected', async () => {
    open();
    for (let n = 0; n < 5; n += 1) await world.send(ANN, loner(n));
    const sixth = await world.send(ANN, loner(6));
    expect(sixth.status()).toMatchObject({ state: 'rejected', code: 'unanswered_limit', retryable: false });
  });

  it('are told by sender.get', async () => {
    open();
    await world.send(ANN, loner(1));
    const data = RESULT_DATA['sender.get'].parse(await world.ask('sender.get'));
    expect(data.caps.map(({ name, used, limit }) => [name, used, limit])).toEqual([
      ['new_contacts_day', 1, 50],
      ['new_contacts_hour', 1, 15],
      ['unanswered', 1, 5],
      ['pair_rate', 1, 30],
      ['daily_volume', 1, 5000],
    ]);
  });

  it('give back what Messages did not take, and draw again with the next try', async () => {
    open({ policy: { caps: { new_contacts_hour: 1 } } });
    const refused = { kind: 'not_started' as const, code: 'script_error' as const, words: 'no', again: false };
    world.bridge.next.push(() => refused);
    const failed = await world.send(ANN, loner(1));
    expect(failed.status()).toMatchObject({ state: 'failed' });
    const next = await world.send(ANN, loner(2));
    expect(next.status()).toMatchObject({ state: 'dispatching' });
    const held = await world.send(BOB, loner(3));
    expect(held.status()).toMatchObject({ state: 'held', rule: 'new_contact_limit' });
  });
});

describe('marketing', () => {
  it('on a sender that is not dedicated is refused as a command', async () => {
    open({ kind: 'shared' });
    const { result } = await world.send(ANN, loner(1), { category: 'marketing' });
    expect(result).toMatchObject({ ok: false, code: 'sender_not_dedicated', retryable: false });
  });

  it('without consent is rejected; with one that consent.put recorded it goes', async () => {
    open({ policy: { consent: 'recorded' } });
    const without = await world.send(ANN, loner(1), { category: 'marketing' });
    expect(without.status()).toMatchObject({ state: 'rejected', code: 'no_consent' });
    const put = { state: 'given', at: world.clock.now(), source: 'form' };
    expect(await world.command('consent.put', { handle: '(415) 555-0101', ...put })).toMatchObject({
      ok: true,
      detail: { handle: ANN, changed: true },
    });
    const after = await world.send(ANN, loner(2), { category: 'marketing' });
    expect(after.status()).toMatchObject({ state: 'dispatching' });
    const data = RESULT_DATA['contact.get'].parse(await world.ask('contact.get', { handle: '415-555-0101' }));
    expect(data).toMatchObject({ handle: ANN, consent: { state: 'given' }, marketing: { allowed: true } });
  });

  it('consent.put is refused where this Mac does not take it, with bad data, and for nobody', async () => {
    open();
    const put = { handle: ANN, state: 'given', at: world.clock.now(), source: 'form' };
    expect(await world.command('consent.put', put)).toMatchObject({ ok: false, code: 'unsupported' });
    expect(await world.command('consent.put', { ...put, state: 'perhaps' })).toMatchObject({ code: 'bad_request' });
    expect(await world.command('consent.put', { ...put, handle: '12' })).toMatchObject({ code: 'recipient_invalid' });
    expect(await world.ask('contact.get', { handle: '12' })).toMatchObject({ error: { code: 'recipient_invalid' } });
  });

  it('at night waits for the morning in the zone that the message names', async () => {
    open();
    await world.inbound(ANN, 'do you have offers?');
    await world.pass(6 * MINUTE);
    const held = await world.send(ANN, loner(1), { category: 'marketing', time_zone: 'Asia/Tokyo' });
    await world.pass(5 * HOUR);
    expect(held.status()).toMatchObject({ state: 'dispatching' });
    const night = await world.send(ANN, loner(2), { category: 'marketing', time_zone: 'Asia/Tokyo' });
    expect(night.status()).toMatchObject({ state: 'held', rule: 'quiet_hours', until: Date.UTC(2026, 10, 24, 23) });
  });
});

describe('policy.put', () => {
  it('is refused below the floor and on an old version, each with the version that holds; else it holds at once', async () => {
    open();
    const before = RESULT_DATA['policy.get'].parse(await world.ask('policy.get'));
    const put = { version: 'v1', expected: before.version, policy: { caps: { unanswered: 6 } } };
    expect(await world.command('policy.put', put)).toMatchObject({
      ok: false,
      code: 'bad_request',
      message: 'policy.caps.unanswered: 6 is looser than this Mac’s own file allows (5).',
      detail: { policy_version: before.version },
    });
    const stricter = { ...put, policy: { caps: { unanswered: 1 } } };
    const result = await world.command('policy.put', stricter);
    const after = RESULT_DATA['policy.get'].parse(await world.ask('policy.get'));
    expect(result).toMatchObject({ ok: true, detail: { policy_version: after.version } });
    expect(after).toMatchObject({ put: { version: 'v1' }, policy: { caps: { unanswered: 1 } } });
    expect(await world.command('policy.put', stricter)).toMatchObject({ ok: false, code: 'bad_request' });
    await world.send(ANN, loner(1));
    expect((await world.send(ANN, loner(2))).status()).toMatchObject({ code: 'unanswered_limit' });
  });
});

describe('the confirmation of a STOP', () => {
  const policy = { opt_out: { confirmation: 'You will get no more messages from us.' } };
  const sent = () =>
    world.bridge.begun.map(({ recipient, text }) => [recipient.kind === 'handle' && recipient.handle, text]);

  it('is one text to whoever said it, and nothing after it', async () => {
    open({ policy });
    await world.inbound(ANN, 'STOP');
    expect(sent()).toEqual([[ANN, policy.opt_out.confirmation]]);
    const later = await world.send(ANN, 'Are you sure?');
    expect(later.status()).toMatchObject({ state: 'rejected', code: 'opted_out' });
    await world.inbound(ANN, 'stop');
    expect(sent()).toHaveLength(1);
  });

  it('is not sent if none is configured', async () => {
    open();
    await world.inbound(ANN, 'STOP');
    expect(sent()).toEqual([]);
  });

  it('is never a second one, also if they start and stop again', async () => {
    open({ policy });
    for (let n = 0; n < 3; n += 1) {
      await world.inbound(ANN, 'STOP');
      await world.pass(MINUTE);
      await world.inbound(ANN, 'START');
      await world.pass(MINUTE);
    }
    expect(sent()).toHaveLength(1);
  });

  it('does not go to a group, nor for a STOP that was found late or is older than 5 minutes', async () => {
    open({ policy });
    await world.inbound(ANN, 'STOP', { group: true, chat: 'group:1' });
    await world.inbound(ANN, 'STOP', { late: true });
    await world.inbound(BOB, 'STOP', { at: world.clock.now() - 5 * MINUTE });
    expect(sent()).toEqual([]);
  });

  it('goes to the conversation that they see, once', async () => {
    open({ policy });
    await world.inbound('ann@example.com', 'STOP', { alias: ANN });
    expect(sent()).toEqual([[ANN, policy.opt_out.confirmation]]);
    await world.inbound('ann@example.com', 'STOP', { alias: 'ann@icloud.com' });
    expect(sent()).toHaveLength(1);
  });

  it('that could not go within 5 minutes is not sent', async () => {
    open({ policy });
    world.bridge.condition = 'messages_hung';
    await world.inbound(ANN, 'STOP');
    await world.pass(5 * MINUTE);
    world.bridge.condition = null;
    await world.pass(MINUTE);
    expect(sent()).toEqual([]);
    expect(world.statuses(ANN).map(({ state }) => state)).toEqual(['accepted', 'expired']);
  });

  it('opens no door: a controller cannot name its own message so', async () => {
    open({ policy });
    await world.inbound(ANN, 'STOP');
    const created = world.clock.now();
    const frame = {
      ...{ type: 'command' as const, seq: 99, id: 'confirmation_in-1', name: 'message.send', version: 1 },
      data: {
        ...{ to: ANN, text: 'One more', category: 'conversational', pacing: 'queue' },
        ...{ created, expires_at: created + HOUR },
      },
    };
    const result = await world.store.commit.run(() => world.outbox.receive(frame));
    expect(result.ok).toBe(true);
    await world.pass(MINUTE);
    expect(sent()).toEqual([[ANN, policy.opt_out.confirmation]]);
    expect(world.statuses(ANN).at(-1)).toMatchObject({ state: 'rejected', code: 'opted_out' });
  });
});
