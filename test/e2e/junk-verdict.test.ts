/** Apple takes the sender for one of junk, and all that shows of it are errors: how many more get the text? Judged by chat.db. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SenderHealth, TextSuspected } from '../../protocol/events.ts';
import { Stage } from '../../scripts/demo/stage.ts';
import { readRows } from '../sim/own-rows.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

let stage: Stage;
beforeAll(async () => {
  // Neither the distances nor the rules that look at people are what is tried here.
  const policy = { ...WIDE_RULES, interval: { steps: [{ up_to: null, ms: 5_000 }] } };
  stage = await Stage.open({ factor: 20, config: { policy } });
  stage.startRelay();
});
afterAll(() => stage.close());

const TEXT = 'The winter catalogue is here: forty pages of lamps and candles. Shall we send it to you?';
const PEOPLE = Array.from({ length: 15 }, (_, n) => `+1415555${8001 + n}`);
/** The last who get it report it, and three reports are enough. */
const REPORTERS = PEOPLE.slice(8, 11);

const rows = () => readRows(stage.sim.chatDb).filter((row) => row.is_from_me === 1 && row.text === TEXT);
const health = (state: SenderHealth['state']) =>
  stage.event((e) => e.name === 'sender.health' && e.data.state === state, { what: `the sender is ${state}` });
const isDelivered = (command: string, to: string) => stage.state(command, ['delivered'], { to });

it('not a third stranger gets it, nobody gets anything near it, and the controller hears why', async () => {
  for (const handle of REPORTERS) await stage.sim.contact(handle, { reportsJunkFrom: 1 });
  const campaign = await stage.send(PEOPLE, TEXT);
  for (const handle of PEOPLE.slice(0, 11)) await isDelivered(campaign, handle);
  await stage.sim.waitFor((event) => event?.kind === 'junk_verdict', 'three reports');

  for (const handle of PEOPLE.slice(11, 13)) await stage.state(campaign, ['not_delivered'], { to: handle });

  // Two who got messages before: their errors are the sender's.
  const [first = '', second = ''] = PEOPLE;
  const known = await stage.send(first, 'Your lamp is repaired, Mr Miller.');
  await stage.state(known, ['not_delivered']);
  expect((await health('at_risk')).data.reason).toContain('…8001, who got messages before, could not be reached');
  await stage.send(second, 'The candles that you ordered have come.');
  expect((await health('suspicious')).data).toMatchObject({
    reason: expect.stringContaining('messages to …8001 and …8002, one after the other, were not delivered'),
    remedy: expect.stringContaining('resume'),
  });

  const told = await stage.event((e) => e.name === 'text.suspected', { what: 'the text is suspected' });
  const suspected = told.data as TextSuspected;
  expect(suspected).toMatchObject({
    cause: 'volume',
    people: 13,
    words: expect.stringContaining('refused here until'),
  });
  expect(stage.statuses(campaign).map((s) => s.message)).toContain(suspected.messages[0]);

  const again = await stage.send('+14155558100', TEXT.replace('Shall we send it to you?', 'Want it?'), {
    category: 'transactional',
  });
  expect(await stage.result(again)).toMatchObject({ ok: false, code: 'text_suspected_junk' });

  // Resumed by the controller, what waited with it is not sent either.
  await stage.result(await stage.command('sender.resume', {}));
  for (const handle of PEOPLE.slice(13))
    expect(await stage.state(campaign, ['rejected'], { to: handle })).toMatchObject({ code: 'text_suspected_junk' });
  expect(rows().map((row) => row.handle)).toEqual(PEOPLE.slice(0, 13));
});

it('text.clear and text.block carry it from here to there and back', async () => {
  const text = 'The spring catalogue is here: fifty pages of garden chairs and hammocks.';
  const blocked = await stage.command('text.block', { text, reason: 'mac-2 could not deliver it' });
  expect(await stage.result(blocked)).toMatchObject({ ok: true, detail: { until: expect.any(Number) } });
  const refused = await stage.send('+14155558101', text);
  expect(await stage.result(refused)).toMatchObject({ ok: false, code: 'text_suspected_junk' });
  const cleared = await stage.command('text.clear', { text });
  expect(await stage.result(cleared)).toMatchObject({ ok: true, detail: { cleared: 1 } });
  const empty = await stage.command('text.block', { text: ' ' });
  expect(await stage.result(empty)).toMatchObject({ ok: false, code: 'bad_request' });
});
