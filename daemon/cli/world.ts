/** What every command gets: the terminal, the environment, what was asked for globally, and the way to the relay. */
import type { Command } from 'commander';
import { type Environment, type RelayPaths, relayPaths } from '../host/paths.ts';
import type { LocalClient, LocalResult, StreamEnd } from '../local/client.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import { scriptBeside, startCommand } from './start-command.ts';
import type { Terminal } from './terminal.ts';

export class World {
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly #interruption: () => AbortSignal;
  exitCode: ExitCode = EXIT.ok;

  /** `interruption` makes Ctrl-C an orderly end from then on; before, it kills as usual. */
  constructor(o: { terminal: Terminal; env: Environment; interruption: () => AbortSignal }) {
    this.terminal = o.terminal;
    this.env = o.env;
    this.#interruption = o.interruption;
  }

  /** For the action of a command: with the global options that were given anywhere on the line. */
  async run(command: Command, work: (asking: Asking) => Promise<ExitCode>): Promise<void> {
    const { home, json } = command.optsWithGlobals<{ home?: string; json?: boolean }>();
    this.exitCode = await work(new Asking(this, json === true, home));
  }

  interruption(): AbortSignal {
    return this.#interruption();
  }
}

export class Asking {
  readonly world: World;
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly paths: RelayPaths;
  readonly #home: string | undefined;

  constructor(world: World, json: boolean, home: string | undefined) {
    this.world = world;
    this.terminal = world.terminal;
    this.json = json;
    this.#home = home ?? (world.env.SENDER_RELAY_HOME || undefined);
    this.paths = relayPaths({ env: world.env, home });
  }

  /** Whether the folder was named, by --home or SENDER_RELAY_HOME. */
  get chosenHome(): boolean {
    return this.#home !== undefined;
  }

  /** Loaded only when a command needs it: schemas take longer to load than all else. */
  async client(): Promise<LocalClient> {
    const { LocalClient } = await import('../local/client.ts');
    return new LocalClient(this.paths.socket);
  }

  /** Says why there is no answer, and with which code to end. */
  without(result: Exclude<LocalResult<unknown> | StreamEnd, { kind: 'ok' } | { kind: 'ended' }>): ExitCode {
    if (result.kind === 'refused') {
      this.terminal.complain(result.error, this.json);
      return EXIT.failed;
    }
    const { env } = this.world;
    const how = startCommand(this.#home, { env, folder: process.cwd(), script: scriptBeside(import.meta.url) });
    const error = {
      code: 'not_running',
      message: `The relay is not running: nobody answers on ${this.paths.socket}.`,
      hint: `Start it with: ${how}`,
    };
    this.terminal.complain(error, this.json);
    return EXIT.notRunning;
  }
}
