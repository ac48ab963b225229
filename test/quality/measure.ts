/** How well texts are told apart: the share of edits that are seen, and of unlike texts that are taken for near. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { canonical } from '../../daemon/gate/canonical.ts';
import { type Fingerprint, FingerprintMaker } from '../../daemon/gate/fingerprint.ts';
import { likeness } from '../../daemon/gate/near.ts';
import { NearIndex } from '../../daemon/gate/near-index.ts';
import { DEFAULT_POLICY } from '../../daemon/gate/policy.ts';
import { type Context, type Edit, numbers } from './edits.ts';

const { near: RULES } = DEFAULT_POLICY;
const SMS = fileURLToPath(new URL('../../../shared/data/SMSSpamCollection', import.meta.url));

export const corpusIsThere = existsSync(SMS);

export interface Message {
  text: string;
  spam: boolean;
}

/** A public collection of real short messages, each canonical text once; empty where the file is not there. */
export function realMessages(): Message[] {
  if (!corpusIsThere) return [];
  const found = new Map<string, Message>();
  for (const line of readFileSync(SMS, 'utf8').split('\n')) {
    const [label, text = ''] = line.split('\t');
    const shape = canonical(text);
    if (shape !== '' && !found.has(shape)) found.set(shape, { text, spam: label === 'spam' });
  }
  return [...found.values()];
}

export function withLength(messages: readonly Message[], least: number, most: number): string[] {
  return messages.map(({ text }) => text).filter((text) => text.length >= least && text.length <= most);
}

export function contextOf(texts: readonly string[]): Context {
  return { words: texts.flatMap((text) => text.match(/[\p{L}\p{M}']{2,}/gu) ?? []) };
}

export function newMaker(): FingerprintMaker {
  return new FingerprintMaker(new Uint8Array(32), { same: RULES.same_letters, variables: RULES.variables_letters });
}

export function areNear(a: Fingerprint, b: Fingerprint): boolean {
  return likeness(a, b, RULES).verdict !== 'apart';
}

export interface Recall {
  /** Percent. */
  seen: number;
  tried: number;
  /** Some that were not seen. */
  missed: [string, string][];
}

/** Every text, edited so many times. What an edit leaves as it was is not counted. */
export function recall(texts: readonly string[], edit: Edit, times: number, seed: number): Recall {
  const maker = newMaker();
  const below = numbers(seed);
  const context = contextOf(texts);
  const missed: [string, string][] = [];
  let tried = 0;
  let unseen = 0;
  for (let round = 0; round < times; round += 1)
    for (const text of texts) {
      const [a, b] = edit(text, below, context);
      if (a === b) continue;
      tried += 1;
      if (areNear(maker.make(a), maker.make(b))) continue;
      unseen += 1;
      if (missed.length < 20) missed.push([a, b]);
    }
  return { seen: (100 * (tried - unseen)) / tried, tried, missed };
}

export interface FalsePositives {
  /** Percent of all pairs. */
  share: number;
  pairs: number;
  near: number;
  /** How often the index and comparing with every text do not agree, of the texts asked. */
  differences: number;
}

/** All pairs of these texts, by the index; of so many of them comparing with each other text says whether it is right. */
export function falsePositives(texts: readonly string[], compared: number): FalsePositives {
  const maker = newMaker();
  const index = new NearIndex(RULES, () => null);
  const known = texts.map((text) => index.keep(maker.make(text)));
  let ordered = 0;
  let differences = 0;
  const step = Math.max(1, Math.floor(texts.length / Math.max(1, compared)));
  for (const [at, one] of known.entries()) {
    const found = index.near(one.print);
    ordered += found.length - 1;
    if (compared === 0 || at % step !== 0) continue;
    const wanted = known.filter((other) => areNear(one.print, other.print));
    if (new Set([...found, ...wanted]).size !== found.length || found.length !== wanted.length) differences += 1;
  }
  const pairs = (texts.length * (texts.length - 1)) / 2;
  return { share: (50 * ordered) / pairs, pairs, near: ordered / 2, differences };
}
