import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Journal } from '../../../daemon/journal/journal.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { openStore, type TestStore } from '../../support/store.ts';

let store: TestStore;
let clock: FakeClock;

beforeEach(() => {
  store = openStore();
  clock = new FakeClock();
});
afterEach(() => store.remove());

function open(limits = {}): Journal {
  const journal = new Journal({ db: store.db, commit: store.commit, clock, limits });
  journal.snapshotWith((reason) => void journal.append('snapshot', { snapshot: 's', part: 1, parts: 1, reason }));
  return journal;
}

const status = (journal: Journal, message: string, n: number) =>
  journal.append('message.status', { message, n }, { id: `st_${message}.${n}` });
const inbound = (journal: Journal, guid: string) => journal.append('message.inbound', { guid }, { id: `in_${guid}` });
const all = (journal: Journal) => journal.read(0, { frames: 500, bytes: 1e9 });

describe('journal', () => {
  test('numbers events from 1 without holes, also over a rolled-back change and a restart', async () => {
    let journal = open();
    await store.commit.run(() => inbound(journal, 'a'));
    await expect(
      store.commit.run(() => {
        inbound(journal, 'b');
        throw new Error('the change failed');
      }),
    ).rejects.toThrow('the change failed');
    await store.commit.run(() => inbound(journal, 'c'));
    expect(all(journal).map((e) => [e.seq, e.id])).toEqual([
      [1, 'in_a'],
      [2, 'in_c'],
    ]);
    const { stream } = journal;
    await store.reopen();
    journal = open();
    await store.commit.run(() => inbound(journal, 'd'));
    expect(journal.stream).toBe(stream);
    expect(all(journal).map((e) => e.seq)).toEqual([1, 2, 3]);
  });

  test('a new stream whose transaction fails in the end is none: the old one goes on', async () => {
    store.db.exec('CREATE TABLE one (id INTEGER PRIMARY KEY)');
    store.db.exec('CREATE TABLE other (one INTEGER REFERENCES one (id) DEFERRABLE INITIALLY DEFERRED)');
    const journal = open();
    await store.commit.run(() => inbound(journal, 'a'));
    const { stream } = journal;
    const renewed = journal.renew('for a test');
    // What nobody refers to is noticed by COMMIT alone.
    const failing = store.commit.run(() => store.db.sql('INSERT INTO other (one) VALUES (1)').run());
    await expect(Promise.all([renewed, failing])).rejects.toThrow('FOREIGN KEY');
    expect(journal.stream).toBe(stream);
    await store.commit.run(() => inbound(journal, 'b'));
    expect(journal.frames(0, { frames: 9, bytes: 1e6 }).map(({ seq, id }) => [seq, id])).toEqual([
      [1, 'in_a'],
      [2, 'in_b'],
    ]);
  });

  test('shows nothing before it is on disk, and says when it is', async () => {
    const journal = open();
    const told: number[] = [];
    journal.onDurable(() => told.push(journal.lastSeq));
    const done = store.commit.run(() => inbound(journal, 'a'));
    expect(journal.lastSeq).toBe(0);
    await done;
    await settle(1);
    expect(told).toEqual([1]);
  });

  test('an id that is still held is told once', async () => {
    const journal = open();
    await store.commit.run(() => {
      journal.append('contact.opted_out', { contact: 'a' }, { id: 'oo_a' });
      journal.append('contact.opted_out', { contact: 'a' }, { id: 'oo_a' });
    });
    expect(all(journal)).toHaveLength(1);
  });

  test('resumes after the last received event', async () => {
    const journal = open();
    await store.commit.run(() => ['a', 'b', 'c'].map((g) => inbound(journal, g)));
    expect(await journal.resume({ stream: journal.stream, seq: 2, id: 'in_b' })).toEqual({
      kind: 'resume',
      afterSeq: 2,
    });
    expect(journal.unacked).toBe(1);
    expect(await journal.resume(null)).toMatchObject({ kind: 'resume', afterSeq: 0 });
  });

  test.each([
    ['another stream', (s: string) => ({ stream: `${s}x`, seq: 1, id: 'in_a' })],
    ['beyond what was told: our store was set back', (s: string) => ({ stream: s, seq: 9, id: 'in_z' })],
    ['the same number with another id', (s: string) => ({ stream: s, seq: 2, id: 'in_x' })],
  ])('makes a new stream, snapshot first, with the same ids: %s', async (_, received) => {
    const journal = open();
    await store.commit.run(() => ['a', 'b', 'c'].map((g) => inbound(journal, g)));
    const before = journal.stream;
    expect(await journal.resume(received(before))).toMatchObject({ kind: 'renewed', afterSeq: 0 });
    expect(journal.stream).not.toBe(before);
    expect(all(journal).map((e) => e.seq)).toEqual([1, 2, 3, 4]);
    expect(all(journal).map((e) => e.name)).toEqual([
      'snapshot',
      'message.inbound',
      'message.inbound',
      'message.inbound',
    ]);
    expect(
      all(journal)
        .slice(1)
        .map((e) => e.id),
    ).toEqual(['in_a', 'in_b', 'in_c']);
  });

  test('keeps acked events for a controller that was set back a little, and renews for one that was set back far', async () => {
    const journal = open({ keepAcked: 600 });
    for (let i = 1; i <= 2_000; i += 100)
      await store.commit.run(() => Array.from({ length: 100 }, (_, k) => inbound(journal, `${i + k}`)));
    journal.acked(2_000);
    await store.commit.run(() => {});
    const { held } = journal.depth();
    expect(held).toBeGreaterThanOrEqual(600);
    expect(held).toBeLessThan(2_000);
    expect(await journal.resume({ stream: journal.stream, seq: 1_500, id: 'in_1500' })).toMatchObject({
      kind: 'resume',
    });
    const floor = 2_000 - held;
    expect(await journal.resume({ stream: journal.stream, seq: floor, id: `in_${floor}` })).toMatchObject({
      kind: 'resume',
    });
    expect(await journal.resume({ stream: journal.stream, seq: 10, id: 'in_10' })).toMatchObject({ kind: 'renewed' });
    expect(all(journal)[0]?.name).toBe('snapshot');
  });

  test('over its limits it drops the oldest superseded statuses only, says so with a gap, and the newest state still comes', async () => {
    const journal = open({ events: 40 });
    await store.commit.run(() => {
      for (let i = 0; i < 20; i += 1) {
        status(journal, `m${i}`, 1);
        if (i % 5 === 0) inbound(journal, `${i}`);
        status(journal, `m${i}`, 2);
      }
    });
    await settle();
    await store.commit.run(() => {});
    const events = all(journal);
    expect(events.filter((e) => e.name === 'message.inbound')).toHaveLength(4);
    const gaps = events.filter((e) => e.name === 'gap');
    expect(gaps.length).toBeGreaterThan(0);
    // The numbers go on: each event follows the one before, or is a gap that names what it stands for.
    let last = 0;
    for (const event of events) {
      const from = event.name === 'gap' ? event.data.from : event.seq;
      expect(from).toBe(last + 1);
      last = event.seq;
    }
    // No message is left without its newest state.
    for (let i = 0; i < 20; i += 1) expect(events.some((e) => e.data.message === `m${i}` && e.data.n === 2)).toBe(true);
  });

  test('whatever is appended, acked and set back, a reader that follows the rules ends with every id', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 20 }) }),
            fc.record({ do: fc.constant('read' as const), count: fc.integer({ min: 1, max: 30 }) }),
            fc.record({ do: fc.constant('setBack' as const), count: fc.integer({ min: 0, max: 30 }) }),
            fc.record({ do: fc.constant('restart' as const), count: fc.constant(0) }),
          ),
          { maxLength: 25 },
        ),
        async (steps) => {
          const own = openStore();
          try {
            const make = () => {
              const journal = new Journal({ db: own.db, commit: own.commit, clock });
              journal.snapshotWith(() => void journal.append('snapshot', {}));
              return journal;
            };
            let journal = make();
            let made = 0;
            let stream = journal.stream;
            let got: { seq: number; id: string }[] = [];
            const ids = new Set<string>();
            const open = async () => {
              const last = got.at(-1);
              const { kind } = await journal.resume(last ? { stream, ...last } : null);
              if (kind === 'renewed') {
                got = [];
                stream = journal.stream;
              }
            };
            const read = (count: number) => {
              for (const event of journal.read(got.at(-1)?.seq ?? 0, { frames: count, bytes: 1e9 })) {
                expect(event.seq).toBe((got.at(-1)?.seq ?? 0) + 1);
                got.push({ seq: event.seq, id: event.id });
                if (event.name !== 'snapshot') ids.add(event.id);
              }
              journal.acked(got.at(-1)?.seq ?? 0);
            };
            for (const step of steps) {
              if (step.do === 'append')
                await own.commit.run(() => {
                  for (let i = 0; i < step.count; i += 1) inbound(journal, String(made++));
                });
              if (step.do === 'read') read(step.count);
              if (step.do === 'setBack') {
                for (const { id } of got.splice(Math.max(0, got.length - step.count))) ids.delete(id);
                await open();
              }
              if (step.do === 'restart') {
                await own.reopen();
                journal = make();
                await open();
              }
            }
            for (let i = 0; i < 5; i += 1) read(500);
            expect(ids.size).toBe(made);
          } finally {
            await own.remove();
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});
