/** Attachments before the real gate: what it knows of files when it decides, and what it still allows between the parts. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Staged } from '../../../daemon/outbox/ports.ts';
import { until } from '../../support/fake-clock.ts';
import { RulesWorld } from '../../support/rules-world.ts';

const ANNA = '+14155550101';
const BEN = '+14155550102';
const FLYER = 'https://files.example/flyer.jpg';
const SHA = 'a'.repeat(64);

let world: RulesWorld;
beforeEach(() => {
  world = new RulesWorld();
});
afterEach(() => world.close());

const begun = (count: number) => until(() => world.bridge.begun.length === count, `${count} attempts`);
/** What was begun goes its way, as far as the row says. */
async function rowOf(n: number): Promise<void> {
  const request = world.bridge.begun[n];
  if (!request) throw new Error(`no attempt ${n}`);
  const { message, attempt } = request;
  const seen = {
    attempt,
    state: 'sent' as const,
    at: world.clock.now(),
    outcome: { state: 'sent' as const },
    detail: {},
  };
  await world.store.commit.run(() => world.outbox.sighted(message, seen));
}

async function sentToAnna(): Promise<void> {
  world.files.next.set(FLYER, [() => world.files.file(FLYER, { sha256: SHA })]);
  await world.send(ANNA, 'Come and see us on Monday', { attachments: [{ url: FLYER }] });
  await begun(1);
  await rowOf(0);
  await begun(2);
  await rowOf(1);
}

it('pacing: reject with the hash given is refused at once', async () => {
  await sentToAnna();
  const { result } = await world.send(BEN, 'Bring the dog, will you?', {
    pacing: 'reject',
    attachments: [{ url: FLYER, sha256: SHA }],
  });
  expect(result).toMatchObject({ ok: false, code: 'interval_not_kept' });
  expect(world.files.asked).toHaveLength(1);
});

it('pacing: reject without the hash is rejected when the file is here, and not sent', async () => {
  await sentToAnna();
  world.files.next.set(FLYER, [() => world.files.file(FLYER, { sha256: SHA })]);
  const { result, status } = await world.send(BEN, 'Bring the dog, will you?', {
    pacing: 'reject',
    attachments: [{ url: FLYER }],
  });
  expect(result.ok).toBe(true);
  await until(() => status()?.state === 'rejected', 'it is rejected');
  expect(status()).toMatchObject({ code: 'interval_not_kept', evidence: { words: expect.any(String) } });
  expect(world.bridge.begun).toHaveLength(2);
});

it('pacing: queue waits for the interval once the file is here, and goes then', async () => {
  await sentToAnna();
  world.files.next.set(FLYER, [() => world.files.file(FLYER, { sha256: SHA })]);
  const { status } = await world.send(BEN, 'Bring the dog, will you?', { attachments: [{ url: FLYER }] });
  await until(() => status()?.rule === 'interval', 'it waits for the interval');
  await world.clock.advanceAsync(59_000);
  expect(world.bridge.begun).toHaveLength(2);
  await world.clock.advanceAsync(2_000);
  await begun(3);
});

it('another file beside an unlike text does not wait', async () => {
  await sentToAnna();
  await world.send(BEN, 'Bring the dog, will you?', { attachments: [{ url: 'https://files.example/menu.pdf' }] });
  await begun(3);
});

it('a reply stays one though its file takes ten minutes, and draws one of the three', async () => {
  await sentToAnna();
  await world.inbound(BEN, 'Do you have a flyer?');
  let come: (staged: Staged) => void = () => {};
  world.files.next.set(FLYER, [() => new Promise<Staged>((done) => (come = done))]);
  const { status } = await world.send(BEN, 'Here it is', { attachments: [{ url: FLYER }] });
  await world.clock.advanceAsync(600_000);
  come(world.files.file(FLYER, { sha256: SHA }));
  await begun(3);
  expect(status()?.state).toBe('dispatching');
});

it.each([true, false])('three replies and no more, with files: %s', async (withFiles) => {
  await world.inbound(BEN, 'Do you have a flyer?');
  const replies = [];
  for (let n = 0; n < 4; n += 1) {
    const more = withFiles ? { attachments: [{ url: `https://files.example/${n}.jpg` }] } : {};
    const { result } = await world.send(BEN, `Part ${n} of it, as you wished`, more);
    const [made] = (result.detail?.messages ?? []) as { message: string }[];
    replies.push(world.outbox.messages.get(made?.message ?? '')?.reply);
  }
  expect(replies).toEqual([true, true, true, false]);
});

it('STOP between the parts: the rest is not sent; the sender paused: it waits', async () => {
  const { status } = await world.send(ANNA, 'Come and see us', { attachments: [{ url: FLYER }] });
  await begun(1);
  await world.store.commit.run(() => world.gate.pause('a pause'));
  await rowOf(0);
  await world.clock.advanceAsync(1_000);
  expect(world.bridge.begun).toHaveLength(1);
  await world.inbound(ANNA, 'STOP');
  await world.store.commit.run(() => world.outbox.resume('person'));
  await until(() => status()?.state === 'not_delivered', 'the rest is not sent');
  expect(status()?.parts).toMatchObject([{ state: 'sent' }, { state: 'not_sent', code: 'opted_out' }]);
  // That was nobody's fault.
  expect(world.gate.health().state).toBe('healthy');
});
