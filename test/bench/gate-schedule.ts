/**
 * Days of a gate in random order, very many of them: the simulation of `npm test` (test/unit/gate/simulation.test.ts), which judges what went out by
 * the rules themselves, with more runs. Ends at the first one that breaks a rule, and shows it with its seed.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench } from './figure.ts';

const RUNS = 10_000;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SIMULATION = ['test/unit/gate/simulation.test.ts', '-t', 'keep every distance'];

export const gateSchedule: Bench = {
  name: `Days of a gate in random order, ${RUNS.toLocaleString('en')} runs`,
  async run() {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', ...SIMULATION],
      {
        cwd: ROOT,
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1', SIMULATION_RUNS: String(RUNS) },
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    if (status !== 0) console.error(`${stdout}${stderr}`);
    const number = (what: string) =>
      Number(new RegExp(`([\\d,]+) ${what}`).exec(stdout)?.[1]?.replaceAll(',', '') ?? 0);
    return [
      { name: 'runs', value: number('runs'), unit: '', limit: { least: RUNS } },
      { name: 'steps', value: number('steps'), unit: '', limit: { least: 100 * RUNS } },
      { name: 'texts that went out', value: number('texts went out'), unit: '' },
      { name: 'runs that broke a rule', value: status === 0 ? 0 : 1, unit: '', limit: { most: 0 } },
    ];
  },
};
