/**
 * How well the gate's definition tells near-same texts from others, on a public collection of real short messages
 * (../shared/data/SMSSpamCollection; without it there is nothing to measure): edits seen, unlike texts taken for near, and the attacks of
 * test/attacks.tsv. Every figure is the same on every machine. The misses of an edit that falls short are printed.
 */
import { readAttacks, seenOf } from '../quality/attacks.ts';
import { ADDRESSED, EDITS, type Edit, type EditName, nameSwap } from '../quality/edits.ts';
import { corpusIsThere, falsePositives, realMessages, recall, withLength } from '../quality/measure.ts';
import type { Bench, Figure } from './figure.ts';

const SEED = 20_261;
const TIMES = 3;
const SHORT_TIMES = 6;
const COMPARED = 200;
const ATTACK_TIMES = 40;

/** Of issue 3, percent, for texts of 40 to 320 characters. */
export const RECALL: Readonly<Record<EditName, number>> = {
  ...{ 'name swap': 99.5, number: 99.5, link: 99.5, 'zero-width': 99.5, homoglyph: 99.5, emoji: 99.5 },
  ...{ 'case and punctuation': 99.5, 'two typos': 99.5, 'halves swapped': 99.5 },
  ...{ 'greeting changed': 99, 'sentence before': 99, 'sentence after': 99 },
  ...{ 'text-speak synonyms': 96, '10 % of words replaced': 92 },
};
/** The only limits for texts of 12 to 40 characters. */
export const SHORT_RECALL: Partial<Record<EditName, number>> = { 'name swap': 95, number: 95 };
/** Percent of all pairs of different canonical texts. */
export const FALSE_POSITIVES = { all: 0.005, ham: 0.002 };

function seen(name: string, texts: readonly string[], edit: Edit, times: number, least: number | undefined): Figure {
  const { seen: value, missed } = recall(texts, edit, times, SEED);
  if (least !== undefined && value < least)
    for (const [a, b] of missed) console.log(`    missed: ${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  return { name, value, unit: '%', ...(least === undefined ? {} : { limit: { least } }) };
}

/** Those that are caught with their limit, the others with what is documented. */
function attacked(): Figure[] {
  return readAttacks().flatMap((attack): Figure[] => {
    const { kind, name, percent } = attack;
    if (kind !== 'caught' && kind !== 'documented') return [];
    const figure = { name: `attack: ${name}`, value: seenOf(attack, ATTACK_TIMES).percent, unit: '%' };
    return kind === 'caught' ? [{ ...figure, limit: { least: percent } }] : [figure];
  });
}

export const gateQuality: Bench = {
  name: 'Near-same texts: what is seen, and what is taken for near',
  async run() {
    const figures = attacked();
    if (!corpusIsThere) {
      console.log('  skipped, all but the attacks: ../shared/data/SMSSpamCollection is not there');
      return figures;
    }
    const messages = realMessages();
    const texts = withLength(messages, 40, 320);
    const short = withLength(messages, 12, 40);
    for (const name of Object.keys(EDITS) as EditName[])
      figures.push(seen(`40–320 characters: ${name}`, texts, EDITS[name], TIMES, RECALL[name]));
    for (const name of Object.keys(EDITS) as EditName[])
      figures.push(seen(`12–40 characters: ${name}`, short, EDITS[name], SHORT_TIMES, SHORT_RECALL[name]));
    for (const where of Object.keys(ADDRESSED))
      figures.push(seen(`12–40 characters: name in "${where}"`, short, nameSwap([where]), SHORT_TIMES, undefined));
    for (const [name, some, most] of [
      ['all', messages, FALSE_POSITIVES.all],
      ['ham', messages.filter(({ spam }) => !spam), FALSE_POSITIVES.ham],
    ] as const) {
      const { share, near, pairs, differences } = falsePositives(
        some.map(({ text }) => text),
        COMPARED,
      );
      figures.push(
        { name: `different texts taken for near, ${name}`, value: share, unit: '%', limit: { most } },
        { name: `  pairs of ${(pairs / 1e6).toFixed(1)} million, ${name}`, value: near, unit: 'pairs' },
        { name: '  unlike comparing with all', value: differences, unit: `of ${COMPARED}`, limit: { most: 0 } },
      );
    }
    return figures;
  },
};
