/** Everything that can go wrong while a message is handed to Messages: scenarios of the simulated Mac, judged by its own record. */
import { SENDING } from '../sim/scenarios/sending.ts';
import { testScenarios } from '../support/scenario-stage.ts';

testScenarios(SENDING);
