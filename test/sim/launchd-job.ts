/**
 * One job of the simulated launchd: a process that is kept alive as its property list says (launchd.plist(5)).
 *
 *   start ─▶ running ─ends─▶ throttled (KeepAlive, until ThrottleInterval after its start) ─▶ running
 *                │            └─▶ idle (not to be kept alive)
 *                └─remove─▶ going: SIGTERM, after ExitTimeOut SIGKILL ─▶ gone
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { constants, homedir, userInfo } from 'node:os';
import { basename } from 'node:path';

export interface JobKeys {
  label: string;
  args: string[];
  session: string;
  runAtLoad: boolean;
  keepAlive: 'always' | 'never' | 'after_failure' | 'after_success';
  throttleMs: number;
  exitTimeOutMs: number;
  env: Record<string, string>;
  folder: string | undefined;
  umask: number | undefined;
  out: string;
  err: string;
  abandonGroup: boolean;
}

export interface JobOptions {
  keys: JobKeys;
  path: string;
  factor: number;
  nodeArgs: string[];
  env: Record<string, string>;
  onGone: () => void;
}

/** sysexits.h, as launchd says when it could not start the program. */
const EX_CONFIG = 'exit code = 78: EX_CONFIG';

/** What launchd takes out of a property list; a value of the wrong type is as if it were not there. Throws without a program. */
export function readJobKeys(content: unknown): JobKeys {
  const at = (name: string): unknown =>
    typeof content === 'object' && content ? Reflect.get(content, name) : undefined;
  const string = (name: string) => (typeof at(name) === 'string' ? String(at(name)) : undefined);
  const number = (name: string, otherwise: number) => (typeof at(name) === 'number' ? Number(at(name)) : otherwise);
  const strings = (value: unknown) => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []);
  const program = string('Program');
  const args = strings(at('ProgramArguments'));
  const label = string('Label');
  const [first = program] = args;
  if (label === undefined || first === undefined) throw new Error('no label, or no program');
  const variables = at('EnvironmentVariables');
  return {
    label,
    args: [program ?? first, ...args.slice(1)],
    session:
      [at('LimitLoadToSessionType')]
        .flat()
        .map(String)
        .find((one) => one === 'Aqua') ?? otherSession(at),
    runAtLoad: at('RunAtLoad') === true,
    keepAlive: keepAliveOf(at('KeepAlive')),
    throttleMs: number('ThrottleInterval', 10) * 1000,
    exitTimeOutMs: number('ExitTimeOut', 20) * 1000,
    env: Object.fromEntries(
      Object.entries(typeof variables === 'object' && variables ? variables : {}).filter(
        ([, value]) => typeof value === 'string',
      ),
    ),
    folder: string('WorkingDirectory'),
    umask: typeof at('Umask') === 'number' ? Number(at('Umask')) : undefined,
    out: string('StandardOutPath') ?? '/dev/null',
    err: string('StandardErrorPath') ?? '/dev/null',
    abandonGroup: at('AbandonProcessGroup') === true,
  };
}

/** Without the key an agent is for Aqua. */
function otherSession(at: (name: string) => unknown): string {
  const named = at('LimitLoadToSessionType');
  return named === undefined ? 'Aqua' : String([named].flat()[0]);
}

function keepAliveOf(value: unknown): JobKeys['keepAlive'] {
  if (value === true) return 'always';
  if (typeof value !== 'object' || value === null || !('SuccessfulExit' in value)) return 'never';
  return value.SuccessfulExit === true ? 'after_success' : 'after_failure';
}

export class Job {
  readonly #o: JobOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #startedAt = Number.NEGATIVE_INFINITY;
  #again: NodeJS.Timeout | undefined;
  #lastExit = 'exit code = (never exited)';
  #gone: Promise<void> | undefined;
  runs = 0;

  constructor(o: JobOptions) {
    this.#o = o;
  }

  get label(): string {
    return this.#o.keys.label;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** It was told to go and is not gone yet. */
  get going(): boolean {
    return this.#gone !== undefined;
  }

  /** Starts its process now, unless one runs. */
  start(): void {
    if (this.#child || this.#gone) return;
    clearTimeout(this.#again);
    this.#again = undefined;
    this.#startedAt = performance.now();
    this.runs += 1;
    try {
      this.#child = this.#spawn();
    } catch {
      return this.#over(EX_CONFIG, false);
    }
    const child = this.#child;
    this.#ended = new Promise((resolve) => {
      child.once('error', () => {
        if (child.pid === undefined) this.#over(EX_CONFIG, false);
        resolve();
      });
      child.once('exit', (code, signal) => {
        if (!this.#o.keys.abandonGroup) killGroup(child.pid);
        this.#over(signal ? `terminating signal = ${signalWords(signal)}` : `exit code = ${code}`, code === 0);
        resolve();
      });
    });
  }

  signal(signal: NodeJS.Signals): boolean {
    return this.#child?.kill(signal) ?? false;
  }

  /** `kickstart -k`: at once, nothing is asked. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Resolves when the process is gone and the job is no more. */
  remove(): Promise<void> {
    this.#gone ??= this.#leave();
    return this.#gone;
  }

  print(target: string, domain: string): string {
    const { keys, path } = this.#o;
    const state = this.#gone ? 'SIGTERMed' : this.#child ? 'running' : this.#again ? 'spawn scheduled' : 'not running';
    const block = (name: string, lines: string[]) => `\t${name} = {\n${lines.map((l) => `\t\t${l}\n`).join('')}\t}\n\n`;
    return [
      `${target} = {\n\tactive count = ${this.#child ? 1 : 0}\n\tpath = ${path}\n\ttype = LaunchAgent\n`,
      `\tstate = ${state}\n\n\tprogram = ${keys.args[0]}\n`,
      block('arguments', keys.args),
      keys.folder ? `\tworking directory = ${keys.folder}\n\n` : '',
      `\tstdout path = ${keys.out}\n\tstderr path = ${keys.err}\n`,
      block('default environment', ['PATH => /usr/bin:/bin:/usr/sbin:/sbin']),
      block(
        'environment',
        [...Object.entries(keys.env), ['XPC_SERVICE_NAME', keys.label]].map((e) => e.join(' => ')),
      ),
      `\tdomain = ${domain} [100005]\n\tasid = 100005\n\tminimum runtime = ${keys.throttleMs / 1000}\n`,
      `\texit timeout = ${keys.exitTimeOutMs / 1000}\n\truns = ${this.runs}\n`,
      this.pid === undefined ? '' : `\tpid = ${this.pid}\n`,
      `\timmediate reason = ${this.runs > 1 ? 'inefficient' : 'speculative'}\n\tforks = 0\n\texecs = 1\n`,
      `\tlast ${this.#lastExit}\n\n\tspawn type = interactive (4)\n`,
      `\tproperties = ${keys.keepAlive === 'never' ? '' : 'keepalive | '}runatload | inferred program\n}\n`,
    ].join('');
  }

  async #leave(): Promise<void> {
    clearTimeout(this.#again);
    this.#child?.kill('SIGTERM');
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), this.#o.keys.exitTimeOutMs / this.#o.factor);
    await this.#ended;
    clearTimeout(late);
    this.#o.onGone();
  }

  /** Only what launchd gives: nothing of the environment in which the simulated Mac was started. */
  #spawn(): ChildProcess {
    const { keys, env, nodeArgs } = this.#o;
    const [program = '', ...args] = keys.args;
    const files = [openSync('/dev/null', 'r'), openSync(keys.out, 'a', 0o644), openSync(keys.err, 'a', 0o644)];
    const before = keys.umask === undefined ? undefined : process.umask(keys.umask);
    try {
      const isNode = ['node', 'Sender Relay'].includes(basename(program));
      return spawn(program, isNode ? [...nodeArgs, ...args] : args, {
        cwd: keys.folder ?? '/',
        detached: true,
        stdio: files,
        env: {
          HOME: homedir(),
          USER: userInfo().username,
          LOGNAME: userInfo().username,
          SHELL: '/bin/sh',
          TMPDIR: process.env.TMPDIR ?? '/tmp',
          PATH: '/usr/bin:/bin:/usr/sbin:/sbin',
          ...env,
          ...keys.env,
          XPC_SERVICE_NAME: keys.label,
        },
      });
    } finally {
      if (before !== undefined) process.umask(before);
      for (const file of files) closeSync(file);
    }
  }

  #over(lastExit: string, well: boolean): void {
    this.#child = undefined;
    this.#lastExit = lastExit;
    const { keepAlive, throttleMs } = this.#o.keys;
    const kept = keepAlive === 'always' || keepAlive === (well ? 'after_success' : 'after_failure');
    if (this.#gone || !kept) return;
    const ranMs = performance.now() - this.#startedAt;
    this.#again = setTimeout(() => this.start(), Math.max(0, throttleMs / this.#o.factor - ranMs));
  }
}

function signalWords(signal: NodeJS.Signals): string {
  const words: Partial<Record<NodeJS.Signals, string>> = { SIGKILL: 'Killed', SIGTERM: 'Terminated' };
  return `${words[signal] ?? signal}: ${constants.signals[signal]}`;
}

/** What a job leaves running in its own process group ends with it. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}
