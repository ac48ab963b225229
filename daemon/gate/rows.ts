/** Rows of what waits, in the order of acceptance; and those with a time of their own, in the order of their times. */

export interface Ordered {
  order: number;
}

export interface Timed extends Ordered {
  notBefore: number | null;
}

/** So many stand together, and are looked at one by one at the most. */
const TOGETHER = 512;

/** How many of a row are older. */
export function position(row: readonly Ordered[], order: number): number {
  // As a rule all of them, or none.
  if (order > (row.at(-1)?.order ?? 0)) return row.length;
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((row[middle]?.order ?? 0) < order) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function take<T extends Ordered>(row: T[], one: T): void {
  const at = position(row, one.order);
  if (row[at] === one) row.splice(at, 1);
}

export function insert<T extends Ordered>(row: T[], one: T): void {
  const last = row.at(-1);
  if (!last || last.order < one.order) row.push(one);
  else row.splice(position(row, one.order), 0, one);
}

interface Stretch<T> {
  /** By time, and by order. */
  byTime: T[];
  byOrder: T[];
}

/** Those with a `notBefore`: how many are older than a message, and due by a time, without looking at each. */
export class TimedRow<T extends Timed> {
  #stretches: Stretch<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(one: T): void {
    this.#size += 1;
    const at = Math.min(this.#stretchOf(one), this.#stretches.length - 1);
    const stretch = this.#stretches[at];
    if (!stretch) {
      this.#stretches.push({ byTime: [one], byOrder: [one] });
      return;
    }
    const { byTime } = stretch;
    byTime.splice(placeOf(byTime, one), 0, one);
    insert(stretch.byOrder, one);
    if (byTime.length <= TOGETHER) return;
    // What comes in the order of time, as a rule, leaves full stretches behind.
    const kept = at === this.#stretches.length - 1 && byTime.at(-1) === one ? TOGETHER : TOGETHER >> 1;
    this.#stretches.splice(at, 1, stretchOf(byTime.slice(0, kept)), stretchOf(byTime.slice(kept)));
  }

  remove(one: T): void {
    const at = this.#stretchOf(one);
    const stretch = this.#stretches[at];
    if (!stretch) return;
    const place = placeOf(stretch.byTime, one);
    if (stretch.byTime[place] !== one) return;
    this.#size -= 1;
    stretch.byTime.splice(place, 1);
    take(stretch.byOrder, one);
    if (stretch.byTime.length === 0) this.#stretches.splice(at, 1);
  }

  /** How many were accepted before that one, and may go by then. `until`: Unix ms. */
  olderBy(order: number, until: number): number {
    let count = 0;
    for (const { byTime, byOrder } of this.#stretches) {
      if (timeOf(byTime[0]) > until) break;
      if (timeOf(byTime.at(-1)) <= until) count += position(byOrder, order);
      else
        for (const one of byTime) {
          if (timeOf(one) > until) break;
          if (one.order < order) count += 1;
        }
    }
    return count;
  }

  /** The first stretch that ends with this one, or with one behind it. */
  #stretchOf(one: T): number {
    let low = 0;
    let high = this.#stretches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const last = this.#stretches[middle]?.byTime.at(-1);
      if (last && isBefore(last, one)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function stretchOf<T extends Timed>(byTime: T[]): Stretch<T> {
  return { byTime, byOrder: byTime.toSorted((a, b) => a.order - b.order) };
}

function timeOf(one: Timed | undefined): number {
  return one?.notBefore ?? 0;
}

function isBefore(a: Timed, b: Timed): boolean {
  return timeOf(a) < timeOf(b) || (timeOf(a) === timeOf(b) && a.order < b.order);
}

function placeOf(byTime: Timed[], one: Timed): number {
  let low = 0;
  let high = byTime.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = byTime[middle];
    if (other && isBefore(other, one)) low = middle + 1;
    else high = middle;
  }
  return low;
}
