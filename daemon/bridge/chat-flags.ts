/**
 * How Messages sets conversations apart: unknown sender, junk, blocked. The owner or Apple may change that at any time, without any row that
 * says so; so all conversations are compared with what was last known of them. A new one is noted and not told: its messages say it.
 */
import type { Db } from '../host/db.ts';
import type { ChatFlag } from './changed-rows.ts';

export class ChatFlags {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Those that are set apart otherwise than before, and those that are new. */
  differing(chats: ChatFlag[]): { changed: ChatFlag[]; unknown: ChatFlag[] } {
    const known = new Map(
      this.#db
        .sql<{ guid: string; filtered: number }>('SELECT guid, filtered FROM chat_flag')
        .all()
        .map(({ guid, filtered }) => [guid, filtered]),
    );
    return {
      changed: chats.filter(({ guid, filtered }) => known.has(guid) && known.get(guid) !== filtered),
      unknown: chats.filter(({ guid }) => !known.has(guid)),
    };
  }

  /** In the transaction of the telling. */
  put(chats: ChatFlag[]): void {
    for (const { guid, filtered } of chats)
      this.#db.sql('INSERT OR REPLACE INTO chat_flag (guid, filtered) VALUES (?, ?)').run(guid, filtered);
  }
}
