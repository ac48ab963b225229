/** The built daemon beside a simulated Mac. Whoever is its controller lives in this process, so that moments can be compared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { LocalClient } from '../../daemon/local/client.ts';
import { Controller, MemoryStore, type StoredEvent } from '../../protocol/controller.ts';
import { type ControllerServer, serveController, tokenHash } from '../../protocol/controller-server.ts';
import { type Sim, startSim } from '../sim/sim.ts';
import { makeFolder } from '../support/store.ts';
import { WIDE_RULES } from '../support/wide-rules.ts';

export const RELAYD = fileURLToPath(new URL('../../dist/relayd.js', import.meta.url));
/** As in the LaunchAgent. */
export const FLAGS = ['--disable-sigusr1', '--max-semi-space-size=4', '--max-old-space-size=1024'];
export const DEVICE = 'bench';
const READY_PATIENCE_MS = 60_000;
const LOOK_EVERY_MS = 5;
const TOKEN = 'a-token-for-the-benchmarks';

export interface BuiltRelayOptions {
  /** In place of the simulated Mac's. */
  chatDb?: string;
  /** Further flags for Node. */
  flags?: string[];
  /** A program, with arguments, that runs the daemon. */
  under?: string[];
  /** In the relay's folder, before it starts. */
  prepare?: (home: string) => void | Promise<void>;
}

/** Resident memory of a process, MiB. */
export function residentMb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** CPU time that a process has used so far, milliseconds. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export class BuiltRelay {
  readonly folder: string;
  readonly sim: Sim;
  readonly #launch: () => ChildProcess;
  #daemon: ChildProcess;

  private constructor(folder: string, sim: Sim, launch: () => ChildProcess) {
    this.folder = folder;
    this.sim = sim;
    this.#launch = launch;
    this.#daemon = launch();
  }

  /** Starts it; it dials `url`. With PROFILE=folder in the environment it leaves a CPU profile there. */
  static async start(url: string, o: BuiltRelayOptions = {}): Promise<BuiltRelay> {
    const folder = makeFolder();
    const sim = await startSim({ folder: join(folder, 'mac'), factor: 1 });
    const home = join(folder, 'relay');
    mkdirSync(home, { recursive: true, mode: 0o700 });
    writeFileSync(join(home, 'token'), TOKEN, { mode: 0o600 });
    writeFileSync(
      join(home, 'config.json'),
      JSON.stringify({
        device: DEVICE,
        controller: { url },
        messages: { chat_db: o.chatDb ?? sim.chatDb, osascript: sim.osascript, ps: sim.ps },
        sender: { since: '2020-01-01', region: 'US' },
        // All that the benches write to are strangers.
        policy: WIDE_RULES,
      }),
    );
    const { PROFILE } = process.env;
    const profile = PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${PROFILE}`, '--cpu-prof-interval=200'] : [];
    await o.prepare?.(home);
    const [program = process.execPath, ...args] = [...(o.under ?? []), process.execPath, ...FLAGS, ...(o.flags ?? [])];
    const launch = () =>
      spawn(program, [...args, ...profile, RELAYD], {
        env: { ...process.env, SENDER_RELAY_HOME: home },
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    return new BuiltRelay(folder, sim, launch);
  }

  /** SENDER_RELAY_HOME. */
  get home(): string {
    return join(this.folder, 'relay');
  }

  get pid(): number {
    return this.#daemon.pid ?? 0;
  }

  /** Resident memory of the daemon, MiB. */
  residentMb(): number {
    return residentMb(this.pid);
  }

  /** The most that it was so far, MiB. */
  peakMb(): number {
    const kb = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return Number(kb) / 1024;
  }

  /** CPU time that the daemon has used so far, milliseconds. */
  cpuMs(): number {
    return cpuMs(this.pid);
  }

  /** Stops the daemon and starts it again on what it has left. Resolves when the new one was just launched. */
  async again(): Promise<void> {
    await this.#end();
    this.#daemon = this.#launch();
  }

  /** Resolves as soon as the local socket says ready. */
  async ready(): Promise<void> {
    const client = new LocalClient(join(this.home, 'relay.sock'));
    const end = performance.now() + READY_PATIENCE_MS;
    for (;;) {
      const status = await client.status();
      if (status.kind === 'ok' && status.data.ready) return;
      if (performance.now() > end) throw new Error(`the relay did not become ready: ${JSON.stringify(status)}`);
      await pause(LOOK_EVERY_MS);
    }
  }

  async #end(): Promise<void> {
    const ended = once(this.#daemon, 'exit');
    this.#daemon.kill('SIGTERM');
    await ended;
  }

  async stop(): Promise<void> {
    await this.#end();
    await this.sim.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A controller of the library, with its memory store. */
export class LibraryEnd {
  readonly url: string;
  readonly controller: Controller;
  readonly #server: ControllerServer;
  readonly #opened: Promise<void>;

  private constructor(controller: Controller, server: ControllerServer, opened: Promise<void>) {
    this.controller = controller;
    this.#server = server;
    this.url = server.url;
    this.#opened = opened;
  }

  static async listen(onEvent: (event: StoredEvent) => void = () => {}): Promise<LibraryEnd> {
    let open: () => void = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const controller = new Controller({
      store: new MemoryStore(),
      controller: 'bench',
      allow_volatile: true,
      onEvent,
      onLine: ({ kind }) => {
        if (kind === 'open') open();
      },
    });
    const devices = [{ device: DEVICE, tokenHash: tokenHash(TOKEN) }];
    return new LibraryEnd(controller, await serveController({ controller, devices: () => devices, port: 0 }), opened);
  }

  /** Resolves when the relay is on the line. */
  get opened(): Promise<void> {
    return this.#opened;
  }

  async close(): Promise<void> {
    await this.controller.close();
    await this.#server.close();
  }
}
