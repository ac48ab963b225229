/**
 * A program at a real pseudo-terminal of 80 columns, made by script(1) of util-linux (an essential package of Debian), and somebody who types.
 *
 *   start ─▶ shows, types, shows, … ─▶ ended (exit code)
 */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';

/** Colours, and how readline moves on its line. */
const CONTROL = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, 'g');
const PATIENCE_MS = 60_000;

export function hasPseudoTerminals(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).includes(
      'util-linux',
    );
  } catch {
    return false;
  }
}

export class PseudoTerminal {
  readonly #script: ChildProcessWithoutNullStreams;
  readonly #looks = new Set<() => void>();
  /** All that was shown so far. */
  text = '';
  /** How far of it was waited for. */
  #seen = 0;
  readonly ended: Promise<number | null>;

  /** `command`: program and arguments, each without spaces. */
  constructor(command: string[], env: Record<string, string>) {
    const line = `stty rows 24 cols 80; exec ${command.join(' ')}`;
    this.#script = spawn('script', ['-q', '-f', '-e', '-c', line, '/dev/null'], {
      env: { ...process.env, TZ: 'UTC', SHELL: '/bin/sh', TERM: 'xterm', ...env },
    });
    this.#script.stdin.on('error', () => {});
    this.#script.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      this.text = (this.text + chunk).replace(CONTROL, '').replaceAll('\r', '');
      for (const look of [...this.#looks]) look();
    });
    this.ended = new Promise((resolve) => {
      this.#script.once('close', (code) => {
        resolve(code);
        for (const look of [...this.#looks]) look();
      });
    });
  }

  /** Waits until something is shown behind what was waited for before. */
  shows(what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(late);
        this.#looks.delete(look);
      };
      const fail = (why: string) => {
        stop();
        reject(new Error(`${why} and "${what}" was not shown:\n${this.text}`));
      };
      const look = () => {
        const at = this.text.indexOf(what, this.#seen);
        if (at === -1) return this.#script.exitCode === null ? undefined : fail('it has ended');
        this.#seen = at + what.length;
        stop();
        resolve();
      };
      const late = setTimeout(() => fail('a minute has passed'), PATIENCE_MS);
      this.#looks.add(look);
      look();
    });
  }

  types(keys: string): void {
    this.#script.stdin.write(keys);
  }

  /** Waits for a question, and answers it. */
  async answers(question: string, answer: string): Promise<void> {
    await this.shows(question);
    this.types(`${answer}\r`);
  }

  interrupts(): void {
    this.types('\u0003');
  }

  async close(): Promise<void> {
    if (this.#script.exitCode === null) this.#script.kill('SIGKILL');
    await this.ended;
  }
}
