/**
 * What was dispatched in a transaction of which nobody knows yet whether it came to the disk. If it did not, the message waits again, and what
 * counted for it in memory counts no more.
 *
 * The caller owes: `heal` before each question.
 */
import type { Db } from '../host/db.ts';
import type { Conversations } from './conversations.ts';
import type { Estimates } from './estimates.ts';
import type { Load, Waiting } from './known-texts.ts';
import type { LocalLedger } from './ledger.ts';
import type { NearIndex } from './near-index.ts';
import type { Queue } from './queue.ts';

interface Around {
  db: Db;
  ledger: LocalLedger;
  people: Conversations;
  index: NearIndex<Load>;
  queue: Queue;
  estimates: Estimates;
}

export class Unproven {
  readonly #o: Around;
  readonly #messages = new Map<string, Waiting>();

  constructor(o: Around) {
    this.#o = o;
  }

  note(waiting: Waiting): void {
    this.#messages.set(waiting.message, waiting);
  }

  forget(): void {
    this.#messages.clear();
  }

  /** This one is handed to the gate again: a begin that came to nothing. What is in flight on the disk stays so and counts. */
  undo(message: string, address: string): void {
    const { ledger } = this.#o;
    if (this.#messages.delete(message) || (ledger.has(message) && !ledger.stored(message)))
      this.#takeBack(message, address);
  }

  /** Takes back what a rolled-back transaction did in memory, once no transaction is open. */
  heal(): void {
    const { db, ledger, index, queue, estimates } = this.#o;
    if (this.#messages.size === 0 || db.inTransaction) return;
    for (const [message, waiting] of this.#messages) {
      this.#messages.delete(message);
      if (ledger.stored(message) || !ledger.has(message)) continue;
      this.#takeBack(message, waiting.address);
      const text = index.keep(waiting.text.print);
      queue.add({ ...waiting, text });
      queue.unblock(estimates.near(text.print));
    }
  }

  #takeBack(message: string, address: string): void {
    this.#o.ledger.undo(message);
    this.#o.people.undo(message, address);
  }
}
