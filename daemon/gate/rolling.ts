/** One rolling window: at most so many draws within so long. Times are monotonic; a draw counts until its own end. */
export class RollingWindow {
  readonly windowMs: number;
  readonly #limit: () => number;
  /** When each draw ends, the next to end first. */
  readonly #ends: number[] = [];

  /** `limit` is asked each time: the policy may change it. */
  constructor(windowMs: number, limit: () => number) {
    this.windowMs = windowMs;
    this.#limit = limit;
  }

  get limit(): number {
    return this.#limit();
  }

  used(now: number): number {
    this.#forget(now);
    return this.#ends.length;
  }

  add(end: number): void {
    this.#ends.splice(this.#after(end), 0, end);
  }

  /** Takes one draw back that ends then. */
  giveBack(end: number): void {
    const at = this.#after(end) - 1;
    if (this.#ends[at] === end) this.#ends.splice(at, 1);
  }

  clear(): void {
    this.#ends.length = 0;
  }

  /** When there is a slot for one with so many before it, if each of those draws as soon as it can. `now` if there is one already. */
  slotAt(now: number, before = 0): number {
    const used = this.used(now);
    const limit = Math.max(1, this.limit);
    let further = before;
    for (let later = 0; ; later += this.windowMs) {
      const freed = used + further - limit;
      if (freed < 0) return now + later;
      const end = this.#ends[freed];
      if (end !== undefined) return Math.max(now, end) + later;
      further = freed - used;
    }
  }

  #forget(now: number): void {
    const gone = this.#after(now);
    if (gone > 0) this.#ends.splice(0, gone);
  }

  /** How many end then or earlier. */
  #after(end: number): number {
    let low = 0;
    let high = this.#ends.length;
    if (high === 0 || (this.#ends[0] ?? 0) > end) return 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ends[middle] ?? 0) <= end) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
