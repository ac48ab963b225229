/**
 * Everything that a relay needs around it, as separate processes in one folder: a simulated Mac, a reference controller, the line
 * between them that can be cut, and the daemon itself.
 *
 *   open ─▶ startRelay ⇄ killRelay / stopRelay ─▶ close
 *
 * All processes share the virtual clock of the simulated Mac. The daemon knows nothing of that: it is told paths, as on a Mac.
 */
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StoredEvent } from '../../protocol/controller.ts';
import type { MessageStatus } from '../../protocol/events.ts';
import { type Sim, type SimOptions, startSim } from '../../test/sim/sim.ts';
import { Line } from './line.ts';
import { type Line as JsonLine, Program } from './program.ts';

/** Another program: a source, or built, beside the file that this is inside of. */
const program = (source: string, built: string) =>
  fileURLToPath(new URL(import.meta.url.endsWith('.js') ? built : source, import.meta.url));
const CONTROLLER = program('../controller.ts', 'demo/controller.js');
const RELAYD = program('../../daemon/main.ts', 'relayd.js');
export const DEVICE = 'mac-1';
/** Virtual: a heartbeat that a busy machine can keep up with however fast its clock runs. */
const HEARTBEAT_MS = 600_000;

export interface StageOptions {
  /** Virtual seconds in a real one. */
  factor: number;
  /** When the story begins, e.g. "2026-11-24T09:00:00Z". */
  start?: string;
  /** What kind of Mac it is. */
  mac?: Omit<SimOptions, 'folder' | 'factor' | 'start'>;
  /** What goes over the relay's configuration as written here; `messages` goes over its fields. */
  config?: Record<string, unknown>;
  /** Of the section messages.attachments. */
  attachments?: Record<string, unknown>;
  /** The daemon's program; the sources if not given. */
  relayd?: string;
  /** Node's arguments for it, in place of those that make the source live in the simulated Mac's time. */
  relayArgs?: string[];
  onEvent?: (event: StoredEvent) => void;
  onRelayWords?: (words: string) => void;
}

/** What a wait looks at, and what it says when it was in vain. */
export interface Wait {
  what: string;
  /** Real time. */
  patienceMs?: number;
}

export class Stage {
  readonly folder: string;
  readonly sim: Sim;
  readonly line: Line;
  readonly events: StoredEvent[] = [];
  readonly relayWords: string[] = [];
  readonly #o: StageOptions;
  readonly #controller: Program;
  #relay: Program | undefined;
  #looks = new Set<() => void>();
  #answers: JsonLine[] = [];

  private constructor(o: StageOptions, folder: string, sim: Sim, controller: Program, line: Line) {
    this.#o = o;
    this.folder = folder;
    this.sim = sim;
    this.#controller = controller;
    this.line = line;
  }

  /** The Mac and the controller are there; the relay is not started yet. */
  static async open(o: StageOptions): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'sender-relay-'));
    const sim = await startSim({
      ...o.mac,
      folder: join(folder, 'mac'),
      factor: o.factor,
      ...(o.start ? { start: o.start } : {}),
    });
    const tokenFile = join(folder, 'controller-token');
    writeFileSync(tokenFile, `demo-token-${randomUUID()}\n`, { mode: 0o600 });
    let stage: Stage | undefined;
    let heard: (line: JsonLine) => void = () => {};
    const listening = new Promise<string>((resolve, reject) => {
      heard = (line) => {
        if (typeof line.listening === 'string') resolve(line.listening);
        else if (stage) stage.#fromController(line);
      };
      setTimeout(() => reject(new Error('the controller did not start within 20 s')), 20_000).unref();
    });
    const controller = new Program({
      args: [
        ...sim.nodeArgs,
        CONTROLLER,
        '--store',
        join(folder, 'controller.db'),
        '--device',
        DEVICE,
        '--token-file',
        tokenFile,
        '--heartbeat-ms',
        String(HEARTBEAT_MS),
      ],
      env: { ...process.env, ...sim.clockEnv },
      onLine: (line) => heard(line),
      onStderr: (words) => process.stderr.write(`controller: ${words}\n`),
    });
    const line = new Line(Number(new URL(await listening).port));
    await line.listen();
    stage = new Stage(o, folder, sim, controller, line);
    stage.#writeHome(tokenFile);
    return stage;
  }

  /** Where the relay keeps its things: SENDER_RELAY_HOME. */
  get home(): string {
    return join(this.folder, 'relay');
  }

  get controllerStore(): string {
    return join(this.folder, 'controller.db');
  }

  get relayPid(): number | undefined {
    return this.#relay?.pid;
  }

  #writeHome(tokenFile: string): void {
    mkdirSync(this.home, { recursive: true, mode: 0o700 });
    const { messages, ...more } = this.#o.config ?? {};
    const config = {
      device: DEVICE,
      controller: { url: `ws://127.0.0.1:${this.line.port}`, token_file: tokenFile },
      messages: {
        chat_db: this.sim.chatDb,
        osascript: this.sim.osascript,
        ps: this.sim.ps,
        ...(messages as object | undefined),
        ...(this.#o.attachments ? { attachments: this.#o.attachments } : {}),
      },
      sender: { kind: 'shared', since: '2024-01-15', region: 'US' },
      ...more,
    };
    writeFileSync(join(this.home, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
    chmodSync(join(this.home, 'config.json'), 0o600);
  }

  startRelay(): void {
    const source = this.#o.relayd ?? RELAYD;
    this.#relay = new Program({
      args: [...(this.#o.relayArgs ?? this.sim.nodeArgs), source],
      env: { ...process.env, ...this.sim.clockEnv, SENDER_RELAY_HOME: this.home, TZ: 'UTC' },
      onStderr: (words) => {
        this.relayWords.push(words);
        this.#o.onRelayWords?.(words);
      },
    });
  }

  /** SIGKILL: nothing in the daemon gets a chance to tidy up. */
  async killRelay(): Promise<void> {
    await this.#relay?.kill();
  }

  /** SIGTERM, as launchd does. Its exit code. */
  async stopRelay(): Promise<number | null> {
    return (await this.#relay?.stop()) ?? null;
  }

  /** Hands the controller a command; resolves with its id when it is in the controller's store. */
  async command(name: string, data: Record<string, unknown>, id: string = randomUUID()): Promise<string> {
    this.#controller.say({ name, data, id });
    await this.until(() => this.#answers.some((line) => isSent(line, id)), { what: `the controller stores ${name}` });
    return id;
  }

  /** A message.send with all that is usually the same. */
  send(
    to: string | string[] | { chat: string },
    text: string,
    more: Record<string, unknown> = {},
    id?: string,
  ): Promise<string> {
    const created = Math.round(this.sim.now());
    const usual = { category: 'conversational', pacing: 'queue', created, expires_at: created + 86_400_000 };
    return this.command('message.send', { to, text, ...usual, ...more }, id);
  }

  /** The answer to a command, once the controller has it. */
  result(command: string): Promise<Record<string, unknown>> {
    return this.event((e) => e.name === 'command.result' && e.data.command === command, {
      what: `the result of ${command}`,
    }).then((event) => event.data);
  }

  /** The newest status of each message of a command, in the order of the recipients as first told. */
  statuses(command: string): MessageStatus[] {
    const newest = new Map<string, MessageStatus>();
    for (const { name, data } of this.events) {
      if (name !== 'message.status' || data.command !== command) continue;
      const status = data as MessageStatus;
      if ((newest.get(status.message)?.n ?? 0) < status.n) newest.set(status.message, status);
    }
    return [...newest.values()];
  }

  /** Waits until a message of a command is in one of these states. */
  async state(command: string, states: string[], wait: Partial<Wait> & { to?: string } = {}): Promise<MessageStatus> {
    const found = () =>
      this.statuses(command).find((s) => states.includes(s.state) && (wait.to === undefined || s.to === wait.to));
    await this.until(() => found() !== undefined, { what: `${command} becomes ${states.join(' or ')}`, ...wait });
    return found() as MessageStatus;
  }

  /** The first event that fits, from the beginning. */
  async event(fits: (event: StoredEvent) => boolean, wait: Wait): Promise<StoredEvent> {
    await this.until(() => this.events.some(fits), wait);
    return this.events.find(fits) as StoredEvent;
  }

  /** Waits until `condition` holds; it is asked whenever something is heard. */
  until(condition: () => boolean, { what, patienceMs = 30_000 }: Wait): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(late);
        this.#looks.delete(look);
      };
      const look = () => {
        if (!condition()) return;
        stop();
        resolve();
      };
      const late = setTimeout(() => {
        stop();
        reject(new Error(`waited ${Math.round(patienceMs / 1000)} s in vain: ${what}`));
      }, patienceMs);
      this.#looks.add(look);
      look();
    });
  }

  /** The simulated Mac calls this too, so that waits may look at what it has told. */
  look(): void {
    for (const look of [...this.#looks]) look();
  }

  #fromController(line: JsonLine): void {
    if (isEventLine(line)) {
      this.events.push(line.event);
      this.#o.onEvent?.(line.event);
    } else this.#answers.push(line);
    this.look();
  }

  /** Waits until the controller has confirmed all that the relay has to tell: asks a question, whose answer comes behind it. */
  async settle(): Promise<void> {
    const id = await this.command('snapshot.request', {});
    await this.result(id);
  }

  /** The last lines of the relay's log. */
  log(lines: number): string[] {
    try {
      const [newest = ''] = readdirSync(join(this.home, 'logs')).sort();
      return readFileSync(join(this.home, 'logs', newest), 'utf8')
        .trimEnd()
        .split('\n')
        .slice(-lines);
    } catch {
      return [];
    }
  }

  /** Stops what runs, the relay first. `keep`: the folder stays. */
  async close(o: { keep?: boolean } = {}): Promise<void> {
    await this.stopRelay();
    await this.#controller.stop();
    this.line.close();
    await this.sim.stop();
    if (!o.keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

function isSent(line: JsonLine, id: string): boolean {
  return typeof line.sent === 'object' && line.sent !== null && Reflect.get(line.sent, 'id') === id;
}

function isEventLine(line: JsonLine): line is { event: StoredEvent } {
  return typeof line.event === 'object' && line.event !== null;
}
