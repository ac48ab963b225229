/** What happens to messages after they were told: each edit, each part taken back, each file that comes, told once. Real files on both sides. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RECENT_MS, ROUND_MS } from '../../../daemon/bridge/changes.ts';
import { changeEvent } from '../../../daemon/bridge/row-events.ts';
import { EVENT_DATA } from '../../../protocol/events.ts';
import { ANNA, BridgeWorld } from '../../support/bridge-world.ts';
import { appleDate, type Columns } from '../../support/chat-db-file.ts';
import { edited } from '../../support/edited-body.ts';
import { until } from '../../support/fake-clock.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

let world: BridgeWorld;
beforeEach(() => {
  world = new BridgeWorld();
});
afterEach(async () => {
  expect(world.outside).toBe(0);
  for (const change of world.changes) {
    const { name, data } = changeEvent(change);
    expect(EVENT_DATA[name].parse(data)).toEqual(data);
  }
  await world.close();
});

/** In a few words: what was told of whom. */
const told = () =>
  world.changes.map(({ row, change }) => {
    const of = `${row.guid}${row.fromMe ? ' (own)' : ''}${row.late ? ' late' : ''}`;
    if (change.kind === 'edited') return `${of} ${change.part}.${change.version} ${change.text}`;
    if (change.kind === 'set_apart') return `${of} ${JSON.stringify(change.filter ?? null)}`;
    return change.kind === 'unsent' ? `${of} unsent ${change.part}` : `${of} file ${change.attachment}`;
  });
const ids = () => world.changes.map((change) => changeEvent(change).id);
const inbound = () => world.inbound.map(({ text, kind }) => `${kind} ${text}`);

/** Until chat.db as it is now was looked through. */
async function looked(): Promise<void> {
  await world.clock.advanceAsync(150);
  await world.bridge.ready();
  await world.look();
}

/** The relay was killed and starts again. */
async function restarted(): Promise<void> {
  await world.kill();
  await world.open();
}

describe('an edit', () => {
  it('that cannot be told keeps everything from being sent, and is a condition when that lasts', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'sotp', at, { guid: 'G' });
    await looked();
    world.store.db.exec(`CREATE TRIGGER full BEFORE INSERT ON chat_change BEGIN SELECT RAISE(ABORT, 'disk full'); END`);
    const versions = {
      0: [
        { at, text: 'sotp' },
        { at: at + 1_000, text: 'STOP' },
      ],
    };
    world.chat.update(rowid, edited({ body: 'STOP', at: at + 1_000, parts: versions }));
    const answers: unknown[] = [];
    for (let asked = 0; asked < 5; asked += 1) answers.push(await world.bridge.ready());
    expect(answers).toEqual(answers.map(() => ({ ok: false, condition: 'chat_db_changes_unread' })));
    expect(world.conditions()).toEqual(['chat_db_changes_unread']);
    // What was told was rolled back each time.
    world.changes = [];
    world.store.db.exec('DROP TRIGGER full');
    expect(await world.bridge.ready()).toEqual({ ok: true });
    expect([told(), world.conditions()]).toEqual([['G 0.2 STOP'], []]);
  });

  it('is told once, version by version, whoever looks how often', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'sotp', at, { guid: 'G' });
    await looked();
    const first = { at, text: 'sotp' };
    const second = { at: at + 2_000, text: 'stop it' };
    world.chat.update(rowid, edited({ body: second.text, at: second.at, parts: { 0: [first, second] } }));
    await looked();
    expect(told()).toEqual(['G 0.2 stop it']);
    expect(world.changes[0]?.row).toMatchObject({ at: second.at, handle: ANNA, late: false, chat: { id: ANNA } });
    const third = { at: at + 3_000, text: 'STOP' };
    const fourth = { at: at + 4_000, text: 'STOP!' };
    const parts = { 0: [first, second, third, fourth] };
    world.chat.update(rowid, edited({ body: fourth.text, at: fourth.at, parts }));
    await looked();
    world.chat.update(rowid, { is_read: 1 });
    await looked();
    await restarted();
    await looked();
    expect(told()).toEqual(['G 0.2 stop it', 'G 0.3 STOP', 'G 0.4 STOP!']);
    expect(ids()).toEqual(['ed_G_0_2', 'ed_G_0_3', 'ed_G_0_4']);
    expect(inbound()).toEqual(['text sotp']);
  });

  it('from before the first sight is told behind the message as it was first written', async () => {
    const at = world.clock.now() - MINUTE;
    const rowid = world.chat.inbound(ANNA, 'no', at, { guid: 'G' });
    const versions = [
      { at, text: 'STOP' },
      { at: at + 5_000, text: 'no' },
    ];
    world.chat.update(rowid, edited({ body: 'no', at: at + 5_000, parts: { 0: versions } }));
    await world.open();
    await looked();
    expect(inbound()).toEqual(['text STOP']);
    expect(told()).toEqual(['G 0.2 no']);
  });

  it('of one part of several is told by part, with what it said first if that was never told', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.row(at, { guid: 'G', handle_id: world.chat.handle(ANNA), is_delivered: 1 });
    const versions = [
      { at, text: 'fisrt' },
      { at: at + 1_000, text: 'first' },
    ];
    world.chat.update(rowid, edited({ body: 'first and second', at: at + 1_000, parts: { 2: versions }, unsent: [1] }));
    world.chat.join(rowid, world.chat.direct(ANNA));
    await looked();
    expect(inbound()).toEqual(['text first and second']);
    expect(told()).toEqual(['G 2.1 fisrt', 'G 2.2 first', 'G unsent 1']);
    expect(ids()).toEqual(['ed_G_2_1', 'ed_G_2_2', 'un_G_1']);
  });

  it('of which Apple keeps no history is told with the text that stands there', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'one', at, { guid: 'G' });
    await looked();
    world.chat.update(rowid, { text: 'two', date_edited: appleDate(at + 1_000) });
    await looked();
    await looked();
    expect(told()).toEqual(['G null.null two']);
    expect(ids()).toEqual([`ed_G_at_${at + 1_000}`]);
  });

  it('of what the relay sent, or the owner wrote, is told as the owner’s', async () => {
    await world.open();
    const at = world.clock.now();
    const hand = world.chat.own(ANNA, 'by hand', at, { guid: 'HAND' });
    await world.send('hello');
    const sent = world.chat.own(ANNA, 'hello', at, { guid: 'SENT' });
    await looked();
    expect(world.told.at(-1)).toMatchObject({ state: 'sent', guid: 'SENT' });
    for (const [rowid, text] of [
      [hand, 'by foot'],
      [sent, 'hallo'],
    ] as const) {
      const versions = [
        { at, text: 'x' },
        { at: at + 1, text },
      ];
      world.chat.update(rowid, edited({ body: text, at: at + 1, parts: { 0: versions } }));
    }
    await looked();
    expect(told().sort()).toEqual(['HAND (own) 0.2 by foot', 'SENT (own) 0.2 hallo']);
  });

  it('of an older message is found by the slow round, up to 7 days', async () => {
    await world.open();
    const dates = [RECENT_MS + MINUTE, 6 * DAY, 8 * DAY];
    const rowids = dates.map((age, n) => world.chat.inbound(ANNA, 'old', world.clock.now() - age, { guid: `G${n}` }));
    await looked();
    for (const rowid of rowids) {
      const at = world.clock.now();
      const versions = [
        { at: at - 1, text: 'old' },
        { at, text: 'new' },
      ];
      world.chat.update(rowid, edited({ body: 'new', at, parts: { 0: versions } }));
    }
    await looked();
    expect(told()).toEqual([]);
    await world.clock.advanceAsync(ROUND_MS);
    await until(() => world.changes.length >= 2, 'the round');
    await looked();
    expect(told()).toEqual(['G0 0.2 new', 'G1 0.2 new']);
  });

  it('from before this store’s memory is no news; a later one of the same message is', async () => {
    const old = world.clock.now() - 3 * DAY;
    const versions = [
      { at: old, text: 'a' },
      { at: old + 1, text: 'b' },
    ];
    const rowid = world.chat.inbound(ANNA, 'b', old, { guid: 'G' });
    world.chat.update(rowid, edited({ body: 'b', at: old + 1, parts: { 0: versions } }));
    await world.open();
    await looked();
    await world.clock.advanceAsync(ROUND_MS);
    await looked();
    expect(told()).toEqual([]);
    const third = { at: world.clock.now(), text: 'c' };
    world.chat.update(rowid, edited({ body: 'c', at: third.at, parts: { 0: [...versions, third] } }));
    await world.clock.advanceAsync(ROUND_MS);
    await until(() => world.changes.length > 0, 'the news');
    expect(told()).toEqual(['G 0.3 c']);
  });

  it('in a chat.db that was set up anew, under other numbers, is told no second time', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'a', at, { guid: 'G' });
    const versions = [
      { at, text: 'a' },
      { at: at + 1, text: 'b' },
    ];
    const columns = edited({ body: 'b', at: at + 1, parts: { 0: versions } });
    await looked();
    world.chat.update(rowid, columns);
    await looked();
    world.chat.raw.exec(
      `DELETE FROM chat_message_join; DELETE FROM message; DELETE FROM sqlite_sequence WHERE name = 'message'`,
    );
    await looked();
    await until(() => world.generations.length === 1, 'the new generation');
    world.chat.inbound(ANNA, 'other', at, { guid: 'O' });
    world.chat.inbound(ANNA, 'b', at, { guid: 'G', ...columns });
    await looked();
    expect(told()).toEqual(['G 0.2 b']);
  });

  it.each([
    ['while the relay was down', () => restarted()],
    ['while the Mac slept', () => Promise.resolve()],
  ])('made %s, for hours, is seen before the next send', async (_when, after) => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'sotp', at, { guid: 'G' });
    await looked();
    // Neither the timers of this process nor those of chat.db's watch run meanwhile.
    world.clock.sleep(5 * 3_600_000);
    const versions = [
      { at, text: 'sotp' },
      { at: at + MINUTE, text: 'STOP' },
    ];
    world.chat.update(rowid, edited({ body: 'STOP', at: at + MINUTE, parts: { 0: versions } }));
    await after();
    await world.bridge.ready();
    expect(told()).toEqual(['G 0.2 STOP']);
  });

  it('that may say STOP is seen before the next send', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'sotp', at, { guid: 'G' });
    const ready = await world.bridge.ready();
    expect(ready).toEqual({ ok: true });
    const versions = [
      { at, text: 'sotp' },
      { at: at + 1, text: 'STOP' },
    ];
    world.chat.update(rowid, edited({ body: 'STOP', at: at + 1, parts: { 0: versions } }));
    // No time passes: neither a timer nor a file event has told of it.
    expect(await world.begin(world.request('hello'))).toBe(false);
    expect(await world.bridge.ready()).toEqual({ ok: true });
    expect(told()).toEqual(['G 0.2 STOP']);
    expect(await world.begin(world.request('hello'))).toBe(true);
    // Other changes in place hold nothing up.
    world.chat.update(rowid, { is_read: 1 });
    expect(await world.begin(world.request('hello again'))).toBe(true);
  });
});

describe('a message that is taken back', () => {
  it('is told by part, each once', async () => {
    await world.open();
    const at = world.clock.now();
    const rowid = world.chat.inbound(ANNA, 'one two', at, { guid: 'G' });
    await looked();
    world.chat.update(rowid, edited({ body: 'one', at: at + 1_000, unsent: [1] }));
    await looked();
    world.chat.update(rowid, edited({ body: null, at: at + 2_000, unsent: [0, 1] }));
    await looked();
    expect(told()).toEqual(['G unsent 1', 'G unsent 0']);
    expect(world.changes.map(({ row }) => row.at)).toEqual([at + 1_000, at + 2_000]);
  });

  it('before it was seen is told as that', async () => {
    const at = world.clock.now() - MINUTE;
    const rowid = world.chat.inbound(ANNA, 'x', at, { guid: 'G' });
    world.chat.update(rowid, { ...edited({ body: null, at: at + 1 }), message_summary_info: null });
    await world.open();
    await looked();
    await looked();
    expect(inbound()).toEqual(['unsent ']);
    expect(told()).toEqual(['G unsent null']);
    expect(ids()).toEqual(['un_G_all']);
  });
});

it('a conversation that is taken for junk, or no more, is told once, though no row says it', async () => {
  await world.open();
  world.chat.inbound(ANNA, 'You have won', world.clock.now());
  await looked();
  const round = async (filtered: number) => {
    world.chat.raw.prepare('UPDATE chat SET is_filtered = ?').run(filtered);
    await world.clock.advanceAsync(ROUND_MS + MINUTE);
    await looked();
  };
  await round(1);
  expect(told()).toEqual([]);
  for (const filtered of [2, 2, 0]) await round(filtered);
  await until(() => world.changes.length === 2, 'both');
  const guid = `any;-;${ANNA}`;
  expect(told()).toEqual([`${guid} {"junk":true,"is_filtered":2}`, `${guid} null`]);
  expect(changeEvent(world.changes[0] ?? raise())).toMatchObject({
    name: 'chat.changed',
    data: { change: 'filter_changed', chat: { id: ANNA }, detail: { filter: { junk: true } }, from_me: false },
  });
});

describe('a file', () => {
  const folder = () => join(dirname(world.chat.path), 'Attachments');
  const WRITTEN = '~/Library/Messages/Attachments/';

  function attach(rowid: number, guid: string, columns: Columns = {}): number {
    const attachment = world.chat.insert('attachment', {
      ...{ guid, filename: `${WRITTEN}ab/${guid}.jpg`, transfer_name: `${guid}.jpg`, mime_type: 'image/jpeg' },
      ...{ total_bytes: 4, transfer_state: 5, ...columns },
    });
    world.chat.insert('message_attachment_join', { message_id: rowid, attachment_id: attachment });
    return attachment;
  }
  const withFile = (columns: Columns = {}) =>
    world.chat.transaction(() => {
      const { chat, clock } = world;
      const body = { text: '\uFFFC', handle_id: chat.handle(ANNA), is_delivered: 1, cache_has_attachments: 1 };
      const rowid = chat.row(clock.now(), { guid: 'G', ...body });
      chat.join(rowid, chat.direct(ANNA));
      return { rowid, attachment: attach(rowid, 'F', columns) };
    });
  const put = (name: string) => {
    mkdirSync(join(folder(), 'ab'), { recursive: true });
    writeFileSync(join(folder(), 'ab', name), 'data');
  };
  const state = () => (world.inbound[0]?.detail?.attachments as { state: string }[] | undefined)?.[0]?.state;
  const finished = (attachment: number) =>
    world.chat.raw.prepare('UPDATE attachment SET transfer_state = 5 WHERE ROWID = ?').run(attachment);

  it('that was there with its message is not told again', async () => {
    await world.open();
    put('F.jpg');
    withFile();
    await looked();
    await world.clock.advanceAsync(2 * ROUND_MS);
    await looked();
    expect(state()).toBe('ready');
    expect(told()).toEqual([]);
  });

  it('that comes later is told once, when Apple says so and it is on the disk', async () => {
    await world.open();
    const { attachment } = withFile({ transfer_state: 3 });
    await looked();
    expect(state()).toBe('transferring');
    put('F.jpg');
    world.chat.update(1, { is_read: 1 });
    await looked();
    expect(told()).toEqual([]);
    finished(attachment);
    await looked();
    expect(told()).toEqual(['G file F']);
    expect(changeEvent(world.changes[0] ?? raise())).toMatchObject({
      name: 'attachment.ready',
      id: 'at_F',
      data: { guid: 'G', attachment: 'F', name: 'F.jpg', mime_type: 'image/jpeg', bytes: 4, from: ANNA },
    });
    await restarted();
    await world.clock.advanceAsync(2 * ROUND_MS);
    await looked();
    expect(told()).toEqual(['G file F']);
    expect(world.store.db.sql('SELECT count(*) AS n FROM chat_file_wait').get()?.n).toBe(0);
  });

  it('that reaches the disk after Apple called it finished is told without another sign', async () => {
    await world.open();
    withFile();
    await looked();
    expect(state()).toBe('not_on_disk');
    put('F.jpg');
    await world.clock.advanceAsync(1_500);
    await until(() => world.changes.length === 1, 'the file');
  });

  it('that is joined to its message later is told too', async () => {
    await world.open();
    put('F.jpg');
    const rowid = world.chat.inbound(ANNA, '\uFFFC', world.clock.now(), { guid: 'G' });
    await looked();
    expect(inbound()).toEqual(['attachment ']);
    attach(rowid, 'F');
    await looked();
    expect(told()).toEqual(['G file F']);
  });

  it('behind a link that leads out of the folder is never there', async () => {
    await world.open();
    writeFileSync(join(world.dir, 'secret'), 'data');
    mkdirSync(join(folder(), 'ab'), { recursive: true });
    symlinkSync(join(world.dir, 'secret'), join(folder(), 'ab', 'F.jpg'));
    withFile();
    await looked();
    expect(state()).toBe('not_on_disk');
    await world.clock.advanceAsync(3_000);
    expect(told()).toEqual([]);
  });

  it('is waited for 7 days', async () => {
    await world.open();
    withFile({ transfer_state: 0 });
    await looked();
    const waiting = () => world.store.db.sql('SELECT count(*) AS n FROM chat_file_wait').get()?.n;
    expect(waiting()).toBe(1);
    await world.clock.advanceAsync(ROUND_MS);
    expect(waiting()).toBe(1);
    world.store.db.sql('UPDATE chat_file_wait SET since = since - ?').run(7 * DAY);
    await world.clock.advanceAsync(ROUND_MS);
    await until(() => waiting() === 0, 'it is given up');
  });
});

function raise(): never {
  throw new Error('nothing was told');
}
