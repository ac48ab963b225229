/**
 * A program beside this one that says and hears one JSON object a line.
 *
 *   started ─ stop (SIGTERM) or kill (SIGKILL) ─▶ ended
 *
 * The caller owes `stop` or `kill`. What a program writes to stderr goes to `onStderr`, line by line.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export type Line = Record<string, unknown>;

export class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;

  constructor(o: {
    args: string[];
    env: NodeJS.ProcessEnv;
    onLine?: (line: Line) => void;
    onStderr?: (words: string) => void;
  }) {
    const child = spawn(process.execPath, o.args, { env: o.env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    this.#ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
    createInterface({ input: child.stdout }).on('line', (text) => {
      if (text.startsWith('{')) o.onLine?.(JSON.parse(text) as Line);
    });
    createInterface({ input: child.stderr }).on('line', (words) => o.onStderr?.(words));
    // A line may be on its way to a program that was just killed.
    child.stdin.on('error', () => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  say(line: Line): void {
    this.#child.stdin?.write(`${JSON.stringify(line)}\n`);
  }

  /** Asks it to end, and waits for that. Its exit code, or null after a signal. */
  async stop(): Promise<number | null> {
    if (this.running) this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    if (this.running) this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Resolves when it has ended, by itself or not. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }
}
