/**
 * The gate's policy: every number it decides by, with its default. The owner of the Mac sets what differs under `policy` in config.json;
 * everything else stays as it is here.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { RelayError } from '../host/errors.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** As toLocaleString, which takes 15 ms when it is asked first, and this is asked at each start. */
const inGroups = (n: number) => String(n).replace(/\B(?=(?:\d{3})+$)/g, ',');
const allowed = (words: string) => ({ error: words });
const whole = (min: number, max: number, unit: string) => {
  const words = allowed(`a whole number from ${inGroups(min)} to ${inGroups(max)} (${unit})`);
  return z.int(words).min(min, words).max(max, words);
};
const part = (min: number, max: number) => {
  const words = allowed(`a number from ${min} to ${max}`);
  return z.number(words).min(min, words).max(max, words);
};
const section = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, allowed('an object { … }'));
const words = z.array(z.string(allowed('a word')).min(1, allowed('a word')), allowed('a list of words'));

const ZONE = allowed('an IANA time zone such as "Europe/Berlin", or null');

const OPT_OUT_WORDS = [
  ...['stop', 'stopall', 'stop all', 'unsubscribe', 'cancel', 'end', 'quit', 'optout', 'opt-out', 'opt out'],
  ...['revoke', 'remove', 'arret', 'td'],
];

export const PolicySchema = section({
  /** When are two texts near-same? */
  near: section({
    jaccard: part(0.3, 0.8)
      .default(0.5)
      .describe('Two texts are near-same if they share at least this part of their 4-grams.'),
    containment: part(0.5, 0.95)
      .default(0.8)
      .describe('They are as well if one holds at least this part of the other, and the sizes fit.'),
    contained_size: part(0.2, 0.9)
      .default(0.45)
      .describe('The smaller of the two is at least this part of the larger, else being held says nothing.'),
    min_grams: whole(8, 24, '4-grams').default(16).describe('Texts with fewer 4-grams are compared word by word.'),
    min_grams_cjk: whole(4, 16, 'grams')
      .default(8)
      .describe('The same for texts that are mostly Chinese, Japanese or Korean.'),
    min_grams_contained: whole(12, 48, '4-grams')
      .default(24)
      .describe('Being held counts only for texts of so many 4-grams.'),
    same_letters: whole(1, 12, 'letters')
      .default(6)
      .describe(
        'From so many letters on, texts with equal letters are the same; shorter ones are compared as written.',
      ),
    variables_letters: whole(1, 24, 'letters')
      .default(8)
      .describe('The same for what is left of a text without its variables.'),
  }).prefault({}),
  /** How far near-same texts keep apart, by how many people got one. `up_to` null: all above. */
  interval: section({
    steps: z
      .array(
        section({ up_to: whole(1, 50, 'people').nullable(), ms: whole(1_000, HOUR, 'milliseconds') }),
        allowed('a list of steps { "up_to": people or null, "ms": milliseconds }'),
      )
      .min(1, allowed('at least one step'))
      .refine(isLadder, allowed('steps with growing up_to and ms, the last with up_to null'))
      .default([
        { up_to: 10, ms: 60_000 },
        { up_to: 50, ms: 90_000 },
        { up_to: null, ms: 120_000 },
      ])
      .describe(
        'How far near-same texts keep apart, by how many people got one in the last day; `up_to` null: all above.',
      ),
    /** A sender younger than so many days, with few active conversations, keeps this many times the distance. */
    young: z
      .array(
        section({ days: whole(1, 3_650, 'days'), times: part(1, 10) }),
        allowed('a list of steps { "days": days, "times": 1 to 10 }'),
      )
      .default([
        { days: 60, times: 2 },
        { days: 180, times: 1.5 },
      ])
      .describe('A sender younger than so many days keeps this many times the distance.'),
    active_conversations: whole(0, 10_000, 'conversations')
      .default(20)
      .describe(
        'With so many people who wrote and were written to within 30 days, a young sender keeps the usual distance.',
      ),
    at_risk_times: part(1, 10).default(2).describe('A sender at risk keeps this many times the distance.'),
    window_ms: whole(HOUR, 7 * DAY, 'milliseconds')
      .default(DAY)
      .describe('For so long a text counts after it was sent.'),
    max_wait_ms: whole(MINUTE, 30 * DAY, 'milliseconds')
      .default(7 * DAY)
      .describe('A message that would have to wait longer is refused.'),
  }).prefault({}),
  blast: section({
    recipients: whole(1, 100, 'people')
      .default(10)
      .describe('One request to more people than this is a blast, and so is one text to more than this in a day.'),
  }).prefault({}),
  duplicate: section({
    window_ms: whole(0, DAY, 'milliseconds')
      .default(10 * MINUTE)
      .describe('The same text to the same person within this time, under another id, is refused; 0: never.'),
  }).prefault({}),
  reply: section({
    window_ms: whole(0, HOUR, 'milliseconds')
      .default(5 * MINUTE)
      .describe('A message accepted so soon after somebody wrote is a reply.'),
    per_inbound: whole(0, 10, 'messages').default(3).describe('So many replies for each message from them.'),
  }).prefault({}),
  opt_out: section({
    /** More words may be added; those of the default always count. */
    words: words.default([]).describe('More words that opt out; those of the default always count.'),
    /** Sent once to whoever said STOP, within 5 minutes; null: nothing. */
    confirmation: z
      .string(allowed('a text, or null'))
      .trim()
      .min(1, allowed('a text, or null'))
      .max(500)
      .nullable()
      .default(null)
      .describe('Sent once to whoever opted out, within 5 minutes; null: nothing.'),
  }).prefault({}),
  /** When is a text itself taken for junk, and for how long is it refused? */
  suspicion: section({
    recipients: whole(2, 50, 'recipients')
      .default(2)
      .describe('A text is taken for junk when so many people did not get it while another text got through.'),
    /** More people than this got it as the sender turned suspicious. */
    people: whole(1, 50, 'people')
      .default(10)
      .describe('It is as well when more people than this got it as the sender turned suspicious.'),
    window_ms: whole(HOUR, 7 * DAY, 'milliseconds')
      .default(DAY)
      .describe('Failures so far apart still belong together.'),
    refuse_ms: whole(DAY, 365 * DAY, 'milliseconds')
      .default(30 * DAY)
      .describe('For so long a text taken for junk is refused.'),
    /** After so many new contacts in a row who could not be reached, their text waits: until anything is delivered, or so long. */
    strangers: whole(1, 20, 'recipients')
      .default(2)
      .describe('After so many new contacts in a row who could not be reached, their text waits.'),
    strangers_wait_ms: whole(0, 30 * DAY, 'milliseconds')
      .default(DAY)
      .describe('It waits until anything is delivered, at most so long.'),
    clear_every_ms: whole(HOUR, 30 * DAY, 'milliseconds')
      .default(DAY)
      .describe('The controller may clear a text that this Mac found suspected so often.'),
  }).prefault({}),
  /** How much this sender may do, whatever the texts are (caps.ts). */
  caps: section({
    new_contacts_day: whole(1, 1_000_000, 'new contacts in 24 h')
      .default(50)
      .describe('New contacts that may be written to in 24 hours.'),
    new_contacts_hour: whole(1, 1_000_000, 'new contacts in 60 min')
      .default(15)
      .describe('New contacts that may be written to in 60 minutes.'),
    unanswered: whole(1, 1_000_000, 'messages')
      .default(5)
      .describe('Messages to one person without a word from them; the next is refused.'),
    pair_rate: whole(1, 1_000_000, 'messages in 60 s')
      .default(30)
      .describe('Messages to one person in 60 seconds, replies included.'),
    daily_volume: whole(1, 1_000_000, 'messages in 24 h')
      .default(5_000)
      .describe('Messages in 24 hours, replies not counted.'),
  }).prefault({}),
  /** No marketing from this hour on until that one, in the recipient's zone, else this one (null: the Mac's). 24 and 0: at any hour. */
  quiet_hours: section({
    from: whole(13, 24, 'o’clock').default(21).describe('No marketing from this hour on; 24 with `to` 0: at any hour.'),
    to: whole(0, 12, 'o’clock').default(8).describe('No marketing before this hour.'),
    time_zone: z
      .string(ZONE)
      .refine(isTimeZone, ZONE)
      .nullable()
      .default(null)
      .describe('Whose evening it is where a message names no zone; null: this Mac’s.'),
  }).prefault({}),
  /** May marketing also go to whom the controller has recorded a consent of? */
  consent: z
    .enum(['wrote_first', 'recorded'], allowed('"wrote_first" or "recorded"'))
    .default('wrote_first')
    .describe(
      'Marketing goes to who wrote first; with "recorded" also to those of whom the controller has recorded a consent.',
    ),
  /** Is one text to more people than `blast.recipients` in a day marketing, whatever its category says? */
  bulk_transactional: z
    .enum(['as_marketing', 'allow'], allowed('"as_marketing" or "allow"'))
    .default('as_marketing')
    .describe(
      'Whether one text to more people than `blast.recipients` in a day is marketing, whatever its category says.',
    ),
  health: section({
    /** Deliveries and time without a bad sign after which a sender is healthy again. */
    recover_deliveries: whole(1, 1_000, 'deliveries')
      .default(20)
      .describe('A sender at risk is healthy again after so many deliveries …'),
    recover_ms: whole(HOUR, 30 * DAY, 'milliseconds')
      .default(DAY)
      .describe('… and so long without a bad sign.'),
    look_back: whole(5, 200, 'recipients')
      .default(20)
      .describe('The sender’s health goes by the last so many recipients.'),
    bad_in_look_back: whole(2, 50, 'recipients')
      .default(3)
      .describe('So many bad signs among them make the sender suspicious.'),
    bad_in_row: whole(2, 20, 'recipients').default(2).describe('So many bad signs in a row make it suspicious too.'),
    /** New contacts in a row who cannot be reached: from this one on each is a bad sign. */
    strangers_in_row: whole(2, 20, 'recipients')
      .default(3)
      .describe('From so many new contacts in a row who cannot be reached on, each is a bad sign.'),
    /** An iMessage to one person that was sent and not delivered for so long is late. */
    late_after_ms: whole(10 * MINUTE, 7 * DAY, 'milliseconds')
      .default(HOUR)
      .describe('An iMessage to one person that was sent and is not delivered after so long is late.'),
    late_in_look_back: whole(2, 50, 'recipients').default(3).describe('So many late ones put the sender at risk.'),
    /** A suspicious sender tries one message after so long, to somebody reached within the last days. */
    probe_after_ms: whole(HOUR, 30 * DAY, 'milliseconds')
      .default(DAY)
      .describe('A suspicious sender tries one message after so long …'),
    probe_known_ms: whole(DAY, 30 * DAY, 'milliseconds')
      .default(7 * DAY)
      .describe('… to somebody who was reached within so long.'),
    /** The controller may resume a suspicious sender so often. */
    resume_every_ms: whole(HOUR, 30 * DAY, 'milliseconds')
      .default(DAY)
      .describe('The controller may resume a suspicious sender so often.'),
  }).prefault({}),
});

export type Policy = z.infer<typeof PolicySchema> & { version: string };
export type NearRules = Policy['near'];

function isLadder(steps: { up_to: number | null; ms: number }[]): boolean {
  return steps.every((step, index) => {
    const next = steps[index + 1];
    if (!next) return step.up_to === null;
    return step.up_to !== null && next.ms >= step.ms && (next.up_to === null || next.up_to > step.up_to);
  });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== '';
  } catch {
    return false;
  }
}

export const START_WORDS = ['start', 'unstop'];

/** Fills in the defaults. Throws `policy_invalid` that names each mistake; `source`: where it is written. */
export function readPolicy(written: Record<string, unknown>, source = 'config.json'): Policy {
  const parsed = PolicySchema.safeParse(written);
  if (!parsed.success)
    throw new RelayError('policy_invalid', `${source}: ${policyMistakes(written).map(inWords).join('\n  ')}`, {
      hint: 'Mend "policy" in config.json; what is left out keeps its default.',
    });
  const policy = parsed.data;
  policy.opt_out.words = [...new Set([...OPT_OUT_WORDS, ...policy.opt_out.words])];
  const digest = createHash('sha256').update(JSON.stringify(policy)).digest('hex').slice(0, 8);
  return { ...policy, version: `1-${digest}` };
}

/** All that is wrong with it, by field, as for the rest of the configuration. */
export function policyMistakes(written: Record<string, unknown>): PolicyMistake[] {
  return PolicySchema.safeParse(written).error?.issues.flatMap((issue) => mistakesOf(issue, written)) ?? [];
}

export interface PolicyMistake {
  where: string;
  found: string;
  /** Null: the schema's own list of names would not help. */
  allowed: string | null;
}

function mistakesOf(issue: z.core.$ZodIssue, written: unknown): PolicyMistake[] {
  const where = ['policy', ...issue.path.map(String)].join('.');
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      where: `${where}.${key}`,
      found: 'a name that is not known here',
      allowed: null,
    }));
  let found: unknown = written;
  for (const key of issue.path)
    found = typeof found === 'object' && found !== null ? Reflect.get(found, key) : undefined;
  return [{ where, found: found === undefined ? 'nothing' : JSON.stringify(found), allowed: issue.message }];
}

function inWords({ where, found, allowed }: PolicyMistake): string {
  return `${where}: found ${found}${allowed === null ? '' : `; allowed: ${allowed}`}`;
}

export const DEFAULT_POLICY: Policy = readPolicy({});
