/**
 * Plays scenarios of the simulated Mac as tests: many on one stage, one after the other; those that leave something behind each on a
 * stage of their own. A check that does not hold is shown with what was found.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../../scripts/demo/stage.ts';
import { SCENARIOS } from '../sim/scenarios/all.ts';
import { play } from '../sim/scenarios/play.ts';
import { relayConfig } from '../sim/scenarios/relay-config.ts';
import type { Scenario } from '../sim/scenarios/scene.ts';

export const FACTOR = 20;
/** Longer than any wait for one thing, so that it is said what was waited for. */
const PATIENCE_MS = 60_000;

async function openStage({ alone, factor = FACTOR }: Pick<Scenario, 'alone' | 'factor'>, o: StageMac): Promise<Stage> {
  const stage = await Stage.open({ factor, config: relayConfig({ alone }), mac: o });
  stage.sim.onEvent(() => stage.look());
  try {
    stage.startRelay();
    // Rows from before it first looks are history for it.
    await stage.settle();
    return stage;
  } catch (error) {
    await stage.close();
    throw error;
  }
}

type StageMac = NonNullable<Scenario['mac']>;

/** One test for each, in the order given. */
export function testScenarios(scenarios: readonly Scenario[]): void {
  const kinds = Map.groupBy(
    scenarios.filter(({ alone }) => !alone),
    ({ mac }) => JSON.stringify(mac ?? {}),
  );
  for (const [mac, shared] of kinds)
    describe(mac === '{}' ? 'on any Mac' : `on a Mac with ${mac}`, () => {
      let stage: Stage;
      beforeAll(async () => {
        stage = await openStage({}, JSON.parse(mac) as StageMac);
      }, PATIENCE_MS);
      afterAll(() => stage?.close());
      it.each(shared.map((scenario) => [scenario.name, scenario] as const))(
        '%s',
        (_name, scenario) => judge(scenario, stage),
        PATIENCE_MS,
      );
    });
  for (const scenario of scenarios.filter(({ alone }) => alone))
    it(
      `${scenario.name} (on a stage of its own)`,
      async () => {
        const stage = await openStage(scenario, scenario.mac ?? {});
        try {
          await judge(scenario, stage);
        } finally {
          await stage.close();
        }
      },
      PATIENCE_MS,
    );
}

async function judge(scenario: Scenario, stage: Stage): Promise<void> {
  const checks = await play(scenario, stage, SCENARIOS.indexOf(scenario)).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${stage.log(15).join('\n')}`, { cause: error });
  });
  expect(checks.length).toBeGreaterThan(0);
  expect(checks.filter(({ holds }) => !holds)).toEqual([]);
}
