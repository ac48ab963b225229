/**
 * Time that this relay has surely lived through, in ms since its store was made: what long waits of the gate run on (a day until a probe,
 * thirty days for a text). The wall clock alone would shorten them when it is set forward, the monotonic one begins anew with each boot;
 * so what counts is the smaller of both since the last mark. Time in which the Mac was off may not count.
 */
import type { Clock } from '../host/clock.ts';
import type { Facts } from './facts.ts';
import { surelyElapsed } from './ledger.ts';

const MARK_EVERY_MS = 10 * 60_000;
const FACT = 'lived';

interface Mark {
  ms: number;
  at: number;
  mono: number;
}

export class LivedTime {
  readonly #facts: Facts;
  readonly #clock: Clock;
  readonly #born: Mark;

  constructor(facts: Facts, clock: Clock) {
    this.#facts = facts;
    this.#clock = clock;
    this.#born = { ms: 0, at: clock.now(), mono: clock.mono() };
  }

  now(): number {
    const mark = this.#mark();
    return Math.round(mark.ms + surelyElapsed(mark, { at: this.#clock.now(), mono: this.#clock.mono() }));
  }

  /** The present moment, to be stored with what begins now. In a transaction. */
  begin(): number {
    const ms = this.now();
    this.#facts.put(FACT, { ms, at: this.#clock.now(), mono: this.#clock.mono() } satisfies Mark);
    return ms;
  }

  /** In a transaction, now and then: so that a boot costs little. */
  keep(): void {
    const mark = this.#mark();
    const mono = this.#clock.mono();
    if (mark === this.#born || mono < mark.mono || mono - mark.mono >= MARK_EVERY_MS) this.begin();
  }

  #mark(): Mark {
    return (this.#facts.get(FACT) as Mark | undefined) ?? this.#born;
  }
}
