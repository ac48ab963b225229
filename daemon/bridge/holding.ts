/**
 * Which rows are ready to be told. Messages writes a row and its chat join in transactions of their own, and may correct `is_from_me`
 * within milliseconds; such rows, and all behind them, are held a moment: ROWID order is the order of telling.
 *
 * A row is held only for a reason that it shows: no chat yet (at most JOIN_MS), an own row with the slot of a file and no file joined to it yet
 * (as long: it could not be claimed), or an inbound row that looks like an own one, because it
 * says sent, says not delivered (Apple marks inbound rows delivered), or names nobody (at most OWNER_MS). Normal rows go at once.
 */
import type { ChatRow } from './chat-row.ts';
import { isWritten } from './row-kinds.ts';

export const JOIN_MS = 2_000;
export const OWNER_MS = 250;
/** `is_from_me` is corrected right after the row was made; a row dated longer ago is not doubted. */
const FRESH_MS = 10_000;

export class Holding {
  /** At `mono` all rows up to `rowid` were there. In ROWID order. */
  #marks: { rowid: number; mono: number }[] = [];
  #highest = -1;

  /** All rows up to `rowid` are there now. */
  seen(rowid: number, mono: number): void {
    if (rowid <= this.#highest) return;
    this.#highest = rowid;
    this.#marks.push({ rowid, mono });
  }

  /** When a row was first seen to be there. */
  seenMono(rowid: number, mono: number): number {
    return this.#marks.find((mark) => mark.rowid >= rowid)?.mono ?? mono;
  }

  /** Rows up to `rowid` are told. */
  told(rowid: number): void {
    if (this.#marks.length > 0) this.#marks = this.#marks.filter((mark) => mark.rowid > rowid);
  }

  /** Another chat.db: its ROWIDs have nothing to do with the old ones. */
  forget(): void {
    this.#marks = [];
    this.#highest = -1;
  }

  /** The rows that may be told now, and in how many ms the next may (null if all may). */
  split(rows: ChatRow[], now: number, mono: number): { ready: ChatRow[]; waitMs: number | null } {
    for (const [index, row] of rows.entries()) {
      const limit = holdMs(row, now);
      if (limit === 0) continue;
      const waitMs = Math.ceil(this.seenMono(row.rowid, mono) + limit - mono);
      if (waitMs > 0) return { ready: rows.slice(0, index), waitMs };
    }
    return { ready: rows, waitMs: null };
  }
}

function holdMs(row: ChatRow, now: number): number {
  if (row.chat === null || lacksFile(row)) return JOIN_MS;
  if (row.fromMe || !isWritten(row.kind) || row.kind === 'unsupported' || Math.abs(now - row.at) > FRESH_MS) return 0;
  return row.state.isSent || !row.state.isDelivered || row.handle === '' ? OWNER_MS : 0;
}

function lacksFile({ fromMe, kind, text, detail }: ChatRow): boolean {
  if (!fromMe || kind !== 'attachment' || text.trim() !== '') return false;
  return Array.isArray(detail?.attachments) && detail.attachments.length === 0;
}
