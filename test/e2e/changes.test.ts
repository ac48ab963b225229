/** What people do with messages that are there, as the controller hears of it: on a simulated Mac, through the whole relay. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { typedEvent } from '../../protocol/controller.ts';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({ factor: 20 });
  stage.startRelay();
});
afterAll(async () => {
  // Whatever was told is as the protocol says.
  expect(stage.events.filter((event) => typedEvent(event) === undefined)).toEqual([]);
  await stage.close();
});

const hears = (name: string, guid: string) =>
  stage.event((e) => e.name === name && e.data.guid === guid, { what: `${name} of ${guid}` }).then(({ data }) => data);
const rowsTo = (handle: string) =>
  readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1 && row.handle === handle);

it('a STOP that is made by an edit ends what is held, and one sentence later nothing goes', async () => {
  const [first, to] = ['+14155557001', '+14155557002'];
  const text = 'The first strawberries are in, red and sweet.';
  const { guid } = await stage.sim.inbound({ from: to, text: 'sotp' });
  await hears('message.inbound', guid);
  await stage.state(await stage.send(first, text), ['sent', 'delivered']);
  const command = await stage.send(to, text);
  await stage.state(command, ['held']);
  await stage.sim.change(guid, { edit: 'STOP' });
  expect(await stage.state(command, ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(await hears('message.edited', guid)).toMatchObject({ part: 0, version: 2, text: 'STOP', from: to });
  const later = await stage.send(to, 'Are you sure?');
  expect(await stage.state(later, ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(rowsTo(to)).toEqual([]);
});

it('a START that is made by an edit counts from the edit on, not from the message on', async () => {
  const to = '+14155557003';
  const { guid } = await stage.sim.inbound({ from: to, text: 'strat' });
  await hears('message.inbound', guid);
  await stage.sim.inbound({ from: to, text: 'STOP' });
  await stage.event((e) => e.name === 'contact.opted_out' && e.data.handle === to, { what: 'the STOP' });
  await stage.sim.change(guid, { edit: 'START' });
  await stage.event((e) => e.name === 'contact.opted_in' && e.data.handle === to, { what: 'the START' });
  await stage.state(await stage.send(to, 'Welcome back!'), ['sent', 'delivered']);
});

it('a STOP by an edit while the relay is down is found at the start, before anything is sent', async () => {
  const to = '+14155557004';
  const { guid } = await stage.sim.inbound({ from: to, text: 'sotp' });
  await hears('message.inbound', guid);
  await stage.killRelay();
  await stage.sim.change(guid, { edit: 'STOP' });
  const command = await stage.send(to, 'The kettle boils.');
  stage.startRelay();
  expect(await stage.state(command, ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(rowsTo(to)).toEqual([]);
});

it('a tapback, a change of a group and an unsent message are events of their own, and no messages', async () => {
  const [ann, bob] = ['+14155557010', '+14155557011'];
  await stage.state(await stage.send(ann, 'Shall we?'), ['delivered']);
  const own = rowsTo(ann)[0]?.guid ?? '';
  const tapback = await stage.sim.inbound({ from: ann, tapback: { kind: 'like', of: own } });
  expect(await hears('message.reaction', tapback.guid)).toMatchObject({
    ...{ reaction: 'like', removed: false, target: own, part: 0, from: ann, from_me: false },
  });
  const group = await stage.sim.group({ members: [ann, bob] });
  const change = await stage.sim.groupChange({ chat: group.guid, by: bob, change: { kind: 'rename', name: 'Picnic' } });
  expect(await hears('chat.changed', change.guid)).toMatchObject({
    ...{ change: 'renamed', name: 'Picnic', from: bob, chat: { id: group.chat, name: 'Picnic' } },
  });
  const { guid } = await stage.sim.inbound({ from: bob, text: 'Oops' });
  await hears('message.inbound', guid);
  await stage.sim.change(guid, { unsend: true });
  expect(await hears('message.unsent', guid)).toMatchObject({ part: 0, from: bob });
  const messages = stage.events.filter((e) => e.name === 'message.inbound').map((e) => e.data.guid);
  expect(messages).not.toContain(tapback.guid);
  expect(messages).not.toContain(change.guid);
});
