/** A message of which nobody knows whether it went, on the whole relay: a person at the Mac looks and says so, and the controller hears it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { relayctl } from '../support/relayctl.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open({ factor: 20, config: { policy: WIDE_RULES } });
  stage.startRelay();
});
afterAll(() => stage.close());

it('Messages loses a text that it took: unknown, until a person says that it is not there', async () => {
  await stage.sim.messages('lost', { count: 1 });
  const command = await stage.send('+14155550181', 'The chimney sweep will ring at ten.');
  await stage.state(command, ['unknown']);
  const message = stage.statuses(command).at(-1)?.message ?? '';
  const settle = () => relayctl(['queue', 'settle', message, '--as', 'not-sent'], { home: stage.home });
  expect(await settle()).toMatchObject({ code: 0, out: `${message} is not delivered now.\n`, err: '' });
  await stage.state(command, ['not_delivered']);
  expect(stage.statuses(command).at(-1)).toMatchObject({ rule: 'person', retryable: true });
  expect(await settle()).toMatchObject({ code: 1, out: '' });
  const numbers = stage.statuses(command).map(({ n }) => n);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});
