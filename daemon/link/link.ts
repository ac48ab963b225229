/**
 * The link: who is on the line, and what have they confirmed?
 *
 *   idle ─ start ─▶ dialling ─▶ opening ─▶ open
 *                      ▲           │         │
 *                      └─ waiting ◀┴─────────┘        stop ─▶ bye, at most 5 s to drain ─▶ idle
 *
 * One connection at a time, for ever, with pauses that reconnect.ts decides. What stands in the way for long is a named
 * health condition. The caller owes: `start` once all rooms can take commands, `stop` before the store is closed.
 */
import { CLOSE_CODES, isCloseCode } from '../../protocol/codes.ts';
import type { Window } from '../../protocol/frames.ts';
import { DEFAULT_WINDOW } from '../../protocol/limits.ts';
import type { LineEnd } from '../../protocol/line.ts';
import { type Clock, pause, type Timer } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Db } from '../host/db.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';
import type { CommandPort, IdentityPort, JournalPort, LinkSocket, QueryPort, Transport } from './ports.ts';
import { ReceivedCommands } from './received.ts';
import { CLONE_WINDOW_MS, type Comeback, type Ended, type Pace, Reconnect } from './reconnect.ts';
import { Session } from './session.ts';

/** So many tries in a row fail before it is called a condition: a short break is nothing to look at. */
const TRIES_BEFORE_CONDITION = 3;

export interface LinkState {
  phase: 'idle' | 'dialling' | 'opening' | 'open' | 'waiting';
  /** Unix ms. */
  since: number;
  peer: string;
  controller?: string;
  epoch?: number;
  /** Unix ms, while waiting. */
  nextTryAt?: number;
  /** How the last connection, or the try to get one, ended. */
  last?: { code: number | null; words: string; at: number };
}

export interface LinkOptions {
  transport: Transport;
  db: Db;
  commit: GroupCommit;
  journal: JournalPort;
  commands: CommandPort;
  queries: QueryPort;
  identity: IdentityPort;
  clock: Clock;
  log: Log;
  health: Health;
  /** What the controller's clock shows (Unix ms), at each opening. */
  onControllerTime?: (time: number) => void;
  onState?: (state: LinkState) => void;
  random?: () => number;
  pace?: Partial<Pace>;
  window?: Window;
}

type Outcome = Ended & { words: string; condition?: { name: string; remedy: string } };

/** What host/token.ts may find wrong. */
const TOKEN_CONDITIONS = ['token_missing', 'token_exposed', 'token_invalid'];

export class Link {
  readonly #o: LinkOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #received: ReceivedCommands;
  readonly #reconnect: Reconnect;
  readonly #stopping = new AbortController();
  #state: LinkState;
  #session: Session | undefined;
  #abortDial: () => void = () => {};
  #running: Promise<void> | undefined;
  #cloneTimer: Timer | undefined;

  constructor(o: LinkOptions) {
    this.#o = o;
    this.#clock = o.clock;
    this.#log = o.log.room('link');
    this.#received = new ReceivedCommands(o.db);
    this.#reconnect = new Reconnect({ clock: o.clock, random: o.random ?? Math.random, pace: o.pace });
    this.#state = { phase: 'idle', since: o.clock.now(), peer: o.transport.peer };
  }

  get state(): LinkState {
    return this.#state;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says `bye`, drains for at most 5 s, and resolves when nothing of the link runs any more. It does not start again. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cloneTimer?.cancel();
    if (this.#session) await this.#session.leave(4503, 'the relay is stopping');
    else this.#abortDial();
    await this.#running;
    this.#to({ phase: 'idle' });
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const outcome = await this.#connection();
      if (this.#stopping.signal.aborted) return;
      const comeback = this.#reconnect.after(outcome);
      this.#judge(outcome, comeback);
      this.#log.info('line_ended', { words: outcome.words, again_in_ms: Math.round(comeback.delayMs) });
      this.#to({ phase: 'waiting', nextTryAt: this.#clock.now() + comeback.delayMs });
      if (comeback.delayMs > 0) await pause(this.#clock, comeback.delayMs, this.#stopping.signal);
    }
  }

  /** One connection from the dial to its end. */
  #connection(): Promise<Outcome> {
    this.#to({ phase: 'dialling' });
    return new Promise((resolve) => {
      let session: Session | undefined;
      let openedAt: number | undefined;
      const finish = (outcome: Outcome, code: number | null) => {
        this.#session = undefined;
        this.#state = { ...this.#state, last: { code, words: outcome.words, at: this.#clock.now() } };
        resolve(outcome);
      };
      const report = {
        identified: () => this.#reconnect.identified(),
        opened: (controller: string, epoch: number) => {
          openedAt = this.#clock.mono();
          this.#opened(controller, epoch);
        },
        ended: (end: LineEnd & { renewed: boolean }) =>
          finish(outcomeOf(end, openedAt === undefined ? 0 : Math.max(1, this.#clock.mono() - openedAt)), end.code),
      };
      const dialled = this.#o.transport.connect({
        opened: (socket: LinkSocket) => {
          this.#abortDial = () => {};
          this.#to({ phase: 'opening' });
          session = this.#session = new Session(this.#parts(), socket, report);
        },
        message: (data, binary) => session?.line.received(data, binary),
        pong: () => session?.line.pong(),
        failed: (why) => {
          const code = why.status === 401 ? 4401 : why.status === 403 ? 4403 : null;
          finish(code ? { kind: 'closed', code, openMs: 0, words: why.words } : { kind: 'unreachable', ...why }, code);
        },
        closed: (code, reason) => session?.line.socketClosed(code, reason),
      });
      this.#abortDial = () => dialled.abort();
    });
  }

  #parts(): ConstructorParameters<typeof Session>[0] {
    const { commit, journal, commands, queries, identity } = this.#o;
    return {
      clock: this.#clock,
      log: this.#log,
      commit,
      received: this.#received,
      journal,
      commands,
      queries,
      identity,
      window: this.#o.window ?? DEFAULT_WINDOW,
      onControllerTime: (time) => this.#o.onControllerTime?.(time),
    };
  }

  #opened(controller: string, epoch: number): void {
    this.#log.info('line_open', { controller, epoch });
    for (const name of TOKEN_CONDITIONS) this.#o.health.clear(name);
    this.#o.health.clear('controller_unreachable');
    this.#o.health.clear('controller_refuses');
    this.#to({ phase: 'open', controller, epoch });
    if (!this.#o.health.has('device_cloned')) return;
    this.#cloneTimer?.cancel();
    this.#cloneTimer = this.#clock.after(CLONE_WINDOW_MS, () => this.#o.health.clear('device_cloned'));
  }

  #judge(outcome: Outcome, comeback: Comeback): void {
    const { health } = this.#o;
    this.#cloneTimer?.cancel();
    for (const name of TOKEN_CONDITIONS) if (name !== outcome.condition?.name) health.clear(name);
    if (outcome.condition) {
      const { name, remedy } = outcome.condition;
      health.raise(name, 'error', `${outcome.words[0]?.toUpperCase()}${outcome.words.slice(1)}.`, remedy);
      return;
    }
    if (comeback.cloned) {
      health.raise(
        'device_cloned',
        'error',
        'Another relay has taken this device’s place at the controller twice within 10 minutes.',
        'Make sure that only one Mac uses this device’s token; pair the other one as a device of its own.',
      );
      return;
    }
    if (comeback.slowly && outcome.kind === 'closed') {
      const meaning = isCloseCode(outcome.code) ? CLOSE_CODES[outcome.code].words : 'the controller asked to stay away';
      health.raise(
        'controller_refuses',
        'error',
        `The controller at ${this.#state.peer} refuses this relay (${outcome.code}): ${meaning}.`,
        outcome.code === 4401 || outcome.code === 4403
          ? 'Pair this relay with the controller again, or ask who runs the controller whether the device was revoked.'
          : 'Ask who runs the controller; the relay tries again within the hour by itself.',
      );
      return;
    }
    const cameAbout = outcome.kind === 'closed' && outcome.openMs > 0;
    if (!cameAbout && this.#reconnect.tries >= TRIES_BEFORE_CONDITION)
      health.raise(
        'controller_unreachable',
        'warning',
        `The controller at ${this.#state.peer} cannot be reached: ${outcome.words}.`,
        'Check the network of this Mac and the controller’s address; nothing is lost meanwhile.',
      );
  }

  #to(next: Pick<LinkState, 'phase'> & Partial<LinkState>): void {
    const { peer, last } = this.#state;
    this.#state = { peer, ...(last ? { last } : {}), since: this.#clock.now(), ...next };
    this.#o.onState?.(this.#state);
  }
}

function outcomeOf(end: LineEnd & { renewed: boolean }, openMs: number): Outcome {
  if (end.renewed) return { kind: 'renewed', words: end.reason };
  const words = end.reason || (end.code === 1006 ? 'the line broke' : `closed with ${end.code}`);
  const outcome: Outcome = { kind: 'closed', code: end.code, openMs, words };
  // What this side said in its own `bye` is advice for the other one.
  if (end.by === 'them' && end.reconnect !== undefined) outcome.reconnect = end.reconnect;
  if (end.by === 'them' && end.retryAfterMs !== undefined) outcome.retryAfterMs = end.retryAfterMs;
  return outcome;
}
