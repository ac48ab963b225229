/** The relay's end of a line with a real store, the real journal and link, and commands that leave a countable effect. */
import { type Clock, systemClock } from '../../daemon/host/clock.ts';
import { Health } from '../../daemon/host/health.ts';
import { silentLog } from '../../daemon/host/log.ts';
import { Journal, type JournalLimits } from '../../daemon/journal/journal.ts';
import { Link, type LinkOptions } from '../../daemon/link/link.ts';
import type { QueryAnswer } from '../../daemon/link/ports.ts';
import { Dial } from '../../daemon/link/socket.ts';
import type { CommandFrame } from '../../protocol/frames.ts';
import { openStore, type TestStore } from './store.ts';

export const TOKEN = 'a-token-for-tests';
export const DEVICE = 'mac-1';

/** Comes back within milliseconds, so that a test may cut the line often. */
export const QUICK = { minMs: 1, maxMs: 5, slowMinMs: 60_000, slowMaxMs: 60_000, identifyMs: 0 };

export interface RelayEnd {
  store: TestStore;
  journal: Journal;
  link: Link;
  health: Health;
  /** Ids of commands that took effect, in order; kept in the relay's store. */
  effects(): string[];
  times: number[];
  /** Stops the link and closes the store, as a clean stop does. */
  stop(): Promise<void>;
}

export interface RelayEndOptions extends Partial<Pick<LinkOptions, 'pace' | 'random' | 'window' | 'onState'>> {
  url: string;
  store?: TestStore;
  clock?: Clock;
  token?: string;
  /** In place of `token`. */
  readToken?: () => string;
  device?: string;
  limits?: Partial<JournalLimits>;
  answer?: (name: string, data: Record<string, unknown>) => Promise<QueryAnswer>;
  receive?: (frame: CommandFrame) => void;
}

export function relayEnd(o: RelayEndOptions): RelayEnd {
  const store = o.store ?? openStore();
  const clock = o.clock ?? systemClock;
  const { db, commit } = store;
  db.exec('CREATE TABLE IF NOT EXISTS effect (n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT)');
  const journal = new Journal({ db, commit, clock, limits: o.limits });
  journal.snapshotWith((reason) => {
    journal.append('snapshot', { snapshot: `s_${journal.stream}`, part: 1, parts: 1, reason });
  });
  const health = new Health(clock);
  const times: number[] = [];
  const link = new Link({
    transport: new Dial({ url: o.url, token: o.readToken ?? (() => o.token ?? TOKEN) }),
    db,
    commit,
    journal,
    commands: {
      receive(frame) {
        o.receive?.(frame);
        const done = db.sql('INSERT OR IGNORE INTO effect (id, name) VALUES (?, ?)').run(frame.id, frame.name);
        const duplicate = done.changes === 0;
        const result = { command: frame.id, name: frame.name, ok: true, ...(duplicate ? { duplicate } : {}) };
        journal.append('command.result', result, duplicate ? {} : { id: `cr_${frame.id}` });
      },
    },
    queries: { answer: o.answer ?? (async () => ({ data: {} })) },
    identity: {
      device: o.device ?? DEVICE,
      agent: 'test/1',
      features: ['text'],
      policyVersion: () => 'p1',
    },
    clock,
    log: silentLog,
    health,
    onControllerTime: (time) => times.push(time),
    pace: o.pace ?? QUICK,
    ...(o.random ? { random: o.random } : {}),
    ...(o.window ? { window: o.window } : {}),
    ...(o.onState ? { onState: o.onState } : {}),
  });
  link.start();
  return {
    store,
    journal,
    link,
    health,
    times,
    effects: () =>
      db
        .sql<{ id: string }>('SELECT id FROM effect ORDER BY n')
        .all()
        .map((row) => row.id),
    async stop() {
      await link.stop();
      journal.close();
      await commit.close();
      db.close();
    },
  };
}
