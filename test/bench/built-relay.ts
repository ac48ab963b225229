/** The built daemon beside a simulated Mac, with the controller in this process, so that moments can be compared. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, MemoryStore, type StoredEvent } from '../../protocol/controller.ts';
import { type ControllerServer, serveController, tokenHash } from '../../protocol/controller-server.ts';
import { type Sim, startSim } from '../sim/sim.ts';
import { makeFolder } from '../support/store.ts';

const RELAYD = fileURLToPath(new URL('../../dist/relayd.js', import.meta.url));
const DEVICE = 'bench';
const TOKEN = 'a-token-for-the-benchmarks';

/** Tells when the relay has confirmed commands. */
class WatchedStore extends MemoryStore {
  ackedSeq = 0;
  onAcked: (seq: number) => void = () => {};

  override async acked(device: string, epoch: number, seq: number, now: number): Promise<void> {
    await super.acked(device, epoch, seq, now);
    this.ackedSeq = Math.max(this.ackedSeq, seq);
    this.onAcked(this.ackedSeq);
  }
}

export class BuiltRelay {
  readonly folder: string;
  readonly sim: Sim;
  readonly controller: Controller;
  readonly store: WatchedStore;
  readonly device = DEVICE;
  onEvent: (event: StoredEvent) => void = () => {};
  readonly #server: ControllerServer;
  readonly #daemon: ChildProcess;

  private constructor(
    folder: string,
    sim: Sim,
    o: { server: ControllerServer; controller: Controller; store: WatchedStore },
  ) {
    this.folder = folder;
    this.sim = sim;
    this.controller = o.controller;
    this.store = o.store;
    this.#server = o.server;
    const home = join(folder, 'relay');
    mkdirSync(home, { recursive: true, mode: 0o700 });
    writeFileSync(join(home, 'token'), TOKEN, { mode: 0o600 });
    writeFileSync(
      join(home, 'config.json'),
      JSON.stringify({
        device: DEVICE,
        controller: { url: o.server.url },
        messages: { chat_db: sim.chatDb, osascript: sim.osascript, ps: sim.ps },
        sender: { since: '2020-01-01', region: 'US' },
      }),
    );
    this.#daemon = spawn(process.execPath, ['--disable-sigusr1', '--max-semi-space-size=1', RELAYD], {
      env: { ...process.env, SENDER_RELAY_HOME: home },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
  }

  static async start(): Promise<BuiltRelay> {
    const folder = makeFolder();
    const sim = await startSim({ folder: join(folder, 'mac'), factor: 1 });
    const store = new WatchedStore();
    let relay: BuiltRelay | undefined;
    let opened: () => void = () => {};
    const open = new Promise<void>((resolve) => {
      opened = resolve;
    });
    const controller = new Controller({
      store,
      controller: 'bench',
      allow_volatile: true,
      onEvent: (event) => relay?.onEvent(event),
      onLine: (change) => {
        if (change.kind === 'open') opened();
      },
    });
    const devices = [{ device: DEVICE, tokenHash: tokenHash(TOKEN) }];
    const server = await serveController({ controller, devices: () => devices, port: 0 });
    relay = new BuiltRelay(folder, sim, { server, controller, store });
    await open;
    return relay;
  }

  get pid(): number {
    return this.#daemon.pid ?? 0;
  }

  /** Resident memory of the daemon, MiB. */
  residentMb(): number {
    const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8'))?.[1];
    return Number(kb) / 1024;
  }

  /** CPU time that the daemon has used so far, milliseconds. */
  cpuMs(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async stop(): Promise<void> {
    this.#daemon.kill('SIGTERM');
    await once(this.#daemon, 'exit');
    await this.controller.close();
    await this.#server.close();
    await this.sim.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
