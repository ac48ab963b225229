/**
 * What is known of the people (and groups): opt-outs, and the windows that their messages open for replies.
 *
 * Lives in the store alone, so that a transaction that is rolled back leaves nothing behind. A key is a handle, or the stable name of a group.
 */
import type { ContactOpted } from '../../protocol/events.ts';
import type { Clock } from '../host/clock.ts';
import type { Db } from '../host/db.ts';
import { bareWords, canonical } from './canonical.ts';
import { type Policy, START_WORDS } from './policy.ts';
import type { Inbound, OptEffect, Recipient } from './requests.ts';

const DAY = 86_400_000;
const TALK_MS = 30 * DAY;
/** Counting conversations again and again is not worth it; this old a number will do. */
const COUNT_AGE_MS = 60_000;

interface Row {
  stop_at: number | null;
  stop_source: string | null;
  start_at: number | null;
  command_out_at: number | null;
  reply_at: number | null;
  reply_mono: number | null;
  replies: number;
  delivered_at: number | null;
  last_in_at: number | null;
  last_out_at: number | null;
  unanswered: number;
  first_at: number | null;
  first_wrote: number | null;
}

/** What the rules ask of a conversation. Times are Unix ms. */
export interface Talk {
  lastInAt: number | null;
  lastOutAt: number | null;
  deliveredAt: number | null;
  /** Messages to them since their last word; replies are none. */
  unanswered: number;
  /** The oldest known 1:1 row: when, and is it theirs, and no opt-out word? */
  firstAt: number | null;
  wroteFirst: boolean;
}

const NO_TALK: Talk = {
  lastInAt: null,
  lastOutAt: null,
  deliveredAt: null,
  unanswered: 0,
  firstAt: null,
  wroteFirst: false,
};

export class Contacts {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #reply: Policy['reply'];
  readonly #words: Policy['opt_out'];
  #stopWords: Set<string>;
  readonly #startWords: Set<string>;
  #active: { count: number; mono: number } | null = null;

  constructor(o: { db: Db; clock: Clock; policy: Policy }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#reply = o.policy.reply;
    this.#words = o.policy.opt_out;
    this.#stopWords = new Set(this.#words.words.map(canonical));
    this.#startWords = new Set(START_WORDS.map(canonical));
  }

  policyChanged(): void {
    this.#stopWords = new Set(this.#words.words.map(canonical));
  }

  /** Is this text an opt-out word, however it is dressed? */
  isStop(text: string): boolean {
    return this.#stopWords.has(bareWords(text));
  }

  /** Somebody wrote. Opens the window for replies; STOP and START take effect. */
  inbound(row: Inbound): OptEffect[] {
    const key = row.group ? row.chat : row.handle;
    const word = row.kind === 'tapback' ? '' : bareWords(row.text);
    const stops = this.#stopWords.has(word);
    const answers = row.kind !== 'tapback' && !stops;
    // Whoever says STOP means the conversation that they see, by whatever address of theirs it goes on.
    const keys = row.group || row.alias === undefined || row.alias === key ? [key] : [key, row.alias];
    for (const each of keys) this.#heard(each, row, { answers, opens: answers && !row.late && each === key });
    if (!stops && !this.#startWords.has(word)) return [];
    return keys.flatMap((each): OptEffect[] => {
      this.#ensure(each);
      const changed = stops ? this.#stop(each, row.at, 'message') : this.#start(each, row.at);
      if (!changed) return [];
      const event: ContactOpted = {
        ...(row.group ? { chat: each } : { handle: each }),
        source: 'message',
        word,
        guid: row.guid,
      };
      return [{ kind: stops ? 'opted_out' : 'opted_in', event }];
    });
  }

  /** We wrote to these. `open`: it is for them to answer now. */
  outbound(keys: string[], at: number, open: boolean): void {
    for (const key of keys)
      this.#db
        .sql(
          `INSERT INTO gate_contact (key, last_out_at, unanswered, first_wrote, first_at) VALUES (?3, ?1, ?2, 0, ?1)
           ON CONFLICT (key) DO UPDATE SET last_out_at = max(coalesce(last_out_at, 0), ?1), unanswered = unanswered + ?2,
             first_wrote = CASE WHEN first_at IS NULL OR first_at > ?1 THEN 0 ELSE first_wrote END,
             first_at = min(coalesce(first_at, ?1), ?1)`,
        )
        .run(Math.round(at), open ? 1 : 0, key);
  }

  /** What was noted as written at that time never left. */
  neverLeft(o: { key: string; at: number; reply: boolean; lastInAt: number | null; lastOutAt: number | null }): void {
    const { key, at, lastInAt, lastOutAt } = o;
    this.#db.sql('UPDATE gate_contact SET last_out_at = ? WHERE key = ? AND last_out_at = ?').run(lastOutAt, key, at);
    this.#db
      .sql(
        'UPDATE gate_contact SET first_at = NULL, first_wrote = NULL WHERE key = ? AND first_at = ? AND first_wrote = 0',
      )
      .run(key, at);
    // Not if they have written since: then it counts among the unanswered no more.
    if (!o.reply)
      this.#db
        .sql('UPDATE gate_contact SET unanswered = max(0, unanswered - 1) WHERE key = ? AND last_in_at IS ?')
        .run(key, lastInAt);
  }

  talk(key: string): Talk {
    const row = this.#row(key);
    return row ? talkOf(row) : NO_TALK;
  }

  /** The most that anybody has left unanswered. */
  mostUnanswered(): number {
    const most = 'SELECT max(unanswered) AS n FROM gate_contact WHERE unanswered > 0';
    return this.#db.sql<{ n: number | null }>(most).get()?.n ?? 0;
  }

  /** The newest opt-out, or null. */
  optedOut(key: string): { source: 'message' | 'command' | 'person'; at: number } | null {
    const row = this.#row(key);
    if (row?.stop_at != null) return { source: row.stop_source === 'person' ? 'person' : 'message', at: row.stop_at };
    return row?.command_out_at == null ? null : { source: 'command', at: row.command_out_at };
  }

  delivered(key: string): void {
    this.#ensure(key);
    this.#db.sql('UPDATE gate_contact SET delivered_at = ? WHERE key = ?').run(Math.round(this.#clock.now()), key);
  }

  /** To whom something was delivered since then. */
  deliveredSince(at: number): string[] {
    return this.#db
      .sql<{ key: string }>('SELECT key FROM gate_contact WHERE delivered_at >= ?')
      .all(Math.round(at))
      .map((row) => row.key);
  }

  deliveredWithin(key: string, ms: number): boolean {
    const at = this.#row(key)?.delivered_at ?? null;
    return at !== null && this.#clock.now() - at <= ms;
  }

  /**
   * How many replies may still be accepted there now, and what closes it to what would go there. What may not go before `notBefore` (Unix
   * ms) is a reply only if the window is still open then: a reply answers what has just come, and goes right away. Were it enough that it
   * is accepted in time, any text could be sent at night, close to others and without consent, by a time put on it.
   */
  standing(recipient: Recipient, notBefore: number | null): { replies: number; closedBy: string | null; talk: Talk } {
    const row = this.#row(recipient.kind === 'group' ? recipient.chat : recipient.handle);
    const talk = row ? talkOf(row) : NO_TALK;
    const replies = row ? this.#repliesLeft(row, notBefore) : 0;
    if (recipient.kind === 'group') return { replies, closedBy: this.closedBy(recipient, replies > 0), talk };
    const out = row !== undefined && (row.stop_at !== null || row.command_out_at !== null);
    return { replies, closedBy: out ? recipient.handle : null, talk };
  }

  /** May something that is no reply, or is one, not go there at all? The key that closes it, or null. */
  closedBy(recipient: Recipient, reply: boolean): string | null {
    if (recipient.kind === 'handle') return this.isOut(recipient.handle) ? recipient.handle : null;
    if (this.isOut(recipient.chat)) return recipient.chat;
    if (reply) return null;
    return recipient.members.find((member) => this.isOut(member)) ?? null;
  }

  isOut(key: string): boolean {
    return (
      this.#db
        .sql('SELECT 1 FROM gate_contact WHERE key = ? AND (stop_at IS NOT NULL OR command_out_at IS NOT NULL)')
        .get(key) !== undefined
    );
  }

  allOut(): string[] {
    return this.#db
      .sql<{ key: string }>(
        'SELECT key FROM gate_contact WHERE stop_at IS NOT NULL OR command_out_at IS NOT NULL ORDER BY key',
      )
      .all()
      .map((row) => row.key);
  }

  outCount(): number {
    return (
      this.#db
        .sql<{ n: number }>(
          'SELECT count(*) AS n FROM gate_contact WHERE stop_at IS NOT NULL OR command_out_at IS NOT NULL',
        )
        .get()?.n ?? 0
    );
  }

  /** By the controller or by a person. False if it was so already. */
  optOut(key: string, source: 'command' | 'person'): boolean {
    const wasOut = this.isOut(key);
    this.#ensure(key);
    if (source === 'person') this.#stop(key, this.#clock.now(), 'person');
    else
      this.#db
        .sql('UPDATE gate_contact SET command_out_at = coalesce(command_out_at, ?) WHERE key = ?')
        .run(Math.round(this.#clock.now()), key);
    return !wasOut;
  }

  /** The controller lifts only what it put. `still`: closed by somebody else all the same. */
  optIn(key: string, source: 'command' | 'person'): { changed: boolean; still: string | null } {
    const before = this.#row(key);
    if (!before) return { changed: false, still: null };
    this.#db
      .sql(
        source === 'person'
          ? 'UPDATE gate_contact SET command_out_at = NULL, stop_at = NULL, stop_source = NULL WHERE key = ?'
          : 'UPDATE gate_contact SET command_out_at = NULL WHERE key = ?',
      )
      .run(key);
    if (source === 'person') {
      const changed = before.stop_at !== null || before.command_out_at !== null;
      // A STOP up to the one that the person saw does not undo what they said, should it arrive late. Dated by rows: were the Mac's
      // clock ahead, a STOP to come would be taken for an old one.
      const seen = Math.max(before.stop_at ?? 0, before.last_in_at ?? 0);
      if (changed && seen > 0)
        this.#db
          .sql('UPDATE gate_contact SET start_at = max(coalesce(start_at, 0), ?) WHERE key = ?')
          .run(seen + 1, key);
      return { changed, still: null };
    }
    if (before.stop_at !== null) return { changed: false, still: before.stop_source };
    return { changed: before.command_out_at !== null, still: null };
  }

  /** How many replies may still be accepted there now. */
  repliesLeft(recipient: Recipient): number {
    const row = this.#row(recipient.kind === 'handle' ? recipient.handle : recipient.chat);
    return row ? this.#repliesLeft(row) : 0;
  }

  #repliesLeft(row: Row, notBefore: number | null = null): number {
    if (row.reply_at === null || row.reply_mono === null) return 0;
    const mono = this.#clock.mono();
    // A window closes by whichever clock says so first, and with a new boot.
    if (mono < row.reply_mono) return 0;
    const now = this.#clock.now();
    const passed = Math.max(mono - row.reply_mono, now - row.reply_at) + Math.max(0, (notBefore ?? now) - now);
    return passed <= this.#reply.window_ms ? Math.max(0, this.#reply.per_inbound - row.replies) : 0;
  }

  useReply(recipient: Recipient): void {
    this.#db
      .sql('UPDATE gate_contact SET replies = replies + 1 WHERE key = ?')
      .run(recipient.kind === 'handle' ? recipient.handle : recipient.chat);
  }

  /** People with whom both sides wrote within 30 days. */
  activeConversations(): number {
    const mono = this.#clock.mono();
    if (this.#active && mono - this.#active.mono < COUNT_AGE_MS) return this.#active.count;
    const since = Math.round(this.#clock.now() - TALK_MS);
    const count =
      this.#db
        .sql<{ n: number }>('SELECT count(*) AS n FROM gate_contact WHERE last_in_at > ? AND last_out_at > ?')
        .get(since, since)?.n ?? 0;
    this.#active = { count, mono };
    return count;
  }

  #stop(key: string, at: number, source: 'message' | 'person'): boolean {
    const row = this.#row(key);
    const when = Math.round(at);
    // Of the same moment (some services date by seconds): the one that is told later holds.
    if (row?.start_at != null && row.start_at > when) return false;
    const wasOut = row?.stop_at != null || row?.command_out_at != null;
    this.#db
      .sql(
        'UPDATE gate_contact SET stop_at = max(coalesce(stop_at, 0), ?), stop_source = ?, reply_at = NULL WHERE key = ?',
      )
      .run(when, source, key);
    return !wasOut;
  }

  #start(key: string, at: number): boolean {
    const row = this.#row(key);
    const when = Math.round(at);
    const newer = (closedAt: number | null | undefined) => closedAt != null && closedAt > when;
    if (newer(row?.stop_at) || newer(row?.command_out_at)) return false;
    this.#db
      .sql(
        `UPDATE gate_contact SET start_at = max(coalesce(start_at, 0), ?), stop_at = NULL, stop_source = NULL, command_out_at = NULL
         WHERE key = ?`,
      )
      .run(when, key);
    return row?.stop_at != null || row?.command_out_at != null;
  }

  /**
   * `answers`: it is an answer to what we wrote; `opens`: and a window for replies. The oldest row is by the rows' own times only where
   * one is told late.
   */
  #heard(key: string, { at, late, group, seenMonoMs }: Inbound, o: { answers: boolean; opens: boolean }): void {
    const row = this.#row(key) ?? this.#made(key);
    const when = Math.round(at);
    const isAnswered = o.answers && (!late || when >= (row.last_out_at ?? 0));
    const isFirst = !group && (row.first_at === null || (late && row.first_at > when));
    this.#db
      .sql(
        `UPDATE gate_contact SET last_in_at = ?, unanswered = ?, first_wrote = ?, first_at = ?, reply_at = ?, reply_mono = ?, replies = ?
         WHERE key = ?`,
      )
      .run(
        Math.max(row.last_in_at ?? 0, when),
        isAnswered ? 0 : row.unanswered,
        isFirst ? (o.answers ? 1 : 0) : row.first_wrote,
        isFirst ? when : row.first_at,
        o.opens ? Math.round(this.#clock.now()) : row.reply_at,
        o.opens ? seenMonoMs : row.reply_mono,
        o.opens ? 0 : row.replies,
        key,
      );
  }

  #made(key: string): Row {
    this.#ensure(key);
    return this.#row(key) as Row;
  }

  #ensure(key: string): void {
    this.#db.sql('INSERT OR IGNORE INTO gate_contact (key) VALUES (?)').run(key);
  }

  #row(key: string): Row | undefined {
    return this.#db
      .sql<Row>(
        `SELECT stop_at, stop_source, start_at, command_out_at, reply_at, reply_mono, replies, delivered_at, last_in_at, last_out_at,
           unanswered, first_at, first_wrote FROM gate_contact WHERE key = ?`,
      )
      .get(key);
  }
}

function talkOf(row: Row): Talk {
  return {
    lastInAt: row.last_in_at,
    lastOutAt: row.last_out_at,
    deliveredAt: row.delivered_at,
    unanswered: row.unanswered,
    firstAt: row.first_at,
    wroteFirst: row.first_wrote === 1,
  };
}
