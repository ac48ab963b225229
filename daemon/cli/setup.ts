/** `relayctl setup`: from nothing to a relay that answers. What is done stands in setup-steps.ts, loaded only for it. */
import { Command, Option } from 'commander';
import { EXIT, exitCodesHelp } from './exit-codes.ts';
import type { SetupOptions } from './setup-steps.ts';
import { usageCode } from './usage.ts';
import type { World } from './world.ts';

export function setupCommand(world: World): Command {
  return new Command('setup')
    .description('leads from nothing to a relay that answers, step by step')
    .option('--device <name>', 'the name of this relay at its controller')
    .option('--url <address>', 'where the relay dials to: wss://…')
    .option('--token-file <path>', 'takes a token that the controller gave out; - for stdin')
    .addOption(new Option('--kind <kind>', 'what the Apple ID is for').choices(['shared', 'dedicated']))
    .option('--since <day>', 'since when it sends: 2026-03-31')
    .option('--region <region>', 'the country of numbers without +: US')
    .option('--no-service', 'leaves launchd alone; the relay is started by hand')
    .option('--bundle <app>', 'the app to run as a service')
    .option('--test-to <handle>', 'sends a first message, to yourself')
    .option('-y, --yes', 'asks nothing, and takes what is known or usual')
    .option('--undo', 'takes the service and the pairing away; data and logs stay')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 4, 5]))
    .addHelpText(
      'after',
      '\nAsks at a terminal for what no flag says. What is so already stays, so it can be\nrun again at any time; --test-to sends each time.',
    )
    .addHelpText('after', '\nExample:\n  relayctl setup --device mac-1 --url wss://relay.example.com/v1 --region US')
    .action((o: SetupOptions, command: Command) =>
      world.run(command, async (asking) => {
        const { undo, service, ...given } = o;
        const flags = Object.keys(given).length + (service ? 0 : 1);
        if (undo && flags > 0) return usageCode(asking, '--undo goes alone.', 'relayctl setup --help tells more.');
        const steps = await import('./setup-steps.ts');
        if (undo) return steps.undo(asking);
        const { Person } = await import('./person.ts');
        const person = o.yes || asking.json ? null : Person.atTerminal();
        if (!person && flags === 0)
          return usageCode(
            asking,
            'Nobody can be asked here: this is no terminal.',
            'Give --device NAME --url wss://… (and --token-file, --kind, --since, --region, --no-service, --test-to), or --yes.',
          );
        try {
          return await steps.setup(asking, o, person);
        } catch (error) {
          if (!steps.needsPerson(error)) throw error;
          asking.terminal.complain(error, asking.json);
          return EXIT.needsPerson;
        } finally {
          person?.close();
        }
      }),
    );
}
