/**
 * A simulated Mac for a test or for the demo: starts `main.ts` as a process of its own and speaks with it.
 *
 *   const sim = await startSim({ folder, factor: 600 });
 *   spawn(node, [...sim.nodeArgs, 'daemon/main.ts'], { env: { ...process.env, ...sim.clockEnv } });   // lives in its time
 *
 * The caller stops it; `stop` ends all its osascripts too.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CommandInput } from './commands.ts';
import type { BehaviourInput } from './contacts.ts';
import type { MacEvent } from './mac-events.ts';
import { type MacRow, readOwnRows } from './own-rows.ts';
import type { MacosVersion } from './schema-macos.ts';
import { type ClockEnv, virtualNow } from './sim-clock.ts';

export { type MacEvent, type MacRow, readOwnRows };

/** Another program of the simulated Mac: beside this source, or in demo/ beside the built file that this is inside of. */
const program = (source: string, built: string) =>
  new URL(import.meta.url.endsWith('.js') ? built : source, import.meta.url);
const MAIN = fileURLToPath(program('main.ts', 'demo/sim.js'));
const PINNED = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));

/** Arguments of node for a program that lives in the simulated Mac's time. */
export const VIRTUAL_CLOCK = ['--import', program('virtual-clock.ts', 'demo/virtual-clock.js').href];

/** Real time in which every process has seen that time was skipped, and done what was due. */
const MOMENT_MS = 25;

export interface SimOptions {
  folder: string;
  /** Virtual seconds in a real one; 1 if not given. */
  factor?: number;
  /** The virtual time at the start; the real time if not given. */
  start?: string;
  ownAddress?: string;
  /** Whose schema chat.db has; 26 if not given. */
  macos?: MacosVersion;
  guidPrefix?: 'any' | 'service';
  reportsUntilVerdict?: number;
}

type Input<K extends CommandInput['do']> = Omit<Extract<CommandInput, { do: K }>, 'do' | 'id'>;
type Line = Record<string, unknown>;
type Ready = { chat_db: string; osascript: string; ps: string; launchctl: string; clock_env: ClockEnv; now: number };

/** The simulator said no. */
export class SimRefusal extends Error {
  readonly code: string;

  constructor(code: string, words: string) {
    super(`the simulated Mac: ${words}`);
    this.code = code;
  }
}

export class Sim {
  readonly chatDb: string;
  readonly osascript: string;
  readonly ps: string;
  readonly launchctl: string;
  /** Into the environment of each process that shall live in the simulated Mac's time, together with `nodeArgs`. */
  readonly clockEnv: ClockEnv;
  readonly nodeArgs = VIRTUAL_CLOCK;
  /** All that happened, oldest first. */
  readonly events: MacEvent[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  readonly #asked = new Map<number, { resolve: (line: Line) => void; reject: (error: Error) => void }>();
  readonly #listeners = new Set<(event: MacEvent) => void>();
  #count = 0;
  #over = false;

  constructor(child: ChildProcessWithoutNullStreams, ready: Ready, ended: Promise<void>) {
    this.#child = child;
    this.chatDb = ready.chat_db;
    this.osascript = ready.osascript;
    this.ps = ready.ps;
    this.launchctl = ready.launchctl;
    this.clockEnv = ready.clock_env;
    this.#ended = ended.then(() => {
      this.#over = true;
      for (const { reject } of this.#asked.values()) reject(new Error('the simulated Mac has ended'));
      this.#asked.clear();
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** The virtual time, Unix ms. */
  now(): number {
    return virtualNow(this.clockEnv);
  }

  /** What this person does with messages from now on; `*` is everybody who was not named. */
  async contact(handle: string, behaviour: BehaviourInput = {}): Promise<void> {
    await this.#ask({ do: 'contact', handle, ...behaviour });
  }

  inbound(o: Input<'inbound'>): Promise<{ rowid: number; guid: string; chat: string }> {
    return this.#ask({ do: 'inbound', ...o });
  }

  /** The owner writes by hand, to a handle or a group. */
  type(o: Input<'type'>): Promise<{ rowid: number; guid: string; chat: string }> {
    return this.#ask({ do: 'type', ...o });
  }

  /** `chat` is `group:<id>`, `guid` Apple's. */
  group(o: Input<'group'>): Promise<{ chat: string; guid: string; identifier: string }> {
    return this.#ask({ do: 'group', ...o });
  }

  /** Something happens to a message that is there: an edit, an unsending, its files come, it goes. */
  async change(guid: string, o: Omit<Input<'change'>, 'guid'>): Promise<void> {
    await this.#ask({ do: 'change', guid, ...o });
  }

  groupChange(o: Input<'group_change'>): Promise<{ rowid: number; guid: string; chat: string }> {
    return this.#ask({ do: 'group_change', ...o });
  }

  /** How osascript fares from now on, or for the next `count` calls. */
  async messages(mode: Input<'messages'>['mode'], o: Omit<Input<'messages'>, 'mode'> = {}): Promise<void> {
    await this.#ask({ do: 'messages', mode, ...o });
  }

  async release(how: 'go' | 'end' = 'go'): Promise<number> {
    return (await this.#ask<{ released: number }>({ do: 'release', how })).released;
  }

  /** Somebody logs in at the screen, or out. */
  async session(open: boolean): Promise<void> {
    await this.#ask({ do: 'session', open });
  }

  apple(o: Input<'apple'>): Promise<{ junk: boolean }> {
    return this.#ask({ do: 'apple', ...o });
  }

  async replaceDb(keep: 'all' | number = 0): Promise<number> {
    return (await this.#ask<{ rows: number }>({ do: 'replace_db', keep })).rows;
  }

  async rows(sinceRowid = 0): Promise<MacRow[]> {
    return (await this.#ask<{ rows: MacRow[] }>({ do: 'rows', sinceRowid })).rows;
  }

  /** False if a reader was in the way. */
  async checkpoint(): Promise<boolean> {
    return (await this.#ask<{ whole: boolean }>({ do: 'checkpoint' })).whole;
  }

  /**
   * Time passes without waiting for it: in one go, as for a Mac that sleeps, or in steps between which everybody has a moment, as when
   * nothing else happens.
   */
  async pass(ms: number, steps = 1): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      await this.#ask({ do: 'pass', ms: ms / steps });
      await new Promise((resolve) => setTimeout(resolve, MOMENT_MS));
    }
  }

  /** Messages quits and comes back, as far as chat.db can tell. */
  async reopen(): Promise<void> {
    await this.#ask({ do: 'reopen' });
  }

  /** Calls for each event from now on; the answer ends that. */
  onEvent(listener: (event: MacEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The first event that fits: of those that were (from number `since` of `events` on), or of those to come. The predicate is also asked
   * once without an event, for conditions that look at something else. Rejects after `patienceMs` of real time.
   */
  waitFor(
    fits: (event?: MacEvent) => boolean,
    what: string,
    patienceMs = 20_000,
    since = 0,
  ): Promise<MacEvent | undefined> {
    if (fits()) return Promise.resolve(undefined);
    const past = this.events.slice(since).find((event) => fits(event));
    if (past) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const stop = this.onEvent((event) => {
        if (!fits(event)) return;
        clearTimeout(late);
        stop();
        resolve(event);
      });
      const late = setTimeout(() => {
        stop();
        reject(new Error(`waited ${Math.round(patienceMs / 1000)} s in vain for the simulated Mac: ${what}`));
      }, patienceMs);
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const late = setTimeout(() => this.#child.kill('SIGKILL'), 5_000);
    await this.#ended;
    clearTimeout(late);
  }

  /** A line of the simulator came. */
  heard(line: Line): void {
    if (isEvent(line.mac)) {
      this.events.push(line.mac);
      for (const listener of [...this.#listeners]) listener(line.mac);
      return;
    }
    const answer = (line.done ?? line.error) as Line;
    const asked = this.#asked.get(Number(answer?.id));
    this.#asked.delete(Number(answer?.id));
    if (line.error) asked?.reject(new SimRefusal(String(answer.code), String(answer.words)));
    else asked?.resolve(answer);
  }

  #ask<T = Line>(command: CommandInput): Promise<T> {
    if (this.#over) return Promise.reject(new Error('the simulated Mac has ended'));
    const id = ++this.#count;
    return new Promise<Line>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#child.stdin.write(`${JSON.stringify({ ...command, id })}\n`);
    }) as Promise<T>;
  }
}

function isEvent(value: unknown): value is MacEvent {
  return typeof value === 'object' && value !== null && 'kind' in value;
}

/** Resolves when it can be used. */
export function startSim(o: SimOptions): Promise<Sim> {
  const options: [string, string | number | undefined][] = [
    ['--folder', o.folder],
    ['--factor', o.factor],
    ['--start', o.start],
    ['--own-address', o.ownAddress],
    ['--macos', o.macos],
    ['--guid-prefix', o.guidPrefix],
    ['--reports-until-verdict', o.reportsUntilVerdict],
  ];
  const args = options.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  // Its own time is the real one, whatever we live in.
  const { SIM_CLOCK: _, ...env } = process.env;
  const child = spawn(existsSync(PINNED) ? PINNED : process.execPath, [MAIN, ...args], { env });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    words = (words + chunk).slice(-4_000);
    process.stderr.write(chunk);
  });
  child.stdin.on('error', () => {});
  return new Promise((resolve, reject) => {
    let sim: Sim | undefined;
    const ended = new Promise<void>((end) => {
      child.once('error', (error) => {
        reject(error);
        end();
      });
      child.once('close', (code) => {
        reject(new Error(`the simulated Mac ended with ${code} before it was ready\n${words}`));
        end();
      });
    });
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      if (sim) return sim.heard(line);
      sim = new Sim(child, line.ready as Ready, ended);
      resolve(sim);
    });
  });
}
