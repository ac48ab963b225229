import { expect, test } from 'vitest';
import { Heartbeat } from '../../../protocol/heartbeat.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function make() {
  const clock = new FakeClock();
  const said: string[] = [];
  const heartbeat = new Heartbeat({ clock, ping: () => said.push('ping'), dead: () => said.push('dead') }, 1_000);
  heartbeat.start();
  return { clock, said, heartbeat };
}

test('pings each interval, and gives up after two that nobody answered', () => {
  const { clock, said } = make();
  clock.advance(999);
  expect(said).toEqual([]);
  clock.advance(2_000);
  expect(said).toEqual(['ping', 'ping']);
  clock.advance(1);
  expect(said).toEqual(['ping', 'ping', 'dead']);
  expect(clock.timers).toBe(0);
});

test('a sign of life keeps the line', () => {
  const { clock, said, heartbeat } = make();
  for (let beat = 0; beat < 50; beat += 1) {
    clock.advance(2_000);
    heartbeat.alive();
  }
  expect(said).not.toContain('dead');
});

test('stop ends it', () => {
  const { clock, said, heartbeat } = make();
  heartbeat.stop();
  clock.advance(10_000);
  expect(said).toEqual([]);
});
