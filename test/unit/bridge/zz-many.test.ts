/**
 * Whatever Messages and people do, in whatever order: nothing is called sent or delivered that no row shows, nothing failed whose row was
 * not failing, no row is two messages', and none is told as ours and as the owner's.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LINK_APP, Scene } from '../../support/situations.ts';

const TEXTS = { A: 'hello', B: 'Look: https://example.com/b' } as const;
const PIECES = { A: ['hello'], B: ['Look:', 'https://example.com/b'] } as const;
type Text = keyof typeof TEXTS;

/** What was ever true of a row, kept beside the file. */
interface Truth {
  rowid: number;
  text: Text | null;
  /** Pieces count by their share of a whole text. */
  share: number;
  sent: boolean;
  delivered: boolean;
  failed: boolean;
}

const textName = fc.constantFrom<Text>('A', 'B');
const which = fc.nat({ max: 5 });
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('send' as const), text: textName }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('row' as const), text: textName, cut: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('sent', 'delivered', 'error', 'heal', 'gone'), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('wait', 'long wait', 'sleep', 'restart', 'set clock') }) },
);

async function row(w: Scene, truths: Truth[], text: Text, cut: boolean): Promise<void> {
  const pieces: readonly string[] = cut ? PIECES[text] : [TEXTS[text]];
  for (const piece of pieces) {
    const rowid = await w.row(piece, piece.startsWith('http') ? LINK_APP : {});
    truths.push({ rowid, text, share: 1 / pieces.length, sent: false, delivered: false, failed: false });
  }
}

async function change(w: Scene, truth: Truth | undefined, what: string): Promise<void> {
  if (!truth) return;
  if (what === 'gone') {
    w.delete(truth.rowid);
    return w.look();
  }
  if (what === 'error') truth.failed = true;
  else truth.sent = true;
  if (what === 'delivered') {
    truth.delivered = true;
    return w.delivered(truth.rowid);
  }
  await w.change(truth.rowid, what === 'error' ? { error: 4, is_sent: 0 } : { error: 0, is_sent: 1 });
}

async function passes(w: Scene, what: string): Promise<void> {
  if (what === 'wait') return w.passes(1_000);
  if (what === 'long wait') return w.passes(11_000);
  if (what === 'sleep') return w.sleeps(3_600_000);
  if (what === 'restart') return w.killedAndOpened();
  w.clock.jumpWall(-60_000);
}

it('what is told never goes beyond what rows have shown', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
      const w = new Scene();
      try {
        await w.open();
        const truths: Truth[] = [];
        const sends: Text[] = [];
        for (const s of steps) {
          if (s.do === 'send' && 'text' in s) {
            await w.sends(TEXTS[s.text]);
            sends.push(s.text);
          } else if (s.do === 'row' && 'cut' in s) await row(w, truths, s.text, s.cut);
          else if ('which' in s) await change(w, truths[s.which], s.do);
          else await passes(w, s.do);
        }
        await w.passes(4_000);
        judge(w, truths, sends);
      } finally {
        await w.close();
      }
    }),
    { numRuns: 300, endOnFailure: true },
  );
}, 400_000);

function judge(w: Scene, truths: Truth[], sends: Text[]): void {
  const everTold = (state: string, text: Text) =>
    sends.filter((t, i) => t === text && w.states(`m_${i + 1}`).includes(state)).length;
  const shown = (text: Text, is: (t: Truth) => boolean) =>
    truths.filter((t) => t.text === text && is(t)).reduce((sum, t) => sum + t.share, 0);
  for (const text of ['A', 'B'] as const) {
    expect(everTold('delivered', text)).toBeLessThanOrEqual(shown(text, (t) => t.delivered));
    expect(everTold('sent', text)).toBeLessThanOrEqual(shown(text, (t) => t.sent));
    const failed = truths.filter((t) => t.text === text && t.failed).length;
    expect(everTold('not_delivered', text)).toBeLessThanOrEqual(failed);
  }
  const claimed = w.store.db
    .sql<{ guid: string }>('SELECT guid FROM attempt WHERE guid IS NOT NULL UNION ALL SELECT guid FROM attempt_part')
    .all()
    .map(({ guid }) => guid);
  const byHand = new Set(w.ownHand.map((r) => r.guid));
  expect(claimed.filter((guid) => byHand.has(guid))).toEqual([]);
  const whole = w.store.db
    .sql<{ guid: string }>('SELECT guid FROM attempt WHERE guid IS NOT NULL')
    .all()
    .map(({ guid }) => guid);
  expect(new Set(whole).size).toBe(whole.length);
  expect(w.inbound).toEqual([]);
  expect(w.told.every((t) => t.guid === undefined || t.guid.startsWith('ROW-'))).toBe(true);
  expect(w.outside).toBe(0);
}
