/** Near-same texts in languages other than English: the edits that a campaign is made of, and sentences that only share their language. */
import { describe, expect, it } from 'vitest';
import { compare } from '../../../daemon/gate/near.ts';
import { type Below, EDITS, numbers, pick } from '../../quality/edits.ts';
import { type Language, readLanguages } from '../../quality/languages.ts';

const ROUNDS = 12;
const languages = readLanguages();

const addressed = ({ greeting }: Language, name: string, text: string) =>
  greeting.replace('{name}', name).replace('{text}', text);

const CAMPAIGN: Record<string, (language: Language, text: string, below: Below) => [string, string]> = {
  name: (language, text, below) => {
    const at = below(language.names.length);
    const other = (at + 1 + below(language.names.length - 1)) % language.names.length;
    return [
      addressed(language, language.names[at] ?? '', text),
      addressed(language, language.names[other] ?? '', text),
    ];
  },
  number: (_language, text, below) => EDITS.number(text, below),
  link: (_language, text, below) => EDITS.link(text, below),
  emoji: (_language, text, below) => EDITS.emoji(text, below),
  'case and punctuation': (_language, text, below) => EDITS['case and punctuation'](text, below),
  'zero-width': (_language, text, below) => EDITS['zero-width'](text, below),
};

it('there are eight languages beside English, with twenty texts each', () => {
  expect([...languages.keys()]).toEqual(['en', 'de', 'es', 'ru', 'el', 'ar', 'hi', 'zh', 'ja']);
  for (const { texts, names, greeting } of languages.values()) {
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.length).toBeGreaterThanOrEqual(20);
    expect(names.length).toBeGreaterThanOrEqual(8);
    expect(greeting).toContain('{text}');
  }
});

describe.each([...languages])('%s', (code, language) => {
  it.each(Object.keys(CAMPAIGN))('another %s is seen in at least 95 %%', (kind) => {
    const below = numbers(code.length + kind.length);
    const missed: [string, string][] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      for (const text of language.texts) {
        const pair = CAMPAIGN[kind]?.(language, text, below) ?? ['', 'x'];
        if (compare(...pair).verdict === 'apart') missed.push(pair);
      }
    expect(1 - missed.length / (ROUNDS * language.texts.length), JSON.stringify(missed)).toBeGreaterThanOrEqual(0.95);
  });

  it('no two unrelated sentences are near, nor with the same greeting to the same person', () => {
    const { texts, names } = language;
    for (const [at, one] of texts.entries())
      for (const other of texts.slice(at + 1)) {
        expect(compare(one, other).verdict, `${one} and ${other}`).toBe('apart');
        const name = pick(names, numbers(at));
        const both = [addressed(language, name, one), addressed(language, name, other)] as const;
        expect(compare(...both).verdict, both.join(' and ')).toBe('apart');
      }
  });
});
