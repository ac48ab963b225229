/**
 * The two permissions, as the relay itself finds them: its identity counts, not that of the terminal. What is missing is told with the
 * pane where it is granted; with somebody at a Mac the pane is opened, and it is looked again.
 */
import { pause, systemClock } from '../host/clock.ts';
import { isStarting } from '../host/health.ts';
import { openUrl } from '../host/launchd.ts';
import type { Status } from '../local/schemas.ts';
import type { Person } from './person.ts';
import { toolsOf } from './tools.ts';
import type { Asking } from './world.ts';

/** Condition → pane of System Settings (macOS 13 and later take these addresses). */
const PANES: Record<string, { name: string; url: string }> = {
  chat_db_denied: {
    name: 'Full Disk Access',
    url: 'x-apple.systempreferences:com.apple.preference.security?Privacy_AllFiles',
  },
  automation_denied: {
    name: 'Automation',
    url: 'x-apple.systempreferences:com.apple.preference.security?Privacy_Automation',
  },
};

/** How long a start may take until its first looks at chat.db and at Messages are through. */
const SETTLE_MS = 15_000;
/** A permission that was granted is found within 30 s (MESSAGES 19), and a new start takes a while. */
const GRANTED_MS = 60_000;
const LOOK_MS = 250;

type Told = (state: 'done' | 'already' | 'skipped' | 'open', ...words: string[]) => Promise<void>;

/** The last status, or null if no relay answers. */
export async function grantPermissions(asking: Asking, person: Person | null, told: Told): Promise<Status | null> {
  let status = await statusWhen(asking, person, (now) => now.ready || missingIn(now).length > 0, SETTLE_MS);
  if (status === null) {
    const panes = Object.values(PANES).map(({ name }) => name);
    const where = 'System Settings › Privacy & Security';
    await told('skipped', `No relay runs that could be asked. On a Mac it needs, in ${where}: ${panes.join(' and ')}.`);
    return null;
  }
  const missing = missingIn(status);
  if (missing.length === 0) {
    const trouble = status.ready ? undefined : status.conditions[0];
    if (trouble) await told('open', trouble.words, trouble.remedy);
    else await told('already', 'chat.db can be read, and Messages may be asked.');
    return status;
  }
  const open = process.platform === 'darwin' && person !== null;
  for (const condition of missing) {
    const pane = PANES[condition.name];
    if (!pane) continue;
    const opened = open && (await openUrl(toolsOf(asking).open, pane.url));
    await told('open', condition.words, condition.remedy, ...(opened ? ['The pane is open.'] : []));
    // On a line of its own, so that it can be copied.
    if (!opened && !asking.json) await asking.terminal.line(`  open '${pane.url}'`);
  }
  if (!person) return status;
  await person.waits('Press Enter when it is granted. ');
  status =
    (await statusWhen(
      asking,
      person,
      (now) => missingIn(now).length === 0 && !isStarting(now.conditions),
      GRANTED_MS,
    )) ?? status;
  const left = missingIn(status);
  if (left.length > 0) await told('open', 'Not seen yet; the relay goes on looking by itself.');
  else await told('done', 'Granted.');
  return status;
}

function missingIn({ conditions }: Status): Status['conditions'] {
  return conditions.filter(({ name }) => Object.hasOwn(PANES, name));
}

/** The first status that fits, or the last one within `patienceMs`; null at once if nobody answers. */
async function statusWhen(
  asking: Asking,
  person: Person | null,
  fits: (status: Status) => boolean,
  patienceMs: number,
): Promise<Status | null> {
  const client = await asking.client();
  const end = systemClock.mono() + patienceMs;
  let last: Status | null = null;
  for (;;) {
    const asked = await client.status();
    if (asked.kind === 'ok') last = asked.data;
    else if (last === null) return null;
    if ((last && asked.kind === 'ok' && fits(last)) || systemClock.mono() >= end) return last;
    await pause(systemClock, LOOK_MS);
    person?.stays();
  }
}
