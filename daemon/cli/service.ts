/** `relayctl service …`: the relay as a service of macOS. What is done stands in service-verbs.ts, loaded only for it. */
import { Command } from 'commander';
import { type ExitCode, exitCodesHelp } from './exit-codes.ts';
import type { Asking, World } from './world.ts';

type Verbs = typeof import('./service-verbs.ts');

export function serviceCommand(world: World): Command {
  const plain = (
    name: string,
    description: string,
    codes: ExitCode[],
    work: (verbs: Verbs, asking: Asking) => Promise<ExitCode>,
  ) =>
    new Command(name)
      .description(description)
      .addHelpText('after', exitCodesHelp(codes))
      .addHelpText('after', `\nExample:\n  relayctl service ${name}`)
      .action((_: object, command: Command) =>
        world.run(command, async (asking) => work(await import('./service-verbs.ts'), asking)),
      );
  const install = new Command('install')
    .description('makes the relay run whenever you are logged in, and starts it')
    .option('--bundle <app>', 'the app to run; else the one that this relayctl is in, or that in Applications')
    .option('--print', 'shows the property list, and does nothing')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 4]))
    .addHelpText(
      'after',
      '\nWhere it is installed already, what changed is put in place, and the relay\nstarts again with it; if nothing changed, nothing is done.',
    )
    .addHelpText('after', '\nExample:\n  relayctl service install --bundle "/Applications/Sender Relay.app"')
    .action((o: { bundle?: string; print?: boolean }, command: Command) =>
      world.run(command, async (asking) => {
        const verbs = await import('./service-verbs.ts');
        return o.print ? verbs.print(asking, o) : verbs.install(asking, o);
      }),
    );
  return new Command('service')
    .description('the relay as a service of macOS')
    .addHelpText('after', '\nrelayctl service COMMAND --help has an example and the exit codes.')
    .addCommand(install)
    .addCommand(
      plain('uninstall', 'stops the relay and takes the service away; its data and logs stay', [0, 1, 2, 4], (v, a) =>
        v.uninstall(a),
      ),
    )
    .addCommand(plain('start', 'starts the installed service', [0, 1, 2, 4], (v, a) => v.start(a)))
    .addCommand(plain('stop', 'stops it until the next login, or start', [0, 1, 2, 4], (v, a) => v.stop(a)))
    .addCommand(
      plain('restart', 'a new process: after an update, or a change of config.json', [0, 1, 2, 4], (v, a) =>
        v.restart(a),
      ),
    )
    .addCommand(plain('status', 'what launchd knows of it', [0, 1, 2, 3, 4], (v, a) => v.status(a)));
}
