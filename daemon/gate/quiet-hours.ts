/**
 * Quiet hours: no marketing in the evening and at night, by the clock on the wall of whoever gets it.
 *
 * The next change is looked for in steps of a quarter of an hour, since that is what clocks are set by: so days of 23 and 25 hours need no
 * rule of their own. The answer is kept for each zone until it changes.
 */
import type { Policy } from './policy.ts';

const QUARTER_MS = 15 * 60_000;
const DAY_MS = 86_400_000;
/** More zones than there are; of names that differ only in how they are written there are many more. */
const MOST_ZONES = 1_000;

interface Zone {
  format: Intl.DateTimeFormat;
  /** What holds from `from` until before `until`, Unix ms. */
  span: { from: number; until: number; quiet: boolean } | null;
}

export class QuietHours {
  readonly #policy: () => Policy['quiet_hours'];
  readonly #ownZone: string | undefined;
  readonly #zones = new Map<string, Zone>();
  #hours = '';

  /** `ownZone`: the Mac's, where the policy names none. */
  constructor(policy: () => Policy['quiet_hours'], ownZone?: string) {
    this.#policy = policy;
    this.#ownZone = ownZone;
  }

  /** When they end, Unix ms, if `at` is within; else null. `timeZone`: IANA name of the recipient's zone, or null. */
  endOf(at: number, timeZone: string | null): number | null {
    const { from, to, time_zone: ownZone } = this.#policy();
    if (from === 24 && to === 0) return null;
    const hours = `${from}-${to}`;
    if (hours !== this.#hours) this.#zones.clear();
    this.#hours = hours;
    const zone = this.#zone(timeZone ?? ownZone ?? this.#ownZone ?? '');
    if (!zone.span || at < zone.span.from || at >= zone.span.until) zone.span = spanFrom(at, zone.format, from, to);
    return zone.span.quiet ? zone.span.until : null;
  }

  #zone(name: string): Zone {
    const known = this.#zones.get(name);
    if (known) return known;
    if (this.#zones.size >= MOST_ZONES) this.#zones.clear();
    const zone = { format: hourOf(name === '' ? undefined : name), span: null };
    this.#zones.set(name, zone);
    return zone;
  }
}

/** A zone that was known at acceptance and is not any more (another build of ICU) is the Mac's own. */
function hourOf(timeZone: string | undefined): Intl.DateTimeFormat {
  const hour = { hour: 'numeric', hourCycle: 'h23' } as const;
  try {
    return new Intl.DateTimeFormat('en-US', { ...hour, timeZone });
  } catch {
    return new Intl.DateTimeFormat('en-US', hour);
  }
}

function spanFrom(at: number, format: Intl.DateTimeFormat, from: number, to: number): NonNullable<Zone['span']> {
  const isQuiet = (time: number) => {
    const hour = Number(format.format(time)) % 24;
    return hour >= from || hour < to;
  };
  const quiet = isQuiet(at);
  let until = at - (at % QUARTER_MS) + QUARTER_MS;
  while (isQuiet(until) === quiet && until - at < DAY_MS) until += QUARTER_MS;
  return { from: at, until, quiet };
}
