/** The sentences of the rules that look at people and hours instead of texts. Of a handle only its end; times as in words.ts. */
import { handleEnd as tail } from '../host/handle-end.ts';
import type { FullCap } from './caps.ts';
import type { Words } from './words.ts';

const COUNTED: Record<FullCap['cap'], (used: number, limit: number, address: string) => string> = {
  new_contacts_day: (used, limit) =>
    `${people(used)} without talk in 30 days ${used === 1 ? 'was' : 'were'} written to in 24 hours, the most is ${limit}`,
  new_contacts_hour: (used, limit) =>
    `${people(used)} without talk in 30 days ${used === 1 ? 'was' : 'were'} written to in 60 minutes, the most is ${limit}`,
  daily_volume: (used, limit) => `${messages(used)} went in 24 hours, the most is ${limit.toLocaleString('en')}`,
  pair_rate: (used, limit, address) => `${messages(used)} went to ${tail(address)} in 60 seconds, the most is ${limit}`,
};

export class RuleWords {
  readonly #words: Words;

  constructor(words: Words) {
    this.#words = words;
  }

  /** Why a message waits for a slot of a cap. */
  cap({ cap, used, limit }: FullCap, address: string, until: number, now: number): string {
    return `Waits until about ${this.#words.clock(until, now)}: ${COUNTED[cap](used, limit, address)}.`;
  }

  unanswered(address: string, used: number): string {
    return `${tail(address)} has not answered the last ${messages(used)}; nothing more goes until they write.`;
  }

  /** Why a message waits for the morning of its recipient. `why`: how it comes to be marketing. */
  quiet(o: {
    until: number;
    now: number;
    from: number;
    to: number;
    timeZone: string | null;
    bulk: number | null;
  }): string {
    const what = o.bulk === null ? 'marketing' : `a text to more than ${o.bulk} people`;
    const where = o.timeZone === null ? '' : ` in ${o.timeZone}`;
    return `Waits until ${this.#words.clock(o.until, o.now)}: ${what} does not go between ${hour(o.from)} and ${hour(o.to)}${where}.`;
  }

  notDedicated(bulk: number | null): string {
    return bulk === null
      ? 'Marketing needs a sender of its own: "sender.kind" in this Mac’s config.json is not "dedicated".'
      : `A text to more than ${bulk} people is marketing, and this sender is not "dedicated" to that in this Mac’s config.json.`;
  }

  noConsent(address: string, why: 'group' | 'withdrawn' | 'not_first', bulk: number | null): string {
    const what = bulk === null ? 'marketing' : `a text to more than ${bulk} people`;
    if (why === 'group') return `A group gets no marketing${bulk === null ? '' : `, and ${what} is marketing`}.`;
    if (why === 'withdrawn') return `${tail(address)} has withdrawn the consent to get ${what}.`;
    return `${tail(address)} has not written first, so ${what} may not go to them.`;
  }
}

function hour(hours: number): string {
  return `${hours % 24}:00`;
}

function people(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'person' : 'people'}`;
}

function messages(count: number): string {
  return `${count.toLocaleString('en')} message${count === 1 ? '' : 's'}`;
}
