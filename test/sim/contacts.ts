/**
 * The people behind the handles: what happens on their side with a message that reached them. A handle that nobody described is somebody
 * whose phone takes a message after 400 ms and who neither reads nor answers. All durations are virtual ms.
 */
import { z } from 'zod';

const ms = z.number().min(0);

const Answer = z.strictObject({
  text: z.string(),
  /** Counted from when the message was there for them to read: its delivery, or its sending if it is never told. */
  afterMs: ms.default(5_000),
  /** `first`: once in a lifetime. */
  when: z.enum(['every', 'first']).default('every'),
  /** Only if the message has this in it. */
  ifText: z.string().optional(),
});

const Failure = z.strictObject({ error: z.int().min(1), afterMs: ms });

export const Behaviour = z.strictObject({
  /** Null: never, as with a phone that is off. Counted from the moment Apple took it. */
  deliveredAfterMs: ms.nullable().default(400),
  /** With read receipts on, counted from the delivery. */
  readAfterMs: ms.nullable().default(null),
  answers: z.array(Answer).default([]),
  /** Never sent: the error comes this long after the row. */
  notDelivered: Failure.optional(),
  /** Sent at first (`is_sent`), then the error takes that back. */
  lateError: Failure.optional(),
  /** Error 22 in the first version of the row that can be seen. */
  notOnIMessage: z.boolean().default(false),
  /** Goes out as a text message after all. */
  downgraded: z.strictObject({ afterMs: ms.default(3_000), service: z.enum(['SMS', 'RCS']).default('SMS') }).optional(),
  /** After a failure, a second row for the same text that is clean. */
  cleanRowAfterMs: ms.optional(),
  /** Reports each message as junk, from the n-th that it gets on. */
  reportsJunkFrom: z.int().min(1).optional(),
});
export type Behaviour = z.infer<typeof Behaviour>;
export type BehaviourInput = z.input<typeof Behaviour>;
export type Answer = z.infer<typeof Answer>;

export class Cast {
  readonly #behaviours = new Map<string, Behaviour>();
  readonly #received = new Map<string, number>();
  readonly #answered = new Set<Answer>();
  #everybodyElse = Behaviour.parse({});

  /** Replaces what was said of this handle before; `*` is everybody who was not named. */
  set(handle: string, behaviour: BehaviourInput): void {
    const whole = Behaviour.parse(behaviour);
    if (handle === '*') this.#everybodyElse = whole;
    else this.#behaviours.set(handle, whole);
  }

  of(handle: string): Behaviour {
    return this.#behaviours.get(handle) ?? this.#everybodyElse;
  }

  /** A message reached the handle. What the person now does. */
  receives(handle: string, text: string): { answers: Answer[]; reports: boolean } {
    const behaviour = this.of(handle);
    const count = (this.#received.get(handle) ?? 0) + 1;
    this.#received.set(handle, count);
    const answers = behaviour.answers.filter((answer) => {
      if (answer.ifText !== undefined && !text.includes(answer.ifText)) return false;
      if (answer.when === 'first' && this.#answered.has(answer)) return false;
      if (answer.when === 'first') this.#answered.add(answer);
      return true;
    });
    return { answers, reports: behaviour.reportsJunkFrom !== undefined && count >= behaviour.reportsJunkFrom };
  }
}
