/**
 * `npm run bench [-- NAME …]`: the timings, on built files, and how well near-same texts are told apart. Each figure stands beside its limit; the exit code is 1 if one falls short.
 * Machines differ and are noisy: judge by medians, and by several runs.
 */
import { cliSpeed } from './cli-speed.ts';
import { commandBurst } from './command-burst.ts';
import { decode } from './decode.ts';
import { type Bench, keeps, lineOf } from './figure.ts';
import { gateQuality } from './gate-quality.ts';
import { gateQueue } from './gate-queue.ts';
import { gateSchedule } from './gate-schedule.ts';
import { gateSpeed } from './gate-speed.ts';
import { hour } from './hour.ts';
import { idle } from './idle.ts';
import { inboundLatency, inboundRuns } from './inbound-latency.ts';
import { openClaims } from './open-claims.ts';
import { reading } from './reading.ts';
import { sendLatency } from './send-latency.ts';
import { start } from './start.ts';

const BENCHES: Record<string, Bench> = {
  start,
  idle,
  hour,
  decode,
  inbound: inboundLatency,
  runs: inboundRuns,
  reading,
  send: sendLatency,
  cli: cliSpeed,
  claims: openClaims,
  burst: commandBurst,
  gate: gateSpeed,
  queue: gateQueue,
  schedule: gateSchedule,
  quality: gateQuality,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`bench: there is no ${unknown.join(', ')}; there is ${Object.keys(BENCHES).join(', ')}.\n`);
  process.exit(2);
}
let short = 0;
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${bench.name}`);
  for (const figure of await bench.run()) {
    console.log(lineOf(figure));
    if (!keeps(figure)) short += 1;
  }
}
console.log(short === 0 ? '\nAll figures keep their limits.' : `\n${short} figures fall short.`);
process.exitCode = short === 0 ? 0 : 1;
