import { describe, expect, it } from 'vitest';
import { countsOf } from '../../../scripts/check.ts';

const report = (numPassedTests: number, numFailedTests: number, numPendingTests = 0, numTodoTests = 0) => ({
  numPassedTests,
  numFailedTests,
  numPendingTests,
  numTodoTests,
});

describe('the counts of npm test', () => {
  it('are those of the report', () => {
    expect(countsOf(report(7, 0, 2, 1), 0)).toEqual({ passed: 7, failed: 0, skipped: 3 });
    expect(countsOf(report(7, 2), 1)).toEqual({ passed: 7, failed: 2, skipped: 0 });
  });

  it('have a failure when the run broke off, although no test failed', () => {
    expect(countsOf(report(7, 0), 1)).toEqual({ passed: 7, failed: 1, skipped: 0 });
  });

  it('have a failure when nothing ran or nothing was reported', () => {
    expect(countsOf(report(0, 0, 4), 0)).toEqual({ passed: 0, failed: 1, skipped: 4 });
    expect(countsOf(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
    expect(countsOf('?', 1)).toEqual({ passed: 0, failed: 1, skipped: 0 });
  });
});
