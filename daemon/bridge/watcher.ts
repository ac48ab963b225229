/**
 * When to look at `chat.db`. The guarantee is a timer; file events only make it faster. An event can come before the commit is visible
 * to readers, so each is followed by some more looks. The caller's `look` decides whether anything changed; it must not throw.
 *
 *   start ─▶ look every POLL_MS, and after each file event at once, after one turn, and after 0.5, 2, 10 and 50 ms ─▶ stop
 *
 * Watched are the folder (files made, renamed, replaced) and the -wal file itself, whose watch dies with a rename and is made anew.
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '../host/clock.ts';

export const POLL_MS = 100;
const LOOK_AGAIN_MS = [0.5, 2, 10, 50];

export interface WatcherOptions {
  /** The database; may not be there yet. */
  path: string;
  clock: Clock;
  /** `file`: something was made, renamed or removed, so the file behind the path may be another one. */
  look: (cause: 'timer' | 'event' | 'file') => void;
}

export class Watcher {
  readonly #o: WatcherOptions;
  readonly #names: Set<string>;
  #poll: Timer | undefined;
  #again: Timer | undefined;
  #folder: FSWatcher | undefined;
  #wal: FSWatcher | undefined;
  #turn = false;

  constructor(o: WatcherOptions) {
    this.#o = o;
    const name = basename(o.path);
    this.#names = new Set([name, `${name}-wal`]);
  }

  start(): void {
    if (this.#poll) return;
    this.#arm();
    this.#tick();
  }

  stop(): void {
    this.#poll?.cancel();
    this.#again?.cancel();
    this.#poll = undefined;
    this.#again = undefined;
    this.#disarm();
  }

  /** Watches what is at the path now: after a folder was replaced or a permission granted. */
  rearm(): void {
    if (!this.#poll) return;
    this.#disarm();
    this.#arm();
  }

  /** Watches that can be had are had; what is missing is tried again at the next tick (a folder that was just granted, a new -wal). */
  #arm(): void {
    this.#folder ??= this.#watch(dirname(this.#o.path), (event, name) => {
      if (name !== null && !this.#names.has(name)) return;
      this.#changed(event === 'rename');
    });
    this.#wal ??= this.#watch(`${this.#o.path}-wal`, (event) => this.#changed(event === 'rename'));
  }

  #disarm(): void {
    this.#folder?.close();
    this.#wal?.close();
    this.#folder = undefined;
    this.#wal = undefined;
  }

  #watch(path: string, listener: (event: string, name: string | null) => void): FSWatcher | undefined {
    try {
      const watcher = watch(path, { persistent: false }, listener);
      watcher.on('error', () => {
        watcher.close();
        if (this.#folder === watcher) this.#folder = undefined;
        if (this.#wal === watcher) this.#wal = undefined;
      });
      return watcher;
    } catch {
      return undefined;
    }
  }

  #changed(renamed: boolean): void {
    if (!this.#poll) return;
    if (renamed) {
      this.#wal?.close();
      this.#wal = undefined;
      this.#arm();
    }
    // One commit is a dozen events; all that come in one turn share its looks.
    if (this.#turn && !renamed) return;
    this.#o.look(renamed ? 'file' : 'event');
    if (this.#turn) return;
    this.#turn = true;
    setImmediate(() => {
      this.#turn = false;
      if (!this.#poll) return;
      this.#o.look('event');
      this.#lookAgain(0);
    });
  }

  #lookAgain(step: number): void {
    this.#again?.cancel();
    const delay = LOOK_AGAIN_MS[step];
    if (delay === undefined) return;
    this.#again = this.#o.clock.after(delay, () => {
      this.#o.look('event');
      if (this.#poll) this.#lookAgain(step + 1);
    });
  }

  #tick(): void {
    this.#poll = this.#o.clock.after(POLL_MS, () => {
      this.#arm();
      this.#o.look('timer');
      if (this.#poll) this.#tick();
    });
  }
}
