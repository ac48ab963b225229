/** What the gate is given: the store, the clock, what the owner of the Mac set, and whom to tell. */
import type { SenderHealth, TextSuspected } from '../../protocol/events.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import type { Health } from '../host/health.ts';
import type { Log } from '../host/log.ts';
import type { OldestWord } from './conversations.ts';

export interface GateOptions {
  db: Db;
  clock: Clock;
  health: Health;
  log: Log;
  /** What the owner of the Mac sets; everything else has its default. */
  policy: Record<string, unknown>;
  /** `since`: Unix ms since when this sender sends, or null. */
  sender: { kind: 'shared' | 'dedicated'; since: number | null };
  /** For the times in sentences; the Mac's own if not given. */
  timeZone?: string;
  /** The oldest row of the 1:1 conversation with a handle, as far back as chat.db goes; null if there is none or nobody can tell. */
  oldestWord?: OldestWord;
  /** In the transaction of a change of the sender's health that nobody asked for. */
  onSenderHealth?: (health: SenderHealth) => void;
  /** In the transaction in which a text was found to be taken for junk. */
  onTextSuspected?: (event: TextSuspected) => void;
  /** Would a receipt be seen now: chat.db can be read, and the network is there? Always, if not given. */
  watching?: () => boolean;
}
