/**
 * Messages.app and Apple's side of the simulated Mac: takes what is sent, writes and changes the rows as Messages does, and lets the
 * contacts do what they do.
 *
 *   own row ── join ── is_sent ── is_delivered ── is_read
 *      └── error (at once, after a while, or even after is_sent)
 *
 * Each step is a transaction of its own, with time between them. Rows are found by guid, so that a replaced chat.db does no harm: a step
 * that has nothing to change is dropped silently, as Messages would.
 */
import { statSync } from 'node:fs';
import { basename, dirname, resolve, sep } from 'node:path';
import { appleDate } from './apple-date.ts';
import type { Answer, Cast } from './contacts.ts';
import type { Told } from './mac-events.ts';
import { GROUP, type MacStore, type StoredChat } from './mac-store.ts';
import { attach, TRANSFERRED, transfer } from './other-kinds.ts';
import type { SimClock } from './sim-clock.ts';
import { encodeAttributedText } from './typedstream.ts';

/** Measured on a Mac: osascript takes 100 to 120 ms, the row is there 26 ms later. */
export interface Timing {
  acceptMs: number;
  /** From the send to the row. */
  rowMs: number;
  /** From the row to its chat. Null: never (a reader must not wait for ever). */
  joinMs: number | null;
  /** From the row to `is_sent`. */
  sentMs: number;
}

export const USUAL_TIMING: Timing = { acceptMs: 110, rowMs: 136, joinMs: 5, sentMs: 250 };

/** `remoteUserDoesNotExist`: not on iMessage, and what a sender with a junk verdict gets for everything. */
export const NOT_ON_IMESSAGE = 22;

/** `transcodingFailure`: Messages lives in a sandbox, and what lies outside of it cannot be read. */
export const FILE_UNREADABLE = 25;
const TRANSFERRING = 3;
const TRANSFER_FAILED = 6;

export interface MessagesOptions {
  store: MacStore;
  cast: Cast;
  clock: SimClock;
  tell: (event: Told) => void;
  timing?: Partial<Timing>;
  /** So many reports by contacts, then Apple takes nothing more. */
  reportsUntilVerdict?: number;
}

interface OwnMessage {
  guid: string;
  chat: StoredChat;
  /** The other side of a 1:1 chat, undefined in a group. */
  handle: string | undefined;
  text: string;
  /** The path of the file that it is, instead of a text. */
  file?: string;
  /** Written on another device: such rows are delivered without a date. */
  elsewhere: boolean;
}

export class Messages {
  store: MacStore;
  readonly timing: Timing;
  readonly #cast: Cast;
  readonly #clock: SimClock;
  readonly #tell: (event: Told) => void;
  readonly #reportsUntilVerdict: number;
  #reports = 0;
  #verdict = false;
  #ghosts = 0;
  /** Whoever a text is for, it lands in the 1:1 chat with this handle. */
  astray: string | null = null;
  /** A text with a link becomes two rows, as Messages sometimes makes them. */
  splits = false;

  constructor(o: MessagesOptions) {
    this.store = o.store;
    this.timing = { ...USUAL_TIMING, ...o.timing };
    this.#cast = o.cast;
    this.#clock = o.clock;
    this.#tell = o.tell;
    this.#reportsUntilVerdict = o.reportsUntilVerdict ?? 3;
  }

  get verdict(): boolean {
    return this.#verdict;
  }

  /** Apple's judgement on this sender, by hand. */
  setVerdict(junk: boolean): void {
    this.#verdict = junk;
    if (junk) this.#tell({ kind: 'junk_verdict' });
    else this.#reports = 0;
  }

  /** The next `count` sends leave a ghost row only: empty, in no chat, of SMS, from me. */
  leaveGhosts(count: number): void {
    this.#ghosts = count;
  }

  /** Messages was told to send: to an existing chat, or to a person (whose chat is made if need be). The row comes a moment later. */
  send(to: { chat: StoredChat } | { handle: string }, text: string): void {
    this.#clock.after(this.timing.rowMs, () => {
      const wanted = 'chat' in to ? to.chat : this.store.direct(to.handle);
      const chat = this.astray === null ? wanted : this.store.direct(this.astray);
      if (this.#ghosts > 0) return this.#ghost(chat);
      for (const piece of this.splits ? beforeAndLink(text) : [text]) this.#write(chat, piece);
    });
  }

  /** The same with a file, which is only read once its row is there. */
  sendFile(to: { chat: StoredChat } | { handle: string }, file: string): void {
    this.#clock.after(this.timing.rowMs, () => {
      const chat = 'chat' in to ? to.chat : this.store.direct(to.handle);
      if (this.#ghosts > 0) return this.#ghost(chat);
      this.#write(chat, '', file);
    });
  }

  /** The owner writes by hand: on another device, or on this Mac. `correctedAfterMs`: the row says for so long that it is not from me. */
  type(
    to: { chat: StoredChat } | { handle: string },
    text: string,
    o: { here?: boolean; correctedAfterMs?: number; scheduledInMs?: number } = {},
  ) {
    const chat = 'chat' in to ? to.chat : this.store.direct(to.handle);
    const handle = chat.style === GROUP ? undefined : chat.identifier;
    const later = o.correctedAfterMs;
    const ahead = o.scheduledInMs;
    const row = this.store.insertOwn({
      handle,
      text,
      at: this.#clock.now() + (ahead ?? 0),
      chat: chat.rowid,
      columns: {
        ...(later === undefined ? {} : { is_from_me: 0 }),
        ...(ahead === undefined ? {} : { schedule_type: 2, schedule_state: 1 }),
      },
    });
    if (later !== undefined) this.#clock.after(later, () => void this.store.update(row.guid, { is_from_me: 1 }));
    this.#tell({ kind: 'own', handle, chat: chat.guid, text, guid: row.guid, rowid: row.rowid });
    if (ahead === undefined) this.#arrive({ guid: row.guid, chat, handle, text, elsewhere: o.here !== true });
    return row;
  }

  #write(chat: StoredChat, text: string, file?: string): void {
    const handle = chat.style === GROUP ? undefined : chat.identifier;
    const behaviour = handle === undefined ? undefined : this.#cast.of(handle);
    const at = this.#clock.now();
    const refused = this.#verdict || behaviour?.notOnIMessage === true || (handle !== undefined && !routable(handle));
    const columns = { error: refused ? NOT_ON_IMESSAGE : 0 };
    const { guid, rowid } = this.store.insertMessage({ fromMe: true, handle, text, at, columns });
    const message = { guid, chat, handle, text, elsewhere: false, ...(file === undefined ? {} : { file }) };
    if (file !== undefined) this.#hang(message, rowid, at);
    const path = file === undefined ? {} : { file };
    this.#tell({ kind: 'row', handle, chat: chat.guid, text, guid, rowid, ...path });
    const { joinMs } = this.timing;
    if (joinMs !== null) this.joinLater(guid, chat, at, joinMs);
    if (refused) return this.#failed(message, NOT_ON_IMESSAGE);
    if (file !== undefined && !this.#mayRead(file)) {
      this.#clock.after(this.timing.sentMs, () => this.#fail(message, FILE_UNREADABLE));
      return;
    }
    const failure = behaviour?.notDelivered;
    if (failure) {
      this.#clock.after(failure.afterMs, () => this.#fail(message, failure.error));
      return;
    }
    this.#clock.after(this.timing.sentMs, () => this.#sent(message));
  }

  /** The message comes into its chat `delayMs` from now, if both are still there then. */
  joinLater(guid: string, { guid: chatGuid }: StoredChat, at: number, delayMs: number): void {
    this.#clock.after(delayMs, () => {
      const row = this.store.get('SELECT ROWID AS rowid FROM message WHERE guid = ?', guid);
      const chat = this.store.findChat(chatGuid);
      if (row && chat) this.store.join(Number(row.rowid), chat.rowid, at);
    });
  }

  #sent(message: OwnMessage): void {
    if (!this.store.update(message.guid, { is_sent: 1 })) return;
    if (message.file !== undefined) transfer(this.store, message.guid, TRANSFERRED);
    this.#event('sent', message);
    const behaviour = message.handle === undefined ? undefined : this.#cast.of(message.handle);
    if (behaviour?.lateError) {
      const { error, afterMs } = behaviour.lateError;
      this.#clock.after(afterMs, () => this.#fail(message, error));
    } else if (behaviour?.downgraded) {
      const { service, afterMs } = behaviour.downgraded;
      this.#clock.after(afterMs, () => this.#downgrade(message, service));
    } else this.#arrive(message);
  }

  /** It is on its way to the other side. Groups never say that a message was delivered. */
  #arrive(message: OwnMessage): void {
    const { handle, chat, text } = message;
    if (handle === undefined) {
      for (const member of this.store.members(chat.rowid)) this.#reached(member, text, chat);
      return;
    }
    const { deliveredAfterMs, readAfterMs } = this.#cast.of(handle);
    if (deliveredAfterMs === null) return;
    this.#clock.after(deliveredAfterMs, () => {
      const date = message.elsewhere ? 0 : appleDate(this.#clock.now());
      if (!this.store.update(message.guid, { is_delivered: 1, date_delivered: date })) return;
      this.#event('delivered', message);
      if (readAfterMs !== null) this.#clock.after(readAfterMs, () => this.#read(message));
      this.#reached(handle, text);
    });
  }

  #read(message: OwnMessage): void {
    if (this.store.update(message.guid, { is_read: 1, date_read: appleDate(this.#clock.now()) }))
      this.#event('read', message);
  }

  #fail(message: OwnMessage, error: number): void {
    if (message.file !== undefined) transfer(this.store, message.guid, TRANSFER_FAILED);
    if (this.store.update(message.guid, { error, is_sent: 0 })) this.#failed(message, error);
  }

  #failed(message: OwnMessage, error: number): void {
    this.#tell({ ...this.#about(message), kind: 'not_delivered', error });
    const behaviour = message.handle === undefined ? undefined : this.#cast.of(message.handle);
    const again = this.#verdict ? undefined : behaviour?.cleanRowAfterMs;
    if (again !== undefined) this.#clock.after(again, () => this.#writeClean(message));
  }

  /** The same text once more, in a row that is fine. */
  #writeClean(failed: OwnMessage): void {
    const { handle, text } = failed;
    if (handle === undefined) return;
    const row = this.store.insertOwn({ handle, text, at: this.#clock.now() });
    const message = { ...failed, guid: row.guid };
    this.#event('sent', message);
    this.#arrive(message);
  }

  /** The row has its slot at once; the file is joined to it a moment later, and is under way until the row says sent. */
  #hang(message: OwnMessage, rowid: number, at: number): void {
    const { guid, file = '' } = message;
    const columns = {
      cache_has_attachments: 1,
      attributedBody: encodeAttributedText('', { mutable: true, attachments: [guid] }),
    };
    this.store.update(guid, columns);
    this.#clock.after(this.timing.joinMs ?? 0, () => {
      if (!this.store.get('SELECT 1 FROM message WHERE guid = ?', guid)) return;
      const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
      const mime = 'application/octet-stream';
      attach(
        this.store,
        { rowid, guid },
        '',
        [{ name: basename(file), mime, bytes, state: TRANSFERRING, sticker: false }],
        at,
      );
      this.store.all(
        'UPDATE attachment SET filename = ? WHERE guid IN (SELECT a.guid FROM attachment a JOIN message_attachment_join j ON j.attachment_id = a.ROWID WHERE j.message_id = ?)',
        file,
        rowid,
      );
    });
  }

  #mayRead(file: string): boolean {
    return resolve(file).startsWith(dirname(this.store.path) + sep);
  }

  #downgrade(message: OwnMessage, service: 'SMS' | 'RCS'): void {
    const { handle } = message;
    if (handle === undefined) return;
    const columns = { service, was_downgraded: 1, is_sent: 1, error: 0, handle_id: this.store.handle(handle, service) };
    if (!this.store.update(message.guid, columns)) return;
    this.#tell({ ...this.#about(message), kind: 'downgraded', service });
    this.#reached(handle, message.text);
  }

  #ghost(chat: StoredChat): void {
    this.#ghosts -= 1;
    const { guid, rowid } = this.store.insertMessage({
      fromMe: true,
      handle: chat.identifier,
      text: '',
      at: this.#clock.now(),
      service: 'SMS',
      columns: { attributedBody: null, is_empty: 1 },
    });
    this.#tell({ kind: 'ghost', chat: chat.guid, guid, rowid });
  }

  /** A person has the message before their eyes. */
  #reached(handle: string, text: string, group?: StoredChat): void {
    const { answers, reports } = this.#cast.receives(handle, text);
    for (const answer of answers) this.#clock.after(answer.afterMs, () => this.#answer(handle, answer, group));
    if (!reports) return;
    this.#reports += 1;
    this.#tell({ kind: 'reported', handle, text });
    if (!this.#verdict && this.#reports >= this.#reportsUntilVerdict) this.setVerdict(true);
  }

  #answer(handle: string, answer: Answer, group?: StoredChat): void {
    const at = this.#clock.now();
    const chat = group ? this.store.findChat(group.guid) : null;
    if (group && !chat) return;
    const row = this.store.insertInbound({ handle, text: answer.text, at, chat: chat?.rowid });
    this.#tell({ kind: 'inbound', handle, chat: row.chat.guid, text: answer.text, guid: row.guid, rowid: row.rowid });
  }

  #event(kind: 'sent' | 'delivered' | 'read', message: OwnMessage): void {
    this.#tell({ ...this.#about(message), kind });
  }

  #about({ handle, chat, text, guid }: OwnMessage) {
    return { handle, chat: chat.guid, text, guid };
  }
}

/** What stands before a link, and the link. */
function beforeAndLink(text: string): string[] {
  const at = text.search(/https?:/);
  return at > 0 ? [text.slice(0, at).trimEnd(), text.slice(at)] : [text];
}

/** A number without its plus reaches nobody; Messages takes it all the same. */
function routable(handle: string): boolean {
  return handle.startsWith('+') || handle.includes('@');
}
