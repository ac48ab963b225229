/**
 * May one that waits go at all, as things stand now? All rules together, asked for the queue, for the probe of a suspicious sender, and again
 * right before dispatch. Opt-outs first, then suspected texts, then the rules that look at people.
 */

import type { Clock } from '../host/clock.ts';
import type { Admissions } from './admission.ts';
import type { Conversations } from './conversations.ts';
import type { Estimates } from './estimates.ts';
import type { Waiting } from './known-texts.ts';
import type { Reputation } from './reputation.ts';
import { peopleOf, type Recipient, type Refusal } from './requests.ts';

interface Askable {
  clock: Clock;
  people: Conversations;
  reputation: Reputation;
  estimates: Estimates;
  admissions: Admissions;
}

export class Permission {
  readonly #o: Askable;

  constructor(o: Askable) {
    this.#o = o;
  }

  isClosed(waiting: Waiting): boolean {
    const { people, reputation } = this.#o;
    if (people.closedBy(waiting) !== null) return true;
    return !waiting.reply && (reputation.texts.has(waiting.text.print) || people.refusal(waiting) !== null);
  }

  /** Why it may not go, or null. */
  refusal(waiting: Waiting): Refusal | null {
    const { people, reputation, admissions } = this.#o;
    const key = people.closedBy(waiting);
    if (key !== null) return admissions.optedOut(key, waiting.recipient);
    const suspected = waiting.reply ? null : reputation.refusal(waiting.text.print);
    return suspected ?? people.refusal(waiting);
  }

  /** Right before it goes: what the queue goes by is set right if it was not true. */
  isTrue(waiting: Waiting): boolean {
    const { people, estimates } = this.#o;
    const { text, bulk } = waiting;
    const isBulk = estimates.isBulk(text.print, peopleOf(waiting.recipient));
    if (isBulk !== bulk) estimates.reviewBulk(text.load.waiting?.members ?? []);
    return people.refresh(waiting) && isBulk === bulk;
  }

  /** What can be said of one without a search for near texts; `not_before` aside. */
  mayGoBut(waiting: Waiting): boolean {
    const { clock, people } = this.#o;
    people.refresh(waiting);
    return people.rules.openAt(waiting) <= clock.mono() && !this.isClosed(waiting);
  }

  /** Between the parts of a message that was counted with its first: may the rest go to them, must it wait, or never? */
  mayGoOn(recipient: Recipient, reply: boolean): 'go' | 'wait' | Refusal {
    const { people, reputation, admissions } = this.#o;
    const key = people.closes(recipient, reply);
    if (key !== null) return admissions.optedOut(key, recipient);
    return reputation.sender.health().state === 'paused' ? 'wait' : 'go';
  }

  /** All that the queue asks, of one; `not_before` aside. */
  mayGo(waiting: Waiting): boolean {
    const { clock, people, estimates } = this.#o;
    this.isTrue(waiting);
    const distanceAt = estimates.earliest(waiting) ?? Number.POSITIVE_INFINITY;
    return Math.max(distanceAt, people.rules.openAt(waiting)) <= clock.mono() && !this.isClosed(waiting);
  }
}
