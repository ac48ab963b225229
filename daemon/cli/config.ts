/** `relayctl config`: is the file right, what holds, what does a field mean, and what does a whole file look like. Needs no relay. */
import { Command } from 'commander';
import { exitCodesHelp } from './exit-codes.ts';
import type { World } from './world.ts';

/** Loaded only for these commands: the schemas take longer to load than all else. */
const verbs = () => import('./config-verbs.ts');

export function configCommand(world: World): Command {
  const config = new Command('config').description('the configuration: check it, show it, explain it, reload it');
  config
    .command('check')
    .description('is the file right; every mistake is named')
    .argument('[file]', 'another file than the relay’s own')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText('after', '\nExample:\n  relayctl config check && relayctl service restart')
    .action((file: string | undefined, _: object, command: Command) =>
      world.run(command, async (asking) => (await verbs()).check(asking, file)),
    );
  config
    .command('show')
    .description('what holds, and where it comes from: the file, the environment, or the default')
    .option('-a, --all', 'also what is as by default')
    .addHelpText('after', '\nThe controller may have set rules stricter than the file: relayctl policy.')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText('after', '\nExample:\n  relayctl config show --all')
    .action((o: { all?: boolean }, command: Command) =>
      world.run(command, async (asking) => (await verbs()).show(asking, o.all ?? false)),
    );
  config
    .command('explain')
    .description('what a field means, what it may be, and what it is now')
    .argument('[key]', 'such as log.level; a section such as policy.caps; nothing for all')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText('after', '\nExample:\n  relayctl config explain policy.interval.steps')
    .action((key: string | undefined, _: object, command: Command) =>
      world.run(command, async (asking) => (await verbs()).explain(asking, key)),
    );
  config
    .command('reload')
    .description('the running relay reads its file anew')
    .addHelpText('after', '\nThe level of the log and most rules change at once; what needs a new start\nis named.')
    .addHelpText('after', exitCodesHelp([0, 1, 2, 3]))
    .addHelpText('after', '\nExample:\n  relayctl config check && relayctl config reload')
    .action((_: object, command: Command) => world.run(command, async (asking) => (await verbs()).reload(asking)));
  config
    .command('example')
    .description('a whole file with comments, every field at its default')
    .addHelpText('after', exitCodesHelp([0, 2]))
    .addHelpText('after', '\nExample:\n  relayctl config example > config.json')
    .action((_: object, command: Command) => world.run(command, async (asking) => (await verbs()).example(asking)));
  return config;
}
