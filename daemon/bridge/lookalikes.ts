/**
 * What a store that was lost or set back may have sent, and knows nothing of: own rows of chat.db that no attempt made, and files that
 * osascript's calls left behind. In doubt a text is taken for sent.
 *
 * The caller owes `begin` once, before it sweeps the work folder.
 */
import type { Clock } from '../host/clock.ts';
import type { AttemptRequest, Attempts } from './attempts.ts';
import type { ChatDb } from './chat-db.ts';
import { addressOf, type Claims } from './claims.ts';
import type { Osascript } from './osascript.ts';
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
      .map(({ attempt, target, text }) => ({ attempt, target, key: textKey(text) }));
    return this.#forgotten;
  }

  forgotten(): readonly Forgotten[] {
    return this.#forgotten;
  }

  /** Is this the text and the recipient of a send that the store has forgotten? */
  isForgotten(f: Forgotten, address: string, text: string): boolean {
    return this.#isTo(f.target, address) && f.key === textKey(text);
  }

  /**
   * Does chat.db hold this text to this recipient, from us, since `sinceAt`, made by no attempt that we know? True as well if such a send
   * left files behind, or if chat.db cannot be read.
   */
  has(recipient: AttemptRequest['recipient'], text: string, sinceAt: number): boolean {
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
    const key = textKey(text);
    if (forgotten.some((f) => f.key === key)) return true;
    // Had Messages cut it at a link, the first piece would be there.
    const keys = new Set([key, ...firstPieces(comparable(text)).map(textKey)]);
    const fitting = toThem.filter((row) => keys.has(row.key));
    const unclaimed = fitting.filter((row) => !this.#claims.isClaimed(row.guid));
    if (unclaimed.length === 0) return false;
    const youngest = this.#clock.now() - CLAIM_MS;
    const awaited = this.#attempts.unclaimed(address, key).filter((a) => a.begunAt >= youngest);
    return unclaimed.length > awaited.length;
  }

  #isTo(target: string, address: string): boolean {
    if (target === address || target.split(';').at(-1) === address) return true;
    return target === this.#chatDb()?.groupGuid(address);
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
      key: textKey(row.text),
    }));
    this.#ownRows = { chatDb, version, since, lookedAt, rows };
    return rows;
  }
}
