/**
 * A controller that wants to be told wrong times, to get before others, or to keep somebody from ever getting their turn: with times of their
 * own, cancels, many texts that are near some others only, categories, talk that makes people known, and an endless stream of younger ones.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare } from '../../../daemon/gate/near.ts';
import { WIDE_RULES } from '../../support/wide-rules.ts';
import { GateWorld, person } from './gate-world.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Each is near its neighbours only. */
const WORDS =
  'the quick brown fox jumps over every lazy dog that sleeps beside my old wooden garden fence near a small blue house'.split(
    ' ',
  );
const CHAIN = [0, 3, 6, 9].map((from) => WORDS.slice(from, from + 12).join(' '));
const isNear = CHAIN.map((a) => CHAIN.map((b) => compare(a, b).verdict !== 'apart'));

interface Asked {
  text: number;
  to: number;
  /** `notBefore`, in minutes from now. */
  inMinutes: number | null;
}

const asked: fc.Arbitrary<Asked> = fc.record({
  text: fc.nat(CHAIN.length - 1),
  to: fc.nat(40),
  inMinutes: fc.option(fc.integer({ min: 0, max: 40 }), { freq: 2 }),
});

async function inWorld(run: (world: GateWorld) => void, policy = {}): Promise<void> {
  const world = new GateWorld({ kind: 'dedicated', policy });
  try {
    run(world);
  } finally {
    await world.close();
  }
}

function send(world: GateWorld, { text, to, inMinutes }: Asked, o = {}): string | null {
  const notBefore = inMinutes === null ? {} : { notBefore: world.clock.now() + inMinutes * MINUTE };
  return world.send(person(to), CHAIN[text] ?? '', { ...notBefore, ...o })[0] ?? null;
}

describe('the chain of texts of these tests', () => {
  it('is near its neighbours only', () => {
    for (const [a, row] of isNear.entries())
      for (const [b, near] of row.entries()) expect(near, `${a} ${b}`).toBe(Math.abs(a - b) <= 1);
  });
});

describe('estimates', () => {
  it('of one text without times of their own never fall in the order of acceptance, whatever else waits', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 5, maxLength: 40 }), fc.nat(20), (all, minutes) =>
        inWorld((world) => {
          const plain: string[] = [];
          for (const one of all) {
            const id = send(world, one);
            if (id && one.text === 1 && one.inMinutes === null) plain.push(id);
          }
          world.drain();
          world.clock.advance(minutes * MINUTE);
          const times = plain.filter((id) => world.waiting.has(id)).map((id) => world.gate.holdOf(id)?.until ?? 0);
          expect(times).toEqual(times.toSorted((a, b) => a - b));
        }),
      ),
      { numRuns: 100, endOnFailure: true },
    );
  });

  it('are when each goes, also among times of their own, to a few distances', async () => {
    let sum = 0;
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { minLength: 5, maxLength: 40 }), (all) =>
        inWorld((world) => {
          const ids = all.flatMap((one, n) => send(world, { ...one, text: 0, to: n }) ?? []);
          const told = ids.map((id) => world.gate.holdOf(id)?.until ?? world.clock.now());
          const went = new Map<string, number>();
          while (went.size < ids.length) {
            for (const id of world.drain()) went.set(id, world.clock.now());
            world.clock.advance(15 * SECOND);
          }
          for (const [n, id] of ids.entries()) {
            const off = (went.get(id) ?? 0) - (told[n] ?? 0);
            sum += Math.abs(off);
            count += 1;
            // Younger ones that are due go before those that are not, and more people make the distance longer.
            expect(Math.abs(off), `${n}`).toBeLessThan(15 * MINUTE);
          }
        }),
      ),
      { numRuns: 60, endOnFailure: true },
    );
    // Of all that were told; it is about two seconds.
    expect(sum / count).toBeLessThan(8 * SECOND);
  });

  it('do not grow by those that are due and gone long before', async () => {
    await inWorld((world) => {
      const start = world.clock.now();
      // Whoever spreads a text over a day themselves is not told that it takes a day more.
      const ids = Array.from({ length: 200 }, (_, n) => send(world, { text: 0, to: n, inMinutes: 5 * n }));
      for (const [n, id] of ids.entries()) {
        const wait = (world.gate.holdOf(id ?? '')?.until ?? start) - start;
        // By as much as an estimate may move before it is told again.
        expect(wait - 5 * n * MINUTE, `${n}`).toBeLessThan(10 * MINUTE + wait / 10);
      }
    });
  });
});

describe('the order', () => {
  type Step = { do: 'ask'; asked: Asked } | { do: 'cancel' | 'heard'; which: number } | { do: 'pass'; seconds: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('ask' as const), asked }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'heard' as const), which: fc.nat(40) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 200 }) }),
    },
  );

  it('of what is due and near: the oldest first, whoever is new, known, cancelled or comes in between', async () => {
    const policy = { caps: { ...WIDE_RULES.caps, new_contacts_hour: 3, pair_rate: 2 } };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), (steps) =>
        inWorld((world) => {
          const texts = new Map<string, Asked & { dueAt: number }>();
          const lastTalk = new Map<number, boolean>();
          let sent: { to: number; at: number; fresh: boolean }[] = [];
          const within = (ms: number) => sent.filter(({ at }) => at > world.clock.now() - ms);
          const mayGo = (id: string) => {
            const one = texts.get(id);
            if (!one || one.dueAt > world.clock.now()) return false;
            if (within(MINUTE).filter(({ to }) => to === one.to).length >= 2) return false;
            return lastTalk.has(one.to) || within(HOUR).filter(({ fresh }) => fresh).length < 3;
          };
          for (const each of steps) {
            if (each.do === 'ask') {
              const id = send(world, each.asked);
              const dueAt = world.clock.now() + (each.asked.inMinutes ?? 0) * MINUTE;
              if (id) texts.set(id, { ...each.asked, dueAt });
            } else if (each.do === 'pass') world.clock.advance(each.seconds * SECOND);
            else if (each.do === 'heard') {
              // Who writes becomes known, and their window must not make replies here.
              world.inbound(person(each.which), 'hello there', { late: true });
              lastTalk.set(each.which, true);
            } else {
              const id = [...world.waiting.keys()][each.which];
              if (id) {
                world.waiting.delete(id);
                world.gate.remove(id);
              }
            }
            for (let pick = world.gate.pick(); pick.kind === 'go'; pick = world.gate.pick()) {
              const { message } = pick;
              const gone = texts.get(message);
              if (!gone) throw new Error(`${message} was never asked for`);
              expect(mayGo(message), 'it is free to go').toBe(true);
              for (const id of world.waiting.keys()) {
                const other = texts.get(id);
                const older = Number(id.slice(1)) < Number(message.slice(1));
                if (other && older && isNear[other.text]?.[gone.text])
                  expect(mayGo(id), `${id} is older than ${message}, near it and free`).toBe(false);
              }
              world.dispatch(message);
              world.settle(message);
              sent = [...sent, { to: gone.to, at: world.clock.now(), fresh: !lastTalk.has(gone.to) }];
              lastTalk.set(gone.to, true);
            }
          }
        }, policy),
      ),
      { numRuns: 100, endOnFailure: true },
    );
  }, 60_000);
});

describe('nobody is starved', () => {
  it('by an endless stream of younger ones, near and due at once, cancelled and asked for again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 6 }), (older, pace) =>
        inWorld((world) => {
          for (let n = 0; n < older; n += 1) send(world, { text: 1, to: n, inMinutes: null });
          const victim = send(world, { text: 1, to: 99, inMinutes: null });
          let count = 0;
          let minutes = 0;
          for (; victim && world.waiting.has(victim); minutes += 1) {
            for (let n = 0; n < pace; n += 1) {
              count += 1;
              const text = [0, 1, 2][count % 3] ?? 0;
              const id = send(world, { text, to: 1_000 + count, inMinutes: count % 4 === 0 ? 0 : null });
              if (id && count % 5 === 0) {
                world.waiting.delete(id);
                world.gate.remove(id);
              }
            }
            world.drain();
            world.clock.advance(MINUTE);
            // One distance for each older one; 90 s from the eleventh on.
            expect(minutes).toBeLessThanOrEqual(2 * older + 2);
          }
        }),
      ),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it('by a near message that is always in flight but a moment: the oldest takes the next slot', async () => {
    await inWorld((world) => {
      const first = send(world, { text: 1, to: 1, inMinutes: null }) ?? '';
      const victim = send(world, { text: 2, to: 2, inMinutes: null }) ?? '';
      world.dispatch(first);
      for (let n = 0; n < 30; n += 1) {
        send(world, { text: 3, to: 100 + n, inMinutes: null });
        world.clock.advance(20 * SECOND);
        expect(world.gate.pick()).not.toEqual({ kind: 'go', message: victim });
        // What is near the victim but not near what is in flight waits behind it: it is younger.
        expect(world.gate.pick().kind).toBe('idle');
      }
      world.settle(first);
      world.clock.advance(MINUTE);
      expect(world.gate.pick()).toEqual({ kind: 'go', message: victim });
    });
  });
});
