/** The dashboard asks for metrics that the relay has, by labels that they have; and what the relay has is on it. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Metrics } from '../../../daemon/host/metrics.ts';

const dashboard = JSON.parse(
  readFileSync(new URL('../../../scripts/grafana-dashboard.json', import.meta.url), 'utf8'),
) as { panels: { id: number; title: string; targets: { expr: string; legendFormat: string }[] }[] };

const NAMES = /sender_relay_[a-z_]+/g;

async function known(): Promise<Map<string, string>> {
  const metrics = new Metrics({
    clock: { now: () => 0 },
    version: '0',
    sources: {
      queue: () => ({ waiting: 0, held: 0, dispatching: 0, unknown: 0, oldestAt: null }),
      journal: () => ({ unacked: 0, unackedBytes: 0, held: 0 }),
      controller: () => 'off',
      conditions: () => [],
      sender: () => ({ state: 'healthy', caps: [] }),
      chatDb: () => ({ readable: false, lastRowAt: null }),
    },
  });
  const { metrics: list } = await metrics.report();
  metrics.close();
  return new Map(list.map(({ name, type }) => [name, type]));
}

it('every name on the dashboard is a metric of the relay', async () => {
  const metrics = await known();
  const parts = (name: string) => name.replace(/_(bucket|sum|count)$/, '');
  const asked = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => expr.match(NAMES) ?? []));
  expect(asked.length).toBeGreaterThan(20);
  for (const name of asked) {
    const whole = metrics.has(name) ? name : parts(name);
    expect([name, metrics.has(whole)]).toEqual([name, true]);
    // The parts of a histogram, and only they, have such names.
    expect([name, metrics.get(whole) === 'histogram']).toEqual([name, whole !== name]);
  }
  const shown = new Set(asked.map((name) => (metrics.has(name) ? name : parts(name))));
  expect([...metrics.keys()].filter((name) => !shown.has(name))).toEqual([]);
});

it('panels have a place and a title of their own', () => {
  const { panels } = dashboard;
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
});
