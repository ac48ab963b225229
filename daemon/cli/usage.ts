/** What commander cannot know to be wrong with a command line. */
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Asking } from './world.ts';

export function usageCode({ terminal, json }: Asking, message: string, hint: string): ExitCode {
  terminal.complain({ code: 'usage', message, hint }, json);
  return EXIT.usage;
}
