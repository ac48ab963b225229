/** Whatever happens in whatever order, each row is told exactly once and in ROWID order. */
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JOIN_MS } from '../../../daemon/bridge/holding.ts';
import { Reading } from '../../../daemon/bridge/reading.ts';
import { Health } from '../../../daemon/host/health.ts';
import { silentLog } from '../../../daemon/host/log.ts';
import { ChatDbFile } from '../../support/chat-db-file.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openStore } from '../../support/store.ts';

const STEPS = [
  'inbound',
  'own',
  'unjoined',
  'join',
  'again',
  'delete newest',
  'status',
  'time',
  'restart',
  'fail once',
  'caught up',
] as const;
type Step = (typeof STEPS)[number];

class World {
  readonly store = openStore();
  readonly clock = new FakeClock();
  readonly chat = new ChatDbFile(join(this.store.folder, 'chat.db'));
  readonly told: { rowid: number; guid: string }[] = [];
  /** Guids of rows that a reader had the time to see. */
  readonly there = new Set<string>();
  readonly #unjoined: number[] = [];
  #failing = false;
  #made = 0;
  reading = this.#make();

  async step(step: Step): Promise<void> {
    const { chat, clock } = this;
    if (step === 'inbound') chat.inbound('+14155550101', 'x', clock.now(), this.#guid());
    if (step === 'own') chat.own('+14155550102', 'x', clock.now(), this.#guid());
    if (step === 'unjoined')
      this.#unjoined.push(chat.row(clock.now(), { text: 'x', is_delivered: 1, ...this.#guid() }));
    if (step === 'join')
      for (const rowid of this.#unjoined.splice(0))
        if (this.#isThere(rowid)) chat.join(rowid, chat.direct('+14155550101'));
    if (step === 'again' && this.told.length > 0) this.#again(this.told[this.told.length >> 1]?.guid ?? '');
    if (step === 'delete newest') await this.#deleteNewest();
    if (step === 'status') chat.raw.exec('UPDATE message SET is_read = 1 - is_read');
    if (step === 'time') await clock.advanceAsync(500);
    if (step === 'restart') await this.#restart();
    if (step === 'fail once') this.#failing = true;
    if (step === 'caught up') await this.caughtUp();
  }

  async caughtUp(): Promise<void> {
    // The disk takes real time, in which the clock stands still: it goes on until there is an answer.
    const started = performance.now();
    while (performance.now() - started < 10_000) {
      let answer: { ok: boolean } | undefined;
      void this.reading.caughtUp().then((said) => {
        answer = said;
      });
      while (!answer && performance.now() - started < 10_000) await this.clock.advanceAsync(JOIN_MS / 10);
      if (answer?.ok) return;
    }
    throw new Error('it never caught up');
  }

  async end(): Promise<void> {
    await this.reading.stop();
    this.chat.close();
    await this.store.remove();
  }

  #make(): Reading {
    const { db, commit } = this.store;
    const { clock } = this;
    const reading = new Reading({
      path: this.chat.path,
      db,
      commit,
      clock,
      health: new Health(clock),
      log: silentLog,
      onRow: ({ rowid, guid }) => {
        const failing = this.#failing;
        this.#failing = false;
        if (failing) throw new Error('this once');
        this.told.push({ rowid, guid });
      },
      onGeneration: (reason) => {
        throw new Error(`no other chat.db here, but: ${reason}`);
      },
    });
    reading.start();
    return reading;
  }

  async #restart(): Promise<void> {
    await this.reading.stop();
    await this.store.reopen();
    this.reading = this.#make();
  }

  /** iCloud: the row goes, and comes again with a new ROWID. */
  #again(guid: string): void {
    this.chat.transaction(() => {
      this.chat.raw.prepare('DELETE FROM message WHERE guid = ?').run(guid);
      const rowid = this.chat.row(this.clock.now(), { guid, text: 'x', is_delivered: 1 });
      this.chat.join(rowid, this.chat.direct('+14155550101'));
    });
  }

  async #deleteNewest(): Promise<void> {
    await this.caughtUp();
    this.chat.raw.exec('DELETE FROM message WHERE ROWID = (SELECT MAX(ROWID) FROM message)');
  }

  #isThere(rowid: number): boolean {
    return this.chat.raw.prepare('SELECT 1 FROM message WHERE ROWID = ?').get(rowid) !== undefined;
  }

  #guid(): { guid: string } {
    this.#made += 1;
    const guid = `G-${this.#made}`;
    this.there.add(guid);
    return { guid };
  }
}

it('each row once, in order, through restarts, failures, late joins, deletions and rows that come again', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), { minLength: 1, maxLength: 40 }), async (steps) => {
      const world = new World();
      try {
        for (const step of steps) await world.step(step);
        await world.caughtUp();
        expect(world.reading.behind()).toBe(false);
        expect(world.told.map(({ guid }) => guid).sort()).toEqual([...world.there].sort());
        const rowids = world.told.map(({ rowid }) => rowid);
        expect(rowids).toEqual([...rowids].sort((a, b) => a - b));
      } finally {
        await world.end();
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);
