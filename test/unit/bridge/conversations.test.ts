/** Conversations keep their name while Messages renames, merges and changes them; what happens in groups is told as that, once. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rowEvent } from '../../../daemon/bridge/row-events.ts';
import { EVENT_DATA } from '../../../protocol/events.ts';
import { ANNA, BridgeWorld } from '../../support/bridge-world.ts';
import type { Columns } from '../../support/chat-db-file.ts';

const BEN = '+14155550102';
const CARL = '+14155550103';
const UUID = '6C1F8A9E-0000-4000-8000-000000000001';

let world: BridgeWorld;
beforeEach(async () => {
  world = new BridgeWorld();
  await world.open();
});
afterEach(() => world.close());

async function looked(): Promise<void> {
  await world.clock.advanceAsync(150);
  await world.bridge.ready();
  await world.look();
}
const inChats = () => world.inbound.map(({ text, chat }) => `${text} in ${chat.id}`);

function post(chat: number, from: string, text: string, columns: Columns = {}): number {
  return world.chat.transaction(() => {
    const body = { text, handle_id: world.chat.handle(from), is_delivered: 1, ...columns };
    const rowid = world.chat.row(world.clock.now(), body);
    world.chat.join(rowid, chat);
    return rowid;
  });
}

describe('one person', () => {
  it('is one conversation, whether by iMessage, SMS or RCS, before macOS 26 and after', async () => {
    const chats = ['iMessage', 'SMS', 'RCS'].map((service) =>
      world.chat.direct(ANNA, { guid: `${service};-;${ANNA}`, service_name: service }),
    );
    for (const [n, chat] of chats.entries()) post(chat, ANNA, `${n}`);
    await looked();
    // macOS 26 merges them, and renames what stays.
    world.chat.raw.exec(`UPDATE OR IGNORE chat_message_join SET chat_id = ${chats[0]};
      DELETE FROM chat_handle_join WHERE chat_id <> ${chats[0]};
      DELETE FROM chat WHERE ROWID <> ${chats[0]}; UPDATE chat SET guid = 'any;-;' || chat_identifier`);
    post(chats[0] ?? 0, ANNA, 'after');
    await looked();
    expect(inChats()).toEqual(['0', '1', '2', 'after'].map((text) => `${text} in ${ANNA}`));
    expect(world.inbound.at(-1)?.chat.guid).toBe(`any;-;${ANNA}`);
    expect(world.generations).toEqual([]);
  });

  it('whose message stands in two conversations is told once', async () => {
    const old = world.chat.direct(ANNA);
    const other = world.chat.direct(ANNA, { guid: `SMS;-;${ANNA}`, service_name: 'SMS' });
    world.chat.join(post(other, ANNA, 'both'), old);
    await looked();
    expect(world.inbound).toHaveLength(1);
    expect(world.inbound[0]?.chat).toMatchObject({ id: ANNA, guid: `any;-;${ANNA}` });
  });
});

describe('a group', () => {
  it('keeps its name on this relay while Messages renames its guid, its members and its title', async () => {
    const group = world.chat.group('chat1', [ANNA, BEN], { guid: 'iMessage;+;chat1', group_id: UUID });
    post(group, ANNA, 'one');
    await looked();
    world.chat.raw.exec(`UPDATE chat SET guid = 'any;+;chat1', display_name = 'Picnic'`);
    world.chat.insert('chat_handle_join', { chat_id: group, handle_id: world.chat.handle(CARL) });
    post(group, ANNA, 'two');
    await looked();
    expect(inChats()).toEqual([`one in group:${UUID}`, `two in group:${UUID}`]);
    expect(world.inbound.at(-1)?.chat).toMatchObject({
      ...{ guid: 'any;+;chat1', kind: 'group', name: 'Picnic', participants: [ANNA, BEN, CARL] },
    });
    expect(world.bridge.groupMembers(`group:${UUID}`)).toEqual([ANNA, BEN, CARL]);
  });

  it('tells who joined, left or was put out, its name and its photo, as changes of it', async () => {
    const group = world.chat.group('chat1', [ANNA, BEN], { group_id: UUID });
    const carl = world.chat.handle(CARL);
    const changes: [Columns, Record<string, unknown>][] = [
      [
        { item_type: 1, group_action_type: 0, other_handle: carl },
        { change: 'member_added', handle: CARL },
      ],
      [
        { item_type: 1, group_action_type: 1, other_handle: carl },
        { change: 'member_removed', handle: CARL },
      ],
      [
        { item_type: 2, group_title: 'Picnic' },
        { change: 'renamed', name: 'Picnic' },
      ],
      [
        { item_type: 2, group_title: null },
        { change: 'renamed', name: '' },
      ],
      [{ item_type: 3, group_action_type: 0 }, { change: 'member_left' }],
      [{ item_type: 3, group_action_type: 1 }, { change: 'photo_changed' }],
      [{ item_type: 3, group_action_type: 2 }, { change: 'photo_removed' }],
    ];
    for (const [columns] of changes) post(group, ANNA, '', { text: null, ...columns });
    await looked();
    const events = world.inbound.map((row) => rowEvent(row, null));
    for (const event of events) if (event) expect(EVENT_DATA[event.name].parse(event.data)).toEqual(event.data);
    expect(events).toMatchObject(
      changes.map(([, data]) => ({
        name: 'chat.changed',
        data: { ...data, from: ANNA, chat: { id: `group:${UUID}` } },
      })),
    );
    expect(events.map((event) => event?.id)).toEqual(world.inbound.map(({ guid }) => `ch_${guid}`));
  });

  it('changed by the owner is told as the owner’s', async () => {
    const group = world.chat.group('chat1', [ANNA], { group_id: UUID });
    world.chat.join(world.chat.row(world.clock.now(), { is_from_me: 1, item_type: 2, group_title: 'Mine' }), group);
    await looked();
    const [row] = world.ownHand;
    expect(row && rowEvent(row, [ANNA])).toMatchObject({
      ...{ name: 'chat.changed', data: { from_me: true, change: 'renamed', name: 'Mine' } },
    });
  });
});
