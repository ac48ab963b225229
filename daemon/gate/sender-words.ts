/** What is said of the sender's health: what happened, to whom (only the end of a handle), since when, and what to do. */

import { handleEnd } from '../host/handle-end.ts';
import type { Policy } from './policy.ts';
import { duration, type Words } from './words.ts';

export const REMEDIES = {
  paused: 'Resume it with relayctl, or from the controller.',
  at_risk: 'Write less, and only to people who expect it, until messages are delivered again.',
  suspicious:
    'Find out what was sent to whom; then resume with relayctl, or once a day from the controller. After a day without, one message goes out to try.',
} as const;

/** So many are named; the others are counted. */
const NAMED = 3;
const HOUR = 3_600_000;

export class SenderWords {
  readonly #words: Words;
  readonly #policy: Policy['health'];

  constructor(words: Words, policy: Policy['health']) {
    this.#words = words;
    this.#policy = policy;
  }

  since(at: number, now: number): string {
    return this.#words.clock(at, now);
  }

  failed(address: string, error: number | undefined, at: number): string {
    return `a message to ${handleEnd(address)} was not delivered at ${this.#clock(at)}${byApple(error)}`;
  }

  unreachable(address: string, error: number | undefined, at: number): string {
    return `${handleEnd(address)}, who got messages before, could not be reached at ${this.#clock(at)}${byApple(error)}`;
  }

  strangers(count: number, address: string, error: number | undefined, at: number): string {
    return `${count} new contacts in a row, the last ${handleEnd(address)} at ${this.#clock(at)}, could not be reached${byApple(error)}`;
  }

  inRow(addresses: string[], error: number | undefined, at: number): string {
    return `messages to ${nameAll(addresses)}, one after the other, were not delivered, the last at ${this.#clock(at)}${byApple(error)}`;
  }

  many(addresses: string[], last: string, error: number | undefined, at: number): string {
    const of = `${addresses.length} of the last ${this.#policy.look_back} recipients`;
    return `messages to ${of} were not delivered, the last to ${handleEnd(last)} at ${this.#clock(at)}${byApple(error)}`;
  }

  late(addresses: string[], at: number): string {
    const { late_after_ms } = this.#policy;
    const long = late_after_ms === HOUR ? 'an hour' : duration(late_after_ms);
    return `messages to ${nameAll(addresses)} were not delivered within ${long}, seen at ${this.#clock(at)}`;
  }

  notLateAnyMore(): string {
    return 'what was late has been delivered';
  }

  resumed(source: 'command' | 'person', at: number): string {
    return `resumed by ${source === 'command' ? 'the controller' : 'a person'} at ${this.#clock(at)}`;
  }

  probed(address: string, at: number): string {
    return `a message to ${handleEnd(address)}, sent to try, was delivered at ${this.#clock(at)}`;
  }

  /** With the day: these sentences are kept and read later. */
  #clock(at: number): string {
    return this.#words.clock(at, 0);
  }
}

/** `…4412`, `…4412 and …9981`, `…1, …2, …3 and 4 others`. The newest come first and are named last. */
export function nameAll(addresses: string[]): string {
  const named = addresses.slice(0, NAMED).map(handleEnd).reverse();
  const others = addresses.length - named.length;
  if (others > 0) return `${named.join(', ')} and ${others} other${others === 1 ? '' : 's'}`;
  return named.length < 2 ? named.join() : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}

function byApple(error: number | undefined): string {
  return error === undefined ? '' : ` (Apple's error ${error})`;
}
