/**
 * What one side has received of the other's stream, and when it says so.
 *
 *   arrived (checked: no hole, no double) ─▶ committed (on disk) ─▶ told (in an ack, or riding on any frame)
 *
 * An ack goes out at half the window, at latest after 32 frames or 250 ms. It never covers what is not committed.
 * The caller owes: `committed` in order and only for what is on disk; `stop` when the connection ends.
 */
import type { LineClock } from './clock.ts';
import type { Window } from './frames.ts';
import { ACK_AFTER_FRAMES, ACK_AFTER_MS } from './limits.ts';

/** `flood`: the other side sent more than twice the window without waiting for acks. */
export type Arrival = 'next' | 'old' | 'hole' | 'flood';

export class Acks {
  readonly #clock: Pick<LineClock, 'after'>;
  readonly #window: Window;
  readonly #threshold: number;
  readonly #send: (seq: number) => void;
  #arrived = 0;
  #committed = 0;
  #told = 0;
  /** A double was dropped: the other side has missed an ack and gets it again. */
  #again = false;
  #soon = false;
  #stopped = false;
  #timer: { cancel(): void } | undefined;
  #untold: { seq: number; bytes: number }[] = [];
  #untoldBytes = 0;

  /** `window` is what this side has announced. `send` puts an ack frame on the wire, or nothing if the line is gone. */
  constructor(clock: Pick<LineClock, 'after'>, window: Window, send: (seq: number) => void) {
    this.#clock = clock;
    this.#window = window;
    this.#threshold = Math.max(1, Math.min(ACK_AFTER_FRAMES, Math.floor(window.frames / 2)));
    this.#send = send;
  }

  /** The stream goes on behind `seq`, which is on disk. */
  start(seq: number): void {
    this.#arrived = seq;
    this.#committed = seq;
    this.#told = seq;
  }

  get arrivedSeq(): number {
    return this.#arrived;
  }

  get committedSeq(): number {
    return this.#committed;
  }

  /** A numbered frame is here. Only for `next` may it be looked at. `from` is lower than `seq` for a gap that covers many numbers. */
  arrived(seq: number, bytes: number, from = seq): Arrival {
    if (seq <= this.#arrived) {
      this.#again = true;
      this.#tellSoon();
      return 'old';
    }
    if (from > this.#arrived + 1) return 'hole';
    this.#untold.push({ seq, bytes });
    this.#untoldBytes += bytes;
    if (
      this.#untold.length > Math.max(1, 2 * this.#window.frames) ||
      (this.#untold.length > 1 && this.#untoldBytes > 2 * this.#window.bytes)
    )
      return 'flood';
    this.#arrived = seq;
    return 'next';
  }

  /** Everything up to `seq` is on disk. */
  committed(seq: number): void {
    if (seq <= this.#committed) return;
    this.#committed = seq;
    if (seq - this.#told >= this.#threshold || this.#untoldBytes >= this.#window.bytes / 2) this.#tellSoon();
    else this.#timer ??= this.#clock.after(ACK_AFTER_MS, () => this.tell());
  }

  /** The ack that a frame should carry, if one is owed. Call `rode` once the frame is on the wire. */
  owed(): number | undefined {
    return this.#committed > this.#told || this.#again ? this.#committed : undefined;
  }

  rode(seq: number): void {
    this.#told = Math.max(this.#told, seq);
    this.#again = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    let told = 0;
    while (told < this.#untold.length && (this.#untold[told]?.seq ?? 0) <= seq) {
      this.#untoldBytes -= this.#untold[told]?.bytes ?? 0;
      told += 1;
    }
    this.#untold.splice(0, told);
  }

  /** Sends what is owed, now. */
  tell(): void {
    const seq = this.owed();
    if (seq === undefined || this.#stopped) return;
    this.rode(seq);
    this.#send(seq);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Once all that became durable together is counted: one ack for the group, not one for each frame. */
  #tellSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      this.tell();
    });
  }
}
