/**
 * A long queue: 10,000 messages of one campaign wait in the gate. How fast are they taken in, and how long does it take to find the one that
 * goes, to send it off and to hear that it has gone?
 */
import { type Bench, percentile } from './figure.ts';
import { CORPORA, messageOf, openGate, request } from './gate-speed.ts';

const WAITING = 10_000;
const AT_ONCE = 100;
const DISPATCHES = 300;
const WARM_UP = 20;
const APART_MS = 121_000;

const mono = () => performance.now();

export const gateQueue: Bench = {
  name: `${WAITING.toLocaleString('en')} messages of one campaign wait`,
  async run() {
    const corpus = CORPORA.campaign?.();
    if (!corpus) throw new Error('no campaign');
    // By default nobody waits longer than a week, and so many would.
    const world = openGate({ interval: { max_wait_ms: 30 * 86_400_000 } });
    const { db } = world.store;
    const gate = world.make();
    gate.load();
    let refused = 0;
    const began = mono();
    for (let from = 0; from < WAITING; from += AT_ONCE)
      db.transaction(() => {
        for (let n = from; n < from + AT_ONCE; n += 1) {
          const asked = request(n, corpus(n), world.clock);
          const answer = gate.admit(asked);
          if (!answer.ok || answer.verdicts[0]?.kind === 'refuse') refused += 1;
          gate.add([messageOf(n, asked, world.clock)]);
        }
      });
    const rate = WAITING / ((mono() - began) / 1_000);
    const times: number[] = [];
    const idle: number[] = [];
    for (let n = 0; n < WARM_UP + DISPATCHES; n += 1) {
      const before = mono();
      const pick = gate.pick();
      if (pick.kind !== 'go') throw new Error(`nothing goes: ${pick.kind}`);
      db.transaction(() => gate.dispatched(pick.message));
      db.transaction(() => gate.outcome(pick.message, { state: 'sent' }));
      const took = mono() - before;
      const looked = mono();
      gate.pick();
      if (n >= WARM_UP) {
        times.push(took);
        idle.push(mono() - looked);
      }
      world.clock.advance(APART_MS);
    }
    await world.store.remove();
    return [
      { name: 'accepted', value: rate, unit: '/s', limit: { least: 2_000 } },
      { name: 'refused', value: refused, unit: 'messages', limit: { most: 0 } },
      { name: 'one dispatch: picked, sent off, gone; p50', value: percentile(times, 0.5), unit: 'ms' },
      { name: 'one dispatch, p99', value: percentile(times, 0.99), unit: 'ms', limit: { most: 5 } },
      { name: 'a look that finds nothing due, p99', value: percentile(idle, 0.99), unit: 'ms' },
    ];
  },
};
