/**
 * Which row of chat.db is which attempt's? Each row from us is claimed by one attempt at the most, and each attempt claims one row:
 *
 *   above the attempt's ROWID baseline · to the same handle or group · the same text (text-key.ts) · dated in the attempt's window ·
 *   claimed by nobody · the oldest open attempt first
 *
 * Two exceptions. A clean row takes the place of a claimed one that shows a failure not told yet (Messages tried again by itself). The
 * ghost of macOS 26, an empty SMS row in no chat whose handle is the chat's identifier, belongs to the attempt that it stands for.
 * What nobody claims was sent by hand or from another device. An attempt that did not start claims nothing.
 */
import type { Clock } from '../host/clock.ts';
import type { Attempt, AttemptRequest, Attempts } from './attempts.ts';
import type { ChatRow, SettledRow } from './chat-row.ts';
import type { Receipts } from './receipts.ts';
import { textKey } from './text-key.ts';

/** A row this late is still ours. */
export const CLAIM_WINDOW_MS = 7 * 86_400_000;
/** Row and attempt are dated by the same clock, but that may be set in between. Old rows from iCloud are much older. */
const CLOCK_TOLERANCE_MS = 2 * 60_000;

export class Claims {
  readonly #attempts: Attempts;
  readonly #receipts: Receipts;
  readonly #clock: Clock;

  constructor(o: { attempts: Attempts; receipts: Receipts; clock: Clock }) {
    this.#attempts = o.attempts;
    this.#receipts = o.receipts;
    this.#clock = o.clock;
  }

  /** In the transaction of the cursor. True if the row from us is an attempt's; what it says has then been told. */
  take(row: SettledRow): boolean {
    if (this.#attempts.hasClaimed(row.guid)) return true;
    const ghost = isGhost(row);
    const owner = ghost ? this.#ghostOwner(row) : (this.#open(row) ?? this.#failing(row));
    if (!owner) return false;
    const { rowid, guid, ownAddress } = row;
    this.#attempts.claim(owner.id, { rowid, guid, ownAddress, ghost }, Math.round(this.#clock.now()));
    this.#receipts.observe(owner.id, row.state);
    return true;
  }

  #open(row: ChatRow): Attempt | undefined {
    return this.#among(row, (address, key) => this.#attempts.unclaimed(address, key));
  }

  #failing(row: ChatRow): Attempt | undefined {
    if (row.state.error !== 0) return undefined;
    return this.#among(row, (address, key) => this.#attempts.failing(address, key));
  }

  #among(row: ChatRow, find: (address: string, key: string) => Attempt[]): Attempt | undefined {
    if (row.text.trim() === '' || row.kind.startsWith('tapback')) return undefined;
    const key = textKey(row.text);
    const found = addressesOf(row).flatMap((address) => find(address, key));
    return found.filter((a) => fits(a, row)).sort((a, b) => a.order - b.order)[0];
  }

  #ghostOwner(row: ChatRow): Attempt | undefined {
    if (row.handle === '') return undefined;
    const since = this.#clock.now() - CLAIM_WINDOW_MS;
    const named = (a: Attempt) => a.address === row.handle || identifierOf(a.chatGuid) === row.handle;
    return this.#attempts.withoutRow(since).find((a) => named(a) && fits(a, row));
  }
}

/** How the outbox and rows name whom an attempt goes to. */
export function addressOf(recipient: AttemptRequest['recipient']): string {
  return recipient.kind === 'handle' ? recipient.handle : recipient.chat;
}

/** Whom a row from us went to. Of 1:1 rows both are tried: Messages may keep several addresses of a person in one chat. */
export function addressesOf(row: ChatRow): string[] {
  if (row.chat?.kind === 'group') return [row.chat.id];
  return [...new Set([row.chat?.id ?? '', row.handle])].filter((address) => address !== '');
}

function fits(a: Attempt, row: ChatRow): boolean {
  if (row.rowid <= a.baseline) return false;
  return row.at >= a.begunAt - CLOCK_TOLERANCE_MS && row.at <= a.begunAt + CLAIM_WINDOW_MS;
}

function isGhost(row: ChatRow): boolean {
  return row.chat === null && row.text === '' && row.state.isEmpty && /^sms$/i.test(row.service);
}

/** `any;+;chat123` names `chat123`. */
function identifierOf(guid: string | null): string | null {
  return guid?.split(';').at(-1) ?? null;
}
