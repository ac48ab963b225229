/** All scenarios, in the order in which they are listed. */
import { CLAIMING } from './claiming.ts';
import { OUTCOMES } from './outcomes.ts';
import type { Scenario } from './scene.ts';
import { SENDING } from './sending.ts';

export const SCENARIOS: readonly Scenario[] = [...SENDING, ...CLAIMING, ...OUTCOMES];

export function scenarioNamed(name: string): Scenario | undefined {
  return SCENARIOS.find((scenario) => scenario.name === name);
}
