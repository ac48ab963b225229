/** The same attachment makes two messages the same, whatever is written beside it. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FingerprintMaker, MAX_ATTACHMENTS } from '../../../daemon/gate/fingerprint.ts';
import { likeness } from '../../../daemon/gate/near.ts';
import { NearIndex } from '../../../daemon/gate/near-index.ts';
import { DEFAULT_POLICY } from '../../../daemon/gate/policy.ts';
import { decode, encode } from '../../../daemon/gate/stored-print.ts';
import { GateWorld, person } from './gate-world.ts';

const RULES = DEFAULT_POLICY.near;
const maker = () => new FingerprintMaker(new Uint8Array(32), { same: 6, variables: 8 });
const sha = (content: string) => createHash('sha256').update(content).digest('hex');
const [FLYER, MENU, PHOTO] = [sha('flyer'), sha('menu'), sha('photo')] as [string, string, string];

type Written = [text: string, ...attachments: string[]];

function arm([text, ...attachments]: Written, [other, ...others]: Written): string {
  const m = maker();
  return likeness(m.make(text, [], attachments), m.make(other, [], others), RULES).arm;
}

describe('attachments', () => {
  it.each<[string, Written, Written, string]>([
    ['one in common among others', ['', FLYER, PHOTO], ['', MENU, FLYER], 'attachment'],
    ['under unlike texts', ['See you on Monday then', FLYER], ['Bring the dog, will you?', FLYER], 'attachment'],
    ['the same, nothing written', ['', FLYER], ['', FLYER], 'same'],
    ['in another order', ['', FLYER, MENU], ['', MENU, FLYER], 'same'],
    ['others, nothing written', ['', FLYER], ['', MENU], 'none'],
    ['one, and nothing at all', ['', FLYER], ['', ...[]], 'none'],
    ['others, the same text', ['Your table for two is ready', FLYER], ['Your table for two is ready', MENU], 'same'],
    ['the object sign in place of it', ['\ufffc', FLYER], ['', FLYER], 'same'],
  ])('%s', (_name, a, b, wanted) => {
    expect(arm(a, b)).toBe(wanted);
    expect(arm(b, a)).toBe(wanted);
  });

  it('come back from the disk, keyed, and so many at most', () => {
    const many = Array.from({ length: 60 }, (_, n) => sha(`${n}`));
    for (const [text, ...attachments] of [
      ['', FLYER],
      ['Code 12', FLYER, MENU],
      ['See you on Monday then', ...many],
    ] as Written[]) {
      const print = maker().make(text, ['Monday'], attachments);
      expect(decode(encode(print))).toEqual(print);
      expect(print.attachments).toHaveLength(Math.min(attachments.length, MAX_ATTACHMENTS));
      expect(Buffer.from(encode(print)).includes(Buffer.from(FLYER, 'hex'))).toBe(false);
      expect(Buffer.from(encode(print)).includes(FLYER)).toBe(false);
    }
  });

  it('the index finds them, and nothing else, while messages come and go', () => {
    const written: fc.Arbitrary<Written> = fc
      .tuple(
        fc.constantFrom('', 'ok', 'Code 12', 'Code 99', 'See you on Monday then', 'Your table for two is ready'),
        fc.subarray([FLYER, MENU, PHOTO]),
      )
      .map(([text, attachments]): Written => [text, ...attachments]);
    let near = 0;
    fc.assert(
      fc.property(fc.array(written, { minLength: 2, maxLength: 20 }), fc.array(fc.nat(19)), (texts, gone) => {
        const m = maker();
        const index = new NearIndex(RULES, () => null);
        const known = texts.map(([text, ...attachments]) => index.keep(m.make(text, [], attachments)));
        for (const at of gone) {
          const text = known[at];
          if (text) index.drop(text);
        }
        const left = [...new Set(known)].filter((text) => index.find(text.print) === text);
        for (const [text, ...attachments] of texts) {
          const print = m.make(text, [], attachments);
          const wanted = left.filter((one) => likeness(print, one.print, RULES).verdict !== 'apart');
          const found = index.near(print);
          expect(found).toHaveLength(wanted.length);
          expect(new Set(found)).toEqual(new Set(wanted));
          near += found.length;
        }
      }),
      { numRuns: 300 },
    );
    expect(near).toBeGreaterThan(1_000);
  });

  it('sent by the owner’s own hand without a word, it holds back the same from the relay', async () => {
    const world = new GateWorld();
    const asked = (attachments: string[]) =>
      world.gate.admit({ ...world.request(person(2), 'Have a look at this'), attachments });
    world.store.db.transaction(() =>
      world.gate.ownHand({
        ...{ guid: 'own-1', recipients: [person(1)], text: '', at: world.clock.now(), late: false },
        attachments: [FLYER],
      }),
    );
    expect(asked([FLYER])).toMatchObject({ verdicts: [{ kind: 'hold', hold: { rule: 'interval' } }] });
    expect(asked([MENU])).toMatchObject({ verdicts: [{ kind: 'go' }] });
    await world.close();
  });

  it('sent by hand beside a text, hashed a little later, counts too, and draws nothing more', async () => {
    const world = new GateWorld();
    const row = { guid: 'own-1', recipients: [person(1)], at: world.clock.now() };
    const used = () => world.gate.describe().caps.map((cap) => cap.used);
    world.store.db.transaction(() => world.gate.ownHand({ ...row, text: 'Our new flyer', late: false }));
    const before = used();
    for (let twice = 0; twice < 2; twice += 1) world.store.db.transaction(() => world.gate.ownFiles(row, [FLYER]));
    expect(used()).toEqual(before);
    const admitted = world.gate.admit({ ...world.request(person(2), 'Have a look at this'), attachments: [FLYER] });
    expect(admitted).toMatchObject({ verdicts: [{ kind: 'hold', hold: { rule: 'interval' } }] });
    await world.close();
  });
});
