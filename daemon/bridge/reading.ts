/**
 * Reads `chat.db`, from the stored cursor on, and tells each row once, in ROWID order, in the transaction that moves the cursor.
 *
 *   closed(condition) ──open, every RETRY_MS──▶ open: pass, pass, …   ──file gone, denied, damaged──▶ closed
 *                                                 │ another chat.db (file, ROWIDs or guids)
 *                                                 └──▶ new generation: reopened, the last day read again
 *
 * A pass reads pages until the end, one page for each group commit. It ends *complete* when nothing is left and nothing is held
 * (holding.ts). What is wrong is a condition in health, never a crash: `chat_db_missing`, `chat_db_denied`, `chat_db_unusable`, and
 * `chat_db_behind` while rows are there that cannot be read or told.
 *
 * The caller owes `stop`. `onRow` must not throw for what a row says: a row that makes it throw is tried again and holds up the rest.
 */
import type { Timer } from '../host/clock.ts';
import { isBusy } from '../host/db.ts';
import { messageOf } from '../host/errors.ts';
import { ChatDb, chatDbError, fileIdentity } from './chat-db.ts';
import type { ChatRow, SettledRow } from './chat-row.ts';
import { Cursor } from './cursor.ts';
import { EarlierLife } from './earlier-life.ts';
import { Holding } from './holding.ts';
import { lookBack } from './look-back.ts';
import type { ReadingOptions } from './reading-options.ts';
import { ReadingTrouble, type Trouble } from './reading-trouble.ts';
import { POLL_MS, Watcher } from './watcher.ts';

export type { SettledRow } from './chat-row.ts';

export type CaughtUp = { ok: true } | { ok: false; condition: string };

/** Rows older than this at first sight are late. */
export const LATE_MS = 86_400_000;
/** Rows of one read. */
const PAGE = 250;
/** Of telling in one transaction, with the event loop standing still. */
const BUDGET_MS = 8;
/** Another file behind the path is looked for at file events, before each send, and every so many timer looks. */
const FILE_LOOKS = 10;

export class Reading {
  readonly #o: ReadingOptions;
  readonly #cursor: Cursor;
  readonly #holding = new Holding();
  readonly #watcher: Watcher;
  readonly #trouble: ReadingTrouble;
  readonly #earlier: EarlierLife;
  readonly #listeners = new Set<() => void>();
  #state: 'made' | 'running' | 'stopped' = 'made';
  #chatDb: ChatDb | null = null;
  /** The open file has to be compared with the cursor. */
  #unchecked = false;
  #checkedBefore = false;
  /** Something says that the file behind the path, or its rows, are others. */
  #suspect = false;
  /** data_version at the beginning of the last complete pass, and of the last pass. */
  #completeVersion: number | null = null;
  #passVersion: number | null = null;
  /** The cursor as it is on disk. */
  #committed: number | null = null;
  /** Own rows up to here were made before this process looked. */
  #beforeStart = 0;
  #lastRowAt: number | null = null;
  #waiting: ((answer: CaughtUp) => void)[] = [];
  #wanted = false;
  #busy = false;
  #running: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #looks = 0;

  constructor(o: ReadingOptions) {
    this.#o = o;
    this.#cursor = new Cursor(o.db);
    this.#trouble = new ReadingTrouble(o);
    this.#earlier = new EarlierLife(o);
    this.#watcher = new Watcher({ path: o.path, clock: o.clock, look: (cause) => this.#look(cause) });
  }

  start(): void {
    if (this.#state !== 'made') return;
    this.#state = 'running';
    this.#trouble.start();
    this.#watcher.start();
    this.#wake();
  }

  /** Finishes the page that is being told, and closes chat.db. */
  async stop(): Promise<void> {
    this.#state = 'stopped';
    this.#watcher.stop();
    this.#trouble.stop();
    this.#earlier.stop();
    await this.#running;
    this.#timer?.cancel();
    this.#close();
    this.#answer({ ok: false, condition: 'stopping' });
  }

  /** Resolves when chat.db is read to its present end and all that its rows caused is on disk. */
  caughtUp(): Promise<CaughtUp> {
    if (this.#state === 'stopped') return Promise.resolve({ ok: false, condition: 'stopping' });
    if (!this.behind()) return Promise.resolve({ ok: true });
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#suspect ||= this.#isOtherFile();
      this.#wake();
    });
  }

  /** Is there a row, or may there be one, that is not told and on disk yet? Some µs. Changes in place do not count. */
  behind(): boolean {
    const chatDb = this.#chatDb;
    if (!chatDb || this.#unchecked || this.#suspect || this.#committed === null) return true;
    try {
      if (this.#isOtherFile()) return true;
      const version = chatDb.dataVersion();
      if (version === this.#completeVersion) return false;
      return chatDb.maxRowid() > this.#committed || this.#cursor.looksStrange(chatDb) !== null;
    } catch {
      return true;
    }
  }

  /** The open chat.db. Do not keep it: it is closed and opened anew. */
  chatDb(): ChatDb | null {
    return this.#chatDb;
  }

  /** Calls `listener` after each pass that another process's commit caused, also when no new row came. Returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Rows up to `rowid` are told, and it is on disk; rows dated before `beganAt` (Unix ms) are from before this store's memory. */
  told(): { rowid: number; beganAt: number } | null {
    const { beganAt } = this.#cursor;
    return this.#committed === null || beganAt === null ? null : { rowid: this.#committed, beganAt };
  }

  stats(): { readable: boolean; cursor: number | null; lastRowAt: number | null } {
    return { readable: this.#chatDb !== null, cursor: this.#committed, lastRowAt: this.#lastRowAt };
  }

  /** How long ago chat.db was looked at; null while it cannot be read. */
  lookedMs(): number | null {
    return this.#chatDb === null ? null : this.#trouble.lookedMs;
  }

  #look(cause: 'timer' | 'event' | 'file'): void {
    if (this.#state !== 'running') return;
    const chatDb = this.#chatDb;
    if (!chatDb) {
      if (cause === 'file') this.#wake();
      return;
    }
    this.#looks += 1;
    if ((cause === 'file' || this.#looks % FILE_LOOKS === 0) && this.#isOtherFile()) this.#suspect = true;
    // In trouble a timer of its own tries again.
    if (this.#trouble.isWaiting) return;
    try {
      if (!this.#suspect && chatDb.dataVersion() === this.#completeVersion) return this.#trouble.looked();
    } catch (error) {
      if (isBusy(error)) return;
      this.#suspect = true;
    }
    this.#wake();
  }

  #isOtherFile(): boolean {
    const opened = this.#chatDb?.identity();
    if (!opened) return false;
    try {
      const there = fileIdentity(this.#o.path);
      return there.dev !== opened.dev || there.ino !== opened.ino;
    } catch {
      return true;
    }
  }

  /** A pass is wanted. One runs at a time; a wish during a pass is another pass. */
  #wake(): void {
    if (this.#state !== 'running') return;
    this.#wanted = true;
    if (!this.#busy) this.#running = this.#run();
  }

  #wakeIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#o.clock.after(delayMs, () => this.#wake());
  }

  async #run(): Promise<void> {
    this.#busy = true;
    while (this.#wanted && this.#state === 'running') {
      this.#wanted = false;
      if (this.#suspect) this.#close();
      if (!this.#chatDb && !this.#open()) continue;
      try {
        await this.#pass();
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#busy = false;
  }

  #open(): boolean {
    this.#close();
    try {
      this.#chatDb = ChatDb.open(this.#o.path);
    } catch (error) {
      this.#retry(this.#trouble.unreadable(chatDbError(this.#o.path, error)));
      return false;
    }
    this.#unchecked = true;
    this.#watcher.rearm();
    this.#o.log.info('chat_db_open', { path: this.#o.path });
    return true;
  }

  #close(): void {
    this.#chatDb?.close();
    this.#chatDb = null;
    this.#suspect = false;
    this.#completeVersion = null;
    this.#passVersion = null;
  }

  async #pass(): Promise<void> {
    const chatDb = this.#chatDb;
    if (!chatDb) return;
    // Who asks during the pass is answered by the next one.
    const asked = this.#waiting.length;
    if (this.#unchecked) await this.#check(chatDb);
    const version = chatDb.dataVersion();
    if (this.#cursor.looksStrange(chatDb)) {
      this.#suspect = true;
      return this.#wake();
    }
    const waitMs = await this.#readToEnd(chatDb);
    this.#trouble.recovered();
    if (waitMs !== null) this.#wakeIn(waitMs);
    else {
      this.#completeVersion = version;
      for (const resolve of this.#waiting.splice(0, asked)) resolve({ ok: true });
    }
    if (version !== this.#passVersion) this.#changed();
    this.#passVersion = version;
  }

  #changed(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#o.log.warn('chat_db_change', { error: messageOf(error) });
      }
    }
  }

  /** Compares the file that was just opened with the cursor. */
  async #check(chatDb: ChatDb): Promise<void> {
    const cursor = this.#cursor;
    const strange = cursor.strangeness(chatDb, this.#checkedBefore);
    const { onPast, clock } = this.#o;
    if (cursor.rowid === null && onPast) {
      const tell = (rows: ChatRow[]) =>
        this.#stored(() => {
          for (const row of rows) onPast({ ...this.#settled(row), late: true });
        });
      await lookBack({ chatDb, clock, tell, goesOn: () => this.#state === 'running' });
    }
    if (cursor.rowid === null || strange !== null) {
      this.#holding.forget();
      await this.#stored(() => {
        if (cursor.rowid === null) this.#earlier.began(chatDb);
        cursor.begin(chatDb, this.#o.clock.now());
        if (strange !== null) this.#o.onGeneration(strange);
      });
    } else cursor.remount(chatDb);
    if (!this.#checkedBefore) this.#beforeStart = chatDb.maxRowid();
    if (!this.#checkedBefore) this.#earlier.tell();
    this.#checkedBefore = true;
    this.#unchecked = false;
    this.#committed = cursor.rowid;
    this.#lastRowAt = chatDb.rowsByRowid([cursor.rowid ?? 0])[0]?.at ?? null;
  }

  /** Null when all is told, else in how many ms a held row is due. While a page is flushed to the disk the next is read. */
  async #readToEnd(chatDb: ChatDb): Promise<number | null> {
    const { clock } = this.#o;
    // A flush that failed may have left the cursor ahead of the disk; the next group takes it along.
    if (this.#committed !== this.#cursor.rowid) await this.#stored(() => undefined);
    this.#committed = this.#cursor.rowid;
    let telling: Promise<void> | undefined;
    try {
      for (let last = this.#cursor.rowid ?? 0; ; ) {
        this.#holding.seen(chatDb.maxRowid(), clock.mono());
        const page = chatDb.rowsAfter(last, PAGE);
        last = page.at(-1)?.rowid ?? last;
        this.#holding.seen(last, clock.mono());
        const { ready, waitMs } = this.#holding.split(page, clock.now(), clock.mono());
        await telling;
        const isEnd = waitMs !== null || page.length < PAGE || this.#state !== 'running';
        if (ready.length > 0) {
          const taken = Promise.withResolvers<void>();
          telling = this.#tell(ready, taken.resolve);
          await Promise.race([taken.promise, telling]);
        }
        if (!isEnd) continue;
        await telling;
        return waitMs ?? (page.length < PAGE ? null : POLL_MS);
      }
    } catch (error) {
      await telling;
      throw error;
    }
  }

  /** Tells rows in order. Calls `taken` when the last of them is in a transaction, before that is on the disk. */
  async #tell(rows: ChatRow[], taken: () => void): Promise<void> {
    for (let left = rows; left.length > 0; ) {
      try {
        const told = await this.#stored(() => this.#tellSome(left, taken));
        this.#told(left[told - 1]);
        left = left.slice(told);
      } catch (error) {
        const [first, ...others] = left;
        if (!first || others.length === 0) throw error;
        // One of them cannot be told, or nothing can be stored: each by itself, so that it does not undo those before it.
        await this.#tell([first], () => {});
        left = others;
      }
    }
  }

  /** In a transaction: as many as take BUDGET_MS, at least one; how many. */
  #tellSome(rows: ChatRow[], taken: () => void): number {
    const { clock, onRow } = this.#o;
    const end = clock.mono() + BUDGET_MS;
    const fresh = new Set<string>();
    let told = 0;
    for (const row of rows) {
      if (!this.#cursor.isPassedOver(row) && !fresh.has(row.guid) && !this.#cursor.wasTold(row.guid)) {
        onRow(this.#settled(row));
        fresh.add(row.guid);
      }
      told += 1;
      if (clock.mono() >= end) break;
    }
    this.#cursor.advance(rows.slice(0, told), [...fresh], clock.now());
    if (told === rows.length) taken();
    return told;
  }

  #told(last: ChatRow | undefined): void {
    this.#committed = this.#cursor.rowid;
    this.#lastRowAt = last?.at ?? this.#lastRowAt;
    this.#holding.told(this.#committed ?? 0);
  }

  /** In one piece of the group commit; what is in memory follows what is on disk. */
  async #stored<T>(work: () => T): Promise<T> {
    try {
      const done = await this.#o.commit.run(work);
      this.#trouble.looked();
      return done;
    } catch (error) {
      this.#cursor.reload();
      throw new Untold(error);
    }
  }

  #settled(row: ChatRow): SettledRow {
    const { clock } = this.#o;
    return {
      ...row,
      late: row.at === 0 || clock.now() - row.at > LATE_MS,
      // An own row from before the start may be a send that a store which was set back has forgotten.
      recovering: this.#cursor.isRecovering(row) || (row.fromMe && row.rowid <= this.#beforeStart),
      seenMonoMs: this.#holding.seenMono(row.rowid, clock.mono()),
    };
  }

  #failed(error: unknown): void {
    if (error instanceof Untold) return this.#retry(this.#trouble.untold(error.cause));
    if (isBusy(error)) return this.#retry(this.#trouble.busy(error));
    this.#close();
    this.#retry(this.#trouble.unreadable(chatDbError(this.#o.path, error)));
  }

  #retry({ retryMs, condition }: Trouble): void {
    this.#wakeIn(retryMs);
    if (condition !== null) this.#answer({ ok: false, condition });
  }

  #answer(answer: CaughtUp): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve(answer);
  }
}

/** Rows that were read but whose effects could not be stored; `cause` says why. */
class Untold extends Error {
  constructor(cause: unknown) {
    super('rows of chat.db could not be told', { cause });
  }
}
