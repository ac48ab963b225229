/**
 * Is the other side still there? A ping each interval; anything that it says is an answer.
 *
 *   beat ─ ping ─ beat ─ ping ─ beat ─▶ dead        (two pings unanswered)
 *
 * The caller owes: `alive` for whatever arrives, `stop` when the connection ends.
 */
import type { LineClock } from './clock.ts';
import { MISSED_HEARTBEATS } from './limits.ts';

/** What a heartbeat needs of a connection. */
export interface HeartbeatPort {
  ping(): void;
  dead(): void;
  clock: Pick<LineClock, 'after'>;
}

export class Heartbeat {
  readonly #port: HeartbeatPort;
  readonly #intervalMs: number;
  #unanswered = 0;
  #timer: { cancel(): void } | undefined;

  constructor(port: HeartbeatPort, intervalMs: number) {
    this.#port = port;
    this.#intervalMs = intervalMs;
  }

  start(): void {
    this.#timer = this.#port.clock.after(this.#intervalMs, () => this.#beat());
  }

  alive(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #beat(): void {
    if (this.#unanswered >= MISSED_HEARTBEATS) {
      this.stop();
      this.#port.dead();
      return;
    }
    this.#unanswered += 1;
    this.#port.ping();
    this.start();
  }
}
