/** The two loops in which a search spends its time: how often was each slot met? */

/** Adds one in `met` for each slot from `start` to before `last`; slots that were at 0 are written to `touched` from `count` on. Returns where it ended. */
export function meetSlots(
  slots: Uint16Array,
  start: number,
  last: number,
  met: Int16Array,
  touched: Uint16Array,
  count: number,
): number {
  let end = count;
  for (let i = start; i < last; i += 1) {
    const slot = slots[i] as number;
    const times = met[slot] as number;
    if (times === 0) {
      touched[end] = slot;
      end += 1;
    }
    met[slot] = times + 1;
  }
  return end;
}

/** Adds `by` in `met` for each slot from `start` to before `last`. */
export function countSlots(slots: Uint16Array, start: number, last: number, met: Int16Array, by: number): void {
  for (let i = start; i < last; i += 1) {
    const slot = slots[i] as number;
    met[slot] = (met[slot] as number) + by;
  }
}
