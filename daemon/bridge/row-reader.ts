/**
 * Makes rows of SQL into rows that say what they are. Nearly all are plain texts, and those are decoded from the few columns that every
 * row is read with (about 8 µs each); for the others of a page the rest of their columns
 * and their attachments are read in two more queries.
 */
import type { Db, SqlColumn } from '../host/db.ts';
import { handleFromRow } from '../host/handles.ts';
import { serviceOf } from './apple-names.ts';
import type { ChatRow, OwnState } from './chat-row.ts';
import { type ChatSql, type MoreOfRow, type PlainRow, plainRow } from './chat-schema.ts';
import type { Chats, KnownChat } from './chats.ts';
import { filterOf } from './row-about.ts';
import { bodyOf, type RowBody } from './row-body.ts';
import { describeAttachment, fitting, kindOf, type RowKind } from './row-kinds.ts';

/** A row that is no plain text. */
interface Special {
  more: MoreOfRow;
  body: RowBody;
}

export class RowReader {
  readonly #db: Db;
  readonly #sql: ChatSql;
  readonly #chats: Chats;

  constructor(db: Db, sql: ChatSql, chats: Chats) {
    this.#db = db;
    this.#sql = sql;
    this.#chats = chats;
  }

  /** The rows after a ROWID, in its order. */
  after(rowid: number, limit: number): ChatRow[] {
    return this.#decode(this.#db.columns(this.#sql.rowsAfter).all(rowid, limit).map(plainRow));
  }

  /** In ROWID order; rows that are gone are left out. */
  in(rowids: number[]): ChatRow[] {
    return this.#decode(this.#db.columns(this.#sql.rowsIn).all(JSON.stringify(rowids)).map(plainRow));
  }

  /** Right after `rows` were read. A special row that is gone by now is left out. */
  #decode(rows: PlainRow[]): ChatRow[] {
    this.#chats.asOf(Number(this.#db.sql('PRAGMA data_version').get()?.data_version ?? 0));
    const bodies = rows.map((row) => (row.special === 1 ? null : bodyOf(row)));
    const special = this.#special(rows.filter((_, i) => !isPlain(bodies[i])));
    const attachments = this.#attachments(special);
    const made: ChatRow[] = [];
    for (let i = 0; i < rows.length; i += 1) {
      const row = rows[i] as PlainRow;
      const chat = row.chat_id === null ? null : this.#chats.byRowid(row.chat_id);
      const body = bodies[i];
      if (isPlain(body)) {
        made.push(this.#made(row, body, chat, 'text', chat?.filter && { filter: chat.filter }));
        continue;
      }
      const one = special.get(row.rowid);
      if (!one) continue;
      const other = this.#person(one.more.other_handle);
      const told = kindOf(one.more, one.body, {
        attachments: attachments.get(row.rowid) ?? [],
        other,
        isSame: other !== '' && this.#person(row.handle_id) === other,
      });
      const { kind, detail } = fitting(withFilter(told, one.more, chat));
      made.push(this.#made(row, one.body, chat, kind, detail));
    }
    return made;
  }

  #person(rowid: SqlColumn | undefined): string {
    return typeof rowid === 'number' ? this.#chats.person(rowid) : '';
  }

  #made(
    row: PlainRow,
    body: RowBody,
    known: KnownChat | null,
    kind: string,
    detail: Record<string, unknown> | undefined,
  ): ChatRow {
    const chat = known?.chat ?? null;
    const state = stateOf(row);
    const fromMe = row.is_from_me === 1;
    // In a group an own row names nobody; in a 1:1 the chat says who it is where the row does not.
    const other = chat?.kind === 'direct' ? chat.id : '';
    const own = typeof row.destination_caller_id === 'string' ? row.destination_caller_id : '';
    const made: ChatRow = {
      rowid: row.rowid,
      guid: state.guid,
      at: Number(row.date ?? 0),
      fromMe,
      text: body.text,
      truncated: body.truncated,
      kind,
      handle: fromMe && chat?.kind === 'group' ? '' : this.#person(row.handle_id) || other,
      ownAddress: own === '' ? null : handleFromRow(own),
      service: state.service,
      chat,
      editedAt: row.date_edited === null ? null : Number(row.date_edited),
      state,
    };
    if (detail) made.detail = detail;
    return made;
  }

  #special(rows: PlainRow[]): Map<number, Special> {
    const found = new Map<number, Special>();
    if (rows.length === 0) return found;
    const plain = new Map(rows.map((row) => [row.rowid, row]));
    for (const more of this.#db.sql<MoreOfRow>(this.#sql.moreIn).all(JSON.stringify([...plain.keys()]))) {
      const row = plain.get(more.rowid);
      if (!row) continue;
      more.date_edited = row.date_edited;
      found.set(more.rowid, { more, body: bodyOf(row, more) });
    }
    return found;
  }

  #attachments(special: Map<number, Special>): Map<number, Record<string, unknown>[]> {
    const byMessage = new Map<number, Record<string, unknown>[]>();
    const having = [...special.values()].filter(({ more, body }) => more.cache_has_attachments === 1 || body.hasSlot);
    if (having.length === 0 || !this.#sql.attachments) return byMessage;
    const rowids = JSON.stringify(having.map(({ more }) => more.rowid));
    for (const found of this.#db.sql(this.#sql.attachments).all(rowids)) {
      const message = Number(found.message_id);
      const list = byMessage.get(message);
      if (list) list.push(describeAttachment(found));
      else byMessage.set(message, [describeAttachment(found)]);
    }
    return byMessage;
  }
}

/** A text and nothing else. */
function isPlain(body: RowBody | null | undefined): body is RowBody {
  return body != null && body.text !== '' && !body.hasSlot && !body.hasMarks;
}

function withFilter(kind: RowKind, row: MoreOfRow, chat: KnownChat | null): RowKind {
  const own = filterOf(row);
  const filter = own && chat?.filter ? filterOf({ ...own, ...chat.filter }) : (own ?? chat?.filter);
  return filter ? { ...kind, detail: { ...kind.detail, filter } } : kind;
}

type StateColumns = Pick<
  PlainRow,
  | 'rowid'
  | 'guid'
  | 'is_sent'
  | 'is_delivered'
  | 'is_read'
  | 'error'
  | 'date_delivered'
  | 'date_read'
  | 'service'
  | 'was_downgraded'
  | 'is_empty'
>;

export function stateOf(row: StateColumns): OwnState {
  return {
    rowid: row.rowid,
    guid: String(row.guid ?? ''),
    isSent: row.is_sent === 1,
    isDelivered: row.is_delivered === 1,
    isRead: row.is_read === 1,
    error: Number(row.error ?? 0),
    deliveredAt: row.date_delivered === null ? null : Number(row.date_delivered),
    readAt: row.date_read === null ? null : Number(row.date_read),
    service: typeof row.service === 'string' ? serviceOf(row.service) : '',
    downgraded: row.was_downgraded === 1,
    isEmpty: row.is_empty === 1,
  };
}
