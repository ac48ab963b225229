/** What the end of an osascript proves: by mark, result line and number, never by words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Ending, errorNumber, verdictOf } from '../../../daemon/bridge/outcome.ts';

const ended = (more: Partial<Ending>): Ending => ({ how: 'itself', code: 1, stdout: '', stderr: '', ...more });
const failed = (number: number) =>
  `/x/send.applescript:412:437: execution error: „Messages“ (1): Fehler. (${number})\n`;
const kindOf = (more: Partial<Ending>) => verdictOf(ended(more), 'a_1', 'chat').outcome.kind;

describe('before the mark', () => {
  it.each([
    [-1743, 'permission_missing', true, 'automation_denied'],
    [-1744, 'permission_missing', true, 'automation_denied'],
    [-10004, 'permission_missing', true, 'automation_denied'],
    [-600, 'messages_unavailable', true, 'messages_not_running'],
    [-1719, 'messages_unavailable', true, 'not_signed_in'],
    [-1728, 'not_found', false, undefined],
    [-1700, 'script_error', false, undefined],
    [-2741, 'script_error', false, undefined],
    [-2753, 'script_error', false, undefined],
    [-54, 'script_error', false, undefined],
  ] as const)('%i: nothing left', (number, code, again, condition) => {
    const { outcome, trouble } = verdictOf(ended({ stderr: failed(number) }), 'a_1', 'chat');
    expect(outcome).toEqual({
      kind: 'not_started',
      code,
      again,
      appleNumber: number,
      words: expect.stringContaining('nothing was sent'),
    });
    expect(trouble?.condition).toBe(condition);
  });

  it.each([-1712, -609])('%i is a doubt all the same', (number) => {
    expect(kindOf({ stderr: failed(number) })).toBe('may_have_gone');
  });

  it('a time-out is a doubt all the same', () => expect(kindOf({ how: 'killed', code: null })).toBe('may_have_gone'));

  it('a child that was ended by somebody did not begin to send', () => {
    expect(verdictOf(ended({ code: null }), 'a_1', 'chat').outcome).toMatchObject({
      kind: 'not_started',
      code: 'interrupted',
      again: true,
    });
  });

  it('exit 0 without the result line is a doubt: it may have run through', () => {
    expect(kindOf({ code: 0 })).toBe('may_have_gone');
  });
});

it('behind the mark every number is a doubt', () => {
  const number = fc.integer({ min: -20_000, max: 2_000 });
  fc.assert(
    fc.property(number, fc.constantFrom('itself', 'killed', 'lost'), (n, how) => {
      expect(kindOf({ how, stderr: `dispatch_started\n${failed(n)}` })).toBe('may_have_gone');
    }),
  );
});

it('whatever it wrote, only the result line of this attempt is accepted', () => {
  const noise = fc.string({ unit: 'grapheme' }).filter((s) => !s.split('\n').some((l) => l.trim() === 'accepted a_1'));
  fc.assert(
    fc.property(noise, noise, fc.constantFrom(0, 1, null), (stdout, stderr, code) => {
      expect(kindOf({ stdout, stderr, code })).not.toBe('accepted');
      expect(kindOf({ stdout: `${stdout}\naccepted a_1\n`, stderr, code })).toBe('accepted');
      expect(kindOf({ stdout: `${stdout}\naccepted a_11\n`, stderr, code })).not.toBe('accepted');
    }),
  );
});

it('a text that quotes the mark or a number changes nothing for the worse', () => {
  expect(errorNumber(failed(-1728).replace('Fehler', 'text (-1743)\n(-600)'))).toBe(-1728);
  expect(errorNumber('no number')).toBeNull();
  expect(errorNumber('(-1728) and more')).toBeNull();
  expect(kindOf({ stderr: `„dispatch_started“ ${failed(-1728)}` })).toBe('not_started');
});
