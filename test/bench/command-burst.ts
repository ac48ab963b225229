/** 5,000 message.send commands at once, of texts that are not near one another: stored durably and acknowledged. */
import { randomUUID } from 'node:crypto';
import { BareController } from './bare-controller.ts';
import { BuiltRelay } from './built-relay.ts';
import { type Bench, percentile } from './figure.ts';

const COMMANDS = 5_000;
const ROUNDS = 5;

const mono = () => Number(process.hrtime.bigint()) / 1e6;

/** A language of its own: 2,000 words of two or three syllables, so that texts share sounds and words as real ones do. */
function vocabulary(): string[] {
  const onsets = ['b', 'ch', 'd', 'fr', 'g', 'h', 'k', 'l', 'm', 'n', 'p', 'r', 's', 'st', 't', 'tr', 'v', 'w'];
  const rests = ['a', 'an', 'ar', 'e', 'el', 'en', 'er', 'i', 'in', 'o', 'on', 'or', 'u', 'us', 'y'];
  const syllable = (n: number) => `${onsets[n % onsets.length]}${rests[(n * 7) % rests.length]}`;
  return Array.from({ length: 2_000 }, (_, n) => {
    const word = syllable(n) + syllable((n * 31) % 257);
    return n % 3 === 0 ? word + syllable((n * 17) % 101) : word;
  });
}

const WORDS = vocabulary();

/** Texts of twelve words each, drawn so that no two are near-same. */
function textOf(round: number, n: number): string {
  let seed = (Math.imul(round, 0x9e3779b1) + Math.imul(n, 0x85ebca6b) + 1) >>> 0;
  const word = () => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    seed >>>= 0;
    return WORDS[seed % WORDS.length] ?? '';
  };
  return Array.from({ length: 12 }, word).join(' ');
}

interface Burst {
  rate: number;
  cpuUs: number;
  held: number;
  resident: number;
}

/** A relay of its own for each burst, so that every one begins alike. */
async function burst(round: number): Promise<Burst> {
  const end = await BareController.listen();
  const relay = await BuiltRelay.start(end.url);
  await end.opened;
  const created = Date.now();
  const frames = Array.from({ length: COMMANDS }, (_, n) =>
    JSON.stringify({
      type: 'command',
      seq: n + 1,
      id: randomUUID(),
      name: 'message.send',
      version: 1,
      data: {
        to: `+1415${String(2_000_000 + n)}`,
        text: textOf(round, n),
        category: 'conversational',
        pacing: 'queue',
        created,
        expires_at: created + 86_400_000,
      },
    }),
  );
  const cpuBefore = relay.cpuMs();
  const began = mono();
  await end.burst(frames);
  const rate = COMMANDS / ((mono() - began) / 1000);
  const cpuUs = ((relay.cpuMs() - cpuBefore) * 1000) / COMMANDS;
  const resident = relay.residentMb();
  const { held } = end;
  await relay.stop();
  await end.close();
  return { rate, cpuUs, held, resident };
}

export const commandBurst: Bench = {
  name: `${COMMANDS.toLocaleString('en')} message.send in a burst, stored and acknowledged`,
  async run() {
    const bursts: Burst[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) bursts.push(await burst(round));
    const median = (what: keyof Burst) =>
      percentile(
        bursts.map((b) => b[what]),
        0.5,
      );
    return [
      {
        name: `acknowledged, median of ${ROUNDS} bursts`,
        value: median('rate'),
        unit: '/s',
        limit: { least: 5_000 },
      },
      { name: 'slowest burst', value: Math.min(...bursts.map((b) => b.rate)), unit: '/s' },
      { name: 'CPU of the daemon until then, all its threads', value: median('cpuUs'), unit: 'µs/command' },
      {
        name: 'held by the gate as near-same',
        value: Math.max(...bursts.map((b) => b.held)),
        unit: 'messages',
        limit: { most: 0 },
      },
      { name: 'resident right after', value: median('resident'), unit: 'MiB' },
    ];
  },
};
