/**
 * Conversations of a `chat.db`, named as the protocol names them: the handle for 1:1, `group:<id>` for a group. Apple's chat guids are
 * only ever passed on as found: macOS 26 rewrote all of them, and they differ from Mac to Mac.
 */
import type { Chat } from '../../protocol/events.ts';
import type { Db, SqlRow } from '../host/db.ts';
import { handleFromRow } from '../host/handles.ts';
import type { ChatSql } from './chat-schema.ts';
import { filterOf } from './row-about.ts';

/** `chat.style`: 45 is one-to-one, 43 a group, 35 a chat room. (Often told the other way round.) */
const DIRECT = 45;
const GROUPS = [43, 35];
const LONGEST_NAME = 1_000;

/** A conversation, and what Apple's filters say of it (see `filterOf`), if anything. */
export interface KnownChat {
  chat: Chat;
  filter: Record<string, unknown> | undefined;
}

/** So many conversations and people are remembered; then all are forgotten. */
const MOST_REMEMBERED = 5_000;

/** A chat that AppleScript can be asked for. */
export interface ChatTarget {
  /** As found; never built. */
  guid: string;
  /** It sends as SMS or RCS. macOS 26 says so in `service_name` only: all its guids begin with `any`. */
  isText: boolean;
}

export class Chats {
  readonly #db: Db;
  readonly #sql: ChatSql;
  readonly #remembered = new Map<number, KnownChat | null>();
  readonly #people = new Map<number, string>();
  #version = -1;

  constructor(db: Db, sql: ChatSql) {
    this.#db = db;
    this.#sql = sql;
  }

  /**
   * `version`: `PRAGMA data_version` as it was after the rows were read that `byRowid` and `person` are then asked for. What is remembered
   * from before another commit is forgotten, so nobody is told in a group that they had left by then.
   */
  asOf(version: number): void {
    const full = this.#remembered.size + this.#people.size > MOST_REMEMBERED;
    if (version === this.#version && !full) return;
    this.#remembered.clear();
    this.#people.clear();
    this.#version = version;
  }

  /** The chat with this ROWID, or null if it is gone. */
  byRowid(rowid: number): KnownChat | null {
    const known = this.#remembered.get(rowid);
    if (known !== undefined) return known;
    const row = this.#sql.chat ? this.#db.sql(this.#sql.chat).get(rowid) : undefined;
    const found = row ? { chat: this.#chat(row), filter: filterOf(row) } : null;
    this.#remembered.set(rowid, found);
    return found;
  }

  /** The address with this ROWID in `handle`, '' if there is none. */
  person(rowid: number): string {
    const known = this.#people.get(rowid);
    if (known !== undefined) return known;
    const id = this.#sql.handle && rowid > 0 ? this.#db.sql(this.#sql.handle).get(rowid)?.id : undefined;
    const address = typeof id === 'string' ? handleFromRow(id) : '';
    this.#people.set(rowid, address);
    return address;
  }

  /** Present members of a group, without ourselves; null if no such group is known here. */
  members(chat: string): string[] | null {
    const rows = this.#groups(chat);
    return rows.length === 0 ? null : [...new Set(rows.flatMap((row) => this.#members(row)))];
  }

  /** The group's chat, the newest if there are several. */
  groupTarget(chat: string): ChatTarget | null {
    const [row] = this.#groups(chat);
    return row && words(row.guid) !== '' ? targetOf(row) : null;
  }

  /** The 1:1 chats with a handle: iMessage first, the newest first. Those of SMS and RCS come last. */
  directTargets(handle: string): ChatTarget[] {
    const wanted = handleFromRow(handle);
    const rank = (row: SqlRow) => (words(row.service_name).toLowerCase().startsWith('imessage') ? 0 : 1);
    return this.#all()
      .filter((row) => row.style === DIRECT && handleFromRow(words(row.chat_identifier)) === wanted)
      .sort((a, b) => rank(a) - rank(b) || Number(b.rowid) - Number(a.rowid))
      .map(targetOf);
  }

  #groups(chat: string): SqlRow[] {
    if (!chat.startsWith('group:')) return [];
    return this.#all()
      .filter((row) => row.style !== DIRECT && groupId(row) === chat)
      .sort((a, b) => Number(b.rowid) - Number(a.rowid));
  }

  #all(): SqlRow[] {
    return this.#sql.chats ? this.#db.sql(this.#sql.chats).all() : [];
  }

  #chat(row: SqlRow): Chat {
    const guid = words(row.guid) || null;
    if (row.style === DIRECT) {
      const handle = handleFromRow(words(row.chat_identifier));
      return { id: handle, guid, kind: 'direct', participants: handle ? [handle] : [] };
    }
    const group = GROUPS.includes(Number(row.style));
    const name = words(row.display_name).slice(0, LONGEST_NAME) || null;
    const id = group ? groupId(row) : handleFromRow(words(row.chat_identifier)) || (guid ?? '');
    return { id, guid, kind: group ? 'group' : 'unknown', name, participants: this.#members(row) };
  }

  #members(row: SqlRow): string[] {
    if (!this.#sql.members) return [];
    const found = this.#db.sql<{ id: string }>(this.#sql.members).all(row.rowid ?? 0);
    return [...new Set(found.map(({ id }) => handleFromRow(id)))];
  }
}

function targetOf(row: SqlRow): ChatTarget {
  const guid = words(row.guid);
  const prefix = guid.split(';')[0] ?? '';
  const service = /^any$/i.test(prefix) ? words(row.service_name) : prefix;
  return { guid, isText: /^(sms|mms|rcs)/i.test(service) };
}

function groupId(row: SqlRow): string {
  return `group:${words(row.group_id) || words(row.chat_identifier)}`;
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
