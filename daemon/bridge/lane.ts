/**
 * The one lane to Messages: is it open?
 *
 *   unproven ─ good probe ─▶ open ─ trouble, time-out, or an idle probe that is bad ─▶ unproven
 *       └── bad probe: a condition is raised, asked again after 2 s, 4 s, … 30 s; one that hangs may be restarted (restart.ts)
 *
 * The probe is a bounded, read-only Apple event: the consent dialog must never meet a real message, and a Messages that hangs while all
 * looks green must be found out before one is handed to it; so it is asked also when nobody sends, unless it was quit. A killed child that is still there keeps the lane closed.
 */
import type { Clock, Timer } from '../host/clock.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';
import type { Osascript } from './osascript.ts';
import { ODD_ANSWER, type Trouble, troubleOf } from './outcome.ts';
import type { Restart } from './restart.ts';

const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;
/** After so long without a sign of life Messages is asked whether it still answers. */
const IDLE_MS = 5 * 60_000;
/** Whoever asks oftener gets the last answer. */
const FRESH_MS = 10_000;

export type LaneState = { ok: true } | { ok: false; condition: string };

export class Lane {
  readonly #osascript: Osascript;
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #log: Log;
  readonly #limitMs: number;
  readonly #restart: Restart | null;
  readonly #stop = new AbortController();
  #proven = false;
  #provenMono = Number.NEGATIVE_INFINITY;
  /** Of the last question of any kind that was answered. */
  #heardMono = Number.NEGATIVE_INFINITY;
  #sends = 0;
  #idle: Timer | null = null;
  #probing: Promise<void> | null = null;
  #condition = 'messages_not_probed';
  #waitMs = FIRST_WAIT_MS;
  #next: Timer | null = null;
  /** Groups that were killed and were still there when we last looked. */
  #stuck: number[] = [];

  /** `limitMs`: how long an osascript may run. The probe's own Apple event gives up after 10 s; this is for an osascript that hangs itself. */
  constructor(o: {
    osascript: Osascript;
    clock: Clock;
    health: Health;
    log: Log;
    limitMs: number;
    /** Null: a Messages that hangs is left to whoever sits before the Mac. */
    restart: Restart | null;
  }) {
    this.#osascript = o.osascript;
    this.#clock = o.clock;
    this.#health = o.health;
    this.#log = o.log;
    this.#limitMs = o.limitMs;
    this.#restart = o.restart;
  }

  start(): void {
    void this.#probe();
    this.#lookWhenIdle(IDLE_MS);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#next?.cancel();
    this.#idle?.cancel();
    this.#restart?.stop();
    await this.#probing;
  }

  /** Waits for a probe that runs; starts one if it is time. */
  async open(): Promise<LaneState> {
    if (this.#probing || (!this.#proven && !this.#next)) await this.#probe();
    return this.#proven ? { ok: true } : { ok: false, condition: this.#condition };
  }

  /** As `open`, but a proof that is older than 10 s does not count. */
  async prove(): Promise<LaneState> {
    const isFresh = this.#clock.mono() - this.#provenMono < FRESH_MS;
    if (this.#proven && !isFresh && !this.#stop.signal.aborted) await this.#probe();
    return this.open();
  }

  /** While a send runs, Messages is asked nothing else. */
  async during<T>(send: Promise<T>): Promise<T> {
    this.#sends += 1;
    try {
      return await send;
    } finally {
      this.#sends -= 1;
    }
  }

  /** A send went well. */
  good(): void {
    this.#clear();
  }

  /** A send found trouble: nothing goes until a probe is good. `stuck`: the group of a child that would not end. */
  doubt(trouble: Trouble, stuck?: number): void {
    this.#proven = false;
    if (stuck !== undefined) this.#stuck.push(stuck);
    this.#raise(trouble);
    this.#waitMs = FIRST_WAIT_MS;
    this.#again();
  }

  /** A child of an earlier process was ended and is still there. */
  stuck(pid: number): void {
    this.doubt(HUNG_CHILD, pid);
  }

  #lookWhenIdle(delayMs: number): void {
    this.#idle = this.#clock.after(delayMs, () => void this.#lookIfIdle());
  }

  async #lookIfIdle(): Promise<void> {
    const left = this.#heardMono + IDLE_MS - this.#clock.mono();
    // One that is not proven is being asked anyway.
    const isIdle = this.#proven && !this.#probing && this.#sends === 0 && left <= 0;
    if (isIdle) await this.#probe('idle-probe');
    if (!this.#stop.signal.aborted) this.#lookWhenIdle(left > 0 ? left : IDLE_MS);
  }

  #probe(script: 'probe' | 'idle-probe' = 'probe'): Promise<void> {
    this.#probing ??= this.#ask(script).finally(() => {
      this.#probing = null;
    });
    return this.#probing;
  }

  async #ask(script: 'probe' | 'idle-probe'): Promise<void> {
    this.#next?.cancel();
    this.#next = null;
    if (await this.#isStuck()) return this.#hung();
    const ended = await this.#osascript.ask(script, this.#limitMs, this.#stop.signal);
    if (this.#stop.signal.aborted) return;
    this.#heardMono = this.#clock.mono();
    // Whoever quit it may have had a reason; the next send opens it.
    if (ended.code === 0 && ended.stdout.trim() === 'not running') return;
    // A probe that began before a child got stuck says nothing of it.
    if (ended.code === 0 && ended.stdout.trim() === 'ok') return this.#stuck.length > 0 ? this.#hung() : this.#clear();
    const trouble = troubleOf(ended) ?? ODD_ANSWER;
    this.#proven = false;
    this.#raise(trouble);
    if (trouble.condition === 'messages_hung') await this.#restart?.hung(this.#stop.signal);
    else this.#restart?.answered();
    this.#again();
  }

  #hung(): void {
    this.#proven = false;
    this.#raise(HUNG_CHILD);
    this.#again();
  }

  #again(): void {
    this.#next?.cancel();
    if (this.#stop.signal.aborted) return;
    this.#next = this.#clock.after(this.#waitMs, () => void this.#probe());
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }

  #raise(trouble: Trouble): void {
    if (this.#condition !== trouble.condition) this.#health.clear(this.#condition);
    this.#condition = trouble.condition;
    this.#health.raise(trouble.condition, 'error', trouble.words, trouble.remedy);
    this.#log.warn('lane_closed', { condition: trouble.condition });
  }

  #clear(): void {
    this.#restart?.answered();
    if (!this.#proven) this.#log.info('lane_open');
    this.#proven = true;
    this.#provenMono = this.#clock.mono();
    this.#heardMono = this.#provenMono;
    this.#waitMs = FIRST_WAIT_MS;
    this.#health.clear(this.#condition);
  }

  async #isStuck(): Promise<boolean> {
    if (this.#stuck.length === 0) return false;
    const running = await this.#osascript.leftovers();
    if (!running) return true;
    this.#stuck = this.#stuck.filter((pid) => running.some((r) => r.pid === pid));
    for (const pid of this.#stuck) this.#osascript.end(pid);
    return this.#stuck.length > 0;
  }
}

const HUNG_CHILD: Trouble = {
  condition: 'messages_hung',
  words: 'An osascript that was ended is still there.',
  remedy: 'Quit Messages; if that does not help, restart the Mac.',
};
