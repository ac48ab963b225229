/** Times and spans as a person at this Mac reads them. All take Unix ms or ms; `now` is the relay's clock. */

const two = (n: number) => String(n).padStart(2, '0');

/** "12:03:07", with the date before it if it is another day. */
export function clockTime(at: number, now: number): string {
  const time = new Date(at);
  return time.toDateString() === new Date(now).toDateString() ? hoursOf(time) : dayAndTime(at);
}

/** "2026-03-31 12:03:07" */
export function dayAndTime(at: number): string {
  const time = new Date(at);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${hoursOf(time)}`;
}

function hoursOf(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
}

/** "45 s", "12 min", "3 h 20 min", "4 d". */
export function span(ms: number): string {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  if (minutes < 48 * 60)
    return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.round(minutes / 1440)} d`;
}

/** "90 s", "10 min", "7 d": in the largest unit that has no remainder. */
export function exactSpan(ms: number): string {
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ] as const;
  const [unit, size] = units.find(([, length]) => ms !== 0 && ms % length === 0) ?? ['ms', 1];
  return `${ms / size} ${unit}`;
}

/** "12:03:07 (45 s ago)", "12:03:07 (in 45 s)", or `not` if there is no time. */
export function whenAgo(at: number | null, now: number, not = 'never'): string {
  if (at === null) return not;
  return `${clockTime(at, now)} (${at > now ? `in ${span(at - now)}` : `${span(now - at)} ago`})`;
}

/** The gate's "Waits until about 12:03:07: …" below a line that says the same time. */
export function afterTime(words: string, until: number | undefined, now: number): string {
  const head = until === undefined ? '' : `Waits until about ${clockTime(until, now)}: `;
  return head && words.startsWith(head) ? words.slice(head.length) : words;
}
