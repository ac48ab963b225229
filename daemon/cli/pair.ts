/** `relayctl pair`: the device's token and its controller. What is done stands in pairing.ts, loaded only for it. */
import { Command } from 'commander';
import { EXIT, type ExitCode, exitCodesHelp } from './exit-codes.ts';
import { paragraph } from './table.ts';
import { usageCode } from './usage.ts';
import type { Asking, World } from './world.ts';

interface Options {
  device?: string;
  url?: string;
  tokenFile?: string;
  rotate?: boolean;
  remove?: boolean;
}

export function pairCommand(world: World): Command {
  return new Command('pair')
    .description('makes the device’s token, and names the controller')
    .option('--device <name>', 'the name of this relay at its controller')
    .option('--url <address>', 'where the relay dials to: wss://…')
    .option('--token-file <path>', 'takes a token that the controller gave out; - for stdin')
    .option('--rotate', 'puts another token in place of the present one')
    .option('--remove', 'takes the token and the section controller of config.json away')
    .addHelpText('after', exitCodesHelp([0, 1, 2]))
    .addHelpText(
      'after',
      '\nA token made here is shown once, for the controller to register. What is paired\nalready stays as it is. A relay that runs needs a new start for another name or\naddress; another token it takes when it next connects.',
    )
    .addHelpText('after', '\nExample:\n  relayctl pair --device mac-1 --url wss://relay.example.com/v1')
    .action((o: Options, command: Command) => world.run(command, (asking) => run(asking, o)));
}

async function run(asking: Asking, o: Options): Promise<ExitCode> {
  const { terminal } = asking;
  const say = async (words: string) => {
    for (const line of paragraph(words, terminal.width)) await terminal.line(line);
  };
  if (o.remove && (o.device ?? o.url ?? o.tokenFile ?? o.rotate) !== undefined)
    return usageCode(asking, '--remove goes alone.', 'Pair again afterwards, or use --rotate.');
  const pairing = await import('./pairing.ts');
  if (o.remove) {
    const done = await pairing.unpair(asking);
    if (asking.json) await terminal.json({ ...done });
    else {
      const isGone = done.removed_token || done.changed.length > 0;
      await say(isGone ? 'No longer paired; ask who runs the controller to revoke the token.' : 'It was not paired.');
      if (isGone) await say('A relay that runs lets go of its controller with: relayctl service restart');
    }
    return EXIT.ok;
  }
  const gap = pairing.pairingGap(asking, o);
  if (gap) return usageCode(asking, ...gap);
  const paired = await pairing.pair(asking, o);
  if (asking.json) {
    const { secret, ...rest } = paired;
    await terminal.json({ ...rest, ...(secret === null ? {} : { secret }) });
    return EXIT.ok;
  }
  for (const words of pairing.pairedWords(paired)) await say(words);
  if (paired.secret !== null) await terminal.line(`\n  ${paired.secret}\n`);
  return EXIT.ok;
}
