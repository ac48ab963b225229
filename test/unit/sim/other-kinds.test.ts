/** What is no plain text, as the simulated Mac stores it; Apple's own formats are read back by others' readers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Unarchiver } from '@parseaple/typedstream';
import { parseBuffer } from 'bplist-parser';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { bplist, type PlistValue } from '../../sim/bplist.ts';
import { MacStore } from '../../sim/mac-store.ts';
import { SimWorld } from './sim-world.ts';

let world: SimWorld;
beforeAll(async () => {
  world = await SimWorld.open({ factor: 1_000 });
});
beforeEach(() => world.begin());
afterAll(() => world.close());

/** One row of chat.db, dates as text. */
function stored(sql: string, ...values: (string | number)[]): Record<string, unknown> {
  const db = new DatabaseSync(world.sim.chatDb, { readOnly: true, readBigInts: true });
  const row = db.prepare(sql).get(...values) ?? {};
  db.close();
  return Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'bigint' ? Number(v) : v]));
}
const bodyOf = (bytes: unknown) => String(Unarchiver.open(Buffer.from(bytes as Uint8Array)).decodeSingleRoot().string);

describe('binary property lists', () => {
  it('hold what was put in', () => {
    // The reader gives plain objects, for which `__proto__` is no key like others.
    const key = fc.string().map((name) => `k${name}`);
    const { value } = fc.letrec<{ value: PlistValue; leaf: PlistValue }>((tie) => ({
      leaf: fc.oneof(
        fc.boolean(),
        fc.maxSafeInteger(),
        fc.string({ unit: 'grapheme', maxLength: 40 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.record({ real: fc.double({ noNaN: true }) }),
      ),
      value: fc.oneof(
        { maxDepth: 3 },
        tie('leaf'),
        fc.array(tie('value'), { maxLength: 20 }),
        fc.record({ dict: fc.dictionary(key, tie('value'), { maxKeys: 20, noNullPrototype: true }) }),
      ),
    }));
    const plain = (v: PlistValue): unknown => {
      if (Array.isArray(v)) return v.map(plain);
      if (v instanceof Uint8Array) return Buffer.from(v);
      if (typeof v !== 'object') return v;
      if ('real' in v) return v.real;
      return Object.fromEntries(Object.entries(v.dict).map(([k, w]) => [k, plain(w)]));
    };
    fc.assert(
      fc.property(value, (v) => {
        expect(parseBuffer(Buffer.from(bplist(v)))).toEqual([plain(v)]);
      }),
    );
  });
});

describe('a message', () => {
  it('with files has a slot in its body for each, and their states change later', async () => {
    const ann = world.person();
    const files = [
      { name: 'a.jpg', state: 3 },
      { name: 'b.pdf', mime: 'application/pdf', bytes: 77, state: 3 },
    ];
    const { guid, rowid } = await world.sim.inbound({ from: ann, text: 'two', files });
    expect(world.rows().at(-1)?.text).toBe('\uFFFC\uFFFCtwo');
    expect(stored('SELECT cache_has_attachments AS n FROM message WHERE guid = ?', guid)).toEqual({ n: 1 });
    const sql = `SELECT a.* FROM attachment a JOIN message_attachment_join j ON j.attachment_id = a.ROWID
      WHERE j.message_id = ? AND transfer_name = 'b.pdf'`;
    expect(stored(sql, rowid)).toMatchObject({ mime_type: 'application/pdf', total_bytes: 77, transfer_state: 3 });
    await world.sim.change(guid, { transferState: 5 });
    expect(stored(sql, rowid)).toMatchObject({ transfer_state: 5, is_sticker: 0 });
  });

  it('that is edited keeps its ROWID and both texts', async () => {
    const { guid, rowid } = await world.sim.inbound({ from: world.person(), text: 'frist' });
    await world.sim.change(guid, { edit: 'first 👍' });
    const row = world.rows().find((r) => r.guid === guid);
    expect(row).toMatchObject({ rowid, text: 'first 👍' });
    expect(Number(row?.date_edited)).toBeGreaterThanOrEqual(Number(row?.date));
    const { info } = stored('SELECT message_summary_info AS info FROM message WHERE guid = ?', guid);
    const [summary] = parseBuffer<{ ep: number[]; ec: Record<string, { t: Uint8Array; d: number }[]> }>(
      Buffer.from(info as Uint8Array),
    );
    expect(summary?.ep).toEqual([0]);
    expect(summary?.ec['0']?.map((version) => bodyOf(version.t))).toEqual(['frist', 'first 👍']);
  });

  it('that is unsent loses its body, not its row', async () => {
    const { guid, rowid } = await world.sim.inbound({ from: world.person(), text: 'oops' });
    await world.sim.change(guid, { unsend: true });
    expect(world.rows().find((r) => r.guid === guid)).toMatchObject({ rowid, text: '', is_from_me: 0 });
    const sql = 'SELECT part_count, is_empty, attributedBody AS body FROM message WHERE guid = ?';
    expect(stored(sql, guid)).toEqual({ part_count: 0, is_empty: 1, body: null });
  });

  it('that iCloud fills in again has a new ROWID and is else the same, in the same chat', async () => {
    const ann = world.person();
    const first = await world.sim.inbound({ from: ann, text: 'back again', files: [{ name: 'x.jpg' }] });
    const before = world.rows().at(-1);
    const second = await world.sim.inbound({ from: ann, text: 'in between' });
    await world.sim.change(first.guid, { reinsert: true });
    const after = world.rows().at(-1);
    expect(after).toEqual({ ...before, rowid: second.rowid + 1 });
    const third = await world.sim.inbound({ from: ann, text: 'next' });
    expect(third.rowid).toBe(second.rowid + 2);
    expect(stored('SELECT count(*) AS n FROM message_attachment_join WHERE message_id = ?', second.rowid + 1)).toEqual({
      n: 1,
    });
  });

  it('may be removed, a reply, an effect, a voice, a link, an app, junk', async () => {
    const ann = world.person();
    const { guid } = await world.sim.inbound({ from: ann, text: 'a' });
    const told = async (o: object) => {
      const { rowid } = await world.sim.inbound({ from: ann, text: 'b', ...o });
      return stored('SELECT * FROM message WHERE ROWID = ?', rowid);
    };
    expect(await told({ replyTo: guid })).toMatchObject({ thread_originator_guid: guid });
    expect(await told({ effect: 'com.apple.x' })).toMatchObject({ expressive_send_style_id: 'com.apple.x' });
    expect(await told({ audio: true, files: [{ name: 'v.caf' }] })).toMatchObject({ is_audio_message: 1 });
    expect(await told({ app: 'link' })).toMatchObject({ balloon_bundle_id: 'com.apple.messages.URLBalloonProvider' });
    expect(await told({ app: 'com.example.game' })).toMatchObject({ balloon_bundle_id: 'com.example.game' });
    expect(await told({ junk: true })).toMatchObject({ is_spam: 1 });
    expect(stored('SELECT is_filtered AS n FROM chat WHERE chat_identifier = ?', ann)).toEqual({ n: 2 });
    const emoji = { kind: 'emoji' as const, of: guid, emoji: '🎉' };
    expect(await told({ tapback: emoji })).toMatchObject({
      associated_message_type: 2006,
      associated_message_emoji: '🎉',
    });
    expect(await told({ columns: { item_type: 99 } })).toMatchObject({ item_type: 99 });
    await world.sim.change(guid, { remove: true });
    expect(world.rows().map((row) => row.guid)).not.toContain(guid);
    await expect(world.sim.change(guid, { edit: 'x' })).rejects.toMatchObject({ code: 'no_such_message' });
  });
});

it('a group is renamed, joined, left, and each has its row', async () => {
  const [ann, bob, cem] = [world.person(), world.person(), world.person()];
  const { chat, guid } = await world.sim.group({ members: [ann, bob], name: 'Before' });
  const change = async (change: Parameters<typeof world.sim.groupChange>[0]['change'], by?: string) => {
    const { rowid } = await world.sim.groupChange({ chat, change, by });
    const sql = `SELECT item_type, group_action_type, group_title, is_from_me, coalesce(o.id, '') AS other, c.guid AS chat
      FROM message m LEFT JOIN handle o ON o.ROWID = m.other_handle
      JOIN chat_message_join j ON j.message_id = m.ROWID JOIN chat c ON c.ROWID = j.chat_id WHERE m.ROWID = ?`;
    return stored(sql, rowid);
  };
  const usual = { chat: guid, is_from_me: 0, group_title: null, other: '' };
  expect(await change({ kind: 'rename', name: 'After' }, ann)).toEqual({
    ...usual,
    item_type: 2,
    group_action_type: 0,
    group_title: 'After',
  });
  expect(await change({ kind: 'add', member: cem }, ann)).toEqual({
    ...usual,
    item_type: 1,
    group_action_type: 0,
    other: cem,
  });
  expect(await change({ kind: 'remove', member: bob })).toEqual({
    ...usual,
    item_type: 1,
    group_action_type: 1,
    other: bob,
    is_from_me: 1,
  });
  expect(await change({ kind: 'leave' }, cem)).toEqual({ ...usual, item_type: 3, group_action_type: 0 });
  expect(await change({ kind: 'photo' }, ann)).toEqual({ ...usual, item_type: 3, group_action_type: 1 });
  expect(stored('SELECT display_name AS name FROM chat WHERE guid = ?', guid)).toEqual({ name: 'After' });
  const folder = mkdtempSync(join(tmpdir(), 'sim-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await world.sim.checkpoint();
  const copy = new MacStore(world.sim.chatDb);
  onTestFinished(() => copy.close());
  expect(copy.members(copy.findChat(guid)?.rowid ?? 0)).toEqual([ann]);
});
