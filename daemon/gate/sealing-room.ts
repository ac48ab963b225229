/** Room to work in while a block is made. Many blocks made one after the other share it, so that there is less to clear and to collect. */

export class SealingRoom {
  #held = new Uint32Array(0);
  #lists = new Uint16Array(0);
  #steps = new Uint8Array(0);

  /** Each: so many numbers, whatever they were before; good until it is asked for again. */
  held(count: number): Uint32Array {
    if (this.#held.length < count) this.#held = new Uint32Array(roomFor(count));
    return this.#held.subarray(0, count);
  }

  lists(count: number): Uint16Array {
    if (this.#lists.length < count) this.#lists = new Uint16Array(roomFor(count));
    return this.#lists.subarray(0, count);
  }

  steps(count: number): Uint8Array {
    if (this.#steps.length < count) this.#steps = new Uint8Array(roomFor(count));
    return this.#steps.subarray(0, count);
  }
}

/** Somewhat more, since the next block may be somewhat larger. */
function roomFor(count: number): number {
  return count + (count >> 3);
}
