/** Which programs this machine has: tests that need one say so when they are skipped. */
import { spawnSync } from 'node:child_process';

/** Can it be started? */
export function runs(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).error === undefined;
}
