/**
 * Which row of chat.db is which attempt's? Each row from us is claimed by one attempt at the most, and each attempt claims one row:
 *
 *   above the attempt's ROWID baseline · to the same handle or group · the same text, or file (row-key.ts) · not from before the attempt ·
 *   of a kind that a script can make · claimed by nobody · of attempts that expect a row now the oldest, else the oldest of all
 *
 * Exceptions:
 *   - a text with a link may come in several rows, which joined are the text (split-text.ts): the last one is claimed, the others are its pieces
 *   - a clean row takes the place of a claimed one that shows a failure (Messages tried again by itself), and any row that of one that is
 *     gone (Messages puts a row with the preview in the place of the plain one)
 *   - the ghost of macOS 26, an empty SMS row in no chat whose handle is the chat's identifier, is the failure of the send just made
 *
 * What nobody claims was sent by hand or from another device. An attempt that did not start claims nothing.
 */
import type { Clock } from '../host/clock.ts';
import { handleFromRow, normaliseHandle } from '../host/handles.ts';
import type { Attempt, AttemptRequest, Attempts } from './attempts.ts';
import type { ChatDb } from './chat-db.ts';
import type { ChatRow, SettledRow } from './chat-row.ts';
import type { CutTexts, Rest } from './cut-texts.ts';
import type { Receipts } from './receipts.ts';
import { rowKey } from './row-key.ts';
import { linksOf, restAfter } from './split-text.ts';
import { comparable } from './text-key.ts';

/** A row this late is still ours. */
export const CLAIM_WINDOW_MS = 7 * 86_400_000;
/** After an attempt has ended its row is expected for so long; after that it is only hoped for. */
export const ROW_PATIENCE_MS = 10_000;
/** Row and attempt are dated by the same clock, which is slewed at times. */
const CLOCK_TOLERANCE_MS = 2_000;
/** Across a restart of the Mac nobody knows how the clock was set. */
const REBOOT_TOLERANCE_MS = 2 * 60_000;
/** Pieces, previews, ghosts and second tries come within moments of the send. */
const SOON_MS = 2 * 60_000;
const SEARCHED_ROWS = 500;
const LINK_APP = 'com.apple.messages.URLBalloonProvider';

/** What a second search found: our row, only pieces of it, the text in another conversation, or nothing. */
export type Found = 'claimed' | 'part' | 'elsewhere' | 'nothing';

/** A row, whom it went to, and what it is known again by. */
interface Shown {
  row: SettledRow;
  addresses: string[];
  key: string | null;
}

export class Claims {
  readonly #attempts: Attempts;
  readonly #cutTexts: CutTexts;
  readonly #receipts: Receipts;
  readonly #clock: Clock;
  readonly #chatDb: () => ChatDb | null;
  readonly #region: string | undefined;

  constructor(o: {
    attempts: Attempts;
    cutTexts: CutTexts;
    receipts: Receipts;
    clock: Clock;
    chatDb: () => ChatDb | null;
    region: string | undefined;
  }) {
    this.#attempts = o.attempts;
    this.#cutTexts = o.cutTexts;
    this.#receipts = o.receipts;
    this.#clock = o.clock;
    this.#chatDb = o.chatDb;
    this.#region = o.region;
  }

  /** In the transaction of the cursor. True if the row from us is an attempt's; what it says has then been told. */
  take(row: SettledRow): boolean {
    if (this.isClaimed(row.guid)) return true;
    if (isGhost(row)) return this.#takeBy(this.#ghostOwner(row), row, true);
    if (!isScriptable(row)) return false;
    const shown = { row, addresses: this.addressesOf(row), key: rowKey(row) };
    if (this.#takeBy(this.#open(shown) ?? this.#failing(shown) ?? this.#replaced(shown), row, false)) return true;
    const rests = shown.addresses.flatMap((address) => this.#cutTexts.to(address));
    return rests.length > 0 && (this.#takePiece(row, rests) || this.#isPreview(row, rests));
  }

  isClaimed(guid: string): boolean {
    return this.#attempts.hasClaimed(guid) || this.#cutTexts.has(guid);
  }

  /** A piece of its text was seen, or all of it. */
  hasShown(a: Attempt): boolean {
    return a.guid !== null || this.#cutTexts.of(a.id).length > 0;
  }

  /**
   * In a transaction, when no row has come in time: looks once more at the rows since the attempt. A row may have got its chat, its body or
   * its `is_from_me` only after it was told.
   */
  searchAgain(a: Attempt): Found {
    const rows = this.#chatDb()?.rowsAfter(a.baseline, SEARCHED_ROWS) ?? [];
    const ours = rows.filter((row) => row.fromMe && isScriptable(row) && !this.isClaimed(row.guid));
    const same = ours.filter((row) => rowKey(row) === a.textKey && this.#fits(a, row));
    const row = same.find((r) => this.addressesOf(r).includes(a.address));
    if (row && this.#takeBy(a, row, false)) return 'claimed';
    if (this.#cutTexts.of(a.id).length > 0) return 'part';
    return same.some((r) => r.at <= (a.endedAt ?? r.at) + SOON_MS) ? 'elsewhere' : 'nothing';
  }

  /** Whom a row from us went to. Of 1:1 rows both are tried: Messages may keep several addresses of a person in one chat. */
  addressesOf(row: ChatRow): string[] {
    if (row.chat?.kind === 'group') return [row.chat.id];
    const written = [...new Set([row.chat?.id ?? '', row.handle])].filter((address) => address !== '');
    // As messages are addressed: with country code.
    const whole = written.flatMap((address) => {
      if (address.startsWith('+') || address.includes('@')) return [];
      const known = normaliseHandle(address, this.#region);
      return known.ok ? [known.handle] : [];
    });
    return [...written, ...whole];
  }

  #takeBy(owner: Attempt | undefined, row: ChatRow, ghost: boolean): boolean {
    if (!owner) return false;
    const { rowid, guid, ownAddress } = row;
    this.#attempts.claim(owner.id, { rowid, guid, ownAddress, ghost }, Math.round(this.#clock.now()));
    this.#receipts.observe(owner.id, row.state);
    return true;
  }

  #open(shown: Shown): Attempt | undefined {
    return this.#expectant(
      shown.row,
      this.#among(shown, (address, key) => this.#attempts.unclaimed(address, key)),
    );
  }

  #failing(shown: Shown): Attempt | undefined {
    const { row } = shown;
    if (row.state.error !== 0) return undefined;
    return this.#among(shown, (address, key) => this.#attempts.failing(address, key)).find(
      (a) => a.failingAt !== null || row.at <= (a.endedAt ?? a.begunAt) + SOON_MS,
    );
  }

  #replaced(shown: Shown): Attempt | undefined {
    const since = this.#clock.now() - SOON_MS;
    const claimed = this.#among(shown, (address, key) => this.#attempts.claimedSince(address, key, since));
    return claimed.find((a) => this.#chatDb()?.ownStatesOf([a.guid ?? '']).length === 0);
  }

  /** A row shows a piece of a text that was cut at a link. */
  #takePiece(row: SettledRow, rests: Rest[]): boolean {
    const shown = comparable(row.text);
    const candidates = rests
      .flatMap(({ attempt, rest }) => {
        const a = this.#attempts.get(attempt);
        const left = restAfter(shown, rest);
        return a && a.guid === null && a.outcome?.kind !== 'not_started' && left !== null ? [{ a, left }] : [];
      })
      .filter(({ a }) => this.#fits(a, row) && row.at <= a.begunAt + SOON_MS);
    const a = candidates.map((c) => c.a).sort((x, y) => x.order - y.order)[0];
    const left = candidates.find((c) => c.a === a)?.left;
    if (!a || left === undefined) return false;
    const { rowid, guid, ownAddress } = row;
    this.#cutTexts.shown({ attempt: a.id, rowid, guid }, left);
    if (left !== '') return true;
    this.#attempts.claim(a.id, { rowid, guid, ownAddress, ghost: false }, Math.round(this.#clock.now()));
    const state = this.#receipts.whole({ id: a.id, rowid, guid });
    if (state) this.#receipts.observe(a.id, state);
    return true;
  }

  /** The preview of a link in a row of its own, once, beside the row that has the whole text. */
  #isPreview(row: SettledRow, rests: Rest[]): boolean {
    if (row.detail?.app !== LINK_APP) return false;
    const shown = comparable(row.text);
    return rests
      .filter(({ text }) => text !== shown && linksOf(text).includes(shown))
      .some(({ attempt }) => {
        const a = this.#attempts.get(attempt);
        if (!a || a.guid === null || !this.#fits(a, row) || row.at > a.begunAt + SOON_MS) return false;
        return this.#cutTexts.previewed({ attempt, rowid: row.rowid, guid: row.guid });
      });
  }

  #among({ row, addresses, key }: Shown, find: (address: string, key: string) => Attempt[]): Attempt[] {
    if (key === null) return [];
    const found = addresses.flatMap((address) => find(address, key));
    return found.filter((a) => this.#fits(a, row)).sort((a, b) => a.order - b.order);
  }

  /** Rows come in the order of the sends. One that never showed a row does not take that of the next. */
  #expectant(row: ChatRow, attempts: Attempt[]): Attempt | undefined {
    const expects = (a: Attempt) => a.endedAt === null || row.at <= a.endedAt + ROW_PATIENCE_MS;
    return attempts.find(expects) ?? attempts[0];
  }

  #ghostOwner(row: ChatRow): Attempt | undefined {
    if (row.handle === '') return undefined;
    const since = this.#clock.now() - CLAIM_WINDOW_MS;
    const named = (a: Attempt) =>
      this.addressesOf(row).includes(a.address) || handleFromRow(identifierOf(a.chatGuid) ?? '') === row.handle;
    const soon = (a: Attempt) => row.at <= (a.endedAt ?? row.at) + ROW_PATIENCE_MS;
    return this.#attempts.withoutRow(since).find((a) => named(a) && this.#fits(a, row) && soon(a));
  }

  #fits(a: Attempt, row: ChatRow): boolean {
    if (row.rowid <= a.baseline) return false;
    return row.at >= a.begunAt - this.#toleranceOf(a) && row.at <= a.begunAt + CLAIM_WINDOW_MS;
  }

  /** How much earlier than its attempt a row may be dated: by as much as the clock was set since. */
  #toleranceOf(a: Attempt): number {
    const now = this.#clock.now();
    const mono = this.#clock.mono();
    if (mono < a.begunAt - a.bootedAt) return REBOOT_TOLERANCE_MS;
    return CLOCK_TOLERANCE_MS + Math.abs(now - mono - a.bootedAt);
  }
}

/** How the outbox and rows name whom an attempt goes to. */
export function addressOf(recipient: AttemptRequest['recipient']): string {
  return recipient.kind === 'handle' ? recipient.handle : recipient.chat;
}

/** Could a script have made this row? A script plans nothing, answers no single message, and sends words or one file, never both. */
function isScriptable({ kind, detail, text }: ChatRow): boolean {
  if (kind !== 'text' && kind !== 'attachment') return false;
  if (detail?.scheduled !== undefined || detail?.reply_to !== undefined) return false;
  const files = Array.isArray(detail?.attachments) ? detail.attachments.length : 0;
  return files === (text.trim() === '' ? 1 : 0);
}

function isGhost(row: ChatRow): boolean {
  return row.chat === null && row.text === '' && row.state.isEmpty && /^sms$/i.test(row.service);
}

/** `any;+;chat123` names `chat123`. */
function identifierOf(guid: string | null): string | null {
  return guid?.split(';').at(-1) ?? null;
}
