/**
 * What a store that was lost or set back may have sent, and knows nothing of: own rows of chat.db that no attempt made, and files that
 * osascript's calls left behind. In doubt a text, or a file, is taken for sent.
 *
 * The caller owes `begin` once, before it sweeps the work folder.
 */
import { basename } from 'node:path';
import type { Clock } from '../host/clock.ts';
import type { AttemptRequest, Attempts } from './attempts.ts';
import type { ChatDb } from './chat-db.ts';
import { addressOf, type Claims } from './claims.ts';
import type { Osascript } from './osascript.ts';
import { fileKey, rowKey } from './row-key.ts';
import { firstPieces } from './split-text.ts';
import { comparable, textKey } from './text-key.ts';

/** The controller's clock and ours need not agree. */
const TOLERANCE_MS = 5 * 60_000;
const MOST_ROWS = 5_000;
/** A look at chat.db is good for the commands of one burst; what a child of an earlier life wrote has been there for longer. */
const LOOK_LASTS_MS = 20;
/** An attempt this young may still get its row claimed: the row is on its way through the reading. */
const CLAIM_MS = 2 * 60_000;

/** Own rows of chat.db as they were when it was looked at. */
interface OwnRows {
  chatDb: ChatDb;
  version: number;
  since: number;
  /** Monotonic. */
  lookedAt: number;
  rows: { guid: string; at: number; addresses: string[]; key: string }[];
}

/** A send that left files behind and that this store does not know. It may have gone, or may still go. */
export interface Forgotten {
  attempt: string;
  target: string;
  key: string;
}

export class Lookalikes {
  readonly #osascript: Osascript;
  readonly #attempts: Attempts;
  readonly #claims: Claims;
  readonly #clock: Clock;
  readonly #chatDb: () => ChatDb | null;
  #ownRows: OwnRows | null = null;
  #forgotten: Forgotten[] = [];

  constructor(o: {
    osascript: Osascript;
    attempts: Attempts;
    claims: Claims;
    clock: Clock;
    chatDb: () => ChatDb | null;
  }) {
    this.#osascript = o.osascript;
    this.#attempts = o.attempts;
    this.#claims = o.claims;
    this.#clock = o.clock;
    this.#chatDb = o.chatDb;
  }

  /** Reads what earlier processes left behind. */
  begin(): readonly Forgotten[] {
    this.#forgotten = this.#osascript
      .payloads()
      .filter(({ attempt }) => !this.#attempts.get(attempt))
      .map(({ attempt, target, ...what }) => ({
        attempt,
        target,
        key: 'file' in what ? fileKey(basename(what.file)) : textKey(what.text),
      }));
    return this.#forgotten;
  }

  forgotten(): readonly Forgotten[] {
    return this.#forgotten;
  }

  /** Is this the text, or one of the files (by name), and the recipient of a send that the store has forgotten? */
  isForgotten(f: Forgotten, address: string, text: string, files: readonly string[] = []): boolean {
    return this.#isTo(f.target, address) && keysOf(text, files).includes(f.key);
  }

  /**
   * Does chat.db hold this text, or one of these files (by name), to this recipient, from us, since `sinceAt`, made by no attempt that we know? True as well if such a send
   * left files behind, or if chat.db cannot be read.
   */
  has(recipient: AttemptRequest['recipient'], text: string, sinceAt: number, files: readonly string[] = []): boolean {
    const chatDb = this.#chatDb();
    if (!chatDb) return true;
    const address = addressOf(recipient);
    const since = sinceAt - TOLERANCE_MS;
    const own = this.#ownRowsSince(chatDb, since);
    if (own.length >= MOST_ROWS) return true;
    if (own.length === 0 && this.#forgotten.length === 0) return false;
    const forgotten = this.#forgotten.filter(({ target }) => this.#isTo(target, address));
    const toThem = own.filter((row) => row.at >= since && row.addresses.includes(address));
    if (toThem.length === 0 && forgotten.length === 0) return false;
    const whole = keysOf(text, files);
    if (forgotten.some((f) => whole.includes(f.key))) return true;
    // Had Messages cut it at a link, the first piece would be there.
    const pieces = firstPieces(comparable(text)).map(textKey);
    return whole.some((key, index) => this.#isUnclaimed(toThem, address, key, index === 0 ? pieces : []));
  }

  #isUnclaimed(toThem: OwnRows['rows'], address: string, key: string, pieces: string[]): boolean {
    const fitting = toThem.filter((row) => row.key === key || pieces.includes(row.key));
    const unclaimed = fitting.filter((row) => !this.#claims.isClaimed(row.guid));
    if (unclaimed.length === 0) return false;
    const youngest = this.#clock.now() - CLAIM_MS;
    const awaited = this.#attempts.unclaimed(address, key).filter((a) => a.begunAt >= youngest);
    return unclaimed.length > awaited.length;
  }

  #isTo(target: string, address: string): boolean {
    if (target === address || target.split(';').at(-1) === address) return true;
    return target === this.#chatDb()?.groupTarget(address)?.guid;
  }

  /** Many commands that come again after a loss share one look. */
  #ownRowsSince(chatDb: ChatDb, since: number): OwnRows['rows'] {
    const before = this.#ownRows?.chatDb === chatDb && this.#ownRows.since <= since ? this.#ownRows : null;
    const lookedAt = this.#clock.mono();
    if (before && lookedAt - before.lookedAt < LOOK_LASTS_MS) return before.rows;
    const version = chatDb.dataVersion();
    if (before?.version === version) {
      before.lookedAt = lookedAt;
      return before.rows;
    }
    const rows = chatDb.ownRowsSince(since, MOST_ROWS).map((row) => ({
      guid: row.guid,
      at: row.at,
      addresses: this.#claims.addressesOf(row),
      key: rowKey(row) ?? '',
    }));
    this.#ownRows = { chatDb, version, since, lookedAt, rows };
    return rows;
  }
}

/** The text's first, if there is one. */
function keysOf(text: string, files: readonly string[]): string[] {
  return [...(text.trim() === '' ? [] : [textKey(text)]), ...files.map(fileKey)];
}
