/** A Mac in order, as the checks of doctor see it: real files and real processes, and what is not ours stands in. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CheckWorld } from '../../daemon/host/checks/check.ts';
import { run } from '../../daemon/host/commands.ts';
import { loadConfig } from '../../daemon/host/config.ts';
import { RelayError } from '../../daemon/host/errors.ts';
import { relayPaths } from '../../daemon/host/paths.ts';
import { SimulatedTools } from '../sim/tools.ts';
import { NOON } from './fake-local.ts';

export const GIB = 1024 ** 3;
export const USER = 'ann';

export class CheckedMac {
  readonly folder: string;
  readonly home: string;
  readonly tools: SimulatedTools;
  freeGib = 100;
  platform: NodeJS.Platform = 'darwin';

  /** `folder`: an empty one. */
  constructor(folder: string) {
    this.folder = folder;
    this.home = join(folder, 'relay');
    mkdirSync(join(this.home, 'logs'), { recursive: true, mode: 0o700 });
    this.tools = new SimulatedTools(join(folder, 'mac'), USER);
    this.configure({ controller: { url: 'wss://relay.example.com/v1' } });
    writeFileSync(join(this.home, 'token'), 'a-token\n', { mode: 0o600 });
  }

  configure(more: Record<string, unknown>): void {
    const config = { device: 'mac-1', tools: this.tools.paths, ...more };
    writeFileSync(join(this.home, 'config.json'), JSON.stringify(config), { mode: 0o600 });
  }

  world(o: Partial<CheckWorld> = {}): CheckWorld {
    const paths = relayPaths({ env: {}, home: this.home });
    const none = join(this.folder, 'none');
    return {
      platform: this.platform,
      uid: 501,
      user: USER,
      env: {},
      paths,
      tools: { launchctl: none, codesign: none, open: none, caffeinate: none, ...this.tools.paths },
      config: configOf(paths),
      run,
      now: () => NOON,
      freeBytes: () => this.freeGib * GIB,
      reach: async () => ({ ok: true, status: 426, dateAt: NOON }),
      ...o,
    };
  }
}

function configOf(paths: CheckWorld['paths']): CheckWorld['config'] {
  try {
    return { ok: true, config: loadConfig({ paths, env: {} }) };
  } catch (error) {
    if (error instanceof RelayError) return { ok: false, error };
    throw error;
  }
}
