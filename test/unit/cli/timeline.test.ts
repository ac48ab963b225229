/** The picture of the dispatches, in lines of text and as SVG, of fixed rows. */
import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../../daemon/cli/table.ts';
import { timelineLines } from '../../../daemon/cli/timeline-lanes.ts';
import { timelineSvg } from '../../../daemon/cli/timeline-svg.ts';
import type { Dispatch, FamilyOfTexts, Timeline } from '../../../daemon/inspect.ts';

const NOON = new Date(2026, 0, 31, 12).getTime();
const MINUTE = 60_000;

function dispatch(minutesAgo: number, o: Partial<Dispatch> = {}): Dispatch {
  const to = `+1415555${1000 + Math.round(minutesAgo * 10)}`;
  return {
    message: `m_${minutesAgo}`,
    to,
    people: [to],
    kind: 'sent',
    state: 'settled',
    at: NOON - minutesAgo * MINUTE,
    gapMs: null,
    intervalMs: 60_000,
    tooClose: false,
    ...o,
  };
}

function family(o: Partial<FamilyOfTexts> = {}): FamilyOfTexts {
  const dispatches = [dispatch(600), dispatch(598.9, { gapMs: 66_000 }), dispatch(30, { gapMs: 34_134_999 })];
  return {
    name: '8f3a91c2',
    textStart: 'Your table is ready, please co',
    people: 3,
    leastGapMs: 66_000,
    intervalMs: { least: 60_000, most: 60_000 },
    tooClose: 0,
    dispatches,
    ...o,
  };
}

function timeline(o: Partial<Timeline> = {}): Timeline {
  return {
    from: NOON - 24 * 60 * MINUTE,
    to: NOON,
    families: [family()],
    familiesTotal: 1,
    singles: [dispatch(1_000), dispatch(100)],
    replies: [dispatch(20, { kind: 'reply' })],
    dispatches: 6,
    tooClose: 0,
    ...o,
  };
}

const busy = timeline({
  families: [
    family({
      people: 14,
      leastGapMs: 12_400,
      intervalMs: { least: 60_000, most: 90_000 },
      tooClose: 1,
      dispatches: [
        ...Array.from({ length: 12 }, (_, i) => dispatch(700 - i * 1.2, { gapMs: i === 0 ? null : 72_000 })),
        dispatch(300, { gapMs: 12_400, intervalMs: 90_000, tooClose: true }),
        dispatch(200, { kind: 'own_hand', intervalMs: null }),
      ],
    }),
  ],
  familiesTotal: 4,
  tooClose: 1,
});

const drawn = (of: Timeline, width: number) =>
  timelineLines(of, width).map((line) =>
    line
      .map(({ text }) => text)
      .join('')
      .trimEnd(),
  );

describe('in lines of text', () => {
  it('is a lane for each family, with people, times and distances, in 80 columns', () => {
    expect(drawn(timeline(), 80).join('\n')).toMatchInlineSnapshot(`
      "6 dispatches from 2026-01-30 12:00:00 to 2026-01-31 12:00:00: 1 family of
      near-same texts, 2 other texts, 1 reply.
      None was too close to a near-same text.
      A column is 21 min.

                12:00             18:00            00:00             06:00       12:00
      8f3a91c2  ········································2···························1·
        “Your table is ready, please co…”
        3 people, 02:00:00 to 11:30:00; 60 s asked, at least 66 s kept
        distances in s: 66 34134

      others    ·····················1···········································1····
      replies   ·····································································1

      1-9 so many in a column, + more; o with the owner’s own hand; ! with one too
      close. Others: texts that nothing else was near to. Replies keep no distance."
    `);
  });

  it('marks what was too close and what the own hand sent, without colour', () => {
    expect(drawn(busy, 80).join('\n')).toMatchInlineSnapshot(`
      "6 dispatches from 2026-01-30 12:00:00 to 2026-01-31 12:00:00: 4 families of
      near-same texts, 2 other texts, 1 reply.
      1 dispatch TOO CLOSE to a near-same text.
      A column is 21 min.

                12:00             18:00            00:00             06:00       12:00
      8f3a91c2  ···································1+··················!····o·········
        “Your table is ready, please co…”
        14 people, 00:20:00 to 08:40:00; 60 to 90 s asked, at least 12 s kept; 1 by
        the owner’s own hand; 1 TOO CLOSE
        distances in s: 72 72 72 72 72 72 72 72 72 72 72 !12

      … and 3 more families; --limit shows more.

      others    ·····················1···········································1····
      replies   ·····································································1

      1-9 so many in a column, + more; o with the owner’s own hand; ! with one too
      close. Others: texts that nothing else was near to. Replies keep no distance."
    `);
  });

  it('fits a narrower terminal', () => {
    expect(drawn(busy, 40).join('\n')).toMatchInlineSnapshot(`
      "6 dispatches from 2026-01-30 12:00:00 to
      2026-01-31 12:00:00: 4 families of
      near-same texts, 2 other texts, 1 reply.
      1 dispatch TOO CLOSE to a near-same text.
      A column is 48 min.

                12:00          00:00     12:00
      8f3a91c2  ···············+·······!·o····
        “Your table is ready, please co…”
        14 people, 00:20:00 to 08:40:00; 60 to
        90 s asked, at least 12 s kept; 1 by
        the owner’s own hand; 1 TOO CLOSE
        distances in s: … 72 72 72 72 72 !12

      … and 3 more families; --limit shows
      more.

      others    ·········1·················1··
      replies   ·····························1

      1-9 so many in a column, + more; o with
      the owner’s own hand; ! with one too
      close. Others: texts that nothing else
      was near to. Replies keep no distance."
    `);
  });

  it.each([40, 57, 80, 132])('fits %i columns, also with many distances and wide letters', (width) => {
    const dispatches = Array.from({ length: 300 }, (_, i) => dispatch(1400 - i * 4, { gapMs: 240_000 }));
    const many = timeline({
      families: [family({ textStart: '日本語'.repeat(10), dispatches, people: 300 })],
      familiesTotal: 1_000,
    });
    expect(drawn(many, width).filter((line) => columnsOf(line) > width)).toEqual([]);
    const week = { ...many, from: NOON - 7 * 24 * 60 * MINUTE };
    expect(drawn(week, width).filter((line) => columnsOf(line) > width)).toEqual([]);
  });

  it('says so when nothing went', () => {
    const nothing = timeline({ families: [], familiesTotal: 0, singles: [], replies: [], dispatches: 0 });
    expect(drawn(nothing, 80)).toEqual(['Nothing went from 2026-01-30 12:00:00 to 2026-01-31 12:00:00.']);
  });

  it('lets no text from outside steer the terminal', () => {
    const nasty = timeline({ families: [family({ textStart: 'x\x1b[2J\u202ey\nz' })] });
    expect(drawn(nasty, 80).join('')).not.toMatch(/[\x1b\u202e]/);
  });
});

describe('as SVG', () => {
  const svg = timelineSvg(busy);

  it('stands alone: no scripts, nothing from outside, light and dark', () => {
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 960 \d+" role="img"/);
    expect(svg).not.toMatch(/<script|href|url\(|@import|\son\w+=/i);
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it('tells a screen reader what is to be seen', () => {
    const [, title = ''] = /<title id="title">(.*)<\/title>/.exec(svg) ?? [];
    const [, desc = ''] = /<desc id="desc">(.*)<\/desc>/.exec(svg) ?? [];
    expect(title).toBe('Dispatches from 2026-01-30 12:00:00 to 2026-01-31 12:00:00');
    expect(desc).toContain('1 dispatch too close to a near-same text.');
    expect(desc).toContain('14 people, 00:20:00 to 08:40:00; 60 to 90 s asked, at least 12 s kept');
    expect(svg).toContain('aria-labelledby="title desc"');
  });

  it('has a mark for each dispatch: dots, a cross, a square', () => {
    const marks = (style: string) =>
      new RegExp(`<path class="${style}" d="([^"]*)"`).exec(svg)?.[1]?.match(/M/g)?.length;
    expect({ dots: marks('dot'), crosses: marks('cross'), own: marks('own') }).toEqual({
      dots: 12,
      crosses: 1,
      own: 1,
    });
  });

  it('is well-formed whatever a text holds', () => {
    const nasty = timelineSvg(timeline({ families: [family({ textStart: '</title><script>&"\'\u0007\ud800' })] }));
    expect(nasty).toContain('“&lt;/title&gt;&lt;script&gt;&amp;&quot;&#39;··”'.replace('··', '·\ufffd'));
    const open = [...nasty.matchAll(/<(\w+)(?=[\s>])[^>]*?(?<!\/)>/g)].map((m) => m[1]);
    const closed = [...nasty.matchAll(/<\/(\w+)>/g)].map((m) => m[1]);
    expect(open.sort()).toEqual(closed.sort());
  });

  it('stays small with very many dispatches', () => {
    const dispatches = Array.from({ length: 50_000 }, (_, i) => dispatch(1440 - i * 0.028));
    expect(timelineSvg(timeline({ families: [family({ dispatches })] })).length).toBeLessThan(60_000);
  });
});
