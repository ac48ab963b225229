/** The two commands that need no relay, on the real gate and the real bridge. */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { relayctl } from '../../support/relayctl.ts';
import { makeFolder } from '../../support/store.ts';

const SHARED = fileURLToPath(new URL('../../../../shared/fixtures/chatdb/', import.meta.url));
const text = 'Your table for two is ready, please come to the counter';
let folder: string;

beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('gate near', () => {
  const pairs = [
    `${text}\t${text}!`,
    `${text}\t${text} when you like`,
    `${text}\tSee you on Monday then, and bring the dog`,
  ];

  it('compares the pairs of a file, one line each', async () => {
    const file = join(folder, 'pairs.tsv');
    writeFileSync(file, `${pairs.join('\n')}\n`);
    const { code, lines, err } = await relayctl(['gate', 'near', '--file', file]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines).toEqual([
      'same\t1.000\t1.000',
      expect.stringMatching(/^near\t0\.[5-9]\d\d\t[01]\.\d{3}$/),
      expect.stringMatching(/^apart\t0\.[0-4]\d\d\t0\.\d{3}$/),
    ]);
  });

  it('goes on behind a bad line, names it, and ends with 1', async () => {
    const input = `\uFEFF${pairs[0]}\r\nno tab\n${pairs[2]}\n\na\tb\tc\n${pairs[0]}`;
    const { code, lines, err } = await relayctl(['gate', 'near', '-f', '-'], { input });
    expect(code).toBe(1);
    expect(lines.map((line) => line.split('\t')[0])).toEqual(['same', 'apart', 'same']);
    expect(err.split('\n').filter(Boolean)).toEqual([
      'relayctl: line 2: no tab, so not two texts',
      'relayctl: line 4: no tab, so not two texts',
      'relayctl: line 5: 2 tabs, so not two texts',
    ]);
  });

  it('is NDJSON with line numbers and the deciding part if asked', async () => {
    const { code, json, err } = await relayctl(['gate', 'near', '-f', '-', '--json'], { input: `bad\n${pairs[0]}\n` });
    expect(code).toBe(1);
    expect(json()).toEqual([
      { schema: 1, line: 2, verdict: 'same', jaccard: 1, containment: 1, arm: expect.any(String) },
    ]);
    expect(JSON.parse(err)).toEqual({
      schema: 1,
      error: { code: 'bad_line', message: expect.stringContaining('line 1') },
    });
  });

  it('takes an empty file, and refuses one that is not there', async () => {
    expect(await relayctl(['gate', 'near', '-f', '-'])).toMatchObject({ code: 0, out: '', err: '' });
    for (const file of [join(folder, 'none.tsv'), folder]) {
      const { code, out, err } = await relayctl(['gate', 'near', '-f', file]);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(err).toContain(`${file} cannot be read`);
    }
  });
});

describe('chatdb read', () => {
  const databases = existsSync(SHARED) ? readdirSync(SHARED).filter((name) => name.endsWith('.db')) : [];

  it.skipIf(databases.length === 0)('reads real databases row by row (skips without ../shared)', async () => {
    for (const name of databases) {
      const { code, json, err } = await relayctl(['chatdb', 'read', join(SHARED, name), '--json']);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const rows = json() as { schema: number; rowid: number }[];
      expect(rows.length).toBeGreaterThan(0);
      expect(rows.every((row, i) => row.schema === 1 && row.rowid > (rows[i - 1]?.rowid ?? 0))).toBe(true);

      const after = rows[Math.floor(rows.length / 2)]?.rowid ?? 0;
      const rest = await relayctl(['chatdb', 'read', join(SHARED, name), '--since', String(after), '--json']);
      expect(rest.json()).toEqual(rows.filter((row) => row.rowid > after));

      const plain = await relayctl(['chatdb', 'read', join(SHARED, name)]);
      expect(plain.lines.length).toBe(rows.length);
      expect(plain.lines.filter((line) => line.length > 80)).toEqual([]);
    }
  });

  it('says what is wrong with a file that is none', async () => {
    writeFileSync(
      join(folder, 'text.db'),
      'This is no database, but it is long enough to be looked at as one.'.repeat(20),
    );
    const other = new DatabaseSync(join(folder, 'other.db'));
    other.exec('CREATE TABLE song (title TEXT)');
    other.close();
    mkdirSync(join(folder, 'folder.db'));
    for (const name of ['none.db', 'text.db', 'other.db', 'folder.db']) {
      const { code, out, err } = await relayctl(['chatdb', 'read', join(folder, name)]);
      expect({ name, code, out }).toEqual({ name, code: 1, out: '' });
      expect(err).toMatch(/^relayctl: .+\n {10}\S.+\n$/);
    }
  });

  it.skipIf(process.getuid?.() === 0)(
    'ends with 4 and the remedy when it may not be read (skips as root)',
    async () => {
      const file = join(folder, 'chat.db');
      writeFileSync(file, '', { mode: 0o000 });
      const { code, out, err } = await relayctl(['chatdb', 'read', file]);
      expect({ code, out }).toEqual({ code: 4, out: '' });
      expect(err).toContain('Full Disk Access');
    },
  );
});
