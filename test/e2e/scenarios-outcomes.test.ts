/** What becomes of a message that left: scenarios of the simulated Mac, judged by its own record. */
import { OUTCOMES } from '../sim/scenarios/outcomes.ts';
import { testScenarios } from '../support/scenario-stage.ts';

testScenarios(OUTCOMES);
