/**
 * A check: one named question about this Mac or this installation, its verdict, and the switch to flip. Each check is a function of a world
 * that is handed in, throws nothing, and waits for nothing without a limit.
 *
 * `words` and `remedy` are for the person at this Mac and may name paths. `code` and `facts` also go into the support file: they never hold
 * a text, a handle, a path or a secret.
 */
import type { Check } from '../../../protocol/queries.ts';
import type { Ran } from '../commands.ts';
import type { Config } from '../config.ts';
import type { RelayError } from '../errors.ts';
import type { Environment, RelayPaths } from '../paths.ts';

export type { Check };

/** What a controller's address says to a plain request. */
export type Reached =
  /** `dateAt`: its own clock (Unix ms, whole seconds), if it tells. `status`: HTTP. */
  { ok: true; status: number; dateAt: number | null } | { ok: false; code: string; words: string };

export interface CheckWorld {
  platform: NodeJS.Platform;
  uid: number;
  /** The short name of this user. */
  user: string;
  env: Environment;
  paths: RelayPaths;
  tools: Config['tools'];
  /** As the daemon would read it, or why it could not. */
  config: { ok: true; config: Config } | { ok: false; error: RelayError };
  run: (path: string, args: string[], limitMs?: number) => Promise<Ran>;
  /** Unix ms. */
  now: () => number;
  freeBytes: (path: string) => number;
  reach: (url: string) => Promise<Reached>;
}

/** Where a person grants what Messages and its data need (names as in System Settings). */
export const FULL_DISK_ACCESS = 'System Settings › Privacy & Security › Full Disk Access';
export const AUTOMATION = 'System Settings › Privacy & Security › Automation';

type Facts = NonNullable<Check['facts']>;

export function passed(name: string, words: string, facts?: Facts): Check {
  return { name, verdict: 'ok', code: 'ok', words, ...(facts ? { facts } : {}) };
}

export function skipped(name: string, code: string, words: string): Check {
  return { name, verdict: 'skipped', code, words };
}

interface Wrong {
  name: string;
  code: string;
  words: string;
  remedy: string;
  facts?: Facts;
}

export function warned(wrong: Wrong): Check {
  return { verdict: 'warn', ...wrong };
}

export function failed(wrong: Wrong): Check {
  return { verdict: 'fail', ...wrong };
}

/** As `failed`; no waiting and no restart mends it. */
export function needsPerson(wrong: Wrong): Check {
  return { verdict: 'fail', ...wrong, needs_person: true };
}

/** What `work` says, or, if it throws (which is a fault of ours), that it could not be found out. */
export async function guarded(name: string, work: () => Check | Promise<Check>): Promise<Check> {
  try {
    return await work();
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    const remedy = 'Please report this, with the support file of relayctl doctor --bundle.';
    return warned({ name, code: 'check_failed', words: `This could not be found out: ${words}.`, remedy });
  }
}

/** The tool is not on this machine: elsewhere than on a Mac that is no fault. Null: it is there. */
export function withoutTool(name: string, { platform }: CheckWorld, ran: Ran, tool: string): Check | null {
  if (ran.code !== null) return null;
  if (platform !== 'darwin' && ran.err.startsWith('there is no'))
    return skipped(name, 'no_mac', 'This machine is no Mac.');
  return warned({
    name,
    code: 'tool_unusable',
    words: `It could not be asked: ${ran.err}.`,
    remedy: `Check tools.${tool} in config.json.`,
  });
}
