/** What relayctl's exit code says, the same for every command. */
import { isForPerson } from '../host/health.ts';
import type { Status } from '../local/schemas.ts';

export const EXIT = { ok: 0, failed: 1, usage: 2, notRunning: 3, needsPerson: 4, degraded: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const MEANINGS: Record<ExitCode, string> = {
  0: 'all is well',
  1: 'failed',
  2: 'the command line is not right',
  3: 'the relay is not running',
  4: 'the relay waits for a person: a permission, a login, a token',
  5: 'the relay runs, but is not ready',
};

/** For the end of a command's help. */
export function exitCodesHelp(codes: ExitCode[]): string {
  return `\nExit codes:\n${codes.map((code) => `  ${code}  ${MEANINGS[code]}`).join('\n')}`;
}

export function exitCodeOf(status: Pick<Status, 'ready' | 'conditions'>): ExitCode {
  if (status.ready) return EXIT.ok;
  const errors = status.conditions.filter((c) => c.severity === 'error');
  return errors.some((c) => isForPerson(c.name)) ? EXIT.needsPerson : EXIT.degraded;
}
