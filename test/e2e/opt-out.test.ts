/** STOP, however it is written and from wherever it comes: nothing is sent behind it. On a simulated Mac; judged by its chat.db. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({ factor: 20 });
  stage.startRelay();
});
afterAll(() => stage.close());

const rowsTo = (handle: string) =>
  readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1 && row.handle === handle);

/** One of two who get a near-same text, so that hers waits. */
async function held(to: string, text: string, first: string): Promise<string> {
  await stage.state(await stage.send(first, text), ['sent', 'delivered']);
  const command = await stage.send(to, text);
  await stage.state(command, ['held']);
  return command;
}

it.each([
  ['an e-mail address in capitals', 'ann@example.com', 'Ann@Example.COM', 'The plums are ripe, come and pick some.'],
  ['a number without its country code', '+14155556002', '4155556002', 'The library has the book that you asked for.'],
  ['a number as Messages has it', '+14155556003', '+14155556003', 'Your bicycle is repaired and stands in the yard.'],
])('STOP from %s ends what is held', async (_what, to, from, text) => {
  const command = await held(to, text, `+1415555${6100 + text.length}`);
  await stage.sim.inbound({ from, text: ' Stop! ' });
  expect(await stage.state(command, ['rejected'])).toMatchObject({ code: 'opted_out' });
  const later = await stage.send(to, `And now? ${text.length}`);
  expect(await stage.state(later, ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(rowsTo(to)).toEqual([]);
});

it('STOP from another address of theirs in the same conversation closes that conversation', async () => {
  const to = '+14155556020';
  await stage.state(await stage.send(to, 'The kettle is on.'), ['delivered']);
  const [row] = rowsTo(to);
  await stage.sim.inbound({ from: 'eve@example.com', chat: row?.chat ?? '', text: 'STOP' });
  await stage.event((e) => e.name === 'contact.opted_out' && e.data.handle === to, { what: 'the number is opted out' });
  expect(await stage.state(await stage.send(to, 'Cake too?'), ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(rowsTo(to)).toHaveLength(1);
});

it('STOP while the relay is down: what was held is not sent after the start', async () => {
  const to = '+14155556030';
  const command = await held(to, 'The mill wheel turns again since this morning.', '+14155556031');
  await stage.killRelay();
  await stage.sim.inbound({ from: to, text: 'UNSUBSCRIBE' });
  stage.startRelay();
  expect(await stage.state(command, ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(rowsTo(to)).toEqual([]);
});

it('a question and a STOP that are read together: the answer is not sent', async () => {
  const to = '+14155556040';
  await stage.killRelay();
  await stage.sim.inbound({ from: to, text: 'When do you open?' });
  await stage.sim.inbound({ from: to, text: 'stop' });
  const answer = await stage.send(to, 'At nine.');
  stage.startRelay();
  expect(await stage.state(answer, ['rejected'])).toMatchObject({ code: 'opted_out' });
  expect(rowsTo(to)).toEqual([]);
});
