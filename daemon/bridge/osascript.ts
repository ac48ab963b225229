/**
 * The only door to child processes: runs one of the AppleScripts by `osascript`, and finds what an earlier process left running.
 *
 * A child leads a process group of its own and writes to files in the work folder, so that both outlive this process. argv is public on
 * a Mac: it carries the attempt id and the path of a payload (0600), never a handle or a text. No shell is ever involved.
 *
 *   work folder:  <name>.payload (a text) or <name>.file (the path of one)   <name>.<route>.out   <name>.<route>.err
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../host/clock.ts';
import { messageOf } from '../host/errors.ts';
import type { Ending, Route } from './outcome.ts';

/** SIGKILL cannot be refused, but a process in the kernel's hands may take its time. */
const KILL_PATIENCE_MS = 2_000;
const PS_LIMIT_MS = 5_000;
/** `ps` says whole seconds, and the start is noted a little after it happened. */
const START_TOLERANCE_MS = 3_000;

export interface Running {
  pid: number;
  /** Unix ms, whole seconds; NaN if it could not be read. */
  startedAt: number;
  command: string;
}

/** What is handed over: to whom, and a text or the path of a file. */
export type Payload = { target: string } & ({ text: string } | { file: string });

export interface Started {
  pid: number | null;
  /** Resolves when it has ended. `gone: false`: it was killed and is still there. Never rejects. */
  ended: Promise<Ending & { gone: boolean }>;
}

export class Osascript {
  readonly #path: string;
  readonly #ps: string;
  readonly #scripts: string;
  readonly #clock: Clock;
  readonly workFolder: string;

  constructor(o: { path: string; ps: string; scripts: URL; workFolder: string; clock: Clock }) {
    this.#path = o.path;
    this.#ps = o.ps;
    this.#scripts = fileURLToPath(o.scripts);
    this.#clock = o.clock;
    this.workFolder = o.workFolder;
  }

  /** Writes the payload and starts the script of `route`. `limitMs`: how long it may run before its whole group is killed. */
  send(attempt: string, route: Route, payload: Payload, limitMs: number): Started {
    const isFile = 'file' in payload;
    const path = this.#file(`${attempt}.${isFile ? 'file' : 'payload'}`);
    try {
      rmSync(path, { force: true });
      writeFileSync(path, `${payload.target}\n${isFile ? payload.file : payload.text}`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      return failed(messageOf(error));
    }
    return this.#run(
      `send-${isFile ? 'file-' : ''}to-${route}.applescript`,
      `${attempt}.${route}`,
      [attempt, path],
      limitMs,
    );
  }

  /** Runs a script that hands nothing over. Its files are gone when it has ended. */
  async ask(
    script: 'probe' | 'idle-probe' | 'quit-messages' | 'launch-messages',
    limitMs: number,
    signal?: AbortSignal,
  ): Promise<Ending & { gone: boolean }> {
    const ended = await this.#run(`${script}.applescript`, script, [], limitMs, signal).ended;
    this.#remove((name) => name.startsWith(`${script}.`));
    return ended;
  }

  /** What a child of an earlier process wrote. Null if none was started by this route. */
  written(attempt: string, route: Route): { stdout: string; stderr: string } | null {
    if (!existsSync(this.#file(`${attempt}.${route}.err`))) return null;
    return { stdout: this.#read(`${attempt}.${route}.out`), stderr: this.#read(`${attempt}.${route}.err`) };
  }

  /** What was to be sent, by the files that are still there. */
  payloads(): (Payload & { attempt: string })[] {
    return this.#names().flatMap((name) => {
      const [attempt = '', ending] = name.split('.');
      const content = ending === 'payload' || ending === 'file' ? this.#read(name) : '';
      const cut = content.indexOf('\n');
      if (cut < 1) return [];
      const [target, what] = [content.slice(0, cut), content.slice(cut + 1)];
      return [{ attempt, target, ...(ending === 'file' ? { file: what } : { text: what }) }];
    });
  }

  /** Lets go of an attempt's files. */
  forget(attempt: string): void {
    this.#remove((name) => name.startsWith(`${attempt}.`));
  }

  /** Removes what belongs to none of these attempts. */
  sweep(keep: string[]): void {
    const kept = new Set(keep);
    this.#remove((name) => !kept.has(name.split('.')[0] ?? ''));
  }

  /**
   * Children of this or an earlier process for this work folder, and those of `known` that still run (same pid and start, for a
   * `ps` that cuts its lines). Null if `ps` cannot be asked.
   */
  async leftovers(known: { pid: number; startedAt: number }[] = []): Promise<Running[] | null> {
    const running = await this.running();
    const isKnown = (r: Running) =>
      known.some((k) => k.pid === r.pid && Math.abs(k.startedAt - r.startedAt) <= START_TOLERANCE_MS);
    return running?.filter((r) => r.command.includes(`${this.workFolder}/`) || isKnown(r)) ?? null;
  }

  /** Ends a process group found by `leftovers`. */
  end(pid: number): void {
    killGroup(pid);
  }

  #run(script: string, name: string, args: string[], limitMs: number, signal?: AbortSignal): Started {
    let child: ChildProcess;
    try {
      child = this.#spawn(script, name, args);
    } catch (error) {
      return failed(messageOf(error));
    }
    const { pid } = child;
    const ended = new Promise<Ending & { gone: boolean }>((resolve) => {
      let killed = false;
      let patience: Timer | undefined;
      const finish = (gone: boolean, code: number | null, notStarted?: string) => {
        limit.cancel();
        patience?.cancel();
        signal?.removeEventListener('abort', kill);
        const stdout = this.#read(`${name}.out`);
        const stderr = this.#read(`${name}.err`);
        resolve({
          how: killed ? 'killed' : 'itself',
          code,
          stdout,
          stderr,
          gone,
          ...(notStarted ? { notStarted } : {}),
        });
      };
      const kill = () => {
        killed = true;
        if (pid !== undefined) killGroup(pid);
        patience ??= this.#clock.after(KILL_PATIENCE_MS, () => finish(false, null));
      };
      const limit = this.#clock.after(limitMs, kill);
      signal?.addEventListener('abort', kill, { once: true });
      child.once('exit', (code) => finish(true, code));
      // After a successful start `error` can only come from signals, which are not sent this way.
      child.once('error', (error) => finish(true, null, messageOf(error)));
    });
    return { pid: pid ?? null, ended };
  }

  #spawn(script: string, name: string, args: string[]): ChildProcess {
    const files: number[] = [];
    try {
      for (const ending of ['out', 'err']) {
        const path = this.#file(`${name}.${ending}`);
        rmSync(path, { force: true });
        files.push(openSync(path, 'wx', 0o600));
      }
      const [out, err] = files;
      return spawn(this.#path, [join(this.#scripts, script), ...args], { detached: true, stdio: ['ignore', out, err] });
    } finally {
      for (const file of files) closeSync(file);
    }
  }

  /** Ends one process, not its group. */
  kill(pid: number): void {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended in the meantime, or is another user's.
    }
  }

  /** All processes; null if `ps` cannot be asked. COLUMNS: without a terminal the ps of macOS cuts its lines at 79 characters. */
  running(): Promise<Running[] | null> {
    const env = { ...process.env, LC_ALL: 'C', COLUMNS: '32000' };
    const options = { env, timeout: PS_LIMIT_MS, maxBuffer: 32 * 1024 * 1024 };
    return new Promise((resolve) => {
      execFile(this.#ps, ['-axo', 'pid=,lstart=,command='], options, (error, stdout) => {
        resolve(error ? null : parsePs(stdout));
      });
    });
  }

  #file(name: string): string {
    return join(this.workFolder, name);
  }

  #read(name: string): string {
    try {
      return readFileSync(this.#file(name), 'utf8');
    } catch {
      return '';
    }
  }

  #remove(which: (name: string) => boolean): void {
    for (const name of this.#names().filter(which)) rmSync(this.#file(name), { force: true, recursive: true });
  }

  #names(): string[] {
    try {
      return readdirSync(this.workFolder);
    } catch {
      return [];
    }
  }
}

function failed(why: string): Started {
  return {
    pid: null,
    ended: Promise.resolve({ how: 'itself', code: null, stdout: '', stderr: '', gone: true, notStarted: why }),
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended in the meantime.
  }
}

/** Lines such as `  812 Tue Nov 24 18:10:16 2026 /usr/bin/osascript …`. The dead that nobody has waited for are left out. */
export function parsePs(listing: string): Running[] {
  const found: Running[] = [];
  for (const line of listing.split('\n')) {
    const parts = /^\s*(\d+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s+(.*)$/.exec(line);
    if (!parts || parts[3]?.includes('<defunct>')) continue;
    found.push({ pid: Number(parts[1]), startedAt: Date.parse(parts[2] ?? ''), command: parts[3] ?? '' });
  }
  return found;
}
