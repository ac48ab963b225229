/** The memory of told guids against a plain list: over restarts and rollbacks, with guids of all kinds. */
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ToldGuids } from '../../../daemon/bridge/told-guids.ts';
import { openRelayDb, readMigrations } from '../../../daemon/host/db.ts';
import { MIGRATIONS, openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;

beforeEach(() => {
  store = openStore();
});

afterEach(() => store.remove());

const NIL = '00000000-0000-0000-0000-000000000000';
const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9A-F]{${length}}$`));
/** As Apple makes them, close to one another, and as nobody would expect them. */
const someGuid = fc.oneof(
  fc.tuple(digits(8), digits(4), digits(4), digits(4), digits(12)).map((parts) => parts.join('-')),
  fc.integer({ min: 0, max: 30 }).map((n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`),
  fc.constantFrom(NIL, NIL.replace('8', 'a'), 'G-1', 'g-1', '', 'ABCDEF01-0000-4000-8000-ABCDEF010203'),
  fc.constant('abcdef01-0000-4000-8000-abcdef010203'),
);

it('knows what was told, and of that at least so many, whatever happens in between', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          { weight: 6, arbitrary: fc.record({ told: fc.array(someGuid, { maxLength: 9 }), rolledBack: fc.boolean() }) },
          { weight: 1, arbitrary: fc.constant('restart' as const) },
        ),
        { maxLength: 40 },
      ),
      fc.integer({ min: 1, max: 12 }),
      (steps, most) => {
        store.db.sql('DELETE FROM chat_told').run();
        let memory = new ToldGuids(store.db, most);
        const told: string[] = [];
        const all = new Set<string>();
        for (const step of steps) {
          if (step === 'restart') memory = new ToldGuids(store.db, most);
          else {
            const fresh = [...new Set(step.told)].filter((guid) => !memory.has(guid));
            for (const guid of fresh) all.add(guid);
            try {
              store.db.transaction(() => {
                memory.add(fresh);
                if (step.rolledBack) throw new Error('rolled back');
              });
              told.push(...fresh);
            } catch {
              memory.reload();
            }
          }
          for (const guid of told.slice(-most)) expect(memory.has(guid)).toBe(true);
          const remembered = new Set(told.slice(-3 * most - 9));
          for (const guid of all) if (!remembered.has(guid)) expect(memory.has(guid)).toBe(false);
        }
        const kept = store.db.sql<{ guids: string }>('SELECT guids FROM chat_told').all();
        expect(kept.flatMap(({ guids }) => guids.split('\n')).length).toBeLessThanOrEqual(3 * most + 18);
      },
    ),
    { numRuns: 300, endOnFailure: true },
  );
});

it('knows each of many, and nothing else', () => {
  const memory = new ToldGuids(store.db, 5_000);
  const guid = (n: number) =>
    `${(Math.imul(n, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0').toUpperCase()}-0000-4000-8000-000000000000`;
  for (let from = 0; from < 5_000; from += 500)
    store.db.transaction(() => memory.add(Array.from({ length: 500 }, (_, n) => guid(from + n))));
  for (const known of [memory, new ToldGuids(store.db, 5_000)]) {
    for (let n = 0; n < 5_000; n += 1) expect(known.has(guid(n))).toBe(true);
    for (let n = 5_000; n < 10_000; n += 1) expect(known.has(guid(n))).toBe(false);
  }
});

it('knows what a store of before told', () => {
  const path = join(store.folder, 'before.db');
  const guid = (n: number) => `ABCDEF01-0000-4000-8000-${String(n).padStart(12, '0')}`;
  const before = openRelayDb(path, readMigrations(MIGRATIONS).slice(0, 14));
  const put = before.sql('INSERT INTO chat_told (n, guid) VALUES (?, ?)');
  // Forgotten ones leave numbers out, and some are written otherwise.
  for (let n = 0; n < 50; n += 1) put.run(1_000 + 2 * n, n % 10 === 9 ? `g-${n}` : guid(n));
  before.close();
  const db = openRelayDb(path, readMigrations(MIGRATIONS));
  let memory = new ToldGuids(db, 20);
  memory.add([guid(50)]);
  for (const known of [memory, new ToldGuids(db, 20)])
    for (let n = 32; n <= 50; n += 1) expect(known.has(n % 10 === 9 ? `g-${n}` : guid(n))).toBe(true);
  for (let n = 51; n < 200; n += 1) memory.add([guid(n)]);
  memory = new ToldGuids(db, 20);
  for (let n = 180; n < 200; n += 1) expect(memory.has(guid(n))).toBe(true);
  db.close();
});
