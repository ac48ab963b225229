/**
 * A seeded storm: sends, near-same texts, inbound messages, STOP and START, a Messages that misbehaves, and a relay that is killed again and
 * again. SOAK_ROUNDS and SOAK_SEED make it longer and another one.
 */
import { expect, it } from 'vitest';
import { Soak } from '../support/soak.ts';

const rounds = Number(process.env.SOAK_ROUNDS ?? 8);
const seed = Number(process.env.SOAK_SEED ?? 1);

it(`killed at random moments, ${rounds} rounds from seed ${seed}: nothing twice, nothing lost, nothing too near, nothing after STOP`, {
  timeout: 60_000 + rounds * 10_000,
}, async () => {
  const soak = await Soak.open(seed);
  try {
    for (let round = 0; round < rounds; round += 1) await soak.round();
    await soak.settle();
    expect(soak.faults()).toEqual([]);
    expect(soak.sent).toBeGreaterThan(rounds);
  } finally {
    await soak.close();
  }
});
