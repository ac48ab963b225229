/** What chat.db does under its reader's feet, and STOP as it really comes: scenarios of the simulated Mac, judged by its own record. */
import { OPT_OUTS } from '../sim/scenarios/opt-outs.ts';
import { READING } from '../sim/scenarios/reading.ts';
import { testScenarios } from '../support/scenario-stage.ts';

testScenarios([...OPT_OUTS, ...READING]);
