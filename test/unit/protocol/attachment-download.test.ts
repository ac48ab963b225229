/** A relay that is at another piece is asked again on the clock of the controller, and given up in the end. */
import { expect, test } from 'vitest';
import { downloadAttachment, type PieceOutcome } from '../../../protocol/attachment-download.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const BUSY: PieceOutcome = {
  kind: 'refused',
  error: { code: 'overloaded', message: 'Another piece is on its way.', retryable: true },
};
const EMPTY: PieceOutcome = {
  kind: 'result',
  data: {
    attachment: 'F',
    offset: 0,
    bytes: 0,
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    data: '',
  },
};

test.each([
  [3, 'file', 4],
  [Number.POSITIVE_INFINITY, 'refused', 26],
])('busy %d times: ends as %s after %d questions', async (busy, kind, questions) => {
  const clock = new FakeClock();
  let asked = 0;
  const ask = async () => (asked++ < busy ? BUSY : EMPTY);
  const download = downloadAttachment('F', { ask, clock });
  await clock.advanceAsync(199);
  expect(asked).toBe(1);
  await clock.advanceAsync(1);
  expect(asked).toBe(2);
  await clock.advanceAsync(10_000);
  expect(await download).toMatchObject({ kind });
  expect(asked).toBe(questions);
  expect(clock.timers).toBe(0);
});
