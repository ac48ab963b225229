/**
 * Upkeep of the queue: what expires, estimates that moved, ids that may be forgotten.
 *
 * Runs on a timer of its own and whenever it is woken; each round is one small transaction, so that it never holds up anything.
 * While the wall clock is not trusted nothing expires and nothing is forgotten.
 */
import { type Clock, pause } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Commands, WallClock } from './commands.ts';
import type { Messages } from './messages.ts';
import type { Gate } from './ports.ts';

const ROUND_MS = 30_000;
const PER_ROUND = 200;

export class QueueUpkeep {
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #messages: Messages;
  readonly #commands: Commands;
  readonly #gate: Gate;
  readonly #wall: WallClock;
  readonly #expire: (message: string) => void;
  readonly #stop = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(o: {
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    messages: Messages;
    commands: Commands;
    gate: Gate;
    wall: WallClock;
    /** In a transaction. */
    expire: (message: string) => void;
  }) {
    this.#commit = o.commit;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#messages = o.messages;
    this.#commands = o.commands;
    this.#gate = o.gate;
    this.#wall = o.wall;
    this.#expire = o.expire;
  }

  start(): void {
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const busy = await this.#commit.run(() => this.round());
        if (busy) continue;
      } catch (error) {
        this.#log.error('upkeep_failed', { error: messageOf(error) });
      }
      await pause(this.#clock, this.#untilNext(), this.#stop.signal);
    }
  }

  #untilNext(): number {
    const next = this.#messages.nextExpiry();
    if (next === null || !this.#wall.trusted) return ROUND_MS;
    return Math.min(ROUND_MS, Math.max(100, next - this.#clock.now()));
  }

  /** One round, in a transaction. True if there may be more to do at once. */
  round(): boolean {
    const expired = this.#wall.trusted ? this.#messages.expired(this.#clock.now(), PER_ROUND) : [];
    for (const { id } of expired) this.#expire(id);
    this.#gate.tend();
    for (const { message, hold } of this.#gate.movedHolds())
      this.#messages.move(message, 'held', { until: Math.round(hold.until), rule: hold.rule, evidence: hold.evidence });
    const forgotten = this.#commands.forget(PER_ROUND);
    return expired.length === PER_ROUND || forgotten === PER_ROUND;
  }
}
