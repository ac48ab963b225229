/** A simulated Mac in a folder of its own, and somebody who calls its osascript as the contract says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRows } from '../../sim/own-rows.ts';
import { type MacEvent, type MacRow, type Sim, type SimOptions, startSim } from '../../sim/sim.ts';

export interface Call {
  child: ChildProcess;
  attempt: string;
  ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
}

export type Script = 'send-to-chat' | 'send-to-participant' | 'probe';

export class SimWorld {
  readonly folder: string;
  readonly sim: Sim;
  readonly #children: ChildProcess[] = [];
  #count = 0;
  #people = 0;
  #row = 0;
  #event = 0;

  private constructor(folder: string, sim: Sim) {
    this.folder = folder;
    this.sim = sim;
  }

  static async open(o: Omit<SimOptions, 'folder'> = {}): Promise<SimWorld> {
    const folder = mkdtempSync(join(tmpdir(), 'sim-test-'));
    for (const name of ['work', 'scripts']) mkdirSync(join(folder, name), { mode: 0o700 });
    for (const script of ['send-to-chat', 'send-to-participant', 'probe', 'other'])
      writeFileSync(join(folder, 'scripts', `${script}.applescript`), '');
    const sim = await startSim({ folder: join(folder, 'mac'), factor: 100, ...o });
    return new SimWorld(folder, sim);
  }

  /** What follows begins with empty hands: only rows and events from now on count, and osascript fares well. */
  async begin(): Promise<void> {
    await this.sim.messages('normal');
    await this.sim.release('end');
    this.#row = (await this.sim.rows()).at(-1)?.rowid ?? 0;
    this.#event = this.sim.events.length;
  }

  /** A handle that was never used. */
  person(): string {
    this.#people += 1;
    return `+1415555${String(this.#people).padStart(4, '0')}`;
  }

  rows(): MacRow[] {
    return readRows(this.sim.chatDb, this.#row);
  }

  ownRows(): MacRow[] {
    return this.rows().filter((row) => row.is_from_me === 1);
  }

  events(): MacEvent[] {
    return this.sim.events.slice(this.#event);
  }

  wait(fits: (event: MacEvent) => boolean, what: string): Promise<MacEvent> {
    const found = this.sim.waitFor((event) => event !== undefined && fits(event), what, undefined, this.#event);
    return found as Promise<MacEvent>;
  }

  script(name: string): string {
    return join(this.folder, 'scripts', `${name}.applescript`);
  }

  /** Like the relay: a process group of its own, stdout and stderr into files. */
  run(args: string[], attempt = 'probe'): Call {
    const files = ['out', 'err'].map((end) => join(this.folder, 'work', `${attempt}.${end}`));
    const fds = files.map((file) => openSync(file, 'w', 0o600));
    const child = spawn(this.sim.osascript, args, { detached: true, stdio: ['ignore', ...fds] });
    for (const fd of fds) closeSync(fd);
    this.#children.push(child);
    const ended = once(child, 'exit').then(([code, signal]) => {
      const [out = '', err = ''] = files.map((file) => readFileSync(file, 'utf8'));
      return { code: code as number | null, signal: signal as string | null, out, err };
    });
    return { child, attempt, ended };
  }

  call(script: Script, target: string, text: string, o: { mode?: number } = {}): Call {
    this.#count += 1;
    const attempt = `attempt-${this.#count}`;
    const payload = join(this.folder, 'work', `${attempt}.payload`);
    writeFileSync(payload, `${target}\n${text}`, { mode: 0o600 });
    chmodSync(payload, o.mode ?? 0o600);
    return this.run([this.script(script), attempt, payload], attempt);
  }

  /** A send that goes well, as far as the row that says `is_sent`. */
  async send(target: string, text: string, script: Script = 'send-to-participant') {
    const { ended } = this.call(script, target, text);
    const { code } = await ended;
    if (code !== 0) throw new Error(`osascript ended with ${code}`);
    const ends = ['sent', 'not_delivered'];
    return this.wait((event) => event.text === text && ends.includes(event.kind), `a row for ${text}`);
  }

  probe(): Call {
    return this.run([this.script('probe')]);
  }

  async close(): Promise<void> {
    for (const { pid, exitCode, signalCode } of this.#children)
      if (pid !== undefined && exitCode === null && signalCode === null) kill(pid);
    await this.sim.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function kill(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}
