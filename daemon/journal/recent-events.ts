/**
 * The newest events as they go on the wire, so that what is told at once is not read back from the store first.
 *
 * Knows a run of numbers without a hole, up to the newest that was appended. Whoever asks for older ones is sent to the store. The caller owes:
 * `clear` when a transaction was rolled back or the numbers begin anew.
 */
import type { EventFrameText } from './event-text.ts';

export const MOST_RECENT = 8_192;
const MOST_CHARACTERS = 4 * 1024 * 1024;

export class RecentEvents {
  #events: EventFrameText[] = [];
  /** Those before this one are forgotten; they are cut off now and then. */
  #head = 0;
  #characters = 0;

  add(event: EventFrameText): void {
    const newest = this.#events.at(-1);
    if (newest && event.seq !== newest.seq + 1) this.clear();
    this.#events.push(event);
    this.#characters += event.text.length;
    while (this.#events.length - this.#head > MOST_RECENT || this.#characters > MOST_CHARACTERS) this.#forgetFirst();
  }

  clear(): void {
    this.#events = [];
    this.#head = 0;
    this.#characters = 0;
  }

  /** All that is on the controller's disk need not be kept. */
  acked(seq: number): void {
    for (let first = this.#events[this.#head]; first && first.seq <= seq; first = this.#events[this.#head])
      this.#forgetFirst();
  }

  /** From `seq` on, at most `count`, none beyond `last`; null if the first of them is not here. */
  from(seq: number, last: number, count: number): EventFrameText[] | null {
    const first = this.#events[this.#head];
    if (!first || seq < first.seq) return null;
    const start = this.#head + (seq - first.seq);
    const end = Math.min(start + count, this.#head + Math.max(0, last - first.seq + 1));
    return this.#events.slice(start, end);
  }

  #forgetFirst(): void {
    this.#characters -= this.#events[this.#head]?.text.length ?? 0;
    this.#head += 1;
    if (this.#head < MOST_RECENT && this.#head < this.#events.length) return;
    this.#events = this.#events.slice(this.#head);
    this.#head = 0;
  }
}
