/**
 * The relay as a service of this user: its LaunchAgent, put in place and taken away, started and stopped. Doing what is already so is a
 * success, and says so.
 *
 *   not installed ──install──▶ installed, running ⇄ installed, stopped ──uninstall──▶ not installed (data stays)
 *                                        stop (bootout) / start (bootstrap)
 *
 * Stopped is until the next login: the property list stays where launchd looks for it. The caller owes a checked configuration before
 * `install`: a daemon that cannot start is started again every ten seconds.
 *
 * Throws RelayError: `no_gui_session`, `service_disabled` (both need a person), `not_installed`, `as_root`, `launchd_failed`,
 * `no_launchd`, `bundle_broken`, `signature_wrong`, `file_unwritable`, and what launch-agent.ts and paths.ts throw.
 */
import { existsSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { daemonFile } from './assets.ts';
import { type Clock, systemClock } from './clock.ts';
import { messageOf, RelayError } from './errors.ts';
import { agentKeys, agentText, programOf, readTemplate } from './launch-agent.ts';
import { type Done, Launchd, type Loaded, type Printed, type Refused, signedIdentifier } from './launchd.ts';
import { checkSocketPath, type Environment, prepareHome, type RelayPaths } from './paths.ts';
import { LABEL } from './version.ts';
import { writeWhole } from './whole-file.ts';

export const APP = 'Sender Relay.app';
/** ExitTimeOut of the template, and time for launchd itself. */
const STOP_PATIENCE_MS = 80_000;
const START_PATIENCE_MS = 15_000;

export interface ServiceWorld {
  env: Environment;
  paths: RelayPaths;
  /** SENDER_RELAY_HOME or --home was given. */
  chosenHome: boolean;
  tools: { launchctl: string; codesign: string };
  userHome?: string;
  uid?: number;
  platform?: NodeJS.Platform;
  clock?: Clock;
  /** The Node that runs this program. */
  node?: string;
  stopPatienceMs?: number;
}

export interface Plan {
  /** Where the property list goes. */
  path: string;
  text: string;
  program: string;
  main: string;
}

export interface ServiceState {
  installed: boolean;
  /** The property list's path, whether it is there or not. */
  path: string;
  /** What it starts, and the folder it was installed for (null: the usual one); null if it is not there or cannot be read. */
  program: string | null;
  home: string | null;
  /** As launchd has it, or null if it is not loaded. */
  job: Loaded | null;
  /** Nobody is logged in at the screen (or this is no Mac): nothing can be loaded. */
  session: boolean;
}

export class Service {
  readonly #world: ServiceWorld;
  readonly #launchd: Launchd;
  readonly path: string;

  constructor(world: ServiceWorld) {
    this.#world = world;
    this.path = join(world.userHome ?? homedir(), 'Library/LaunchAgents', `${LABEL}.plist`);
    this.#launchd = new Launchd({
      launchctl: world.tools.launchctl,
      label: LABEL,
      uid: world.uid ?? process.getuid?.() ?? 0,
      clock: world.clock ?? systemClock,
    });
  }

  /** What `install` would write. Does nothing. */
  plan(bundle?: string): Plan {
    const { paths, chosenHome } = this.#world;
    checkSocketPath(paths.socket);
    const { program, main } = this.#program(bundle);
    const filling = { app: program, main, home: paths.home, logs: paths.logs, chosenHome };
    return { path: this.path, text: agentText(agentKeys(readTemplate(), filling)), program, main };
  }

  /** Puts the property list in place and starts the relay. `changed`: it was not there before, or other. */
  async install(bundle?: string): Promise<Plan & { changed: boolean; started: boolean; job: Loaded }> {
    this.#refuseRoot();
    const plan = this.plan(bundle);
    await this.#checkSignature(plan.program);
    // Asked before anything is written: without a session nothing may be left behind.
    const before = await this.#printed();
    prepareHome(this.#world.paths);
    const changed = this.#written() !== plan.text;
    if (changed && before.kind === 'loaded') await this.#unload();
    if (changed) writeWhole(this.path, plan.text, 0o644);
    const started = await this.#load();
    return { ...plan, changed, started, job: await this.#running() };
  }

  /** Stops the relay and takes the property list away; data and logs stay. */
  async uninstall(): Promise<{ removed: boolean; stopped: boolean }> {
    this.#refuseRoot();
    const printed = await this.#launchd.print();
    // Without a session nothing is loaded, and the file can go all the same.
    if (printed.kind === 'failed') throw refusal(printed, this.#world.env);
    const stopped = printed.kind === 'loaded' && (await this.#unload());
    const removed = existsSync(this.path);
    rmSync(this.path, { force: true });
    return { removed, stopped };
  }

  async start(): Promise<{ started: boolean; job: Loaded }> {
    this.#refuseRoot();
    this.#needInstalled();
    const printed = await this.#printed();
    if (printed.kind === 'absent') {
      prepareHome(this.#world.paths);
      await this.#load();
    } else if (printed.pid === null) this.#must(await this.#launchd.kickstart({ kill: false }));
    const started = printed.kind === 'absent' || printed.pid === null;
    return { started, job: await this.#running() };
  }

  /** Until the next login, or `start`. */
  async stop(): Promise<{ stopped: boolean }> {
    this.#refuseRoot();
    const printed = await this.#printed();
    return { stopped: printed.kind === 'loaded' && (await this.#unload()) };
  }

  /**
   * Another process, orderly: SIGTERM lets a running send end, KeepAlive brings the next one. `kickstart -k` kills at once (SIGKILL), so
   * it is only for a process that does not go.
   */
  async restart(): Promise<{ killed: boolean; job: Loaded }> {
    this.#refuseRoot();
    this.#needInstalled();
    const before = await this.#printed();
    if (before.kind === 'absent' || before.pid === null) return { killed: false, job: (await this.start()).job };
    this.#must(await this.#launchd.terminate());
    const patience = this.#world.stopPatienceMs ?? STOP_PATIENCE_MS;
    const after = await this.#launchd.until((p) => p.kind !== 'loaded' || p.pid !== before.pid, patience);
    const killed = after.kind === 'loaded' && after.pid === before.pid;
    if (killed) this.#must(await this.#launchd.kickstart({ kill: true }));
    // Started less than ThrottleInterval ago it would wait; a person who asks does not.
    else if (after.kind === 'loaded' && after.pid === null) this.#must(await this.#launchd.kickstart({ kill: false }));
    return { killed, job: await this.#running() };
  }

  async state(): Promise<ServiceState> {
    const printed = await this.#launchd.print();
    if (printed.kind === 'failed') throw refusal(printed, this.#world.env);
    const text = this.#written();
    const read = text === null ? null : programOf(text);
    return {
      installed: text !== null,
      path: this.path,
      program: read?.program ?? null,
      home: read?.home ?? null,
      job: printed.kind === 'loaded' ? printed : null,
      session: printed.kind !== 'no_session',
    };
  }

  /** --bundle; else the app that this program is in; else the one in Applications; else the Node that runs this. */
  #program(bundle: string | undefined): { program: string; main: string } {
    const node = realpathSync(this.#world.node ?? process.execPath);
    if (bundle !== undefined) return programIn(realBundle(bundle));
    const own = dirname(dirname(dirname(node)));
    if (basename(own) === APP) return programIn(own);
    const userHome = this.#world.userHome ?? homedir();
    const found = [join(userHome, 'Applications', APP), join('/Applications', APP)].find((path) => existsSync(path));
    return found ? programIn(realpathSync(found)) : { program: node, main: realpathSync(daemonFile()) };
  }

  /** Permissions are charged to what is signed: a Node of its own would be asked for as "node", and lose them with each update. */
  async #checkSignature(program: string): Promise<void> {
    const { platform = process.platform, tools } = this.#world;
    if (platform !== 'darwin' && !existsSync(tools.codesign)) return;
    const { identifier, words } = await signedIdentifier(tools.codesign, program);
    if (identifier === LABEL) return;
    const found = identifier === null ? `has no valid signature (${words})` : `is signed as ${identifier}`;
    throw new RelayError('signature_wrong', `${program} ${found}; macOS grants permissions to ${LABEL} only`, {
      hint: 'Make the app with scripts/package-mac.sh, put it into Applications, or name it with --bundle.',
    });
  }

  #refuseRoot(): void {
    const { platform = process.platform, uid = process.getuid?.() } = this.#world;
    if (platform !== 'darwin' || uid !== 0) return;
    throw new RelayError('as_root', 'the relay belongs to the user whose Messages it is, not to root', {
      hint: 'Log in as that user and run it without sudo.',
    });
  }

  #needInstalled(): void {
    if (existsSync(this.path)) return;
    throw new RelayError('not_installed', `the service is not installed: there is no ${this.path}`, {
      hint: 'Install it with: relayctl service install',
    });
  }

  #written(): string | null {
    try {
      return readFileSync(this.path, 'utf8');
    } catch {
      return null;
    }
  }

  /** Whole or not at all; not writable by others, or launchd refuses it. */
  /** False if it was loaded already. */
  async #load(): Promise<boolean> {
    const done = await this.#launchd.bootstrap(this.path);
    this.#must(done);
    return done.kind === 'done';
  }

  /** Waits until the process is gone: launchd refuses to load a job that is still going. False if it was not loaded. */
  async #unload(): Promise<boolean> {
    const done = await this.#launchd.bootout();
    this.#must(done);
    const patience = this.#world.stopPatienceMs ?? STOP_PATIENCE_MS;
    const printed = await this.#launchd.until((p) => p.kind !== 'loaded', patience);
    if (printed.kind === 'loaded')
      throw new RelayError('launchd_failed', `the relay did not stop within ${Math.round(patience / 1000)} s`, {
        hint: 'Look into its log, then try again.',
        retryable: true,
      });
    return done.kind === 'done';
  }

  /** The job, once it has a process or has shown that it cannot get one. */
  async #running(): Promise<Loaded> {
    const settled = (p: Printed) => p.kind !== 'loaded' || p.pid !== null;
    const printed = await this.#launchd.until(settled, START_PATIENCE_MS);
    if (printed.kind === 'loaded') return printed;
    const words = 'it is not loaded any more';
    throw refusal(printed.kind === 'absent' ? { kind: 'failed', code: null, words } : printed, this.#world.env);
  }

  async #printed(): Promise<Loaded | { kind: 'absent' }> {
    const printed = await this.#launchd.print();
    if (printed.kind === 'loaded' || printed.kind === 'absent') return printed;
    throw refusal(printed, this.#world.env);
  }

  #must(done: Done): void {
    if (done.kind !== 'done' && done.kind !== 'already') throw refusal(done, this.#world.env);
  }
}

function realBundle(bundle: string): string {
  try {
    return realpathSync(resolve(bundle));
  } catch (error) {
    throw brokenBundle(bundle, messageOf(error));
  }
}

function programIn(bundle: string): { program: string; main: string } {
  const program = join(bundle, 'Contents/MacOS/Sender Relay');
  const main = join(bundle, 'Contents/Resources/dist/relayd.js');
  for (const file of [program, main]) if (!existsSync(file)) throw brokenBundle(bundle, `there is no ${file}`);
  return { program, main };
}

function brokenBundle(bundle: string, why: string): RelayError {
  return new RelayError('bundle_broken', `${bundle} is not a ${APP}: ${why}`, {
    hint: 'Make it with scripts/package-mac.sh.',
  });
}

function refusal(refused: Refused, env: Environment): RelayError {
  const ssh = Boolean(env.SSH_CONNECTION || env.SSH_TTY);
  switch (refused.kind) {
    case 'no_session':
      return new RelayError('no_gui_session', `nobody is logged in at this Mac’s screen as you (${refused.words})`, {
        hint: ssh
          ? 'SSH alone is not enough, Messages needs a screen: log in there (or by Screen Sharing), then try again; automatic login helps after a restart.'
          : 'Log in at the screen, or by Screen Sharing, as the user of Messages, then try again.',
      });
    case 'disabled':
      return new RelayError('service_disabled', `this Mac has switched the service off (${refused.words})`, {
        hint: `System Settings › General › Login Items: allow Sender Relay in the background; or launchctl enable gui/$(id -u)/${LABEL}. Then try again.`,
      });
    case 'failed':
      if (refused.words.startsWith('there is no'))
        return new RelayError('no_launchd', `a service needs launchd of macOS: ${refused.words}`, {
          hint: 'Elsewhere, start relayd by hand.',
        });
      return new RelayError('launchd_failed', `launchd refuses: ${refused.words}`, {
        hint: 'Try again; if it stays so, launchctl print gui/$(id -u) tells more.',
        retryable: true,
      });
  }
}
