/** The rows of test/attacks.tsv, and how many of an attack's edits are seen. */
import { readFileSync } from 'node:fs';
import { ATTACK_EDITS, type Disguised } from './attack-edits.ts';
import { numbers } from './edits.ts';
import { readLanguages } from './languages.ts';
import { areNear, contextOf, newMaker } from './measure.ts';

export interface Attack {
  kind: 'caught' | 'documented' | 'test';
  name: string;
  languages: string[];
  percent: number;
  /** A remark, or the title of a test. */
  words: string;
}

const KINDS = ['caught', 'documented', 'test'];

export function readAttacks(): Attack[] {
  const lines = readFileSync(new URL('../attacks.tsv', import.meta.url), 'utf8').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [kind = '', name = '', languages = '', percent = '', words = ''] = line.split('\t');
      if (!KINDS.includes(kind)) throw new Error(`attacks.tsv: ${line}`);
      return {
        kind: kind as Attack['kind'],
        name,
        languages: languages.split(' ').filter(Boolean),
        percent: Number(percent),
        words,
      };
    });
}

/** Percent of the disguises of an edit that are seen as near-same, each text disguised so many times, and one that is not seen. */
export function seenOf(
  { name, languages }: Attack,
  times: number,
): {
  percent: number;
  tried: number;
  missed: [string, string] | null;
} {
  const edit = ATTACK_EDITS[name];
  if (!edit) throw new Error(`attack-edits.ts has no “${name}”`);
  const maker = newMaker();
  const known = readLanguages();
  let tried = 0;
  let seen = 0;
  let missed: [string, string] | null = null;
  for (const language of languages) {
    const texts = known.get(language)?.texts ?? [];
    const context = contextOf(texts);
    const below = numbers(5);
    for (let round = 0; round < times; round += 1)
      for (const text of texts) {
        const pair = edit(text, below, context).map(
          (made): Disguised => (typeof made === 'string' ? { text: made } : made),
        );
        const [a, b] = pair.map(({ text, variables, attachments }) => maker.make(text, variables, attachments));
        // An edit that found nothing to do proves nothing.
        if (!a || !b || JSON.stringify(pair[0]) === JSON.stringify(pair[1])) continue;
        tried += 1;
        if (areNear(a, b)) seen += 1;
        else missed = [pair[0]?.text ?? '', pair[1]?.text ?? ''];
      }
  }
  return { percent: (100 * seen) / tried, tried, missed };
}
