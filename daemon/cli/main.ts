/**
 * relayctl: what a person types. Reads the command line, lets one command do its work, ends with its exit code.
 *
 *   status.ts   send.ts   queue.ts   sender.ts   …             one file per command
 *   world.ts    terminal.ts   table.ts   times.ts             what they share
 */
import { Command, CommanderError } from 'commander';
import { messageOf, RelayError } from '../host/errors.ts';
import { VERSION } from '../host/version.ts';
import { chatdbCommand } from './chatdb.ts';
import { completionCommand } from './completion.ts';
import { configCommand } from './config.ts';
import { contactCommand } from './contact.ts';
import { doctorCommand } from './doctor.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { gateCommand } from './gate.ts';
import { logsCommand } from './logs.ts';
import { metricsCommand } from './metrics.ts';
import { pairCommand } from './pair.ts';
import { policyCommand } from './policy.ts';
import { queueCommand } from './queue.ts';
import { sendCommand } from './send.ts';
import { senderCommand } from './sender.ts';
import { serviceCommand } from './service.ts';
import { setupCommand } from './setup.ts';
import { statusCommand } from './status.ts';
import { tailCommand } from './tail.ts';
import { Terminal } from './terminal.ts';
import { textCommand } from './text.ts';
import { World } from './world.ts';

function programOf(world: World, json: boolean): Command {
  const program = new Command('relayctl')
    .description('Looks into a Sender Relay, and asks it.')
    .version(VERSION)
    .option('--home <folder>', 'the folder of the relay (or SENDER_RELAY_HOME)')
    .option('--json', 'answers as JSON with "schema": 1, streams as one object a line')
    .addHelpText('after', '\nAnswers go to stdout, all else to stderr.')
    .addHelpText('after', 'relayctl COMMAND --help has the options, an example and the exit codes.');
  const commands = [
    statusCommand,
    doctorCommand,
    sendCommand,
    queueCommand,
    tailCommand,
    senderCommand,
    contactCommand,
    gateCommand,
    policyCommand,
    logsCommand,
    metricsCommand,
    configCommand,
    completionCommand,
    textCommand,
    chatdbCommand,
    setupCommand,
    pairCommand,
    serviceCommand,
  ].map((make) => make(world));
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands, ...commands.flatMap((c) => c.commands)])
    command
      .exitOverride()
      .configureOutput(json ? { writeErr: () => {} } : {})
      .showHelpAfterError('(--help tells more)')
      .configureHelp({ showGlobalOptions: true, helpWidth: Math.min(world.terminal.width, 100) });
  return program;
}

function usageError({ code, message }: CommanderError): { code: string; message: string; hint: string } {
  const words = code === 'commander.help' ? 'No command was given.' : message.replace(/^error: /, '');
  return { code: 'usage', message: words, hint: 'relayctl COMMAND --help tells what it takes.' };
}

async function main(): Promise<ExitCode> {
  const terminal = new Terminal({
    out: process.stdout,
    err: process.stderr,
    env: process.env,
    onGone: () => process.exit(),
  });
  const interruption = () => {
    const controller = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort());
    return controller.signal;
  };
  const world = new World({ terminal, env: process.env, interruption });
  const json = process.argv.includes('--json');
  try {
    await programOf(world, json).parseAsync();
    return world.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      if (json) terminal.complain(usageError(error), json);
      return EXIT.usage;
    }
    if (error instanceof RelayError) terminal.complain(error, json);
    else terminal.complain({ code: 'internal', message: messageOf(error) }, json);
    return EXIT.failed;
  }
}

process.exitCode = await main();
