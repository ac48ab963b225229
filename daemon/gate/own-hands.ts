/**
 * What the owner sends by hand, from another device, or with another tool: it counts like the relay's own, under names of its own
 * (`row:<guid>`, its files `row:<guid>/files`). The same row again changes nothing.
 *
 * All in the transaction of the cursor that saw the row.
 */
import type { Conversations } from './conversations.ts';
import type { Estimates } from './estimates.ts';
import type { FingerprintMaker } from './fingerprint.ts';
import type { LocalLedger } from './ledger.ts';
import type { Queue } from './queue.ts';
import type { OwnHand } from './requests.ts';
import { nameOfRow } from './rereading.ts';

interface Parts {
  maker: FingerprintMaker;
  people: Conversations;
  ledger: LocalLedger;
  queue: Queue;
  estimates: Estimates;
}

export class OwnHands {
  readonly #o: Parts;

  constructor(o: Parts) {
    this.#o = o;
  }

  sent(row: OwnHand): void {
    const people = [...new Set(row.recipients)];
    if (people.length === 0) return;
    const name = nameOfRow(row.guid);
    this.#o.people.ownHand(name, onlyOf(people), row.at);
    this.#observe(name, people, row);
  }

  /** Files of such a row, once their bytes are known: they count beside its text. `attachments`: SHA-256 of each. */
  files(row: { guid: string; recipients: string[]; at: number }, attachments: string[]): void {
    const people = [...new Set(row.recipients)];
    if (people.length > 0) this.#observe(`${nameOfRow(row.guid)}/files`, people, { at: row.at, text: '', attachments });
  }

  #observe(name: string, people: string[], row: { text: string; attachments?: string[]; at: number }): void {
    const { maker, ledger, queue, estimates } = this.#o;
    if (row.text.trim() === '' && !row.attachments?.length) return;
    // Rows that were missed for long, or that iCloud brings: no distance is kept from them any more.
    if (ledger.isPast(row.at) || ledger.has(name)) return;
    const print = maker.make(row.text, [], row.attachments);
    const address = onlyOf(people) ?? 'group:';
    const near = estimates.near(print);
    const text = ledger.observe({ name, address, people, reply: false, print, near }, row.at);
    if (text) queue.unblock(near);
  }
}

function onlyOf(people: string[]): string | null {
  return people.length === 1 ? (people[0] ?? null) : null;
}
