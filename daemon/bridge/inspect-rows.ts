/** The rows of any chat.db as plain objects, for `relayctl chatdb read`: page by page, read only, without a relay. */

import { ChatDb, PAGE_ROWS } from './chat-db.ts';
import type { ChatRow } from './chat-row.ts';

export interface InspectedRow {
  rowid: number;
  guid: string;
  /** Unix ms, null if the row has no date. */
  at: number | null;
  from_me: boolean;
  handle: string;
  own_address: string | null;
  text: string;
  truncated?: true;
  kind: string;
  detail?: Record<string, unknown>;
  service: string;
  chat: ChatRow['chat'];
  /** Own rows only. */
  state?: {
    sent: boolean;
    delivered: boolean;
    read: boolean;
    error: number;
    delivered_at: number | null;
    read_at: number | null;
    downgraded: boolean;
  };
}

/** All rows with a ROWID above `since`. Throws a RelayError (see chat-db.ts) at the first step if the file is no readable chat.db. */
export function* readRows(path: string, since: number): Generator<InspectedRow> {
  const chatDb = ChatDb.open(path);
  try {
    let last = since;
    for (;;) {
      const page = chatDb.rowsAfter(last, PAGE_ROWS);
      for (const row of page) yield inspected(row);
      const end = page.at(-1);
      if (!end || page.length < PAGE_ROWS) return;
      last = end.rowid;
    }
  } finally {
    chatDb.close();
  }
}

function inspected(row: ChatRow): InspectedRow {
  const { rowid, guid, fromMe, handle, ownAddress, text, kind, detail, service, chat, state } = row;
  return {
    rowid,
    guid,
    at: row.at === 0 ? null : row.at,
    from_me: fromMe,
    handle,
    own_address: ownAddress,
    text,
    ...(row.truncated ? { truncated: true as const } : {}),
    kind,
    ...(detail ? { detail } : {}),
    service,
    chat,
    ...(fromMe
      ? {
          state: {
            sent: state.isSent,
            delivered: state.isDelivered,
            read: state.isRead,
            error: state.error,
            delivered_at: state.deliveredAt,
            read_at: state.readAt,
            downgraded: state.downgraded,
          },
        }
      : {}),
  };
}
