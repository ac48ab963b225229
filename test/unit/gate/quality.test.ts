/**
 * The quality of the definition of near-same texts, on a part of what `npm run bench -- quality` measures, with the same edits and limits.
 */
import { describe, expect, it } from 'vitest';
import { FALSE_POSITIVES, RECALL, SHORT_RECALL } from '../../bench/gate-quality.ts';
import { EDITS, type EditName, numbers } from '../../quality/edits.ts';
import { corpusIsThere, falsePositives, realMessages, recall, withLength } from '../../quality/measure.ts';

describe.skipIf(!corpusIsThere)('on real short messages (skips without ../shared/data/SMSSpamCollection)', () => {
  const messages = realMessages();
  const texts = withLength(messages, 40, 320).filter((_, at) => at % 9 === 0);
  const short = withLength(messages, 12, 40).filter((_, at) => at % 2 === 0);

  it.each(Object.entries(RECALL))('%s is seen in at least %d %% of texts of 40 to 320 characters', (name, least) => {
    const { seen, tried, missed } = recall(texts, EDITS[name as EditName], 1, 11);
    expect(tried).toBeGreaterThan(200);
    expect(seen, JSON.stringify(missed, null, 1)).toBeGreaterThanOrEqual(least);
  });

  it.each(Object.entries(SHORT_RECALL))('%s is seen in at least %d %% of texts of 12 to 40', (name, least) => {
    const { seen, tried, missed } = recall(short, EDITS[name as EditName], 2, 11);
    expect(tried).toBeGreaterThan(1_000);
    expect(seen, JSON.stringify(missed, null, 1)).toBeGreaterThanOrEqual(least);
  });

  it.each([
    ['all', messages],
    ['ham', messages.filter(({ spam }) => !spam)],
  ] as const)('hardly any pair of different messages is taken for near: %s', (name, some) => {
    const { share, pairs, differences } = falsePositives(
      some.map(({ text }) => text),
      10,
    );
    expect(pairs).toBeGreaterThan(10_000_000);
    expect(differences).toBe(0);
    expect(share).toBeLessThanOrEqual(FALSE_POSITIVES[name]);
    // The collection holds campaigns: a definition that sees none of them is none.
    expect(share).toBeGreaterThan(0.0005);
  });
});

describe('the measure itself', () => {
  it('a text that became another is missed, and what an edit left alone is not counted', () => {
    const texts = ['Your table for two is ready, see you soon', 'left alone'];
    const { seen, tried, missed } = recall(
      texts,
      (text) => [text, text === 'left alone' ? text : 'Bring the blue folder to our meeting'],
      3,
      1,
    );
    expect({ seen, tried, missed: missed.length }).toEqual({ seen: 0, tried: 3, missed: 3 });
  });

  it('every edit changes what it is for, and says the same again from the same seed', () => {
    const text = 'See your order 4711 at https://a.example/x before tomorrow, please';
    for (const edit of Object.values(EDITS)) {
      const once = edit(text, numbers(3), { words: ['other'] });
      expect(once[0]).not.toBe(once[1]);
      expect(edit(text, numbers(3), { words: ['other'] })).toEqual(once);
    }
  });
});
