/**
 * One scenario by hand: a simulated Mac and a controller in a folder, and a person who starts the relay (and kills it, where the scenario
 * says so) as the printed lines say.
 *
 *   prepared ─ the relay comes ─▶ played ─▶ every check with what was found ─▶ ended
 *
 *   <folder>/mac    the simulated Mac      <folder>/relay    SENDER_RELAY_HOME      <folder>/controller.db    the controller's store
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Controller, type StoredEvent } from '../../../protocol/controller.ts';
import { type ControllerServer, serveController, tokenHash } from '../../../protocol/controller-server.ts';
import { SqliteStore } from '../../../protocol/controller-sqlite.ts';
import { type Sim, type SimOptions, startSim } from '../sim.ts';
import { SCENARIOS } from './all.ts';
import { play } from './play.ts';
import { relayConfig } from './relay-config.ts';
import type { Ground, Scenario } from './scene.ts';

const DEVICE = 'mac-1';
/** Real time that a person may take for what they are asked to do. */
const PERSON_MS = 15 * 60_000;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

class ByHand implements Ground {
  readonly sim: Sim;
  readonly events: StoredEvent[] = [];
  readonly #controller: Controller;
  readonly #store: SqliteStore;
  readonly #say: (words: string) => void;
  readonly #looks = new Set<() => void>();
  #server: ControllerServer | undefined;
  #onLine = false;

  constructor(o: { sim: Sim; folder: string; factor: number; say: (words: string) => void }) {
    this.sim = o.sim;
    this.#say = o.say;
    this.#store = new SqliteStore(join(o.folder, 'controller.db'));
    this.#controller = new Controller({
      store: this.#store,
      controller: 'by-hand',
      heartbeatMs: 600_000,
      identifyIntervalMs: 0,
      clock: {
        now: () => o.sim.now(),
        mono: () => performance.now() * o.factor,
        after(delayMs, work) {
          const timer = setTimeout(work, delayMs / o.factor);
          return { cancel: () => clearTimeout(timer) };
        },
      },
      onEvent: (event) => {
        this.events.push(event);
        this.#look();
      },
      onLine: ({ kind }) => {
        this.#onLine = kind === 'open';
        this.#look();
      },
      onError: (error) => o.say(`the controller: ${String(error)}`),
    });
    o.sim.onEvent(() => this.#look());
  }

  /** The address for the relay. */
  async listen(token: string): Promise<string> {
    const known = { device: DEVICE, tokenHash: tokenHash(token) };
    this.#server = await serveController({ controller: this.#controller, devices: () => [known], port: 0 });
    return this.#server.url;
  }

  relayComes(): Promise<void> {
    return this.until(() => this.#onLine, { what: 'the relay comes', patienceMs: PERSON_MS });
  }

  async send(to: string | { chat: string }, text: string, more: Record<string, unknown> = {}): Promise<string> {
    const created = Math.round(this.sim.now());
    const usual = { category: 'conversational', pacing: 'queue', created, expires_at: created + 86_400_000 };
    return this.command('message.send', { to, text, ...usual, ...more });
  }

  async command(name: string, data: Record<string, unknown>): Promise<string> {
    this.#say(`the controller says ${name}${typeof data.text === 'string' ? `: “${data.text}”` : ''}`);
    return (await this.#controller.sendAny(DEVICE, name, data)).id;
  }

  async result(command: string): Promise<Record<string, unknown>> {
    const find = () => this.events.find((e) => e.name === 'command.result' && e.data.command === command);
    await this.until(() => find() !== undefined, { what: `the result of ${command}` });
    return find()?.data ?? {};
  }

  until(condition: () => boolean, { what, patienceMs = 60_000 }: { what: string; patienceMs?: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(late);
        this.#looks.delete(look);
        resolve();
      };
      const late = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`waited ${Math.round(patienceMs / 1000)} s in vain: ${what}`));
      }, patienceMs);
      this.#looks.add(look);
      look();
    });
  }

  async killRelay(): Promise<void> {
    this.#say('NOW KILL THE RELAY with SIGKILL (kill -9), then start it again with the same line.');
    await this.until(() => !this.#onLine, { what: 'the relay is killed', patienceMs: PERSON_MS });
  }

  /** That was asked for already. */
  startRelay(): void {}

  async settle(): Promise<void> {
    await this.result(await this.command('snapshot.request', {}));
  }

  async close(): Promise<void> {
    await this.#controller.close();
    await this.#server?.close();
    await this.sim.stop();
  }

  #look(): void {
    for (const look of [...this.#looks]) look();
  }
}

/** Plays it in `folder`, telling what is done and seen line by line. True if all checks hold. */
export async function playByHand(
  scenario: Scenario,
  o: { folder: string; factor: number; mac: Omit<SimOptions, 'folder' | 'factor'>; say: (words: string) => void },
): Promise<boolean> {
  const sim = await startSim({ ...o.mac, ...scenario.mac, folder: join(o.folder, 'mac'), factor: o.factor });
  const ground = new ByHand({ sim, ...o });
  try {
    const home = join(o.folder, 'relay');
    const token = randomUUID();
    const url = await ground.listen(token);
    mkdirSync(home, { recursive: true, mode: 0o700 });
    writeFileSync(join(home, 'token'), `${token}\n`, { mode: 0o600 });
    const { messages, ...config } = relayConfig(scenario);
    const paths = { chat_db: sim.chatDb, osascript: sim.osascript, ps: sim.ps };
    const whole = { device: DEVICE, controller: { url }, messages: { ...paths, ...messages }, ...config };
    writeFileSync(join(home, 'config.json'), `${JSON.stringify(whole, null, 2)}\n`, { mode: 0o600 });
    o.say(`${scenario.name}: ${scenario.happens}`);
    o.say(`The relay must: ${scenario.must}`);
    o.say('Start a relay beside this Mac, in another terminal:');
    o.say(`  ${startLine(home, sim)}`);
    await ground.relayComes();
    // Rows from before it first looks are history for it.
    await ground.settle();
    o.say('The relay is here.');
    sim.onEvent(({ kind, handle, text, words }) =>
      o.say(`the Mac: ${[kind, handle, text && `“${text}”`, words].filter(Boolean).join(' ')}`),
    );
    const checks = await play(scenario, ground, SCENARIOS.indexOf(scenario));
    for (const { words, found, wanted, holds } of checks)
      o.say(`${holds ? '✓' : '✗'} ${words}${holds ? '' : `: found ${json(found)}, wanted ${json(wanted)}`}`);
    return checks.every(({ holds }) => holds);
  } finally {
    await ground.close();
  }
}

function startLine(home: string, sim: Sim): string {
  const env = { ...sim.clockEnv, SENDER_RELAY_HOME: home };
  const set = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
  return `${set.join(' ')} '${process.execPath}' ${sim.nodeArgs.join(' ')} '${join(ROOT, 'daemon/main.ts')}'`;
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? 'nothing';
}
