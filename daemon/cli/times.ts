/** Times and spans as a person at this Mac reads them. All take Unix ms or ms; `now` is the relay's clock. */

/** "12:03:07", with the date before it if it is another day. */
export function clockTime(at: number, now: number): string {
  const time = new Date(at);
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  if (time.toDateString() === new Date(now).toDateString()) return hours;
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${hours}`;
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

/** "12:03:07 (45 s ago)", "12:03:07 (in 45 s)", or "never". */
export function whenAgo(at: number | null | undefined, now: number): string {
  if (at === null || at === undefined) return 'never';
  return `${clockTime(at, now)} (${at > now ? `in ${span(at - now)}` : `${span(now - at)} ago`})`;
}
