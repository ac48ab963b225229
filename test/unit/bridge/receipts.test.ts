/** What claimed rows say over time: changes in place, errors that heal, errors that come late, downgrades, another chat.db. */
import { copyFileSync, renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ANNA, BridgeWorld } from '../../support/bridge-world.ts';
import { appleDate, type Columns } from '../../support/chat-db-file.ts';

const DAY = 86_400_000;
let world: BridgeWorld;
beforeEach(() => {
  world = new BridgeWorld();
});
afterEach(async () => {
  expect(world.outside, 'sightings outside of a transaction').toBe(0);
  await world.close();
});

/** A message on its way: its row's ROWID. */
async function onItsWay(columns: Columns = {}, service: 'imessage' | 'any' = 'imessage'): Promise<number> {
  await world.open();
  await world.send('hello', { service });
  const rowid = world.chat.own(ANNA, 'hello', world.clock.now(), { is_sent: 0, ...columns });
  await world.look();
  return rowid;
}

async function change(rowid: number, columns: Columns): Promise<void> {
  world.chat.update(rowid, columns);
  await world.look();
}

const watching = () => world.store.db.sql('SELECT watching FROM attempt').get()?.watching;

describe('in a conversation of two', () => {
  it('is sent, delivered, read, each told once with the row’s own dates', async () => {
    const rowid = await onItsWay();
    expect(world.states()).toEqual([]);
    await change(rowid, { is_sent: 1 });
    const deliveredAt = world.clock.now() + 400;
    await change(rowid, { is_delivered: 1, date_delivered: appleDate(deliveredAt) });
    const readAt = world.clock.now() + 60_000;
    await change(rowid, { is_read: 1, date_read: appleDate(readAt) });
    await change(rowid, { is_read: 1, is_finished: 1 });
    expect(world.told.map(({ state, at }) => [state, at])).toEqual([
      ['sent', expect.any(Number)],
      ['delivered', deliveredAt],
      ['read', readAt],
    ]);
    expect(watching()).toBe(0);
  });

  it('seen for the first time when it is delivered is told as delivered', async () => {
    await onItsWay({ is_sent: 1, is_delivered: 1 });
    expect(world.told).toMatchObject([{ state: 'delivered', at: expect.any(Number) }]);
  });

  it('is not read because a flag says so without a date', async () => {
    await onItsWay({ is_sent: 1, is_delivered: 1, is_read: 1 });
    expect(world.states()).toEqual(['delivered']);
  });

  it('is heard of after hours, in the slow round', async () => {
    const rowid = await onItsWay({ is_sent: 1 });
    await world.clock.advanceAsync(2 * 3_600_000);
    await change(rowid, { is_delivered: 1, date_delivered: appleDate(world.clock.now()) });
    expect(world.states()).toEqual(['sent']);
    await world.clock.advanceAsync(30_000);
    await world.look();
    expect(world.states()).toEqual(['sent', 'delivered']);
  });

  it('is still watched after the wall clock jumped by weeks, as long as nobody believes that clock', async () => {
    const rowid = await onItsWay({ is_sent: 1 });
    world.wallTrusted = false;
    world.clock.jumpWall(60 * DAY);
    await world.clock.advanceAsync(3 * 3_600_000);
    await world.look();
    await change(rowid, { error: 22, is_sent: 0 });
    for (let i = 0; i < 8; i += 1) {
      await world.clock.advanceAsync(5_000);
      await world.look();
    }
    expect(world.states()).toEqual(['sent', 'not_delivered']);
  });

  it('is no longer watched after 7 days', async () => {
    await onItsWay({ is_sent: 1 });
    world.clock.jumpWall(7 * DAY - 2 * 3_600_000);
    await world.clock.advanceAsync(3_600_000);
    expect(watching()).toBe(1);
    await world.clock.advanceAsync(4_000_000);
    await world.look();
    await expect.poll(watching, { timeout: 10_000 }).toBe(0);
  });
});

describe('in a group', () => {
  it('ends at sent, whatever the columns say', async () => {
    const chat = world.chat.group('chat123', [ANNA], { group_id: 'G-1' });
    await world.open();
    await world.send('hello', { recipient: { kind: 'group', chat: 'group:G-1', members: [ANNA] } });
    const rowid = world.chat.row(world.clock.now(), { text: 'hello', is_from_me: 1, is_sent: 1 });
    world.chat.join(rowid, chat);
    await world.look();
    await change(rowid, {
      is_delivered: 1,
      date_delivered: appleDate(world.clock.now()),
      is_read: 1,
      date_read: appleDate(world.clock.now()),
    });
    expect(world.states()).toEqual(['sent']);
  });
});

describe('an error', () => {
  it('is told after its grace, with its meaning', async () => {
    const rowid = await onItsWay();
    await change(rowid, { error: 22 });
    await world.clock.advanceAsync(2_700);
    expect(world.told).toEqual([]);
    await world.clock.advanceAsync(300);
    await world.look();
    expect(world.told).toMatchObject([
      {
        state: 'not_delivered',
        guid: 'ROW-1',
        appleError: { number: 22, name: 'remoteUserDoesNotExist', meaning: 'recipient' },
      },
    ]);
    await change(rowid, { error: 4 });
    await world.clock.advanceAsync(10_000);
    expect(world.told).toHaveLength(1);
  });

  it('is told although the wall clock was set back in its grace', async () => {
    const rowid = await onItsWay();
    await change(rowid, { error: 22 });
    world.clock.jumpWall(-5 * 3_600_000);
    await world.clock.advanceAsync(10_000);
    await world.look();
    expect(world.states()).toEqual(['not_delivered']);
  });

  it('that heals in its grace was none: re-routed', async () => {
    const rowid = await onItsWay({ error: 22 });
    await change(rowid, { error: 0, is_sent: 1, service: 'SMS', was_downgraded: 1 });
    await world.clock.advanceAsync(10_000);
    expect(world.told).toMatchObject([
      { state: 'sent', service: 'SMS', downgraded: true, words: expect.stringContaining('SMS') },
    ]);
  });

  it('with a clean row behind it was none: that row is the message', async () => {
    await onItsWay({ error: 22 });
    await world.clock.advanceAsync(1_000);
    world.chat.own(ANNA, 'hello', world.clock.now());
    await world.look();
    await world.clock.advanceAsync(10_000);
    expect(world.told).toMatchObject([{ state: 'sent', guid: 'ROW-2' }]);
    expect(world.ownHand).toEqual([]);
  });

  it('after sent is told as well', async () => {
    const rowid = await onItsWay({ is_sent: 1 });
    await world.clock.advanceAsync(5 * 60_000);
    await change(rowid, { is_sent: 0, error: 4 });
    await world.clock.advanceAsync(3_100);
    await world.look();
    expect(world.states()).toEqual(['sent', 'not_delivered']);
  });

  it('after delivered is not believed', async () => {
    const rowid = await onItsWay({ is_sent: 1, is_delivered: 1 });
    await change(rowid, { error: 4 });
    await world.clock.advanceAsync(10_000);
    expect(world.states()).toEqual(['delivered']);
  });

  it('whose grace a restart interrupts is told after it', async () => {
    await onItsWay({ error: 43 });
    await world.kill();
    await world.open();
    await world.clock.advanceAsync(4_000);
    await world.look();
    expect(world.told).toMatchObject([
      { state: 'not_delivered', appleError: { number: 43, meaning: 'text_suspected_junk' } },
    ]);
  });
});

describe('a downgrade', () => {
  it('is reported when iMessage was asked for', async () => {
    await onItsWay({ service: 'SMS', is_sent: 1 });
    expect(world.told).toMatchObject([{ state: 'sent', service: 'SMS', downgraded: true }]);
  });

  it('after sent is reported once more', async () => {
    const rowid = await onItsWay({ is_sent: 1 });
    await change(rowid, { service: 'SMS', was_downgraded: 1 });
    await change(rowid, { is_finished: 0 });
    expect(world.told.map((t) => [t.state, t.downgraded ?? false])).toEqual([
      ['sent', false],
      ['sent', true],
    ]);
  });

  it('is none when any service was fine, and SMS never gets further than sent', async () => {
    await onItsWay({ service: 'SMS', is_sent: 1, is_delivered: 1 }, 'any');
    expect(world.told).toMatchObject([{ state: 'sent', service: 'SMS' }]);
    expect(world.told[0]).not.toHaveProperty('downgraded');
  });
});

describe('across a restart', () => {
  it('what changed meanwhile is told, what was told is not', async () => {
    const rowid = await onItsWay({ is_sent: 1 });
    await world.kill();
    world.chat.update(rowid, { is_delivered: 1 });
    await world.open();
    await world.look();
    expect(world.states()).toEqual(['sent', 'delivered']);
  });
});

describe('another chat.db', () => {
  it('has the same messages under other numbers: they are found by guid, and strangers are not taken for them', async () => {
    const rowid = await onItsWay({ is_sent: 1 });
    const { path } = world.chat;
    // As after a restore: Messages renumbers, and the old number now belongs to a row of somebody else.
    world.chat.raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    copyFileSync(path, `${path}.new`);
    const { ChatDbFile } = await import('../../support/chat-db-file.ts');
    const restored = new ChatDbFile(`${path}.new`);
    restored.raw.exec(`UPDATE message SET ROWID = ${rowid + 10} WHERE ROWID = ${rowid};
      UPDATE chat_message_join SET message_id = ${rowid + 10} WHERE message_id = ${rowid}`);
    restored.inbound(ANNA, 'a stranger’s row', world.clock.now(), {
      ROWID: rowid,
      guid: 'OTHER',
      is_read: 1,
      error: 4,
    });
    restored.raw.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    restored.close();
    renameSync(`${path}.new`, path);
    await world.clock.advanceAsync(3_000);
    await world.look();
    expect(world.generations).toHaveLength(1);
    await world.clock.advanceAsync(30_000);
    await world.look();
    const now = new ChatDbFile(path);
    now.update(rowid + 10, { is_delivered: 1 });
    now.close();
    await world.clock.advanceAsync(31_000);
    await world.look();
    expect(world.states()).toEqual(['sent', 'delivered']);
  });
});
