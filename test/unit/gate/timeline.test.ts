/** What the store remembers of the dispatches, read beside the gate: families, distances, and who sent what. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compare } from '../../../daemon/gate/near.ts';
import { readTimeline, type Timeline } from '../../../daemon/gate/timeline.ts';
import { makeFolder, openStore } from '../../support/store.ts';
import { GateWorld, person } from './gate-world.ts';

const TEXT = 'your table for two is ready, please come to the counter';
const MINUTE = 60_000;
let world: GateWorld;

beforeEach(() => {
  world = new GateWorld();
});
afterEach(() => world.close());

function read(limit = 50): Timeline {
  const to = world.clock.now();
  return readTimeline(world.store.path, { from: to - 24 * 60 * MINUTE, to, limit });
}

/** One after the other, each as soon as it may go. */
function sendAll(texts: string[]): string[] {
  return texts.map((text, i) => {
    const message = world.one(person(i), text);
    for (let n = 0; world.drain().length === 0 && n < 200; n += 1) world.clock.advance(1_000);
    return message;
  });
}

describe('a family', () => {
  it('has its people, its distances and what was asked for', () => {
    const messages = sendAll(['Ann', 'Bob', 'Zoe'].map((name) => `Hi ${name}, ${TEXT}`));
    const other = world.one(person(7), 'Something quite different, about nothing at all.');
    world.drain();
    const timeline = read();
    expect(timeline).toMatchObject({ dispatches: 4, tooClose: 0, familiesTotal: 1, replies: [] });
    expect(timeline.singles.map((one) => one.message)).toEqual([other]);
    const [family] = timeline.families;
    expect(family).toMatchObject({
      name: expect.stringMatching(/^[0-9a-f]{8}$/),
      people: 3,
      leastGapMs: MINUTE,
      intervalMs: { least: MINUTE, most: MINUTE },
      textStart: null,
    });
    expect(family?.dispatches.map(({ message, gapMs, tooClose }) => ({ message, gapMs, tooClose }))).toEqual([
      { message: messages[0], gapMs: null, tooClose: false },
      { message: messages[1], gapMs: MINUTE, tooClose: false },
      { message: messages[2], gapMs: MINUTE, tooClose: false },
    ]);
  });

  it('marks what went before its time, whoever let it go', () => {
    world.one(person(0), `Hi Ann, ${TEXT}`);
    world.drain();
    world.clock.advance(12_000);
    const early = world.one(person(1), `Hi Bob, ${TEXT}`);
    world.dispatch(early);
    const inFlight = world.one(person(2), `Hi Zoe, ${TEXT}`);
    world.dispatch(inFlight);
    const { tooClose, families } = read();
    expect(tooClose).toBe(2);
    expect(families[0]?.leastGapMs).toBe(0);
    expect(families[0]?.dispatches.map(({ state, gapMs }) => [state, gapMs])).toEqual([
      ['settled', null],
      ['in_flight', 12_000],
      ['in_flight', 0],
    ]);
  });

  it('tells the own hand and replies apart', () => {
    world.one(person(0), `Hi Ann, ${TEXT}`);
    world.drain();
    world.ownHand([person(1)], `Hi Bob, ${TEXT}`);
    world.inbound(person(2), 'Is it ready?');
    world.send(person(2), `Hi Zoe, ${TEXT}`);
    world.drain();
    const { families, replies, tooClose } = read();
    expect(families.map(({ dispatches }) => dispatches.map(({ kind, gapMs }) => [kind, gapMs]))).toEqual([
      [
        ['sent', null],
        ['own_hand', null],
      ],
    ]);
    expect(replies.map(({ to }) => to)).toEqual([person(2)]);
    expect(tooClose).toBe(0);
  });

  it('is joined by a text that is near two that are not near one another, also after a restart', async () => {
    const [a, between, c] = [
      'the concert begins at eight and the doors are open from seven on the dot',
      'the concert begins at eight and the doors are open for all members of the choir',
      'bring your card, and the doors are open for all members of the choir',
    ];
    expect([compare(a, between).verdict, compare(between, c).verdict, compare(a, c).verdict]).toEqual([
      'near',
      'near',
      'apart',
    ]);
    sendAll([a, c]);
    expect(read().familiesTotal).toBe(0);
    await world.restart();
    sendAll([between]);
    expect(read().families.map(({ dispatches }) => dispatches.length)).toEqual([3]);
  });

  it('is the connected group that comparing all texts finds', async () => {
    const pieces = [
      'the doors open at seven',
      'your order is on its way',
      'we meet at the old mill',
      'bring the red card',
    ];
    const texts = fc.array(
      fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 }).map((some) => some.join(', and then ')),
      { minLength: 2, maxLength: 9 },
    );
    await fc.assert(
      fc.asyncProperty(texts, fc.integer({ min: 0, max: 8 }), async (all, restartAt) => {
        await world.close();
        world = new GateWorld();
        const sent = new Map<string, string>();
        for (const [i, text] of all.entries()) {
          if (i === restartAt) await world.restart();
          const [message] = sendAll([text]);
          sent.set(message ?? '', text);
          world.clock.advance(20 * MINUTE);
        }
        const { families, singles } = read();
        const found = [...families.map(({ dispatches }) => dispatches), ...singles.map((one) => [one])];
        expect(partition(found.map((group) => group.map(({ message }) => sent.get(message) ?? '')))).toEqual(
          partition(byComparing(all)),
        );
      }),
      { numRuns: 20 },
    );
  });
});

function byComparing(texts: string[]): string[][] {
  let groups: string[][] = [];
  for (const text of texts) {
    const near = groups.filter((group) => group.some((other) => compare(text, other).verdict !== 'apart'));
    groups = [...groups.filter((group) => !near.includes(group)), [...near.flat(), text]];
  }
  return groups;
}

function partition(groups: string[][]): string[] {
  return groups.map((group) => [...group].sort().join(' / ')).sort();
}

describe('the store', () => {
  it('is read when the relay is down, and only the families asked for are listed', async () => {
    sendAll(
      ['Ann', 'Bob', 'Zoe', 'Kim'].map((name, i) => `Hi ${name}, ${i < 2 ? TEXT : 'see you at the old mill tonight'}`),
    );
    const { path, folder, db, commit } = world.store;
    await commit.close();
    db.close();
    expect(readdirSync(folder)).toEqual(['relay.db']);
    const to = world.clock.now();
    const timeline = readTimeline(path, { from: 0, to, limit: 1 });
    expect([timeline.families.length, timeline.familiesTotal]).toEqual([1, 2]);
    Object.assign(world.store, openStore(folder));
  });

  it('has nothing outside the hours asked for', () => {
    sendAll(['Ann', 'Bob'].map((name) => `Hi ${name}, ${TEXT}`));
    const to = world.clock.now() - 30_000;
    expect(readTimeline(world.store.path, { from: to - MINUTE, to, limit: 5 })).toMatchObject({ dispatches: 1 });
  });

  it('that is missing, or none, is told with what to do', () => {
    const folder = makeFolder();
    const ask = (path: string) => () => readTimeline(path, { from: 0, to: 1, limit: 1 });
    expect(ask(join(folder, 'relay.db'))).toThrowError(expect.objectContaining({ code: 'store_missing' }));
    world.store.db.exec('ALTER TABLE gate_send RENAME COLUMN kin TO other');
    expect(ask(world.store.path)).toThrowError(expect.objectContaining({ code: 'store_other_version' }));
    expect(ask(folder)).toThrowError(expect.objectContaining({ code: 'store_unreadable' }));
    rmSync(folder, { recursive: true });
  });
});
