/** `relayctl queue cancel`: one message that waits does not go out. */
import { EXIT, type ExitCode } from './exit-codes.ts';
import type { Asking } from './world.ts';

export async function cancelMessage(asking: Asking, message: string): Promise<ExitCode> {
  const result = await (await asking.client()).cancel(message);
  if (result.kind !== 'ok') return asking.without(result);
  if (asking.json) await asking.terminal.json({ now: result.now, ...result.data });
  else await asking.terminal.line(`Cancelled: ${result.data.cancelled.join(', ')}.`);
  return EXIT.ok;
}
