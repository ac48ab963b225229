/** The scenarios as a whole: each has a name of its own, an end-to-end test, and stands in the table of daemon/README.md by its name. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SCENARIOS } from '../../sim/scenarios/all.ts';
import { CLAIMING } from '../../sim/scenarios/claiming.ts';
import { KINDS } from '../../sim/scenarios/kinds.ts';
import { OPT_OUTS } from '../../sim/scenarios/opt-outs.ts';
import { OUTCOMES } from '../../sim/scenarios/outcomes.ts';
import { READING } from '../../sim/scenarios/reading.ts';
import { SENDING } from '../../sim/scenarios/sending.ts';

const LISTS = { CLAIMING, KINDS, OPT_OUTS, OUTCOMES, READING, SENDING };
const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const names = SCENARIOS.map(({ name }) => name);

it('each has a name of its own, and says what happens and what the relay must do', () => {
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))).toEqual([]);
  expect(SCENARIOS.filter(({ happens, must }) => happens === '' || must === '' || /\n/.test(happens + must))).toEqual(
    [],
  );
});

it('each is played by an end-to-end test', () => {
  const played = readdirSync(at('test/e2e'))
    .map((file) => /\btestScenarios\(([^;]*)\)/.exec(readFileSync(at(`test/e2e/${file}`), 'utf8'))?.[1] ?? '')
    .join(' ');
  const covered = Object.entries(LISTS).flatMap(([list, scenarios]) =>
    new RegExp(`\\b${list}\\b`).test(played) ? scenarios.map(({ name }) => name) : [],
  );
  expect(covered.toSorted()).toEqual(names.toSorted());
});

it('each failure of a peer in daemon/README.md names scenarios that there are', () => {
  const [, table = ''] = readFileSync(at('daemon/README.md'), 'utf8').split(
    '| who, and how it fails | our scenario | result |',
  );
  const rows = (table.split('\n\n')[0] ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
  expect(rows.length).toBeGreaterThanOrEqual(20);
  for (const row of rows) {
    const [, , scenarios = '', result = ''] = row.split('|');
    const named = [...scenarios.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
    expect([row, named.length > 0, result.trim() !== '']).toEqual([row, true, true]);
    expect([row, named.filter((name) => !names.includes(name ?? ''))]).toEqual([row, []]);
  }
});
