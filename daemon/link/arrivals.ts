/**
 * Frames of the controller's stream on their way to the disk, in the order in which they came.
 *
 *   add ─▶ gathered while more come in with every turn ─▶ stored as one piece of a group commit ─▶ onStored (may be acked)
 *                                                              └ failed ─▶ again, one by one ─▶ onBroken at the one that cannot be stored
 *
 * A commit for many costs little more than one for few; but one that cannot be stored must not take the others with it. What came is stored
 * though the connection has ended meanwhile: it was right when it came.
 */
import type { NumberedFrame } from '../../protocol/line.ts';
import type { GroupCommit } from '../host/commit.ts';

/** Stored in one go, so that many do not hold up the event loop. */
const FRAMES_AT_ONCE = 256;

export interface ArrivalsOptions {
  commit: GroupCommit;
  /** In the transaction of these frames, which follow one another. Throws if they cannot be stored. */
  store: (frames: NumberedFrame[]) => void;
  /** All up to this one is on disk. */
  onStored: (last: NumberedFrame) => void;
  onBroken: (error: unknown) => void;
}

export class Arrivals {
  readonly #o: ArrivalsOptions;
  readonly #waiting: NumberedFrame[] = [];
  /** Somebody is about to take what waits. */
  #taking = false;
  /** Pieces of which it is not known yet how they end. */
  #unsettled = 0;
  #singly = false;

  constructor(o: ArrivalsOptions) {
    this.#o = o;
  }

  add(frame: NumberedFrame): void {
    this.#waiting.push(frame);
    this.#take();
  }

  /** Resolves when all that was added is stored, or broken. Rejects if the store fails. */
  async settled(): Promise<void> {
    do await this.#o.commit.run(() => undefined);
    while (this.#unsettled > 0);
  }

  #take(): void {
    if (this.#taking) return;
    this.#taking = true;
    this.#unsettled += 1;
    const look = (before: number) => {
      const here = this.#waiting.length;
      if (here > before && here < FRAMES_AT_ONCE && !this.#singly) setImmediate(look, here);
      else this.#store();
    };
    look(0);
  }

  #store(): void {
    let frames: NumberedFrame[] = [];
    let again = false;
    const piece = () => {
      this.#taking = false;
      frames = this.#waiting.splice(0, this.#singly ? 1 : FRAMES_AT_ONCE);
      try {
        this.#o.store(frames);
      } catch (error) {
        again = frames.length > 1;
        if (again) this.#waiting.unshift(...frames);
        this.#singly = again;
        throw error;
      }
    };
    const stored = () => {
      const last = frames.at(-1);
      if (last) this.#o.onStored(last);
      if (this.#waiting.length > 0) this.#take();
      else this.#singly = false;
    };
    const failed = (error: unknown) => {
      if (again) this.#take();
      else this.#o.onBroken(error);
    };
    this.#o.commit
      .run(piece)
      .then(stored, failed)
      .finally(() => {
        this.#unsettled -= 1;
      });
  }
}
