/** What the reading of chat.db is made of, and whom it tells. */
import type { Clock } from '../host/clock.ts';
import type { GroupCommit } from '../host/commit.ts';
import type { Db } from '../host/db.ts';
import type { FreshLook } from '../host/fresh-look.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';
import type { SettledRow } from './chat-row.ts';

export interface ReadingOptions {
  /** chat.db; may not be there yet. */
  path: string;
  db: Db;
  commit: GroupCommit;
  clock: Clock;
  health: Health;
  log: Log;
  permission?: FreshLook;
  /** In the transaction that moves the cursor, in ROWID order; again for the same row if that was rolled back. */
  onRow: (row: SettledRow) => void;
  /**
   * Only when a store reads chat.db for the first time: short texts from others from before what is told, in ROWID order, in transactions.
   * They are no news, but a STOP among them still counts.
   */
  onPast?: (row: SettledRow) => void;
  /** In the transaction that begins a new generation of chat.db. */
  onGeneration: (reason: string) => void;
}
