/**
 * The files that commands ask for: fetched right after the commit that took the command, since signed addresses die, and kept until nobody needs
 * them any more. One file for all recipients of a command.
 *
 *   wanted ── fetched ──▶ here ── all that use it are settled, and ten minutes ──▶ let go
 *     │ └─ a network that fails: again after 2 s, 4 s, … 5 min, as long as a message waits for it
 *     └─ refused (too large, another sha256, not public, 404): the command's messages that wait are rejected ──▶ let go
 *
 * What is here stays as long as a message of the command is being sent, whatever becomes of the other files and messages. A file counts once it is whole on the disk and its row is too; what was fetched and not noted is swept at the next start.
 */
import type { MessageSend } from '../../protocol/commands.ts';
import type { MessageState } from '../../protocol/names.ts';
import type { Clock, Timer } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Db } from '../host/db.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { Message, Messages } from './messages.ts';
import type { Part } from './parts.ts';
import type { FileStore, SoughtFile, Staged, StagedFile, WantedFile } from './ports.ts';
import { isWaiting } from './states.ts';

const AT_ONCE = 4;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 5 * 60_000;
const ROUND_MS = 30_000;
/** Messages may still look at a file that it has sent. */
const GRACE_MS = 10 * 60_000;
/** So long may a row settle what is unknown. */
const UNKNOWN_MS = 7 * 86_400_000;
/** Messages has seen nothing of these. */
const NEVER_LEFT: readonly MessageState[] = ['rejected', 'cancelled', 'expired', 'failed'];

interface Row {
  command: string;
  number: number;
  url: string;
  wanted: string | null;
  filename: string | null;
  mime: string | null;
  state: string;
  folder: string | null;
  name: string | null;
  bytes: number | null;
  sha256: string | null;
  vcard: number | null;
}

interface Wanted extends WantedFile {
  command: string;
  number: number;
  waitMs: number;
  /** Monotonic. */
  dueAt: number;
}

/** What happens to the messages of a command; each is called inside a transaction. */
export interface FileNews {
  /** All its files are here, by number. */
  here(command: string, files: Map<number, StagedFile>): void;
  refused(command: string, words: string): void;
  /** It takes longer, for this reason. */
  delayed(command: string, words: string): void;
  /** They were here and are not any more; they are fetched again. */
  lost(command: string): void;
}

export class CommandFiles {
  readonly #db: Db;
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #messages: Messages;
  readonly #store: FileStore;
  readonly #news: FileNews;
  readonly #wanted = new Map<string, Wanted>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #stop = new AbortController();
  #timer: Timer | null = null;
  /** Something is wanted since the last look. */
  #fresh = false;
  #roundAt = 0;
  #unlisten: () => void = () => {};

  constructor(o: {
    db: Db;
    commit: GroupCommit;
    clock: Clock;
    log: Log;
    messages: Messages;
    store: FileStore;
    news: FileNews;
  }) {
    this.#db = o.db;
    this.#commit = o.commit;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#messages = o.messages;
    this.#store = o.store;
    this.#news = o.news;
  }

  /** In the transaction of the command. */
  want(command: string, attachments: NonNullable<MessageSend['attachments']>): void {
    for (const [index, { url, sha256, filename, mime }] of attachments.entries())
      this.#db
        .sql(
          `INSERT INTO command_file (command, number, url, wanted, filename, mime, state) VALUES (?, ?, ?, ?, ?, ?, 'wanted')
             ON CONFLICT (command, number) DO NOTHING`,
        )
        .run(command, index + 1, url, sha256 ?? null, filename ?? null, mime ?? null);
    for (const row of this.#rows(command)) if (row.state === 'wanted') this.#add(row);
    this.#fresh = true;
  }

  /** What is not here any more is wanted again, what belongs to nobody goes; then fetching begins. */
  start(): void {
    const here = this.#inState('here').flatMap((row) => fileOf(row) ?? []);
    this.#store.sweep(here);
    // For one that is being sent it would come too late: that part is told as not sent when it is its turn.
    const lost = this.#inState('here').filter((row) => {
      const file = fileOf(row);
      return !(file && this.#store.has(file)) && this.#isAwaited(row.command);
    });
    this.#do(() => {
      for (const { command, number } of lost) {
        this.#log.warn('file_lost', { command });
        this.#db.sql("UPDATE command_file SET state = 'wanted' WHERE command = ? AND number = ?").run(command, number);
        this.#news.lost(command);
      }
    }).then(() => {
      if (this.#stop.signal.aborted) return;
      this.reload();
      this.#unlisten = this.#commit.onDurable(() => {
        if (this.#fresh) this.#tend();
      });
      this.#tend();
    }, this.#logged);
  }

  /** How these files of a command are or will be named. */
  sought(command: string, parts: readonly Part[]): SoughtFile[] {
    const files = parts.filter(({ kind }) => kind === 'attachment');
    const rows = files.every(({ file }) => file) ? [] : this.#rows(command);
    return files.flatMap(({ number, file }): SoughtFile[] => {
      if (file) return [{ name: file.name }];
      const row = rows.find((one) => one.number === number);
      if (!row) return [];
      const { url, filename, mime } = row;
      return [{ url, ...(filename === null ? {} : { filename }), ...(mime === null ? {} : { mime }) }];
    });
  }

  /** Memory agrees with the store again. */
  reload(): void {
    const before = new Map(this.#wanted);
    this.#wanted.clear();
    for (const row of this.#inState('wanted')) {
      const known = before.get(keyOf(row));
      if (known) this.#wanted.set(keyOf(row), known);
      else this.#add(row);
    }
    this.#fresh = true;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#unlisten();
    this.#timer?.cancel();
    await Promise.all(this.#running.values());
  }

  #tend(): void {
    if (this.#stop.signal.aborted) return;
    this.#fresh = false;
    const now = this.#clock.mono();
    let next = Math.max(this.#roundAt, now);
    if (now >= this.#roundAt) {
      this.#roundAt = now + ROUND_MS;
      next = this.#roundAt;
      this.#sweep();
    }
    for (const [key, file] of this.#wanted) {
      if (this.#running.has(key)) continue;
      if (this.#running.size >= AT_ONCE) break;
      if (file.dueAt > now) next = Math.min(next, file.dueAt);
      else this.#begin(key, file);
    }
    this.#timer?.cancel();
    this.#timer = this.#clock.after(Math.max(0, next - now), () => this.#tend());
  }

  #begin(key: string, file: Wanted): void {
    const running = this.#fetch(key, file)
      .catch((error: unknown) => {
        this.#later(file);
        this.#log.error('file_not_noted', { error: messageOf(error) });
      })
      .finally(() => {
        this.#running.delete(key);
        this.#tend();
      });
    this.#running.set(key, running);
  }

  async #fetch(key: string, file: Wanted): Promise<void> {
    const { command, number } = file;
    if (!this.#isAwaited(command)) return this.#letGo(() => this.#drop(command));
    const staged = await this.#store.stage(file, this.#stop.signal);
    if (this.#stop.signal.aborted) return;
    this.#log.info('file_fetched', { command, number, ok: staged.ok, ...(staged.ok ? {} : { words: staged.words }) });
    if (!staged.ok && staged.again) {
      this.#later(file, staged.retryAfterMs);
      return this.#do(() => this.#news.delayed(command, staged.words));
    }
    try {
      await this.#letGo(() => this.#note(file, staged));
      this.#wanted.delete(key);
    } catch (error) {
      if (staged.ok) await this.#store.release(staged.folder);
      throw error;
    }
  }

  /** In a transaction. Returns the folders that nobody needs. */
  #note({ command, number }: Wanted, staged: Staged): string[] {
    const came = staged.ok ? [staged.folder] : [];
    const open = this.#rows(command).find((row) => row.number === number && row.state === 'wanted');
    if (!open) return came;
    if (!this.#isAwaited(command)) return [...came, ...this.#drop(command)];
    if (!staged.ok) {
      this.#news.refused(command, staged.words);
      return this.#drop(command);
    }
    this.#db
      .sql(
        `UPDATE command_file SET state = 'here', folder = ?, name = ?, bytes = ?, sha256 = ?, vcard = ?
           WHERE command = ? AND number = ?`,
      )
      .run(staged.folder, staged.name, staged.bytes, staged.sha256, staged.vcard ? 1 : 0, command, number);
    const files = new Map(this.#rows(command).map((row) => [row.number, fileOf(row)] as const));
    if ([...files.values()].every((one) => one !== null)) this.#news.here(command, files as Map<number, StagedFile>);
    return [];
  }

  #later(file: Wanted, retryAfterMs = 0): void {
    file.dueAt = this.#clock.mono() + Math.max(file.waitMs, retryAfterMs);
    file.waitMs = Math.min(file.waitMs * 2, LONGEST_WAIT_MS);
  }

  /** In a transaction: nobody waits for the command's files any more. Returns the folders of those that nobody needs either. */
  #drop(command: string): string[] {
    const isOver = this.#isOver(command);
    const rows = this.#rows(command).filter(({ state }) => isOver || state === 'wanted');
    for (const row of rows) {
      this.#wanted.delete(keyOf(row));
      this.#db.sql('DELETE FROM command_file WHERE command = ? AND number = ?').run(command, row.number);
    }
    return rows.flatMap(({ folder }) => folder ?? []);
  }

  /** What the work says is not needed is removed once that is on the disk. */
  async #letGo(work: () => string[]): Promise<void> {
    for (const folder of await this.#commit.run(work)) await this.#store.release(folder);
  }

  /** Lets go of files whose messages are all settled. */
  #sweep(): void {
    const commands = new Set(this.#inState('here').map(({ command }) => command));
    const over = [...commands].filter((command) => this.#isOver(command));
    if (over.length > 0) this.#letGo(() => over.flatMap((command) => this.#drop(command))).catch(this.#logged);
  }

  #isAwaited(command: string): boolean {
    return this.#messages.ofCommand(command).some(({ state }) => isWaiting(state));
  }

  #isOver(command: string): boolean {
    const now = this.#clock.now();
    const settled = ({ state, status, parts }: Message) => {
      if (NEVER_LEFT.includes(state)) return true;
      const has = (one: MessageState) => state === one || (parts ?? []).some((part) => part.state === one);
      if (isWaiting(state) || has('dispatching')) return false;
      return now - status.at >= (has('unknown') ? UNKNOWN_MS : GRACE_MS);
    };
    return this.#messages.ofCommand(command).every(settled);
  }

  #add(row: Row): void {
    const { command, number, url, wanted: sha256, filename, mime } = row;
    const file = { command, number, url, sha256, filename, mime, waitMs: FIRST_WAIT_MS, dueAt: 0 };
    this.#wanted.set(keyOf(row), file);
  }

  #rows(command: string): Row[] {
    return this.#db.sql<Row & object>('SELECT * FROM command_file WHERE command = ? ORDER BY number').all(command);
  }

  #inState(state: 'wanted' | 'here'): Row[] {
    return this.#db.sql<Row & object>('SELECT * FROM command_file WHERE state = ?').all(state);
  }

  #do(work: () => void): Promise<void> {
    return this.#commit.run(work);
  }

  readonly #logged = (error: unknown) => this.#log.error('files_failed', { error: messageOf(error) });
}

function keyOf({ command, number }: Pick<Row, 'command' | 'number'>): string {
  return `${number} ${command}`;
}

function fileOf({ state, folder, name, bytes, sha256, vcard }: Row): StagedFile | null {
  if (state !== 'here' || folder === null || name === null || bytes === null || sha256 === null) return null;
  return { folder, name, bytes, sha256, vcard: vcard === 1 };
}
