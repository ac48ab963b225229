/** All scenarios, in the order in which they are listed. */
import { CLAIMING } from './claiming.ts';
import { KINDS } from './kinds.ts';
import { OPT_OUTS } from './opt-outs.ts';
import { OUTCOMES } from './outcomes.ts';
import { READING } from './reading.ts';
import type { Scenario } from './scene.ts';
import { SENDING } from './sending.ts';

export const SCENARIOS: readonly Scenario[] = [...SENDING, ...CLAIMING, ...OUTCOMES, ...READING, ...KINDS, ...OPT_OUTS];

export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
