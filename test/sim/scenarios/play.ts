/** Plays one scenario on a ground, and leaves the Mac as it was. */
import { USUAL_TIMING } from '../messages.ts';
import { disagreements } from './compare.ts';
import { type Check, type Ground, type Scenario, Scene } from './scene.ts';

/** Real time. */
const ON_ITS_WAY_MS = 3_000;

/** Plays it and compares at the end. `number` differs for each scenario on a ground. */
export async function play(scenario: Scenario, ground: Ground, number: number): Promise<Check[]> {
  const scene = new Scene(ground, number);
  const { sim } = ground;
  try {
    await scenario.play(scene);
    await ground.settle();
    // Receipts of messages that the scenario does not wait for may still be on their way.
    await ground
      .until(() => disagreements(scene).length === 0, { what: 'agreement', patienceMs: ON_ITS_WAY_MS })
      .catch(() => {});
    scene.sees('the Mac’s record and the controller’s store agree', disagreements(scene), []);
  } finally {
    await sim.messages('normal');
    await sim.release('end');
    await sim.apple({ timing: USUAL_TIMING, ghosts: 0, junk: false, astray: null, splits: false });
  }
  return scene.checks;
}
