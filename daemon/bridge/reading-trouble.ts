/**
 * What is wrong with reading `chat.db`: as a condition in health, and as the time until the next try.
 *
 *   fine ──unreadable──▶ chat_db_missing | chat_db_denied | chat_db_unusable      ──recovered──▶ fine
 *        ──busy for BEHIND_MS, or a row that cannot be told──▶ chat_db_behind     ──recovered──▶ fine
 *        ──no look for SILENT_MS, as two checks find──▶ chat_db_unwatched          ──looked──▶ fine
 */
import type { Clock, Timer } from '../host/clock.ts';
import { isBusy } from '../host/db.ts';
import { messageOf, type RelayError } from '../host/errors.ts';
import type { FreshLook } from '../host/fresh-look.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';

export const RETRY_MS = 2_000;
const BUSY_RETRY_MS = { first: 20, most: 500 };
const UNTOLD_RETRY_MS = 1_000;
/** A database that is busy for so long makes the relay not ready. */
const BEHIND_MS = 5_000;
/** No look at chat.db for so long: the watcher or a pass hangs. Checked twice, since after a sleep all timers are late. */
const SILENT_MS = 20_000;
const CHECK_MS = 10_000;
const UNREADABLE = ['chat_db_missing', 'chat_db_denied', 'chat_db_unusable'];

export interface Trouble {
  retryMs: number;
  /** The name of the condition, or null if it is too early to speak of one. */
  condition: string | null;
}

export class ReadingTrouble {
  readonly #clock: Clock;
  readonly #health: Health;
  readonly #log: Log;
  #sinceMono: number | null = null;
  #busyRetryMs = BUSY_RETRY_MS.first;
  readonly #path: string;
  readonly #permission: FreshLook | undefined;
  #lookedMono = 0;
  #silentBefore = false;
  #check: Timer | undefined;

  constructor(o: { path: string; clock: Clock; health: Health; log: Log; permission?: FreshLook }) {
    const { path, clock, health, log, permission } = o;
    this.#path = path;
    this.#permission = permission;
    this.#clock = clock;
    this.#health = health;
    this.#log = log;
  }

  start(): void {
    this.looked();
    this.#checkLater();
  }

  stop(): void {
    this.#check?.cancel();
    this.#permission?.over();
  }

  /** chat.db was looked at, and answered. */
  looked(): void {
    this.#lookedMono = this.#clock.mono();
    this.#silentBefore = false;
    if (this.#health.has('chat_db_unwatched')) this.#health.clear('chat_db_unwatched');
  }

  /** How long ago chat.db was looked at, and answered. */
  get lookedMs(): number {
    return this.#clock.mono() - this.#lookedMono;
  }

  /** Rows wait for a try that is set; looking sooner does not help. */
  get isWaiting(): boolean {
    return this.#sinceMono !== null;
  }

  /** chat.db cannot be opened or read. */
  unreadable(error: RelayError): Trouble {
    if (!this.#health.has(error.code)) this.#log.warn(error.code, { error: error.message });
    for (const name of UNREADABLE) if (name !== error.code) this.#health.clear(name);
    this.#health.raise(error.code, 'error', error.message, error.hint);
    if (error.code === 'chat_db_denied') this.#permission?.denied(this.#path);
    else this.#permission?.over();
    return { retryMs: isBusy(error.cause) ? this.#nextBusyRetry() : RETRY_MS, condition: error.code };
  }

  /** Somebody holds a lock on chat.db. */
  busy(error: unknown): Trouble {
    this.#sinceMono ??= this.#clock.mono();
    const late = this.#clock.mono() - this.#sinceMono >= BEHIND_MS;
    if (late) this.#behind(error, 'Quit other programs that use chat.db.');
    return { retryMs: this.#nextBusyRetry(), condition: late ? 'chat_db_behind' : null };
  }

  /** Rows were read, but what they cause could not be stored. */
  untold(error: unknown): Trouble {
    this.#sinceMono ??= this.#clock.mono();
    this.#behind(error, 'Look into the log; if it stays, report it.');
    return { retryMs: UNTOLD_RETRY_MS, condition: 'chat_db_behind' };
  }

  recovered(): void {
    this.looked();
    this.#permission?.over();
    this.#sinceMono = null;
    this.#busyRetryMs = BUSY_RETRY_MS.first;
    for (const name of [...UNREADABLE, 'chat_db_behind']) this.#health.clear(name);
  }

  #checkLater(): void {
    this.#check = this.#clock.after(CHECK_MS, () => {
      this.#checkPulse();
      this.#checkLater();
    });
  }

  #checkPulse(): void {
    const named = this.#sinceMono !== null || UNREADABLE.some((name) => this.#health.has(name));
    const silent = !named && this.#clock.mono() - this.#lookedMono >= SILENT_MS;
    if (silent && this.#silentBefore) {
      if (!this.#health.has('chat_db_unwatched')) this.#log.error('chat_db_unwatched');
      this.#health.raise(
        'chat_db_unwatched',
        'error',
        'chat.db has not been looked at for more than 20 s: new messages are not seen.',
        'Start the relay again with relayctl service restart; if it comes back, report it with the log.',
      );
    }
    this.#silentBefore = silent;
  }

  #behind(error: unknown, remedy: string): void {
    const why = messageOf(error);
    if (!this.#health.has('chat_db_behind')) this.#log.error('chat_db_behind', { error: why });
    this.#health.raise('chat_db_behind', 'error', `New rows of chat.db cannot be taken in: ${why}.`, remedy);
  }

  #nextBusyRetry(): number {
    const delay = this.#busyRetryMs;
    this.#busyRetryMs = Math.min(2 * delay, BUSY_RETRY_MS.most);
    return delay;
  }
}
