/**
 * A permission that was granted to a running program often holds for its next process only. While chat.db is denied, a fresh child of the
 * same binary tries it every 30 s; if that can and this process still cannot, the service is started again, once (MESSAGES 19).
 *
 *   fine ──denied──▶ asking a child every LOOK_MS ──it can, and OWN_TRIES_MS later we cannot──▶ stale (told until it is heard)
 *        ◀──────────over──────────┘
 */
import { statSync, writeFileSync } from 'node:fs';
import type { Clock, Timer } from './clock.ts';

const LOOK_MS = 30_000;
/** The reader tries by itself every 2 s: it may be let in as well. */
const OWN_TRIES_MS = 5_000;

const RESTART_AGAIN_MS = 3_600_000;

export class FreshLook {
  readonly #clock: Clock;
  readonly #canRead: (path: string) => Promise<boolean>;
  readonly #onStale: () => boolean;
  #timer: Timer | undefined;
  /** What is denied, or null. */
  #path: string | null = null;
  #told = false;

  /**
   * `canRead`: whether a fresh child can open that file. `onStale`: another process of this program would do better; false if there can be none
   * now, and then it is asked again.
   */
  constructor(o: { clock: Clock; canRead: (path: string) => Promise<boolean>; onStale: () => boolean }) {
    this.#clock = o.clock;
    this.#canRead = o.canRead;
    this.#onStale = o.onStale;
  }

  denied(path: string): void {
    if (this.#path !== null || this.#told) return;
    this.#path = path;
    this.#lookIn(LOOK_MS);
  }

  /** It can be read, or something else is wrong with it. */
  over(): void {
    this.#path = null;
    this.#timer?.cancel();
  }

  #lookIn(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const path = this.#path;
    if (path === null) return;
    const can = await this.#canRead(path);
    if (this.#path !== path) return;
    if (!can) return this.#lookIn(LOOK_MS);
    this.#timer = this.#clock.after(OWN_TRIES_MS, () => {
      if (this.#path !== path) return;
      if (!this.#onStale()) return this.#lookIn(LOOK_MS);
      this.#told = true;
      this.#path = null;
    });
  }
}

/** Notes the restart in the file `marker`. False within an hour of the last one: what did not help shall not be repeated for ever. */
export function mayRestart(marker: string, now: number): boolean {
  const last = statSync(marker, { throwIfNoEntry: false })?.mtimeMs;
  if (last !== undefined && Math.abs(now - last) < RESTART_AGAIN_MS) return false;
  writeFileSync(marker, '', { mode: 0o600 });
  return true;
}
