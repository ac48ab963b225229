/** Which row is which message's, and what becomes of it: scenarios of the simulated Mac, judged by its own record. */
import { CLAIMING } from '../sim/scenarios/claiming.ts';
import { OUTCOMES } from '../sim/scenarios/outcomes.ts';
import { testScenarios } from '../support/scenario-stage.ts';

testScenarios([...CLAIMING, ...OUTCOMES]);
