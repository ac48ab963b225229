/** A user's home with a relay's folder in it, a simulated launchd, and programs that launchd can keep alive. */
import { copyFileSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, type PlistValue } from 'plist';
import { relayPaths } from '../../daemon/host/paths.ts';
import { Service, type ServiceWorld } from '../../daemon/host/service.ts';
import { SimulatedCodesign } from '../sim/codesign.ts';
import { SimulatedLaunchd } from '../sim/launchd.ts';
import { relayctl } from './relayctl.ts';
import { makeFolder } from './store.ts';

export class AgentWorld {
  readonly folder: string;
  readonly userHome: string;
  readonly home: string;
  readonly launchd: SimulatedLaunchd;
  readonly signatures: SimulatedCodesign;

  private constructor(folder: string, launchd: SimulatedLaunchd) {
    this.folder = folder;
    this.userHome = join(folder, 'user');
    this.home = join(folder, 'relay');
    this.launchd = launchd;
    this.signatures = new SimulatedCodesign(join(folder, 'mac'));
    mkdirSync(this.userHome);
    mkdirSync(this.home, { mode: 0o700 });
  }

  /** `factor`: how much faster launchd’s seconds pass. What a Node under launchd is given besides. */
  static open(factor = 20, given: { nodeArgs?: string[]; env?: Record<string, string> } = {}): AgentWorld {
    const folder = makeFolder();
    return new AgentWorld(folder, new SimulatedLaunchd({ folder: join(folder, 'mac'), factor, ...given }));
  }

  get agent(): string {
    return join(this.userHome, 'Library/LaunchAgents/com.sender.relay.plist');
  }

  /** A configuration with which the daemon starts, and finds no Messages. */
  configure(more: Record<string, unknown> = {}): void {
    const config = { device: 'mac-1', messages: { chat_db: join(this.folder, 'chat.db') }, ...more };
    writeFileSync(join(this.home, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  }

  /** Something laid out as the app is, whose program is the Node that runs this. `main`: the JavaScript that it has as relayd. */
  app(main: string, folder = join(this.folder, 'Sender Relay.app')): string {
    const program = join(folder, 'Contents/MacOS/Sender Relay');
    const relayd = join(folder, 'Contents/Resources/dist/relayd.js');
    for (const file of [program, relayd]) mkdirSync(dirname(file), { recursive: true });
    if (!existsSync(program)) putNode(program);
    writeFileSync(relayd, main);
    return folder;
  }

  /** The service of this user, as relayctl has it. `codesign`: with signatures, as a Mac has them. */
  service(o: Partial<ServiceWorld> & { codesign?: boolean } = {}): Service {
    const { codesign, ...more } = o;
    return new Service({
      env: {},
      paths: relayPaths({ env: {}, home: this.home }),
      chosenHome: true,
      tools: { launchctl: this.launchd.launchctl, codesign: codesign ? this.signatures.codesign : '/none' },
      userHome: this.userHome,
      stopPatienceMs: 10_000,
      ...more,
    });
  }

  /** relayctl as this user runs it at this Mac. `codesign`: with signatures, as a Mac has them. */
  relayctl(args: string[], o: { codesign?: boolean; env?: Record<string, string> } = {}) {
    const env = {
      HOME: this.userHome,
      SENDER_RELAY_LAUNCHCTL: this.launchd.launchctl,
      SENDER_RELAY_CODESIGN: o.codesign ? this.signatures.codesign : join(this.folder, 'none'),
      ...o.env,
    };
    return relayctl(args, { home: this.home, env });
  }

  /** A program in sh, and a property list beside it; the path of that. `keys` go over the usual ones. */
  job(script: string, keys: Record<string, PlistValue> = {}): string {
    const program = this.program(script);
    const path = join(this.folder, 'job.plist');
    const usual = { Label: 'a.job', ProgramArguments: [program], RunAtLoad: true, KeepAlive: true };
    writeFileSync(path, build({ ...usual, ...keys }), { mode: 0o644 });
    return path;
  }

  /** Says what it says into the file `said`. */
  program(script: string): string {
    const program = join(this.folder, 'program');
    writeFileSync(program, `#!/bin/sh\nsaid='${join(this.folder, 'said')}'\n${script}\n`, { mode: 0o755 });
    return program;
  }

  said(): string {
    const file = join(this.folder, 'said');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** Waits until what the programs said fits. */
  saying(fits: (said: string) => boolean, patienceMs = 10_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const done = () => {
        clearTimeout(late);
        watcher.close();
      };
      const look = () => {
        const said = this.said();
        if (!fits(said)) return;
        done();
        resolve(said);
      };
      const watcher = watch(this.folder, look);
      const late = setTimeout(() => {
        done();
        reject(new Error(`in vain; it said: ${this.said()}`));
      }, patienceMs);
      look();
    });
  }

  async close(): Promise<void> {
    await this.launchd.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** By another name for the same file, where the disk allows it. */
function putNode(path: string): void {
  try {
    linkSync(process.execPath, path);
  } catch {
    copyFileSync(process.execPath, path);
  }
}
