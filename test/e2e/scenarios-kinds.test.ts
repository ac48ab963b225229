/** Every kind of row that a person sees: scenarios of the simulated Mac, judged by its own record. */
import { KINDS } from '../sim/scenarios/kinds.ts';
import { testScenarios } from '../support/scenario-stage.ts';

testScenarios(KINDS);
