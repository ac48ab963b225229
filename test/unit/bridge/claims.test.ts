/** Which row of chat.db is which attempt's, and what is told when there is none. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { showsSend } from '../../../daemon/bridge/row-key.ts';
import type { RowSighting } from '../../../daemon/bridge/sightings.ts';
import { ACCEPT, ANNA, BridgeWorld, fails, HANG, LIMIT_MS } from '../../support/bridge-world.ts';

const BEN = '+14155550102';
const DAY = 86_400_000;
let world: BridgeWorld;
beforeEach(() => {
  world = new BridgeWorld();
});
afterEach(async () => {
  expect(world.outside, 'sightings outside of a transaction').toBe(0);
  await world.close();
});

const own = (text: string, more: Record<string, string | number> = {}, to = ANNA) =>
  world.chat.own(to, text, world.clock.now(), { is_sent: 0, ...more });
const claimed = () =>
  world.store.db
    .sql<{ id: string; row_id: number | null }>('SELECT id, row_id FROM attempt ORDER BY ord')
    .all()
    .map((r) => r.row_id);

describe('a row', () => {
  it('is claimed by the attempt with its text and recipient, and told when it says sent', async () => {
    await world.open();
    await world.send('hello');
    const rowid = own('hello', { destination_caller_id: '+14155550199' });
    await world.look();
    expect(claimed()).toEqual([rowid]);
    expect(world.told).toEqual([]);
    world.chat.update(rowid, { is_sent: 1 });
    await world.look();
    expect(world.told).toEqual([
      {
        message: 'm_1',
        attempt: 'a_1',
        state: 'sent',
        at: expect.any(Number),
        guid: 'ROW-1',
        service: 'iMessage',
        from: '+14155550199',
      },
    ]);
    expect(world.ownHand).toEqual([]);
  });

  it('is known by its decoded text in any form of Unicode and line ends, whatever Messages trims', async () => {
    await world.open();
    await world.send(' Caf\u00e9\r\nis open ');
    const rowid = own('Cafe\u0301\nis open');
    await world.look();
    expect(claimed()).toEqual([rowid]);
  });

  it.each([
    ['another text', () => own('hello!')],
    ['another person', () => own('hello', {}, BEN)],
    [
      'a date long before the attempt, as iCloud brings back',
      () => world.chat.own(ANNA, 'hello', world.clock.now() - 3_600_000),
    ],
  ])('with %s was sent by hand', async (_what, make) => {
    await world.open();
    await world.send('hello');
    make();
    await world.look();
    expect(claimed()).toEqual([null]);
    expect(world.ownHand).toHaveLength(1);
  });

  it('from before the attempt is not its own', async () => {
    own('hello', { is_sent: 1 });
    await world.open();
    await world.look();
    await world.send('hello');
    await world.look();
    expect(claimed()).toEqual([null]);
  });

  it('is claimed once: the second of two equal rows was sent by hand', async () => {
    await world.open();
    await world.send('hello');
    const first = own('hello');
    own('hello');
    await world.look();
    expect(claimed()).toEqual([first]);
    expect(world.ownHand.map((r) => r.guid)).toEqual(['ROW-2']);
  });

  it('of the same text twice: rows and attempts are paired in order', async () => {
    await world.open();
    await world.send('hello');
    await world.send('hello');
    const rows = [own('hello'), own('hello')];
    await world.look();
    expect(claimed()).toEqual(rows);
  });

  it('in a group belongs to the attempt to that group', async () => {
    const chat = world.chat.group('chat123', [ANNA, BEN], { group_id: 'G-1' });
    await world.open();
    await world.send('hello', { recipient: { kind: 'group', chat: 'group:G-1', members: [ANNA, BEN] } });
    own('hello');
    const rowid = world.chat.transaction(() => {
      const row = world.chat.row(world.clock.now(), { text: 'hello', is_from_me: 1, is_sent: 1 });
      world.chat.join(row, chat);
      return row;
    });
    await world.look();
    expect(claimed()).toEqual([rowid]);
    expect(world.ownHand.map((r) => r.chat.id)).toEqual([ANNA]);
    expect(world.states()).toEqual(['sent']);
  });

  it('is not claimed by an attempt that did not start', async () => {
    world.script('send-to-participant', fails(-1700));
    await world.open();
    await world.send('hello');
    own('hello');
    await world.look();
    expect(claimed()).toEqual([null]);
    expect(world.ownHand).toHaveLength(1);
  });

  it('that is there before osascript ends waits for the outcome', async () => {
    world.script('send-to-participant', `echo dispatch_started >&2\nwait_for go\n${ACCEPT}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('go');
    own('hello', { is_sent: 1 });
    await world.look();
    expect([world.told, world.ownHand]).toEqual([[], []]);
    world.go('go');
    expect(await running).toEqual({ kind: 'accepted' });
    expect(world.states()).toEqual(['sent']);
    expect(world.ownHand).toEqual([]);
  });

  it('that changes before osascript ends is told as it has become', async () => {
    world.script('send-to-participant', `echo dispatch_started >&2\nwait_for go\n${ACCEPT}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('go');
    const rowid = own('hello');
    await world.look();
    world.chat.update(rowid, { is_sent: 1 });
    await world.look();
    world.go('go');
    await running;
    await world.look();
    expect(world.states()).toEqual(['sent']);
  });

  it('speaks against an osascript that says nothing was sent: a doubt, and the row is told', async () => {
    world.script('send-to-participant', `wait_for go\n${fails(-600)}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('go');
    own('hello', { is_sent: 1 });
    world.go('go');
    expect((await running).kind).toBe('may_have_gone');
    expect(world.states()).toEqual(['sent']);
    expect(world.ownHand).toEqual([]);
  });

  it('of somebody else is told as it is', async () => {
    await world.open();
    await world.bridge.ready();
    world.chat.inbound(ANNA, 'hi', world.clock.now());
    await world.look();
    expect(world.inbound).toMatchObject([
      { text: 'hi', handle: ANNA, kind: 'text', late: false, chat: { id: ANNA, kind: 'direct' } },
    ]);
  });
});

describe('no row', () => {
  it('for 10 s after accepted is told as unknown, once, and a late row settles it', async () => {
    await world.open();
    await world.send('hello');
    await world.clock.advanceAsync(9_900);
    expect(world.told).toEqual([]);
    await world.clock.advanceAsync(200);
    await world.look();
    expect(world.told).toMatchObject([
      { state: 'unknown', words: expect.stringContaining('chat.db does not show it') },
    ]);
    await world.clock.advanceAsync(60_000);
    own('hello', { is_sent: 1 });
    await world.look();
    expect(world.states()).toEqual(['unknown', 'sent']);
  });

  it('is told after a restart as well', async () => {
    await world.open();
    await world.send('hello');
    await world.kill();
    await world.open();
    await world.clock.advanceAsync(10_100);
    await world.look();
    expect(world.states()).toEqual(['unknown']);
  });

  it('of what may have gone: the outbox knows already, and a row within 7 days settles it', async () => {
    world.script('send-to-participant', `echo dispatch_started >&2\n${HANG}`);
    await world.open();
    const { running } = await world.sending('hello');
    await world.waits('never');
    world.clock.advance(LIMIT_MS);
    await running;
    await world.clock.advanceAsync(20_000);
    expect(world.told).toEqual([]);
    world.clock.jumpWall(3 * DAY);
    own('hello', { is_sent: 1 });
    await world.look();
    expect(world.states()).toEqual(['sent']);
  });

  it('after 7 days: a row with that text was sent by hand', async () => {
    await world.open();
    await world.send('hello');
    world.clock.jumpWall(7 * DAY + 1);
    own('hello', { is_sent: 1 });
    await world.look();
    expect(claimed()).toEqual([null]);
    expect(world.ownHand).toHaveLength(1);
  });
});

describe('the ghost of macOS 26', () => {
  const ghost = (handle: string) =>
    world.chat.row(world.clock.now(), {
      text: null,
      is_from_me: 1,
      is_empty: 1,
      service: 'SMS',
      handle_id: world.chat.handle(handle, 'SMS'),
    });

  it('is a failed send of the group that it names', async () => {
    world.chat.group('chat123', [ANNA], { group_id: 'G-1' });
    await world.open();
    await world.send('hello', { recipient: { kind: 'group', chat: 'group:G-1', members: [ANNA] } });
    ghost('chat123');
    await world.clock.advanceAsync(2_100);
    await world.look();
    await world.clock.advanceAsync(3_100);
    await world.look();
    expect(world.told).toMatchObject([{ state: 'not_delivered', words: expect.stringContaining('was not sent') }]);
    expect(world.ownHand).toEqual([]);
  });

  it('gives way to a real row that follows within its grace', async () => {
    world.chat.direct(ANNA);
    await world.open();
    await world.send('hello');
    ghost(ANNA);
    await world.clock.advanceAsync(2_100);
    await world.look();
    const rowid = own('hello', { is_sent: 1 });
    await world.look();
    await world.clock.advanceAsync(5_000);
    expect(claimed()).toEqual([rowid]);
    expect(world.states()).toEqual(['sent']);
  });
});

it('a text with the sign that stands for an attachment is known again, though reading leaves that sign out', async () => {
  await world.open();
  await world.send('look \uFFFC here');
  own('look \uFFFC here', { is_sent: 1 });
  await world.look();
  expect(world.states()).toEqual(['sent']);
  expect(world.ownHand).toEqual([]);
});

describe('a lookalike', () => {
  const to = { kind: 'handle', handle: ANNA } as const;

  it('is a row from us with that text to that recipient that no attempt made', async () => {
    await world.open();
    const since = world.clock.now();
    await world.send('ours');
    own('ours');
    own('by hand');
    await world.look();
    expect(world.bridge.hasLookalike(to, 'by hand', since)).toBe(true);
    expect(world.bridge.hasLookalike(to, 'ours', since)).toBe(false);
    expect(world.bridge.hasLookalike(to, 'nobody’s', since)).toBe(false);
    expect(world.bridge.hasLookalike({ kind: 'handle', handle: BEN }, 'by hand', since)).toBe(false);
    expect(world.bridge.hasLookalike(to, 'by hand', since + DAY)).toBe(false);
  });

  it('is not the row that an attempt of this moment is about to claim, but one more than those is', async () => {
    await world.open();
    const since = world.clock.now();
    await world.send('yes');
    own('yes');
    expect(world.bridge.hasLookalike(to, 'yes', since)).toBe(false);
    own('yes');
    // A look is good for the commands of one burst.
    world.clock.advance(20);
    expect(world.bridge.hasLookalike(to, 'yes', since)).toBe(true);
    await world.look();
    expect(world.bridge.hasLookalike(to, 'yes', since)).toBe(true);
  });

  it('is a file as well, by the stem of its name, also where the server’s type adds an ending to that', async () => {
    await world.open();
    const since = world.clock.now();
    const url = 'https://x.example/menu.v2';
    const has = (file: { url: string; mime?: string }) => world.bridge.hasLookalike(to, 'Look!', since, [file]);
    expect(has({ url })).toBe(false);
    world.chat.file(world.chat.own(ANNA, '\uFFFC', world.clock.now(), { is_sent: 1 }), 'menu.v2.pdf');
    await world.look();
    expect(has({ url })).toBe(true);
    expect(has({ url, mime: 'application/pdf' })).toBe(true);
    expect(has({ url: 'https://x.example/other' })).toBe(false);
    expect(showsSend(world.ownHand[0] as RowSighting, 'Look!', [{ url }])).toBe(true);
    expect(showsSend(world.ownHand[0] as RowSighting, '', [{ name: 'menu.v2.doc' }])).toBe(true);
    expect(showsSend(world.ownHand[0] as RowSighting, '', [{ name: 'menu.doc' }])).toBe(false);
  });

  it('cannot be excluded while chat.db cannot be read', () => {
    expect(world.bridge.hasLookalike(to, 'hello', 0)).toBe(true);
  });
});

it('whatever happens in whatever order: no row is two attempts’, none is lost, and none is told as both', async () => {
  const step = fc.constantFrom('send A', 'send B', 'row A', 'row B', 'row A', 'look');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const w = new BridgeWorld();
      world = w;
      try {
        await w.open();
        let rows = 0;
        let attempts = 0;
        for (const s of steps) {
          const text = s.endsWith('A') ? 'hello' : 'good day';
          if (s.startsWith('send')) {
            await w.send(text);
            attempts += 1;
          } else if (s.startsWith('row')) {
            own(text, { is_sent: 1 });
            rows += 1;
          } else await w.look();
        }
        await w.look();
        const taken = claimed().filter((r) => r !== null);
        expect(new Set(taken).size).toBe(taken.length);
        expect(claimed()).toHaveLength(attempts);
        expect(taken.length + w.ownHand.length).toBe(rows);
        expect(w.told.filter((t) => t.state === 'sent')).toHaveLength(taken.length);
      } finally {
        if (w.outside === 0) await w.close();
        world = new BridgeWorld();
      }
    }),
    { numRuns: 15 },
  );
});
