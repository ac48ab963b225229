/**
 * From the start of the built daemon to the moment when its local socket says ready (Messages has answered, chat.db is read to its end), with
 * a store and a chat.db as after a long time of heavy use. The controller is away, so that the journal stays as full as it is.
 */
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
const PRINTS = 50_000;
const ROWS = 1_000_000;
const STARTS = 9;
/** Discard: nobody listens there. */
const NOBODY = 'ws://127.0.0.1:9';

export async function fillStore(path: string): Promise<void> {
  const db = openRelayDb(path, readMigrations(MIGRATIONS));
  const commit = new GroupCommit(db);
  const journal = new Journal({ db, commit, clock: systemClock });
  await commit.run(() => {
    for (let n = 0; n < EVENTS; n += 1)
      journal.append('message.status', {
        message: `m_${n}`,
        command: `c_${n}`,
        to: '+14155550101',
        state: 'sent',
        n: 3,
      });
  });
  fill({ store: { db }, clock: systemClock }, diverse(), PRINTS);
  journal.close();
  await commit.close();
  db.close();
}

async function run(): Promise<Figure[]> {
  const folder = makeFolder();
  const chatDb = join(folder, 'chat.db');
  writeManyRows(chatDb, ROWS, Date.now() - 60_000);
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
  await relay.stop();
  rmSync(folder, { recursive: true, force: true });
  return [
    { name: 'started → ready, median', value: percentile(times, 0.5), unit: 'ms', limit: { most: 800 } },
    { name: 'the same, longest', value: Math.max(...times), unit: 'ms' },
    { name: 'CPU of the daemon until then, median', value: percentile(cpu, 0.5), unit: 'ms' },
  ];
}

export const start: Bench = {
  name: `Start, built, median of ${STARTS}: ${EVENTS.toLocaleString('en')} events, ${PRINTS.toLocaleString('en')} fingerprints, ${ROWS.toLocaleString('en')} rows`,
  run,
};
