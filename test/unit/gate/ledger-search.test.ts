/** A search that stops early must lead to the same decision as one that finds everything. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../daemon/gate/fingerprint.ts';
import { emptyLoad, isUnused, type Load } from '../../../daemon/gate/known-texts.ts';
import { LocalLedger, MOST_LEFT_OUT, type Surroundings } from '../../../daemon/gate/ledger.ts';
import { type KnownText, NearIndex } from '../../../daemon/gate/near-index.ts';
import { DEFAULT_POLICY } from '../../../daemon/gate/policy.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { openStore, type TestStore } from '../../support/store.ts';

const WINDOW_MS = 100_000;
const GRAMS = 40;
const TINY = { slots: 4, pivots: { most: 2, worthIt: 2 } };

let store: TestStore;
beforeEach(() => {
  store = openStore();
});
afterEach(() => store.remove());

/** Texts of one family are near one another, be they `own` or not; of two families never. */
function printOf(family: number, own: number): Fingerprint {
  const grams = Array.from({ length: GRAMS }, (_, i) =>
    Math.imul(i < 3 ? 1_000_000 + own * 50 + i : family * 1_000 + i, 0x9e3779b1),
  );
  return {
    exact: `${family}.${own}`.padEnd(16),
    variables: null,
    grams: Int32Array.from(grams).sort(),
    truncated: false,
    cjk: false,
    tokens: null,
    attachments: null,
  };
}

const someStep = fc.record({
  do: fc.constantFrom(...Array.from({ length: 30 }, () => 'send' as const), 'again', 'settle', 'fail', 'pass'),
  family: fc.constantFrom(0, 0, 0, 1, 2),
  person: fc.noBias(fc.nat(400)),
  of: fc.noBias(fc.nat(1_000)),
});

describe('the ledger', () => {
  it('says the same of what lies around a text, whether the search found all of it or stopped when it had enough', () => {
    let stopped = 0;
    let many = 0;
    fc.assert(
      fc.property(fc.array(someStep, { minLength: 500, maxLength: 600 }), (steps) => {
        store.db.sql('DELETE FROM gate_send').run();
        const clock = new FakeClock();
        const index = new NearIndex<Load>(DEFAULT_POLICY.near, emptyLoad, TINY);
        const release = (text: KnownText<Load>) => {
          if (isUnused(text)) index.drop(text);
        };
        const ledger = new LocalLedger({ db: store.db, clock, index, release, windowMs: WINDOW_MS });
        const sent: { name: string; print: Fingerprint }[] = [];
        for (const [n, step] of steps.entries()) {
          const one = sent[step.of % Math.max(1, sent.length)];
          const person = `+1${step.person}`;
          if (step.do === 'send' || (step.do === 'again' && one)) {
            const print = step.do === 'again' && one ? one.print : printOf(step.family, n);
            ledger.reserve({ name: `m${n}`, address: person, people: [person], reply: false, print });
            sent.push({ name: `m${n}`, print });
            clock.advance(1 + (step.of % 50));
            // A few stay in flight.
            if (step.of % 150 !== 0) ledger.commit(`m${n}`, step.of % 5 !== 0);
          } else if (step.do === 'settle' && one) ledger.commit(one.name, true);
          else if (step.do === 'fail' && one) ledger.release(one.name);
          else if (step.do === 'pass') clock.advance(step.of);
          if (n % 10 !== 0) continue;
          const asked = printOf(step.family, 100_000 + n);
          const except = Array.from({ length: step.of % MOST_LEFT_OUT }, (_, i) => `+1${(step.person + i) % 400}`);
          const all = index.near(asked);
          const some = index.near(asked, ledger.search(0));
          const seen = ({ count, last, inFlight }: Surroundings) => [count, last?.mono, inFlight?.mono];
          expect(seen(ledger.around(some, except))).toEqual(seen(ledger.around(all, except)));
          if (some.length < all.length) stopped += 1;
          if (ledger.around(all, except).count > 50) many += 1;
        }
      }),
      { numRuns: 20, endOnFailure: true },
    );
    expect(stopped).toBeGreaterThan(100);
    expect(many).toBeGreaterThan(100);
  });

  it('finds enough for as long as the answer is used, though much of what it counts leaves the window', () => {
    const clock = new FakeClock();
    const index = new NearIndex<Load>(DEFAULT_POLICY.near, emptyLoad);
    const ledger = new LocalLedger({ db: store.db, clock, index, release: () => {}, windowMs: WINDOW_MS });
    let made = 0;
    const send = (print: Fingerprint) => {
      made += 1;
      const address = `+1${made}`;
      ledger.reserve({ name: `m${made}`, address, people: [address], reply: false, print });
      ledger.commit(`m${made}`, true);
    };
    send(printOf(0, 1));
    for (let n = 0; n < 102; n += 1) send(printOf(0, 2 + n));
    clock.advance(50_000);
    for (let n = 0; n < 60; n += 1) send(printOf(0, 1));
    clock.advance(1);
    send(printOf(0, 200));
    clock.advance(49_000);
    const near = index.near(printOf(0, 300), ledger.search(10_000));
    clock.advance(9_999);
    expect(ledger.around(near, []).count).toBe(51);
  });
});
