import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { columnsOf, cut, paragraph, table } from '../../../daemon/cli/table.ts';
import { clockTime, span, whenAgo } from '../../../daemon/cli/times.ts';

describe('a table', () => {
  it('is aligned, without blanks at the end', () => {
    expect(
      table(
        [{ title: 'TO' }, { title: 'N' }],
        [
          ['ann', '1'],
          ['日本', ''],
        ],
        80,
      ),
    ).toEqual(['TO    N', 'ann   1', '日本']);
  });

  it('cuts the columns that may give way, first ones first', () => {
    const columns = [{ title: 'A', flex: true }, { title: 'B' }];
    expect(table(columns, [['0123456789', 'keep this']], 18)).toEqual(['A        B', '012345…  keep this']);
  });

  it('never is wider than the terminal', () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 60 }).filter((s) => !/\s/.test(s));
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell, cell)), fc.integer({ min: 30, max: 120 }), (rows, width) => {
        const lines = table([{ title: 'A', flex: true }, { title: 'B' }, { title: 'C', flex: true }], rows, width);
        expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(width);
        expect(lines.length).toBe(rows.length + 1);
      }),
    );
  });
});

describe('a paragraph', () => {
  it('breaks at spaces and indents', () => {
    expect(paragraph('one two three four', 12, 2, '→ ')).toEqual(['→ one two', '  three four']);
    expect(paragraph('', 20)).toEqual(['']);
  });

  it('breaks a word that is too long before a wide sign that does not fit whole', () => {
    expect(paragraph(`${'a'.repeat(19)}🉐b`, 20)).toEqual(['a'.repeat(19), '🉐b']);
  });

  it('loses no sign and fits', () => {
    const words = fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((s) => !/\s/.test(s)));
    fc.assert(
      fc.property(words, fc.integer({ min: 20, max: 80 }), (list, width) => {
        const lines = paragraph(list.join(' '), width, 4);
        expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(width);
        expect(lines.join('').replace(/\s/g, '')).toBe(list.join(''));
      }),
    );
  });
});

it('a text is cut at columns of the screen', () => {
  expect([cut('abc', 3), cut('abcd', 3), cut('日本語', 5), cut('日本語', 4), cut('🎈🎈', 3)]).toEqual([
    'abc',
    'ab…',
    '日本…',
    '日…',
    '🎈…',
  ]);
});

describe('times', () => {
  const now = new Date(2026, 0, 31, 12).getTime();
  it('are local, with the date if it is another day', () => {
    expect(clockTime(now - 1_000, now)).toBe('11:59:59');
    expect(clockTime(new Date(2026, 1, 1, 0, 0, 5).getTime(), now)).toBe('2026-02-01 00:00:05');
    expect(whenAgo(now + 90_000, now)).toBe('12:01:30 (in 90 s)');
    expect(whenAgo(null, now)).toBe('never');
  });
  it.each([
    [0, '0 s'],
    [119_400, '119 s'],
    [150_000, '3 min'],
    [7_200_000, '2 h'],
    [12_000_000, '3 h 20 min'],
    [4 * 86_400_000, '4 d'],
  ])('%i ms is %s', (ms, words) => expect(span(ms)).toBe(words));
});
