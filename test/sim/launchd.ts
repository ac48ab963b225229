/**
 * launchd of the simulated Mac: keeps jobs alive by their property lists (launchd-job.ts) and answers its `launchctl`, an executable in
 * `<folder>/bin`, as the real one does: exit codes and words of macOS 13 to 15, or those of 10.15.
 *
 *   absent ──bootstrap──▶ loaded: running ⇄ throttled ──bootout──▶ going (SIGTERM … SIGKILL) ──▶ absent
 *
 * The caller owes `close`, which ends all jobs as a logout does.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { parse } from 'plist';
import { Job, type JobKeys, readJobKeys } from './launchd-job.ts';

export interface LaunchdOptions {
  folder: string;
  /** Of whose session it is; the own user if not given. */
  uid?: number;
  /** How much faster its seconds pass. */
  factor?: number;
  /** Arguments for each program that is the pinned Node, and variables for all: how a daemon gets to live in the simulated time. */
  nodeArgs?: string[];
  env?: Record<string, string>;
}

export interface Answer {
  code: number;
  out?: string;
  err?: string;
}

const RICHER = 'Try re-running the command as root for richer errors.\n';
const SUBCOMMANDS = ['bootstrap', 'bootout', 'kickstart', 'kill', 'print', 'print-disabled', 'enable', 'disable'];
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** Leaves its arguments as `<pid>.launchctl`, says so through the FIFO `launchd.calls`, and does what comes through its own FIFO. */
const client = (run: string) => `#!/bin/sh
# Stands in for launchctl on the simulated Mac.
run=${quoted(run)}
[ -p "$run/launchd.calls" ] && kill -0 "$(cat "$run/launchd.pid")" 2>/dev/null || {
  echo 'Could not contact launchd: the simulated Mac is off.' >&2; exit 141; }
reply=$run/$$.launchd
rm -f "$reply"
mkfifo -m 600 "$reply" || exit 1
exec 3<>"$reply"
printf '%s\\n' "$@" >"$run/$$.launchctl"
printf '%s\\n' "$$" >"$run/launchd.calls"
while IFS= read -r line <&3; do
  case $line in
    'out '*) printf '%s\\n' "\${line#out }" ;;
    'err '*) printf '%s\\n' "\${line#err }" >&2 ;;
    'exit '*) rm -f "$reply"; exit "\${line#exit }" ;;
  esac
done
`;

export class SimulatedLaunchd {
  /** The executable. */
  readonly launchctl: string;
  /** False: nobody is logged in at the screen (all that SSH can reach is a domain that does not load agents). */
  session = true;
  /** Whose codes and words: those of now, or of macOS 10.15. */
  dialect: '15' | '10.15' = '15';
  /** Each call's arguments, oldest first. */
  readonly calls: string[][] = [];
  readonly #o: Required<LaunchdOptions>;
  readonly #run: string;
  readonly #calls: Socket;
  readonly #jobs = new Map<string, Job>();
  readonly #disabled = new Set<string>();

  constructor(o: LaunchdOptions) {
    this.#o = { uid: process.getuid?.() ?? 0, factor: 1, nodeArgs: [], env: {}, ...o };
    const bin = join(o.folder, 'bin');
    this.#run = join(o.folder, 'run');
    for (const folder of [bin, this.#run]) mkdirSync(folder, { recursive: true });
    this.launchctl = join(bin, 'launchctl');
    writeFileSync(this.launchctl, client(this.#run));
    chmodSync(this.launchctl, 0o755);
    const fifo = join(this.#run, 'launchd.calls');
    rmSync(fifo, { force: true });
    execFileSync('mkfifo', ['-m', '600', fifo]);
    writeFileSync(join(this.#run, 'launchd.pid'), String(process.pid));
    // Open for both, so that it never ends when the last caller has gone.
    this.#calls = new Socket({ fd: openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK), writable: false });
    let rest = '';
    this.#calls.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) void this.#answer(line);
    });
  }

  get domain(): string {
    return `gui/${this.#o.uid}`;
  }

  /** The process of a job, or undefined. */
  pidOf(label: string): number | undefined {
    return this.#jobs.get(label)?.pid;
  }

  runsOf(label: string): number {
    return this.#jobs.get(label)?.runs ?? 0;
  }

  get labels(): string[] {
    return [...this.#jobs.keys()];
  }

  /** Logout: all jobs end. */
  async close(): Promise<void> {
    await Promise.all([...this.#jobs.values()].map((job) => job.remove()));
    for (const name of ['launchd.pid', 'launchd.calls']) rmSync(join(this.#run, name), { force: true });
    this.#calls.destroy();
  }

  async #answer(pid: string): Promise<void> {
    const file = join(this.#run, `${pid}.launchctl`);
    const args = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    rmSync(file);
    this.calls.push(args);
    const { code, out = '', err = '' } = await this.obey(args);
    const lines = (kind: string, text: string) =>
      text
        .split('\n')
        .slice(0, -1)
        .map((line) => `${kind} ${line}\n`);
    const reply = [...lines('out', out), ...lines('err', err), `exit ${code}\n`].join('');
    try {
      const fifo = openSync(join(this.#run, `${pid}.launchd`), constants.O_WRONLY | constants.O_NONBLOCK);
      writeSync(fifo, reply);
      closeSync(fifo);
    } catch {
      // Whoever asked has gone.
    }
  }

  async obey([subcommand = '', ...args]: string[]): Promise<Answer> {
    if (!SUBCOMMANDS.includes(subcommand)) return { code: 64, err: `Unrecognized subcommand: ${subcommand}\n` };
    const flags = args.filter((arg) => arg.startsWith('-'));
    const rest = args.filter((arg) => !arg.startsWith('-'));
    const signal = subcommand === 'kill' ? rest.shift() : undefined;
    const [specifier = '', path] = rest;
    const [kind, uid, label] = specifier.split('/');
    if (`${kind}/${uid}` !== this.domain || !this.session) return this.#noDomain(subcommand, `${kind}: ${uid}`);
    switch (subcommand) {
      case 'bootstrap':
        return this.#bootstrap(path ?? '');
      case 'print-disabled':
        return { code: 0, out: this.#printDisabled() };
      default:
    }
    if (label === undefined) return subcommand === 'print' ? { code: 0, out: this.#printDomain() } : usage(subcommand);
    if (subcommand === 'enable' || subcommand === 'disable') {
      this.#disabled[subcommand === 'enable' ? 'delete' : 'add'](label);
      return { code: 0 };
    }
    const job = this.#jobs.get(label);
    if (!job) return this.#noService(subcommand, label);
    switch (subcommand) {
      case 'bootout':
        return this.#bootout(job);
      case 'kickstart':
        return this.#kickstart(job, flags);
      case 'kill':
        return job.signal(signal as NodeJS.Signals) ? { code: 0 } : { code: 3, err: 'No process to signal.\n' };
      default:
        return { code: 0, out: job.print(`${this.domain}/${label}`, this.domain) };
    }
  }

  #bootstrap(path: string): Answer {
    const failed = (now: string, then: string): Answer =>
      this.dialect === '15'
        ? { code: 5, err: `Bootstrap failed: 5: Input/output error\n${RICHER}` }
        : { code: Number(then.split(':')[0]), err: `${path}: ${now}\n` };
    let keys: JobKeys;
    try {
      const text = readFileSync(path, 'utf8');
      if (!text.includes('<plist')) return failed('Invalid property list', '109:');
      // Not a file of one's own that only oneself may write: somebody else could decide what runs.
      if ((statSync(path).mode & 0o022) !== 0) return failed('Path had bad ownership/permissions', '122:');
      keys = readJobKeys(parse(text));
    } catch {
      return failed('Invalid property list', '109:');
    }
    if (this.#disabled.has(keys.label)) return failed('Service is disabled', '119:');
    const there = this.#jobs.get(keys.label);
    // While it goes, also the newer ones say what it is.
    if (there?.going) return { code: 37, err: 'Bootstrap failed: 37: Operation already in progress\n' };
    if (there) return failed('service already bootstrapped', '37:');
    if (keys.session !== 'Aqua')
      return { code: 134, err: 'Bootstrap failed: 134: Service cannot load in requested session\n' };
    const { factor, nodeArgs, env } = this.#o;
    const job = new Job({ keys, path, factor, nodeArgs, env, onGone: () => this.#jobs.delete(keys.label) });
    this.#jobs.set(keys.label, job);
    if (keys.runAtLoad || keys.keepAlive !== 'never') job.start();
    return { code: 0 };
  }

  /** Comes back at once when the process is gone at once, and else says that it goes. */
  async #bootout(job: Job): Promise<Answer> {
    if (job.going) return { code: 36, err: 'Boot-out failed: 36: Operation now in progress\n' };
    const gone = job.remove();
    const late = new Promise<'late'>((resolve) => setTimeout(resolve, 100, 'late').unref());
    if ((await Promise.race([gone, late])) !== 'late' || this.dialect === '15') return { code: 0 };
    return { code: 36, err: 'Boot-out failed: 36: Operation now in progress\n' };
  }

  async #kickstart(job: Job, flags: string[]): Promise<Answer> {
    if (job.going)
      return { code: 37, err: `Could not kickstart service "${job.label}": 37: Operation already in progress\n` };
    if (flags.some((flag) => flag.includes('k'))) await job.kill();
    job.start();
    return flags.some((flag) => flag.includes('p'))
      ? { code: 0, out: `service spawned with pid: ${job.pid}\n` }
      : { code: 0 };
  }

  #noDomain(subcommand: string, whose: string): Answer {
    const bad = subcommand.startsWith('print') ? 'Bad request.\n' : '';
    if (this.dialect === '10.15') return { code: 112, err: `${bad}Could not find domain for user ${whose}\n` };
    const what = { bootstrap: 'Bootstrap failed: 125: ', bootout: 'Boot-out failed: 125: ' }[subcommand] ?? bad;
    return { code: 125, err: `${what}Domain does not support specified action\n` };
  }

  #noService(subcommand: string, label: string): Answer {
    const words = `Could not find service "${label}" in domain for user ${this.domain.replace('/', ': ')}\n`;
    if (subcommand === 'print') return { code: 113, err: `Bad request.\n${words}` };
    if (subcommand !== 'bootout') return { code: 113, err: words };
    return this.dialect === '15'
      ? { code: 3, err: 'Boot-out failed: 3: No such process\n' }
      : { code: 113, err: 'Boot-out failed: 113: Could not find specified service\n' };
  }

  #printDisabled(): string {
    const word = this.dialect === '15' ? 'disabled' : 'true';
    const lines = [...this.#disabled].map((label) => `\t\t"${label}" => ${word}\n`);
    return `\n\tdisabled services = {\n${lines.join('')}\t}\n`;
  }

  #printDomain(): string {
    const lines = [...this.#jobs.values()].map((job) => `\t\t${job.pid ?? 0}\t-\t${job.label}\n`);
    return `${this.domain} = {\n\ttype = login\n\tservices = {\n${lines.join('')}\t}\n}\n`;
  }
}

function usage(subcommand: string): Answer {
  return { code: 64, err: `Usage: launchctl ${subcommand} <service-target>\n` };
}
