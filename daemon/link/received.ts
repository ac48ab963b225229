/**
 * What this relay has on disk of the controller's command stream: `{stream, seq, id}` of the last frame, and the highest epoch.
 *
 * The position moves in the transaction that stores what the frame asks for, without a hole, so that a command which
 * could not be stored can never be skipped by the next one.
 */
import type { Received } from '../../protocol/frames.ts';
import type { Db } from '../host/db.ts';
import { RelayError } from '../host/errors.ts';

export class ReceivedCommands {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  load(): { received: Received | null; epoch: number } {
    const row = this.#db
      .sql<{ stream: string | null; seq: number; id: string | null; epoch: number }>(
        'SELECT stream, seq, id, epoch FROM command_stream',
      )
      .get();
    if (!row) return { received: null, epoch: 0 };
    const received = row.stream === null ? null : { stream: row.stream, seq: row.seq, id: row.id };
    return { received, epoch: row.epoch };
  }

  /** In a transaction: the controller's stream is this one now. Another one than before begins at number 1. */
  follow(stream: string, epoch: number): void {
    this.#db
      .sql(
        `UPDATE command_stream SET epoch = max(epoch, ?1), seq = CASE WHEN stream IS ?2 THEN seq ELSE 0 END,
           id = CASE WHEN stream IS ?2 THEN id ELSE NULL END, stream = ?2`,
      )
      .run(epoch, stream);
  }

  /**
   * In the transaction of the frames `from` to `to`, of which `id` names the last. Throws `received_out_of_order` if the frame before them
   * was not stored.
   */
  advance(stream: string, from: number, to: number, id: string | null): void {
    const done = this.#db
      .sql('UPDATE command_stream SET seq = ?, id = ? WHERE stream = ? AND seq = ? - 1')
      .run(to, id, stream, from);
    if (done.changes !== 1)
      throw new RelayError('received_out_of_order', `frame ${from} of ${stream} does not follow what is stored`, {
        hint: 'The frame before it could not be stored; the connection starts anew and both come again.',
        retryable: true,
      });
  }
}
