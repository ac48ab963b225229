/** Each line of attacks.tsv holds: edits are seen as often as it says, and the tests that it names exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ATTACK_EDITS } from './quality/attack-edits.ts';
import { type Attack, readAttacks, seenOf } from './quality/attacks.ts';

/** What is documented may be off by so many points before the file must be put right. */
const OFF = 5;
const TIMES = 10;
const attacks = readAttacks();
const of = (kind: Attack['kind']) => attacks.filter((attack) => attack.kind === kind);

function titlesOfTests(): Set<string> {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'));
  const titles = new Set<string>();
  for (const file of files) {
    const text = readFileSync(`${folder}/${file}`, 'utf8');
    // The first string behind it( or test(, or that of a row of it.each.
    for (const [, quote = '', title = ''] of text.matchAll(
      /(?:\b(?:it|test)(?:\.\w+)*\(|^\s*\[)\s*(['"`])((?:(?!\1).)+)\1/gm,
    ))
      titles.add(quote === "'" ? title.replaceAll("\\'", "'") : title);
  }
  return titles;
}

describe('attacks.tsv', () => {
  it('names each edit once, with a figure, and no other', () => {
    const edits = attacks.filter(({ kind }) => kind === 'caught' || kind === 'documented');
    expect(edits.map(({ name }) => name).sort()).toEqual(Object.keys(ATTACK_EDITS).sort());
    for (const { kind, percent, languages, name } of edits) {
      expect(languages.length, name).toBeGreaterThan(0);
      if (kind === 'caught') expect(percent, name).toBeGreaterThanOrEqual(99);
    }
  });

  it.each(of('caught').map((attack) => [attack.name, attack] as const))('caught: %s', (_name, attack) => {
    const { percent, tried, missed } = seenOf(attack, TIMES);
    expect(tried).toBeGreaterThan(50);
    expect(percent, JSON.stringify(missed)).toBeGreaterThanOrEqual(attack.percent);
  });

  it.each(of('documented').map((attack) => [attack.name, attack] as const))(
    'not caught, as documented: %s',
    (_name, attack) => {
      const { percent, tried } = seenOf(attack, TIMES);
      expect(tried).toBeGreaterThan(50);
      expect(Math.abs(percent - attack.percent), `${percent.toFixed(1)} % are seen`).toBeLessThanOrEqual(OFF);
    },
  );

  it('what is no edit of a text names a test that exists', () => {
    const titles = titlesOfTests();
    expect(titles.size).toBeGreaterThan(200);
    expect(titles.has('a title that no test has')).toBe(false);
    expect(of('test').filter(({ words }) => !titles.has(words))).toEqual([]);
  });
});
