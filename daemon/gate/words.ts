/** The sentences that explain a decision, for a person who supports the sender. Times in the Mac's own zone; of a handle only its end. */

import { handleEnd as tail } from '../host/handle-end.ts';
import type { Surroundings } from './ledger.ts';
import type { Likeness } from './near.ts';
import { addressOf, type Recipient } from './requests.ts';

function formatsOf(timeZone: string | undefined): { time: Intl.DateTimeFormat; day: Intl.DateTimeFormat } {
  const clock = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  const day = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
  return {
    time: new Intl.DateTimeFormat('en-US', { ...clock, timeZone }),
    day: new Intl.DateTimeFormat('en-CA', { ...day, timeZone }),
  };
}

export class Words {
  readonly #timeZone: string | undefined;
  /** Made when a time is told first: the first one takes some ms, which a start can do without. */
  #formats: { time: Intl.DateTimeFormat; day: Intl.DateTimeFormat } | null = null;

  /** `timeZone`: IANA name; the Mac's own if not given. */
  constructor(timeZone?: string) {
    this.#timeZone = timeZone;
  }

  /** `14:32:10`, with the day before it if that is not the day of `now`. */
  clock(at: number, now: number): string {
    this.#formats ??= formatsOf(this.#timeZone);
    const { time, day } = this.#formats;
    const date = day.format(at);
    return `${date === day.format(now) ? '' : `${date} `}${time.format(at)}`;
  }

  /** Why a message waits for its distance from near-same texts. */
  interval(o: {
    until: number;
    now: number;
    around: Surroundings;
    /** How like the text was that got the last one. */
    alike: Likeness | null;
    ahead: number;
    intervalMs: number;
  }): string {
    const { around, now } = o;
    const reasons: string[] = [];
    if (around.last && o.alike) {
      const same = o.alike.verdict === 'same';
      const what = same ? 'the same text' : 'a near-same text';
      const alike = same ? '' : `${percent(o.alike.jaccard)} alike, `;
      const who = around.count > 0 ? people(around.count) : 'this recipient';
      const last = `last to ${tail(around.last.address)} at ${this.clock(around.last.at, now)}`;
      reasons.push(`${who} got ${what} (${alike}${last})`);
    }
    if (around.last && !around.last.text)
      reasons.push(
        `a text to ${tail(around.last.address)} at ${this.clock(around.last.at, now)}, before this version, may have been near-same`,
      );
    if (around.inFlight) reasons.push(`a near-same text to ${tail(around.inFlight.address)} is still on its way`);
    if (o.ahead > 0) reasons.push(`${many(o.ahead, 'near-same text')} ${o.ahead === 1 ? 'waits' : 'wait'} before it`);
    const keep = `texts like this keep ${seconds(o.intervalMs)} apart`;
    return `Waits until about ${this.clock(o.until, now)}: ${reasons.join('; ')}; ${keep}.`;
  }

  notBefore(until: number, now: number): string {
    return `Waits until ${this.clock(until, now)}, as asked for (not_before).`;
  }

  paused(reason: string): string {
    return `Waits until the sender is resumed: ${reason}.`;
  }

  suspicious(reason: string): string {
    return `Waits: the sender is taken for a sender of junk (${reason}); only replies go until it is resumed.`;
  }

  optedOut(key: string, recipient: Recipient): string {
    if (recipient.kind === 'group' && key !== recipient.chat)
      return `${tail(key)}, a member of this group, asked not to be written to.`;
    if (recipient.kind === 'group') return 'Somebody in this group asked not to be written to there.';
    return `${tail(key)} asked not to be written to.`;
  }

  duplicate(recipient: Recipient, at: number, now: number): string {
    return `${tail(addressOf(recipient))} was given the same text at ${this.clock(at, now)} under another id; a retry must keep its id.`;
  }

  blast(o: { people: number; limit: number; neededMs: number; intervalMs: number }): string {
    return (
      `${o.people} people at once are a blast (more than ${o.limit}). With pacing "queue" they would be written to one by one, ` +
      `${seconds(o.intervalMs)} or more apart, in about ${duration(o.neededMs)}.`
    );
  }

  tooLate(waitMs: number, limit: 'max_wait' | 'expires_at'): string {
    const over = limit === 'max_wait' ? 'longer than a message may wait' : 'after its expires_at';
    return `It would wait for about ${duration(waitMs)}, ${over}.`;
  }

  noWaiting(waitMs: number, several: boolean): string {
    const all = several ? 'With pacing "reject" all recipients must be free at once. ' : '';
    return `${all}It may not go now; with pacing "queue" it would go in about ${duration(waitMs)}.`;
  }
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

export function duration(ms: number): string {
  const minutes = Math.ceil(ms / 60_000);
  if (ms < 60_000) return seconds(ms);
  if (minutes < 120) return many(minutes, 'minute');
  if (minutes < 48 * 60) return many(Math.round(minutes / 60), 'hour');
  return many(Math.round(minutes / 1440), 'day');
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function people(count: number): string {
  if (count > 50) return 'more than 50 people';
  return count === 1 ? '1 person' : `${count} people`;
}
