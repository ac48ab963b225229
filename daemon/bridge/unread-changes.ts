/**
 * While it cannot be looked at what changed in messages of chat.db, nothing is sent: an edit may have made a STOP of one. When that lasts, it is
 * the condition `chat_db_changes_unread`, until a look succeeds.
 */
import type { Health } from '../host/health.ts';

const NAME = 'chat_db_changes_unread';
/** The dispatcher asks every 2 s. */
const TRIES = 5;

export class UnreadChanges {
  readonly #health: Health;
  #failed = 0;

  constructor(health: Health) {
    this.#health = health;
  }

  /** A send is about to go; was what changed looked at? */
  looked(well: boolean): { ok: true } | { ok: false; condition: string } {
    if (well) {
      this.#failed = 0;
      this.#health.clear(NAME);
      return { ok: true };
    }
    this.#failed += 1;
    if (this.#failed >= TRIES)
      this.#health.raise(
        NAME,
        'error',
        'What changed in messages of chat.db cannot be looked at, so nothing is sent: a STOP may stand there.',
        'Check that the disk is not full; relayctl logs --room bridge says why.',
      );
    return { ok: false, condition: NAME };
  }
}
