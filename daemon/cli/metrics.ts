/** `relayctl metrics`: what the relay counts and measures, as Prometheus reads it. */
import { Command } from 'commander';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import type { Asking, World } from './world.ts';

export function metricsCommand(world: World): Command {
  return new Command('metrics')
    .description('what the relay counts and measures, as Prometheus text')
    .addHelpText('after', '\nWith metrics.port in config.json a Prometheus on this Mac finds the same at\n127.0.0.1.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl metrics | grep not_delivered')
    .action((_: object, command: Command) => world.run(command, show));
}

async function show(asking: Asking): Promise<ExitCode> {
  const client = await asking.client();
  const result = await client.metrics();
  if (result.kind !== 'ok') return asking.without(result);
  const { text, metrics } = result.data;
  if (asking.json) await asking.terminal.json({ now: result.now, metrics });
  else for (const line of text.trimEnd().split('\n')) await asking.terminal.line(line);
  return EXIT.ok;
}
