/**
 * Group commit: many pieces of work, one transaction, one flush.
 *
 *   run(work) … run(work) ──next turn──▶ BEGIN, a savepoint each, COMMIT ──▶ flush the -wal file ──▶ promises resolve
 *                                                                              (off the event loop)
 *
 * What is handed in during a flush forms the next group. A piece that throws is rolled back alone and its promise rejects;
 * the others are not disturbed. `work` must be synchronous. Who keeps in memory what a piece changed listens to `onRolledBack`.
 *
 * A flush that fails leaves nobody knowing what is on disk, and asking again may say "done" for what was lost: all promises of the
 * group reject and `onFlushFailed` is called, whose only honest answer is to end the process and start from what the disk holds.
 *
 * A resolved promise means: on disk, as far as the disk honours a flush (fsync; on macOS libuv asks for F_FULLFSYNC).
 * Why not `synchronous=FULL`: its flush runs inside COMMIT and would stop the event loop, 20 ms on some disks.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { Db } from './db.ts';

interface Piece {
  work: () => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class GroupCommit {
  readonly #db: Db;
  #waiting: Piece[] = [];
  #running: Promise<void> | undefined;
  #wal: FileHandle | undefined;
  #closed = false;
  readonly #afterDurable = new Set<() => void>();
  readonly #afterRollback = new Set<() => void>();
  readonly #onFlushFailed: (error: unknown) => void;

  constructor(db: Db, o: { onFlushFailed?: (error: unknown) => void } = {}) {
    this.#db = db;
    this.#onFlushFailed = o.onFlushFailed ?? (() => {});
  }

  /** Does `work` in the next group. Resolves with its result once it is on disk. Rejects at once after `close`. */
  run<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the store is closed'));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject });
      this.#running ??= this.#drain();
    });
  }

  /** Calls `listener` after each group that reached the disk. Returns how to stop that. */
  onDurable(listener: () => void): () => void {
    this.#afterDurable.add(listener);
    return () => this.#afterDurable.delete(listener);
  }

  /** Calls `listener`, outside of any transaction, after a group in which something was rolled back. Returns how to stop that. */
  onRolledBack(listener: () => void): () => void {
    this.#afterRollback.add(listener);
    return () => this.#afterRollback.delete(listener);
  }

  /** Waits until all that was handed in is on disk, and lets go of the file. */
  async close(): Promise<void> {
    while (this.#running) await this.#running;
    this.#closed = true;
    await this.#wal?.close();
    this.#wal = undefined;
  }

  async #drain(): Promise<void> {
    // One turn of the event loop, so that all frames that are already read from the socket share the commit.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const { settle, rolledBack } = this.#commit(group);
      // Before anybody hears of it: what memory believes must be what the store holds.
      if (rolledBack) for (const listener of this.#afterRollback) listener();
      try {
        await this.#flush();
      } catch (error) {
        for (const piece of group) piece.reject(error);
        this.#onFlushFailed(error);
        continue;
      }
      for (const done of settle) done();
      for (const listener of this.#afterDurable) listener();
    }
    this.#running = undefined;
  }

  #commit(group: Piece[]): { settle: (() => void)[]; rolledBack: boolean } {
    const settle: (() => void)[] = [];
    let rolledBack = false;
    try {
      this.#db.transaction(() => {
        for (const [index, piece] of group.entries()) {
          try {
            const result = this.#db.transaction(piece.work);
            settle.push(() => piece.resolve(result));
          } catch (error) {
            rolledBack = true;
            settle.push(() => piece.reject(error));
            // Those behind it must not see what it left in memory: they wait until that is set right.
            this.#waiting.unshift(...group.splice(index + 1));
          }
        }
      });
      return { settle, rolledBack };
    } catch (error) {
      // The whole group was rolled back (disk full, store damaged): nobody may believe that it is stored.
      return { settle: group.map((piece) => () => piece.reject(error)), rolledBack: true };
    }
  }

  async #flush(): Promise<void> {
    this.#wal ??= await open(`${this.#db.path}-wal`, 'r+');
    await this.#wal.sync();
  }
}
