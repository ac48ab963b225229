/** Which row is which message's: scenarios of the simulated Mac, judged by its own record. */
import { CLAIMING } from '../sim/scenarios/claiming.ts';
import { testScenarios } from '../support/scenario-stage.ts';

testScenarios(CLAIMING);
