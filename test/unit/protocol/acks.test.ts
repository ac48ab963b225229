import { beforeEach, describe, expect, test } from 'vitest';
import { Acks } from '../../../protocol/acks.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

let clock: FakeClock;
let sent: number[];
beforeEach(() => {
  clock = new FakeClock();
  sent = [];
});

function acks(frames = 256, bytes = 1_000_000, start = 0): Acks {
  const made = new Acks(clock, { frames, bytes }, (seq) => sent.push(seq));
  made.start(start);
  return made;
}
const take = (a: Acks, from: number, to: number, bytes = 10) => {
  for (let seq = from; seq <= to; seq += 1) expect(a.arrived(seq, bytes)).toBe('next');
};

describe('acks', () => {
  test('what arrived is not acked before it is committed (invariant 3)', async () => {
    const a = acks();
    take(a, 1, 40);
    await settle();
    clock.advance(10_000);
    expect(sent).toEqual([]);
    expect(a.owed()).toBeUndefined();
    for (let seq = 1; seq <= 40; seq += 1) a.committed(seq);
    await settle();
    expect(sent).toEqual([40]);
  });

  test('32 frames are acked at once, in one ack for all that was committed together', async () => {
    const a = acks();
    take(a, 1, 100);
    for (let seq = 1; seq <= 31; seq += 1) a.committed(seq);
    await settle();
    expect(sent).toEqual([]);
    for (let seq = 32; seq <= 100; seq += 1) a.committed(seq);
    await settle();
    expect(sent).toEqual([100]);
    expect(clock.timers).toBe(0);
  });

  test('half the window is acked at once, in frames and in bytes', async () => {
    const few = acks(6);
    take(few, 1, 3);
    for (const seq of [1, 2]) few.committed(seq);
    await settle();
    expect(sent).toEqual([]);
    few.committed(3);
    await settle();
    expect(sent).toEqual([3]);
    const large = acks(256, 1000);
    take(large, 1, 1, 500);
    large.committed(1);
    await settle();
    expect(sent).toEqual([3, 1]);
  });

  test('a single frame is acked after 250 ms, with one timer for many', async () => {
    const a = acks();
    take(a, 1, 3);
    a.committed(1);
    a.committed(2);
    expect(clock.timers).toBe(1);
    clock.advance(249);
    expect(sent).toEqual([]);
    clock.advance(1);
    expect(sent).toEqual([2]);
  });

  test('an ack that rode on a frame is not sent again', async () => {
    const a = acks();
    take(a, 1, 1);
    a.committed(1);
    expect(a.owed()).toBe(1);
    a.rode(1);
    expect(a.owed()).toBeUndefined();
    clock.advance(1_000);
    expect(sent).toEqual([]);
  });

  test('doubles are dropped and acked again; holes are seen; a gap covers many numbers (invariant 1)', async () => {
    const a = acks(256, 1_000_000, 5);
    expect(a.arrived(5, 10)).toBe('old');
    await settle();
    expect(sent).toEqual([5]);
    expect(a.arrived(7, 10)).toBe('hole');
    expect(a.arrived(9, 10, 6)).toBe('next');
    expect(a.arrived(10, 10, 9)).toBe('next');
    expect(a.arrived(12, 10, 12)).toBe('hole');
  });

  test('more than twice the window is a flood; acks make room', async () => {
    const a = acks(4);
    take(a, 1, 8);
    expect(a.arrived(9, 10)).toBe('flood');
    const b = acks(4);
    take(b, 1, 8);
    b.committed(4);
    await settle();
    take(b, 9, 12);
    expect(b.arrived(13, 10)).toBe('flood');
  });

  test('nothing is sent after the end', async () => {
    const a = acks();
    take(a, 1, 32);
    a.committed(1);
    for (let seq = 2; seq <= 32; seq += 1) a.committed(seq);
    a.stop();
    await settle();
    clock.advance(1_000);
    expect(sent).toEqual([]);
  });
});
