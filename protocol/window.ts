/**
 * What one side has sent of its stream and the other has not confirmed, on this connection (PROTOCOL invariant 6).
 *
 *   sent … ─▶ unacked (frames, bytes) ─ack─▶ on the other's disk
 *
 * One frame is always allowed when nothing is unacked, however large; a window of 0 frames or 0 bytes pauses.
 */
import type { Window } from './frames.ts';

export type AckOutcome = 'moved' | 'old' | 'beyond';

export class SendWindow {
  #window: Window = { frames: 0, bytes: 0 };
  #sentSeq = 0;
  #started = false;
  #unacked: { seq: number; bytes: number }[] = [];
  /** Entries before this one are acked; they are cut off now and then. */
  #head = 0;
  #bytes = 0;

  /** From here on frames may go out, the next one being `afterSeq + 1`. */
  start(afterSeq: number): void {
    this.#sentSeq = afterSeq;
    this.#started = true;
  }

  /** The other side's window, absolute. */
  resize(window: Window): void {
    this.#window = window;
  }

  get started(): boolean {
    return this.#started;
  }

  get sentSeq(): number {
    return this.#sentSeq;
  }

  get unackedFrames(): number {
    return this.#unacked.length - this.#head;
  }

  get unackedBytes(): number {
    return this.#bytes;
  }

  /** How much may still go out; null if nothing may. */
  room(): Window | null {
    if (!this.fits(1)) return null;
    return {
      frames: Math.max(1, this.#window.frames - this.unackedFrames),
      bytes: Math.max(1, this.#window.bytes - this.#bytes),
    };
  }

  fits(bytes: number): boolean {
    if (!this.#started || this.#window.frames === 0 || this.#window.bytes === 0) return false;
    if (this.unackedFrames === 0) return true;
    return this.unackedFrames < this.#window.frames && this.#bytes + bytes <= this.#window.bytes;
  }

  /** A frame of `bytes` (UTF-8, as on the wire) went out. */
  sent(seq: number, bytes: number): void {
    this.#sentSeq = seq;
    this.#unacked.push({ seq, bytes });
    this.#bytes += bytes;
  }

  /** The other side says that all up to `seq` is on its disk. `beyond`: it was never sent (close with 4410). */
  acked(seq: number): AckOutcome {
    if (!this.#started) return 'old';
    if (seq > this.#sentSeq) return 'beyond';
    const before = this.#head;
    for (let entry = this.#unacked[this.#head]; entry && entry.seq <= seq; entry = this.#unacked[this.#head]) {
      this.#bytes -= entry.bytes;
      this.#head += 1;
    }
    if (this.#head === before) return 'old';
    if (this.#head > 1024 || this.#head === this.#unacked.length) {
      this.#unacked = this.#unacked.slice(this.#head);
      this.#head = 0;
    }
    return 'moved';
  }
}
