/** The owner writes by hand, on this Mac or another device: it counts for the person, however Messages writes their address. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

let stage: Stage;
beforeAll(async () => {
  const policy = { ...WIDE_RULES, caps: { ...WIDE_RULES.caps, unanswered: 1 } };
  stage = await Stage.open({ factor: 20, config: { policy } });
  stage.startRelay();
});
afterAll(() => stage.close());

it.each([
  ['a number without its country code', '4155556201', '+14155556201', 'The beans in the garden want to be picked.'],
  ['an e-mail address in capitals', 'Una@Example.COM', 'una@example.com', 'A ladder is leaning on the old barn.'],
])('%s is the person that the controller writes to', async (_what, written, to, text) => {
  await stage.sim.type({ to: written, text });
  const seen = await stage.event((e) => e.name === 'message.observed' && e.data.text === text, { what: 'it is seen' });
  expect(seen.data.to).toEqual([to]);
  const command = await stage.send(to, 'Is anybody at home? The parcel is here.');
  expect(await stage.state(command, ['rejected'])).toMatchObject({ code: 'unanswered_limit' });
  const rows = readRows(stage.sim.chatDb).filter(({ is_from_me, handle }) => is_from_me === 1 && handle === to);
  expect(rows).toEqual([]);
});
