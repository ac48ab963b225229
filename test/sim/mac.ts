/**
 * The simulated Mac as a whole, in one process: the file, Messages, the cast, launchd, and the stand-ins, in one folder.
 *
 *   <folder>/Library/Messages/chat.db    <folder>/bin/osascript, ps, launchctl    <folder>/run (where they meet)
 *
 * `obey` does one command and says what came of it; a SimError is the caller's mistake.
 */
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Change, type Command, type Inbound, TAPBACKS } from './commands.ts';
import { Behaviour, Cast } from './contacts.ts';
import { SimulatedLaunchd } from './launchd.ts';
import type { MacEvent, Told } from './mac-events.ts';
import { type Columns, GROUP, MacStore, type StoredChat } from './mac-store.ts';
import { Messages, type MessagesOptions } from './messages.ts';
import { OsascriptDesk } from './osascript-desk.ts';
import { attach, changeGroup, edit, type Histories, transfer, unsend } from './other-kinds.ts';
import { readRows } from './own-rows.ts';
import type { MacosVersion } from './schema-macos.ts';
import { type ClockEnv, clockTerms, type SkippingClock, simClock } from './sim-clock.ts';
import { writeStandIns } from './stand-ins.ts';

export class SimError extends Error {
  readonly code: string;

  constructor(code: string, words: string) {
    super(words);
    this.code = code;
  }
}

export interface MacOptions extends Pick<MessagesOptions, 'timing' | 'reportsUntilVerdict'> {
  folder: string;
  clockEnv: ClockEnv;
  ownAddress?: string;
  /** Whose schema chat.db has; 26 if not given. */
  macos?: MacosVersion;
  /** What chat guids begin with, if not as in that macOS. */
  guidPrefix?: 'any' | 'service';
  onEvent: (event: MacEvent) => void;
}

/** What is handed to a Node under launchd, so that it lives in this Mac's time. */
const CLOCK = import.meta.url.endsWith('.js') ? 'virtual-clock.js' : 'virtual-clock.ts';
const LINK = 'com.apple.messages.URLBalloonProvider';

type Result = Record<string, unknown>;

export class SimulatedMac {
  readonly chatDb: string;
  readonly osascript: string;
  readonly ps: string;
  readonly launchd: SimulatedLaunchd;
  readonly #o: MacOptions;
  readonly #clock: SkippingClock;
  readonly #cast = new Cast();
  readonly #histories: Histories = new Map();
  readonly #messages: Messages;
  readonly #desk: OsascriptDesk;

  constructor(o: MacOptions) {
    this.#o = o;
    this.#clock = simClock(o.clockEnv);
    const terms = clockTerms(o.clockEnv) ?? { realOrigin: 0, virtualOrigin: 0, factor: 1 };
    this.chatDb = join(o.folder, 'Library/Messages/chat.db');
    const standIns = writeStandIns(o.folder, terms);
    this.osascript = standIns.osascript;
    this.ps = standIns.ps;
    this.launchd = new SimulatedLaunchd({
      folder: o.folder,
      factor: terms.factor,
      nodeArgs: ['--import', new URL(CLOCK, import.meta.url).href],
      env: o.clockEnv,
    });
    const tell = (event: Told) => this.#tell(event);
    this.#messages = new Messages({
      store: this.#openStore(),
      cast: this.#cast,
      clock: this.#clock,
      tell,
      timing: o.timing,
      reportsUntilVerdict: o.reportsUntilVerdict,
    });
    this.#desk = new OsascriptDesk({ run: standIns.run, messages: this.#messages, clock: this.#clock, tell });
  }

  now(): number {
    return this.#clock.now();
  }

  /** All calls of osascript and all that launchd runs end, nothing more happens, the file is whole. */
  async close(): Promise<void> {
    this.#clock.close();
    this.#desk.close();
    await this.launchd.close();
    this.#messages.store.close();
  }

  obey(command: Command): Result {
    switch (command.do) {
      case 'contact': {
        const { do: _, id: __, handle, ...behaviour } = command;
        this.#cast.set(handle, Behaviour.parse(behaviour));
        return {};
      }
      case 'inbound':
        return this.#inbound(command);
      case 'type': {
        const group = this.#findChat(command.to);
        const { rowid, guid, chat } = this.#messages.type(
          group ? { chat: group } : { handle: command.to },
          command.text,
          {
            here: command.here,
            correctedAfterMs: command.correctedAfterMs,
            scheduledInMs: command.scheduledInMs,
          },
        );
        return { rowid, guid, chat: chat.guid };
      }
      case 'group': {
        const chat = this.#messages.store.group(command);
        return { chat: `group:${chat.groupId}`, guid: chat.guid, identifier: chat.identifier };
      }
      case 'change':
        return this.#change(command);
      case 'group_change': {
        const chat = this.#findChat(command.chat);
        if (!chat) throw new SimError('no_such_chat', `there is no group ${command.chat}`);
        const row = changeGroup(this.#messages.store, chat.rowid, command.change, command.by, this.now());
        this.#tell({
          kind: 'changed',
          handle: command.by,
          chat: chat.guid,
          guid: row.guid,
          words: command.change.kind,
        });
        return { ...row, chat: chat.guid };
      }
      case 'messages': {
        const { mode: name, count, delayMs, goes, handle } = command;
        this.#desk.setMode({ name, delayMs, goes, handle }, count);
        return {};
      }
      case 'session':
        this.launchd.session = command.open;
        return {};
      case 'release':
        return { released: this.#desk.release(command.how) };
      case 'apple':
        if (command.timing) Object.assign(this.#messages.timing, command.timing);
        if (command.junk !== undefined) this.#messages.setVerdict(command.junk);
        if (command.ghosts !== undefined) this.#messages.leaveGhosts(command.ghosts);
        if (command.astray !== undefined) this.#messages.astray = command.astray;
        if (command.splits !== undefined) this.#messages.splits = command.splits;
        return { junk: this.#messages.verdict };
      case 'replace_db':
        return this.#replace(command.keep);
      case 'rows':
        return { rows: readRows(this.chatDb, command.sinceRowid) };
      case 'checkpoint':
        return { whole: this.#messages.store.checkpoint() };
      case 'reopen':
        this.#messages.store.close();
        this.#messages.store = this.#openStore();
        return {};
      case 'pass':
        this.#clock.skip(command.ms);
        return { now: this.now() };
      case 'now':
        return { now: this.now() };
    }
  }

  #openStore(): MacStore {
    const { ownAddress, macos, guidPrefix } = this.#o;
    return new MacStore(this.chatDb, { ownAddress, macos, guidPrefix });
  }

  #tell(event: Told): void {
    this.#o.onEvent({ at: this.now(), ...event });
  }

  /** A group by any of its names; null if it is none (then it is a handle). */
  #findChat(name: string): StoredChat | null {
    const chat = this.#messages.store.findChat(name);
    return chat?.style === GROUP ? chat : null;
  }

  #inbound(o: Inbound): Result {
    const { store } = this.#messages;
    const { from: handle, service, guid } = o;
    const named = o.chat === undefined ? null : store.findChat(o.chat);
    if (o.chat !== undefined && !named) throw new SimError('no_such_chat', `there is no chat ${o.chat}`);
    const chat = named ?? store.direct(handle, service);
    const at = this.now() - o.ageMs;
    const text = o.text || (o.tapback ? `${o.tapback.removed ? 'Removed' : 'Gave'} a ${o.tapback.kind}` : '');
    const columns = { is_delivered: 1, ...kindColumns(o), ...o.columns };
    const row = store.insertMessage({ fromMe: false, handle, text, at, service, guid, columns });
    if (o.files.length > 0) attach(store, row, text, o.files, at);
    if (o.junk) store.all('UPDATE chat SET is_filtered = 2 WHERE ROWID = ?', chat.rowid);
    if (o.joinAfterMs === undefined) store.join(row.rowid, chat.rowid, at);
    else this.#messages.joinLater(row.guid, chat, at, o.joinAfterMs);
    this.#tell({ kind: 'inbound', handle, chat: chat.guid, text, guid: row.guid, rowid: row.rowid });
    return { ...row, chat: chat.guid };
  }

  #change(o: Change): Result {
    const { store } = this.#messages;
    const { guid, edit: text, transferState } = o;
    if (!store.get('SELECT 1 FROM message WHERE guid = ?', guid))
      throw new SimError('no_such_message', `no message ${guid}`);
    if (text !== undefined) edit(store, this.#histories, guid, text, this.now());
    if (o.unsend) unsend(store, guid, this.now());
    if (transferState !== undefined) transfer(store, guid, transferState);
    if (o.columns) store.update(guid, o.columns);
    if (o.reinsert) store.reinsert(guid);
    if (o.remove) store.remove(guid);
    const words = o.unsend ? 'unsent' : transferState === undefined ? undefined : `transfer ${transferState}`;
    this.#tell({ kind: 'changed', guid, text, words });
    return {};
  }

  #replace(keep: 'all' | number): Result {
    const next = `${this.chatDb}-next`;
    rmSync(next, { force: true });
    const old = this.#messages.store;
    if (keep !== 0) {
      old.all('VACUUM INTO ?', next);
      if (keep !== 'all') keepOldest(next, keep);
    }
    old.close();
    for (const end of ['', '-wal', '-shm']) rmSync(`${this.chatDb}${end}`, { force: true });
    if (keep !== 0) renameSync(next, this.chatDb);
    this.#messages.store = this.#openStore();
    this.#tell({ kind: 'db_replaced' });
    return { rows: Number(this.#messages.store.get('SELECT count(*) AS n FROM message')?.n) };
  }
}

function kindColumns({ tapback, audio, replyTo, effect, app, junk }: Inbound): Columns {
  return {
    ...(tapback && {
      associated_message_guid: `p:0/${tapback.of}`,
      associated_message_type: (tapback.removed ? 3000 : 2000) + TAPBACKS.indexOf(tapback.kind),
      associated_message_range_length: 1,
      associated_message_emoji: tapback.emoji ?? null,
    }),
    ...(audio && { is_audio_message: 1 }),
    ...(replyTo && { thread_originator_guid: replyTo, thread_originator_part: '0:0:1', reply_to_guid: replyTo }),
    ...(effect && { expressive_send_style_id: effect }),
    ...(app && { balloon_bundle_id: app === 'link' ? LINK : app }),
    ...(junk && { is_spam: 1 }),
  };
}

/** As a backup from before: the newer messages are not in it, and their ROWIDs will be given again. */
function keepOldest(path: string, count: number): void {
  const db = new DatabaseSync(path);
  db.exec(`DELETE FROM message WHERE ROWID NOT IN (SELECT ROWID FROM message ORDER BY ROWID LIMIT ${count});
    DELETE FROM deleted_messages; DELETE FROM sync_deleted_messages;
    UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(ROWID), 0) FROM message) WHERE name = 'message';`);
  db.close();
}
