/** 5,000 message.send commands at once, of texts that are not near one another: stored durably and acknowledged. */
import { BuiltRelay } from './built-relay.ts';
import { type Bench, percentile } from './figure.ts';

const COMMANDS = 5_000;
const ROUNDS = 3;

const mono = () => Number(process.hrtime.bigint()) / 1e6;

/** Texts of ten words each, drawn so that no two are alike. */
function textOf(round: number, n: number): string {
  let seed = round * 1_000_003 + n * 7_919 + 1;
  const word = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Array.from({ length: 6 }, (_, i) => String.fromCharCode(97 + ((seed >>> (i * 5)) % 26))).join('');
  };
  return Array.from({ length: 10 }, word).join(' ');
}

export const commandBurst: Bench = {
  name: `${COMMANDS.toLocaleString('en')} message.send in a burst, stored and acknowledged`,
  async run() {
    const relay = await BuiltRelay.start();
    const rates: number[] = [];
    let sent = 0;
    const cpuBefore = relay.cpuMs();
    for (let round = 1; round <= ROUNDS; round += 1) {
      const created = Date.now();
      sent += COMMANDS;
      const until = sent;
      const acked = new Promise<void>((resolve) => {
        relay.store.onAcked = (seq) => {
          if (seq >= until) resolve();
        };
      });
      const commands = Array.from({ length: COMMANDS }, (_, n) => ({
        to: `+1415${String(2_000_000 + round * COMMANDS + n)}`,
        text: textOf(round, n),
        category: 'conversational' as const,
        pacing: 'queue' as const,
        created,
        expires_at: created + 86_400_000,
      }));
      const began = mono();
      const stored = commands.map((data) => relay.controller.send(relay.device, 'message.send', data));
      await Promise.all([...stored, acked]);
      rates.push(COMMANDS / ((mono() - began) / 1000));
    }
    const cpuUs = ((relay.cpuMs() - cpuBefore) * 1000) / sent;
    const resident = relay.residentMb();
    await relay.stop();
    return [
      {
        name: `acknowledged, median of ${ROUNDS} bursts`,
        value: percentile(rates, 0.5),
        unit: '/s',
        limit: { least: 5_000 },
      },
      { name: 'CPU of the daemon, all its threads', value: cpuUs, unit: 'µs/command' },
      { name: 'slowest burst', value: Math.min(...rates), unit: '/s' },
      { name: `resident with ${(COMMANDS * ROUNDS).toLocaleString('en')} messages`, value: resident, unit: 'MiB' },
    ];
  },
};
