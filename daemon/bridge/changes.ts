/**
 * What happens to messages after they were told: edits, parts taken back, files that come. Messages changes rows in place, without a new ROWID.
 *
 *   chat.db changed, or a send is near ──▶ look through RECENT_MS and the time since the last look; at first WINDOW_MS ┐
 *   every ROUND_MS, if chat.db has changed ──▶ look through WINDOW_MS ────────────────────────────────────────────────┤
 *        columns that changed? ──▶ blobs ──▶ told, in the transaction that stores that it is told ◀───────────────────┘
 *
 * "Through" is by the message's own date, on Apple's index, in pages (changed-rows.ts); short looks take SHARE of the time at the most.
 * What is stored of a message is only what was told beyond its first telling, for as long as it is looked at.
 */
import type { Clock, Timer } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Db } from '../host/db.ts';
import { messageOf } from '../host/errors.ts';
import type { Log } from '../host/log.ts';
import type { AttachmentFolder } from './attachment-folder.ts';
import { type Awaited, AwaitedFiles, FINISHED, MOST_AT_ONCE } from './awaited-files.ts';
import type { ChangedRow, DatePlace, StoredFile } from './changed-rows.ts';
import type { ChatDb } from './chat-db.ts';
import { ChatFlags } from './chat-flags.ts';
import type { ChatRow, SettledRow } from './chat-row.ts';
import { firstText, NOTHING_TOLD, newsOf, ToldStore } from './edit-history.ts';
import { type MessageSummary, summaryOf } from './message-summary.ts';
import { LATE_MS } from './reading.ts';
import { type RowChange, sightingOf } from './sightings.ts';

/** Messages lets people edit for 15 minutes and take back for 2. */
export const RECENT_MS = 30 * 60_000;
/** A Mac that slept, or iCloud, may bring a change later. */
export const WINDOW_MS = 7 * 86_400_000;
export const ROUND_MS = 5 * 60_000;
/** What is told is remembered for longer than it is looked for. */
const MEMORY_MS = WINDOW_MS + 2 * 86_400_000;
/** Looks that chat.db's changes cause rest 19 times as long as they took. */
const REST = 19;
/** A transfer is finished, but the file is not on the disk yet; nothing in chat.db needs to change for that. */
const FILE_AGAIN_MS = 1_000;
/** After a look that failed. */
const LOOK_AGAIN_MS = 2_000;
/** Pages that `behind` looks at: 6,000 rows, the newest. */
const MOST_PAGES = 3;
/** Something may change right after a look. */
const MOST_LOOKS = 3;

export interface ChangesOptions {
  db: Db;
  commit: GroupCommit;
  clock: Clock;
  log: Log;
  folder: AttachmentFolder;
  chatDb: () => ChatDb | null;
  /** All rows up to `rowid` are told; what is dated before `beganAt` (Unix ms) is from before this store's memory. Null: nothing is told. */
  told: () => { rowid: number; beganAt: number } | null;
  /** In a transaction. */
  tell: (change: RowChange) => void;
  /** May things be forgotten by the wall clock just now? */
  wallTrusted: () => boolean;
}

/** A row at its first sight, with what has happened to it before. */
export interface FirstSight {
  row: SettledRow;
  history: { print: string; summary: MessageSummary | null; firstIsTold: boolean } | null;
  /** Its files, and the guids of those that are ready. */
  files: { stored: StoredFile[]; ready: Set<string> } | null;
}

export class Changes {
  readonly #o: ChangesOptions;
  readonly #store: ToldStore;
  readonly #awaited: AwaitedFiles;
  readonly #flags: ChatFlags;
  readonly #timers = new Set<Timer>();
  #stopped = false;
  #work: Promise<void> = Promise.resolve();
  #lookWaits = false;
  /** Monotonic: no look for a change before. */
  #restUntil = 0;
  /** data_version at the beginning of the last short look, and of the last round, and of whose chat.db. */
  #looked: { chatDb: ChatDb; version: number; mono: number } | null = null;
  #rounded: { chatDb: ChatDb; version: number } | null = null;
  #fileTimer = false;

  constructor(o: ChangesOptions) {
    this.#o = o;
    this.#store = new ToldStore(o.db);
    this.#awaited = new AwaitedFiles(o);
    this.#flags = new ChatFlags(o.db);
  }

  start(): void {
    this.#enqueue(() => this.#round());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#work;
  }

  /** chat.db changed: looks soon. Cheap to call often. */
  changed(): void {
    if (this.#lookWaits || this.#stopped) return;
    this.#lookWaits = true;
    const restMs = this.#restUntil - this.#o.clock.mono();
    if (restMs > 0) this.#later(restMs, () => this.#enqueueLook());
    else this.#enqueueLook();
  }

  /** Resolves when what chat.db says by now was looked at; false if that did not succeed, or more came each time. Never rejects. */
  async caughtUp(): Promise<boolean> {
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      if (!this.#isUnlooked(this.#o.chatDb())) return true;
      this.#enqueue(() => this.#look());
      await this.#work;
      if (!this.behind()) return true;
    }
    return false;
  }

  /** Does a message of the last half hour say something that is not told? Some µs if chat.db did not change, else a quick look. */
  behind(): boolean {
    const chatDb = this.#o.chatDb();
    if (!chatDb) return true;
    try {
      if (!this.#isUnlooked(chatDb)) return false;
      // Of the first look only `caughtUp` knows all.
      if (this.#looked?.chatDb !== chatDb) return true;
      const since = this.#o.clock.now() - this.#windowMs(chatDb);
      let from: DatePlace | null | undefined;
      for (let pages = 0; pages < MOST_PAGES && from !== null; pages += 1) {
        const { news, next } = this.#page(chatDb, since, from);
        if (news.length > 0) return true;
        from = next;
      }
      return false;
    } catch {
      return true;
    }
  }

  /** In a transaction, before the row is told: as it was first written, where that is known. */
  firstSight(row: SettledRow): FirstSight {
    const chatDb = this.#o.chatDb();
    const hasFiles = Array.isArray(row.detail?.attachments);
    if (!chatDb || (row.editedAt === null && !hasFiles)) return { row, history: null, files: null };
    const stored = hasFiles ? chatDb.changed.files(row.rowid) : [];
    const ready = new Set(stored.filter((file) => this.#awaited.isReady(file)).map(({ guid }) => guid));
    const files = hasFiles ? { stored, ready } : null;
    const shown = withFiles(row, stored, ready);
    const read = row.editedAt === null ? null : historyOf(chatDb, row.rowid);
    if (!read) return { row: shown, history: null, files };
    const text = row.kind === 'text' ? firstText(row, read.summary) : null;
    const history = { ...read, firstIsTold: text !== null };
    return { row: text === null ? shown : { ...shown, text, truncated: false }, history, files };
  }

  /** A row as it was with each of its texts, from the first to the present one; what was told of it does not matter. */
  versions(row: SettledRow): SettledRow[] {
    const chatDb = this.#o.chatDb();
    const read = chatDb && row.editedAt !== null ? historyOf(chatDb, row.rowid) : null;
    if (!read) return [row];
    const { news } = newsOf({ row, summary: read.summary, told: NOTHING_TOLD, firstIsTold: false, now: row.at });
    const edits = news.flatMap(({ at, change }) =>
      change.kind === 'edited' ? [{ ...row, at, text: change.text }] : [],
    );
    return edits.length > 0 ? edits : [row];
  }

  /** In the same transaction, after the row was told: tells what had happened to it already, and awaits its files. */
  firstTold({ row, history, files }: FirstSight): void {
    const { clock } = this.#o;
    if (files) this.#awaited.first(row, files.stored, files.ready);
    if (!history || this.#store.print(row.guid) !== null) return;
    const { print, summary, firstIsTold } = history;
    const { news, told } = newsOf({ row, summary, told: NOTHING_TOLD, firstIsTold, now: clock.now() });
    for (const { at, change } of news) {
      // Without a history it was told with its present text.
      if (change.kind === 'edited' && change.version === null) continue;
      this.#tell(row, at, change, row.recovering);
    }
    this.#store.put(row.guid, row.at, print, told);
  }

  #enqueueLook(): void {
    this.#enqueue(async () => {
      this.#lookWaits = false;
      const began = this.#o.clock.mono();
      await this.#look();
      const ended = this.#o.clock.mono();
      this.#restUntil = ended + REST * (ended - began);
    });
  }

  #isUnlooked(chatDb: ChatDb | null): boolean {
    if (!chatDb) return true;
    try {
      return this.#looked?.chatDb !== chatDb || this.#looked.version !== chatDb.dataVersion();
    } catch {
      return true;
    }
  }

  /** While this Mac slept, or the relay was down, messages from before were changed too. */
  #windowMs(chatDb: ChatDb): number {
    if (this.#looked?.chatDb !== chatDb) return WINDOW_MS;
    return Math.min(WINDOW_MS, RECENT_MS + this.#o.clock.mono() - this.#looked.mono);
  }

  async #look(): Promise<void> {
    const chatDb = this.#o.chatDb();
    if (!chatDb || !this.#o.told() || !this.#isUnlooked(chatDb)) return;
    const version = chatDb.dataVersion();
    const mono = this.#o.clock.mono();
    await this.#through(chatDb, this.#windowMs(chatDb));
    await this.#files(chatDb, { all: false });
    this.#looked = { chatDb, version, mono };
  }

  async #round(): Promise<void> {
    this.#later(ROUND_MS, () => this.#enqueue(() => this.#round()));
    const { clock, commit, wallTrusted } = this.#o;
    const chatDb = this.#o.chatDb();
    if (!chatDb || !this.#o.told()) return;
    await this.#files(chatDb, { all: true });
    const version = chatDb.dataVersion();
    if (this.#rounded?.chatDb === chatDb && this.#rounded.version === version) return;
    await this.#through(chatDb, WINDOW_MS);
    await this.#chats(chatDb);
    if (wallTrusted()) await commit.run(() => this.#store.forgetBefore(clock.now() - MEMORY_MS));
    this.#rounded = { chatDb, version };
  }

  /** Page by page, the event loop free in between. */
  async #through(chatDb: ChatDb, windowMs: number): Promise<void> {
    const since = this.#o.clock.now() - windowMs;
    for (let from: DatePlace | undefined; !this.#stopped; ) {
      const { news, next } = this.#page(chatDb, since, from);
      if (news.length > 0) await this.#tellRows(chatDb, news);
      if (!next) return;
      from = next;
      await new Promise<void>((resolve) => setImmediate(resolve));
      if (this.#o.chatDb() !== chatDb) return;
    }
  }

  /** Of a page those that say something new. What is not told yet will be told as it is then. */
  #page(chatDb: ChatDb, since: number, from?: DatePlace): { news: ChangedRow[]; next: DatePlace | null } {
    const { rows, next } = chatDb.changed.page(since, this.#o.told()?.rowid ?? -1, from);
    return { news: rows.filter(({ guid, print }) => this.#store.print(guid) !== print), next };
  }

  async #tellRows(chatDb: ChatDb, changed: ChangedRow[]): Promise<void> {
    const histories = new Map(changed.map(({ rowid }) => [rowid, historyOf(chatDb, rowid)]));
    const rows = chatDb.rowsByRowid([...histories.keys()]);
    await this.#o.commit.run(() => {
      for (const row of rows) {
        const history = histories.get(row.rowid);
        if (history && this.#store.print(row.guid) !== history.print) this.#tellHistory(row, history);
      }
    });
  }

  #tellHistory(row: ChatRow, { print, summary }: { print: string; summary: MessageSummary | null }): void {
    const { clock, told: cursor } = this.#o;
    const before = this.#store.told(row.guid);
    const { news, told } = newsOf({
      ...{ row, summary, told: before ?? NOTHING_TOLD },
      firstIsTold: true,
      now: clock.now(),
    });
    // Of a message from before this store's memory, what was so then is no news.
    const from = before || row.at >= (cursor()?.beganAt ?? 0) ? 0 : (cursor()?.beganAt ?? 0);
    for (const { at, change } of news) if (at >= from) this.#tell(row, at, change, false);
    this.#store.put(row.guid, row.at, print, told);
  }

  async #chats(chatDb: ChatDb): Promise<void> {
    const { clock, commit, tell } = this.#o;
    const { changed, unknown } = this.#flags.differing(chatDb.changed.chatFlags());
    if (changed.length + unknown.length === 0) return;
    const at = Math.round(clock.now());
    const base = { at, service: '', late: false, kind: 'chat', handle: '', ownAddress: null, recovering: false };
    await commit.run(() => {
      for (const { rowid, guid } of changed) {
        const found = chatDb.chat(rowid);
        const row = found && { ...base, guid, chat: found.chat, seenMonoMs: clock.mono(), fromMe: false };
        if (row) tell({ row, change: { kind: 'set_apart', filter: found.filter } });
      }
      this.#flags.put([...changed, ...unknown]);
    });
  }

  async #files(chatDb: ChatDb, { all }: { all: boolean }): Promise<void> {
    if (this.#awaited.isEmpty) return;
    for (let after = ''; !this.#stopped; ) {
      const page = all ? this.#awaited.page(after) : this.#awaited.newest();
      const news = page
        .map((awaited) => ({ awaited, ...this.#filesOf(chatDb, awaited) }))
        .filter(({ ready, isOver }) => ready.length > 0 || isOver);
      if (news.length > 0) await this.#o.commit.run(() => this.#tellFiles(chatDb, news));
      if (!all || page.length < MOST_AT_ONCE) return;
      after = page.at(-1)?.guid ?? after;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #filesOf(chatDb: ChatDb, awaited: Awaited): { ready: StoredFile[]; isOver: boolean } {
    // Found by guid: in a chat.db that was set up anew another message may have the number.
    const isThere = chatDb.guidsUpTo(awaited.rowid, 1)[0]?.guid === awaited.guid;
    const files = isThere ? chatDb.changed.files(awaited.rowid) : null;
    const ready = this.#awaited.news(awaited, files ?? []);
    const isMissing = files?.some((file) => file.state === FINISHED && !this.#awaited.isReady(file));
    if (isMissing && this.#awaited.isYoung(awaited)) this.#lookForFiles();
    return { ready, isOver: this.#awaited.isOver(awaited, files) };
  }

  #tellFiles(chatDb: ChatDb, found: { awaited: Awaited; ready: StoredFile[]; isOver: boolean }[]): void {
    const at = Math.round(this.#o.clock.now());
    for (const { awaited, ready, isOver } of found) {
      const row = ready.length > 0 ? chatDb.rowsByRowid([awaited.rowid])[0] : undefined;
      for (const { guid, name, mimeType, bytes } of row ? ready : [])
        if (row) this.#tell(row, at, { kind: 'file', attachment: guid, name, mimeType, bytes }, false);
      if (isOver) this.#awaited.forget(awaited);
      else this.#awaited.told(awaited, ready);
    }
  }

  #lookForFiles(): void {
    if (this.#fileTimer) return;
    this.#fileTimer = true;
    this.#later(FILE_AGAIN_MS, () => {
      this.#fileTimer = false;
      if (this.#looked) this.#looked.version = -1;
      this.changed();
    });
  }

  #tell(row: ChatRow, at: number, change: RowChange['change'], recovering: boolean): void {
    const { clock, tell } = this.#o;
    const late = clock.now() - at > LATE_MS;
    const { text, truncated, detail, ...seen } = sightingOf({ ...row, late, recovering, seenMonoMs: clock.mono() });
    tell({ row: { ...seen, at, fromMe: row.fromMe }, change });
  }

  /** One look at a time. A chat.db that is busy or gone is looked at again. */
  #enqueue(look: () => Promise<void>): void {
    if (this.#stopped) return;
    this.#work = this.#work.then(look).catch((error: unknown) => {
      this.#lookWaits = false;
      this.#o.log.warn('changes_not_read', { error: messageOf(error) });
      this.#later(LOOK_AGAIN_MS, () => this.changed());
    });
  }

  #later(ms: number, work: () => void): void {
    if (this.#stopped) return;
    const timer = this.#o.clock.after(ms, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }
}

/** The columns before the blob: should the row change in between, it is found to have changed once more. */
function historyOf(chatDb: ChatDb, rowid: number): { print: string; summary: MessageSummary | null } | null {
  const print = chatDb.changed.printOf(rowid);
  if (print === null) return null;
  const blob = chatDb.changed.summary(rowid);
  return { print, summary: blob ? summaryOf(blob) : null };
}

/** Apple says "finished" of a file that is not on the disk (yet). */
function withFiles(row: SettledRow, files: StoredFile[], ready: Set<string>): SettledRow {
  const absent = new Set(files.filter((f) => f.state === FINISHED && !ready.has(f.guid)).map((f) => f.guid));
  const listed = row.detail?.attachments;
  if (absent.size === 0 || !Array.isArray(listed)) return row;
  const attachments = listed.map((file: Record<string, unknown>) =>
    absent.has(String(file.guid)) ? { ...file, state: 'not_on_disk' } : file,
  );
  return { ...row, detail: { ...row.detail, attachments } };
}
