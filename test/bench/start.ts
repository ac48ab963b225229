/**
 * From the start of the built daemon to the moment when its local socket says ready (Messages has answered, chat.db is read to its end), with
 * a store and a chat.db as after a long time of heavy use. The controller is away, so that the journal stays as full as it is.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../daemon/host/clock.ts';
import { GroupCommit } from '../../daemon/host/commit.ts';
import { openRelayDb, readMigrations } from '../../daemon/host/db.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import { MIGRATIONS, makeFolder } from '../support/store.ts';
import { BuiltRelay } from './built-relay.ts';
import { type Bench, type Figure, percentile } from './figure.ts';
import { diverse, fill } from './gate-speed.ts';
import { writeManyRows } from './many-rows.ts';

const EVENTS = 100_000;
/** As many as the journal keeps; the others still wait for their controller. */
const ACKED = 10_000;
const PRINTS = 50_000;
const ROWS = 1_000_000;
const DAYS_AGO_MS = 2 * 86_400_000;
const STARTS = 9;
/** Discard: nobody listens there. */
const NOBODY = 'ws://127.0.0.1:9';

async function fillStore(path: string): Promise<void> {
  const db = openRelayDb(path, readMigrations(MIGRATIONS));
  const commit = new GroupCommit(db);
  const journal = new Journal({ db, commit, clock: systemClock });
  await commit.run(() => {
    for (let n = 0; n < EVENTS; n += 1) appendOne(journal, n);
  });
  journal.acked(ACKED);
  fill({ store: { db }, clock: systemClock }, diverse(), PRINTS);
  journal.close();
  await commit.close();
  db.close();
}

/** Three of four are what became of a message, the fourth an answer. */
function appendOne(journal: Journal, n: number): void {
  const [message, step] = [Math.floor(n / 4), n % 4];
  const at = Date.now() - (EVENTS - n) * 100;
  const person = `+1415${String(5_550_000 + (message % 5_000))}`;
  const row = { guid: randomUUID().toUpperCase(), rowid: n, at, service: 'imessage' };
  if (step === 3)
    journal.append('message.inbound', {
      ...{ ...row, from: person, chat: person, group: false, kind: 'text', late: false },
      text: 'Thank you, that is fine with me. I will be there at half past ten with the papers.',
    });
  else
    journal.append('message.status', {
      ...{ ...row, message: `m_${String(message).padStart(20, '0')}`, command: randomUUID(), to: person, n: step + 1 },
      ...{ state: ['accepted', 'sent', 'delivered'][step], from: 'E:me@example.com', downgraded: false },
    });
}

async function run(): Promise<Figure[]> {
  const folder = makeFolder();
  const chatDb = join(folder, 'chat.db');
  // Older than a day: what the owner wrote since then would count beside the fingerprints.
  writeManyRows(chatDb, ROWS, Date.now() - DAYS_AGO_MS);
  const relay = await BuiltRelay.start(NOBODY, { chatDb, prepare: (home) => fillStore(join(home, 'relay.db')) });
  await relay.ready();
  const times: number[] = [];
  const cpu: number[] = [];
  for (let n = 0; n < STARTS; n += 1) {
    await relay.again();
    const began = performance.now();
    await relay.ready();
    times.push(performance.now() - began);
    cpu.push(relay.cpuMs());
  }
  const resident = relay.residentMb();
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
  return [
    { name: 'started → ready, median', value: percentile(times, 0.5), unit: 'ms', limit: { most: 800 } },
    { name: 'the same, longest', value: Math.max(...times), unit: 'ms' },
    { name: 'CPU of the daemon until then, median', value: percentile(cpu, 0.5), unit: 'ms' },
    { name: 'resident then', value: resident, unit: 'MiB' },
  ];
}

export const start: Bench = {
  name: `Start, built, median of ${STARTS}: ${EVENTS.toLocaleString('en')} events, ${PRINTS.toLocaleString('en')} fingerprints, ${ROWS.toLocaleString('en')} rows`,
  run,
};
