/**
 * Which versions and unsent parts of a message are news, against what was told of it before. Each version is told once, in its order;
 * version 1, what was first written, is told as the message itself, or, where a message was edited before it was first seen and its first
 * text could not be put in place, ahead of the others.
 *
 * `ToldStore` keeps what was told, by guid; all that writes must run in the transaction of the telling.
 */
import { MAX_INBOUND_TEXT_BYTES } from '../../protocol/limits.ts';
import type { Db } from '../host/db.ts';
import type { ChatRow } from './chat-row.ts';
import type { MessageSummary } from './message-summary.ts';
import { cutText } from './row-body.ts';
import type { MessageEdit, PartTakenBack } from './sightings.ts';

/** What was told of a message beyond its first telling. */
export interface Told {
  /** How many versions, by part. */
  versions: Record<string, number>;
  unsent: number[];
  /** It was told as unsent as a whole, since Apple kept no list of parts. */
  whole?: true;
}

export const NOTHING_TOLD: Told = { versions: {}, unsent: [] };

export interface EditNews {
  /** Unix ms. */
  at: number;
  change: MessageEdit | PartTakenBack;
}

type Written = Pick<ChatRow, 'text' | 'kind' | 'editedAt'>;

/** The text as it was first written, if the message has one part only and its history is there; else null. */
export function firstText(row: Written, summary: MessageSummary | null): string | null {
  const only = summary?.edited.length === 1 ? summary.edited[0] : undefined;
  const first = only?.versions[0]?.text ?? '';
  if (!only || first === '' || summary?.retracted.length !== 0) return null;
  // The row may have been read a moment before its history.
  return only.versions.some(({ text }) => text === row.text) ? cutText(first, MAX_INBOUND_TEXT_BYTES) : null;
}

/**
 * What is to be told now, in order, and what is told then. `firstIsTold`: version 1 was told as the message itself. `now`: Unix ms, for a
 * row that does not say when.
 */
export function newsOf(o: {
  row: Written;
  summary: MessageSummary | null;
  told: Told;
  firstIsTold: boolean;
  now: number;
}): { news: EditNews[]; told: Told } {
  const { row, summary, now } = o;
  const changedAt = Math.round(row.editedAt ?? now);
  const told: Told = { ...o.told, versions: { ...o.told.versions }, unsent: [...o.told.unsent] };
  const news: EditNews[] = [];
  for (const { part, versions } of summary?.edited ?? []) {
    const from = told.versions[part] ?? (o.firstIsTold ? 1 : 0);
    for (const [index, { at, text: whole }] of versions.entries()) {
      if (index < from) continue;
      const text = cutText(whole, MAX_INBOUND_TEXT_BYTES);
      const change = { kind: 'edited', part, version: index + 1, text, truncated: text.length < whole.length } as const;
      news.push({ at: Math.round(at ?? changedAt), change });
    }
    told.versions[part] = Math.max(from, versions.length);
  }
  // Apple dates each edit, but of all unsendings only the last.
  news.sort((a, b) => a.at - b.at);
  for (const part of summary?.retracted ?? []) {
    if (told.unsent.includes(part)) continue;
    told.unsent.push(part);
    news.push({ at: changedAt, change: { kind: 'unsent', part } });
  }
  const hasHistory = summary !== null && summary.edited.length + summary.retracted.length > 0;
  if (hasHistory || row.editedAt === null) return { news, told };
  if (row.kind !== 'unsent') {
    const change = { kind: 'edited', part: null, version: null, text: row.text, truncated: false } as const;
    return { news: [{ at: changedAt, change }], told };
  }
  if (told.whole) return { news, told };
  return { news: [{ at: changedAt, change: { kind: 'unsent', part: null } }], told: { ...told, whole: true } };
}

export class ToldStore {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** The columns of the row as they were when it was last told; null if none of its changes ever were. */
  print(guid: string): string | null {
    return this.#db.sql<{ print: string }>('SELECT print FROM chat_change WHERE guid = ?').get(guid)?.print ?? null;
  }

  told(guid: string): Told | null {
    const row = this.#db.sql<{ told: string }>('SELECT told FROM chat_change WHERE guid = ?').get(guid);
    return row ? (JSON.parse(row.told) as Told) : null;
  }

  put(guid: string, rowAt: number, print: string, told: Told): void {
    this.#db
      .sql('INSERT OR REPLACE INTO chat_change (guid, row_at, print, told) VALUES (?, ?, ?, ?)')
      .run(guid, Math.round(rowAt), print, JSON.stringify(told));
  }

  forgetBefore(at: number): void {
    this.#db.sql('DELETE FROM chat_change WHERE row_at < ?').run(Math.round(at));
  }
}
