/** From a stored attempt to its outcome, over real child processes: what is handed to osascript, and what its end proves. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ACCEPT, ANNA, BridgeWorld, fails, HANG, LIMIT_MS } from '../../support/bridge-world.ts';
import { settle, until } from '../../support/fake-clock.ts';

let world: BridgeWorld;
beforeEach(() => {
  world = new BridgeWorld();
});
afterEach(() => world.close());

it('an outcome that could not be stored is stored later, and osascript is not run again for it', async () => {
  const world = new BridgeWorld();
  try {
    await world.open();
    const { commit } = world.store;
    const { id, running } = await world.sending('hello');
    const run = commit.run.bind(commit);
    let failures = 0;
    commit.run = (work) => {
      if (failures === 3) return run(work);
      failures += 1;
      return Promise.reject(new Error('the disk is full'));
    };
    let outcome = '';
    void running.then((o) => {
      outcome = o.kind;
    });
    await until(() => failures > 0, 'it cannot be stored');
    for (let i = 0; i < 200 && outcome === ''; i += 1) await world.clock.advanceAsync(500);
    expect(outcome).toBe('accepted');
    expect(world.bridge.lastOutcome(id.replace('a_', 'm_'))?.kind).toBe('accepted');
    expect(world.calls()).toHaveLength(1);
  } finally {
    await world.close();
  }
});

describe('an attempt', () => {
  it('goes to the participant if there is no chat, with nothing of the person in argv', async () => {
    await world.open();
    const { id, outcome } = await world.send('Your table\nis ready, "Anna" $HOME `id` \\ 👍');
    expect(outcome).toEqual({ kind: 'accepted' });
    expect(world.calls()).toEqual([
      [
        'send-to-participant',
        expect.stringMatching(/\/send-to-participant\.applescript$/),
        id,
        join(world.work, `${id}.payload`),
      ],
    ]);
    expect(world.payload('send-to-participant')).toBe(`${ANNA}\nYour table\nis ready, "Anna" $HOME \`id\` \\ 👍`);
    expect(world.workFiles()).toEqual([]);
  });

  it('goes to the chat that chat.db has, by the guid as it stands there', async () => {
    world.chat.direct(ANNA, { guid: `any;-;${ANNA}` });
    await world.open();
    expect((await world.send('hello')).outcome).toEqual({ kind: 'accepted' });
    expect(world.payload('send-to-chat')).toBe(`any;-;${ANNA}\nhello`);
  });

  it('never takes an SMS chat for a message that must be iMessage', async () => {
    world.chat.direct(ANNA, { guid: `SMS;-;${ANNA}`, service_name: 'SMS' });
    await world.open();
    await world.send('hello');
    expect(world.calls().map((c) => c[0])).toEqual(['send-to-participant']);
    await world.send('hello again', { service: 'any' });
    expect(world.calls().map((c) => c[0])).toEqual(['send-to-participant', 'send-to-chat']);
  });

  it('has its payload for this user only', async () => {
    world.script('send-to-participant', `wait_for go\n${ACCEPT}`);
    await world.open();
    const { id, running } = await world.sending('secret');
    await world.waits('go');
    for (const name of world.workFiles()) expect(statSync(join(world.work, name)).mode & 0o777).toBe(0o600);
    expect(world.workFiles()).toContain(`${id}.payload`);
    world.go('go');
    await running;
    expect(world.workFiles()).toEqual([]);
  });

  it('is not begun while chat.db has rows that were not read', async () => {
    await world.open();
    expect((await world.bridge.ready()).ok).toBe(true);
    world.chat.inbound(ANNA, 'STOP', world.clock.now());
    expect(await world.begin(world.request('hello'))).toBe(false);
    expect(world.store.db.sql('SELECT count(*) AS n FROM attempt').get()).toEqual({ n: 0 });
    await world.bridge.ready();
    expect(world.inbound.map((r) => r.text)).toEqual(['STOP']);
    expect(await world.begin(world.request('hello'))).toBe(true);
  });

  it('keeps its text only until the outcome is known', async () => {
    await world.open();
    const text = () => world.store.db.sql('SELECT text FROM attempt').get()?.text;
    const request = world.request('a secret');
    await world.bridge.ready();
    await world.begin(request);
    expect(text()).toBe('a secret');
    await world.bridge.run(request.attempt);
    expect(text()).toBeNull();
  });

  it('to a group goes to its chat, and to nobody else if Messages does not have it', async () => {
    world.chat.group('chat123', [ANNA], { group_id: 'G-1' });
    world.script('send-to-chat', fails(-1728));
    await world.open();
    const recipient = { kind: 'group' as const, chat: 'group:G-1', members: [ANNA] };
    expect((await world.send('hello all', { recipient })).outcome).toMatchObject({
      kind: 'not_started',
      code: 'not_found',
      again: false,
    });
    expect(world.payload('send-to-chat')).toBe('any;+;chat123\nhello all');
    expect((await world.send('hello all', { recipient: { ...recipient, chat: 'group:gone' } })).outcome).toMatchObject({
      kind: 'not_started',
      code: 'not_found',
    });
    expect(world.calls()).toHaveLength(1);
  });
});

describe('−1728 before the mark', () => {
  beforeEach(() => {
    world.chat.direct(ANNA);
    world.script('send-to-chat', fails(-1728));
  });

  it('leads to the participant, once, and the chat is not tried again', async () => {
    await world.open();
    expect((await world.send('hello')).outcome).toEqual({ kind: 'accepted' });
    await world.send('good day');
    expect(world.calls().map((c) => c[0])).toEqual(['send-to-chat', 'send-to-participant', 'send-to-participant']);
  });

  it('is the end if the participant is not there either', async () => {
    world.script('send-to-participant', fails(-1728));
    await world.open();
    expect((await world.send('hello')).outcome).toMatchObject({
      kind: 'not_started',
      code: 'recipient_not_imessage',
      appleNumber: -1728,
      again: false,
    });
  });

  it('leaves the participant to a new attempt if chat.db has grown: it may be a STOP', async () => {
    world.script('send-to-chat', `wait_for go\n${fails(-1728)}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('go');
    world.chat.inbound(ANNA, 'STOP', world.clock.now());
    world.go('go');
    expect(await running).toMatchObject({ kind: 'not_started', again: true });
    expect(world.calls()).toHaveLength(1);
    expect(world.inbound.map((r) => r.text)).toEqual(['STOP']);
  });

  it('behind the mark is a doubt', async () => {
    world.script('send-to-chat', `echo dispatch_started >&2\n${fails(-1728)}`);
    await world.open();
    expect((await world.send('hello')).outcome.kind).toBe('may_have_gone');
    expect(world.calls()).toHaveLength(1);
  });
});

describe('a child that does not end', () => {
  it('is killed with its children at the limit, and the message may have gone', async () => {
    world.script('send-to-participant', `echo dispatch_started >&2\n${HANG}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS - 1);
    await settle();
    expect(world.store.db.sql('SELECT outcome FROM attempt').get()).toEqual({ outcome: null });
    world.clock.advance(1);
    expect(await running).toEqual({ kind: 'may_have_gone', words: expect.stringContaining('may have gone out') });
    expect(world.conditions()).toEqual(['messages_hung']);
  });

  it('keeps the lane closed until a probe is good', async () => {
    world.script('send-to-participant', HANG);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    await running;
    world.script('probe', fails(-1712));
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
    world.clock.advance(2_000);
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
    world.script('probe', 'echo ok');
    world.clock.advance(30_000);
    expect(await world.bridge.ready()).toEqual({ ok: true });
    expect(world.conditions()).toEqual([]);
  });

  it('that says accepted in its last moment is believed', async () => {
    world.script('send-to-participant', `${ACCEPT}\n${HANG}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    expect(await running).toEqual({ kind: 'accepted' });
  });
});

describe('the probe', () => {
  it('comes before the first send, and a denied one names what to switch on', async () => {
    world.script('probe', fails(-1743));
    await world.open();
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'automation_denied' });
    expect(world.health.list()[0]).toMatchObject({ severity: 'error', remedy: expect.stringContaining('Automation') });
    expect(world.calls()).toEqual([]);
    world.script('probe', 'echo ok');
    world.clock.advance(2_000);
    expect(await world.bridge.ready()).toEqual({ ok: true });
    expect(world.health.list()).toEqual([]);
  });

  it('asks by itself until it is good, less and less often', async () => {
    world.script('probe', `echo asked >>"$dir/probes"\n${fails(-600)}`);
    await world.open();
    const asked = () => world.bridge.ready().then(() => world.count('probes'));
    expect(await asked()).toBe(1);
    for (const [wait, total] of [
      [1_999, 1],
      [1, 2],
      [3_999, 2],
      [1, 3],
      [8_000, 4],
      [16_000, 5],
      [30_000, 6],
      [30_000, 7],
    ] as const) {
      world.clock.advance(wait);
      expect(await asked(), `${wait} ms on`).toBe(total);
    }
    expect(world.conditions()).toEqual(['messages_not_running']);
  });

  it('that hangs is ended and tells that Messages hangs', async () => {
    world.script('probe', HANG);
    await world.open();
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'messages_hung' });
  });

  it('is needed again after an error that concerns the Mac, not the message', async () => {
    world.script('send-to-participant', fails(-1743));
    world.script('probe', 'echo ok');
    await world.open();
    expect((await world.send('hello')).outcome).toMatchObject({
      kind: 'not_started',
      code: 'permission_missing',
      again: true,
    });
    expect(world.conditions()).toEqual(['automation_denied']);
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'automation_denied' });
  });

  it('says when osascript is not there at all', async () => {
    await world.kill();
    world.removeOsascript();
    await world.open();
    expect(await world.bridge.ready()).toEqual({ ok: false, condition: 'osascript_unusable' });
  });
});
