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
}

export class Contacts {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #reply: Policy['reply'];
  readonly #stopWords: Set<string>;
  readonly #startWords: Set<string>;
  #active: { count: number; mono: number } | null = null;

  constructor(o: { db: Db; clock: Clock; policy: Policy }) {
    this.#db = o.db;
    this.#clock = o.clock;
    this.#reply = o.policy.reply;
    this.#stopWords = new Set(o.policy.opt_out.words.map(canonical));
    this.#startWords = new Set(START_WORDS.map(canonical));
  }

  /** Somebody wrote. Opens the window for replies; STOP and START take effect. */
  inbound(row: Inbound): OptEffect[] {
    const key = row.group ? row.chat : row.handle;
    const word = row.kind === 'tapback' ? '' : bareWords(row.text);
    const stops = this.#stopWords.has(word);
    this.#ensure(key);
    if (!row.late && row.kind !== 'tapback' && !stops)
      this.#db
        .sql('UPDATE gate_contact SET reply_at = ?, reply_mono = ?, replies = 0 WHERE key = ?')
        .run(Math.round(this.#clock.now()), row.seenMonoMs, key);
    this.#db
      .sql('UPDATE gate_contact SET last_in_at = max(coalesce(last_in_at, 0), ?) WHERE key = ?')
      .run(Math.round(row.at), key);
    if (!stops && !this.#startWords.has(word)) return [];
    // Whoever says STOP means the conversation that they see, by whatever address of theirs it goes on.
    const keys = row.group || row.alias === undefined || row.alias === key ? [key] : [key, row.alias];
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

  /** We wrote to these. */
  outbound(keys: string[], at: number): void {
    for (const key of keys) {
      this.#ensure(key);
      this.#db
        .sql('UPDATE gate_contact SET last_out_at = max(coalesce(last_out_at, 0), ?) WHERE key = ?')
        .run(Math.round(at), key);
    }
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

  /** How many replies may still be accepted there now, and what closes it to what would go there. */
  standing(recipient: Recipient): { replies: number; closedBy: string | null } {
    if (recipient.kind === 'group') {
      const replies = this.repliesLeft(recipient);
      return { replies, closedBy: this.closedBy(recipient, replies > 0) };
    }
    const row = this.#row(recipient.handle);
    if (!row) return { replies: 0, closedBy: null };
    const out = row.stop_at !== null || row.command_out_at !== null;
    return { replies: this.#repliesLeft(row), closedBy: out ? recipient.handle : null };
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

  #repliesLeft(row: Row): number {
    if (row.reply_at === null || row.reply_mono === null) return 0;
    const mono = this.#clock.mono();
    // A window closes by whichever clock says so first, and with a new boot.
    if (mono < row.reply_mono) return 0;
    const passed = Math.max(mono - row.reply_mono, this.#clock.now() - row.reply_at);
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

  #ensure(key: string): void {
    this.#db.sql('INSERT OR IGNORE INTO gate_contact (key) VALUES (?)').run(key);
  }

  #row(key: string): Row | undefined {
    return this.#db
      .sql<Row>(
        `SELECT stop_at, stop_source, start_at, command_out_at, reply_at, reply_mono, replies, delivered_at, last_in_at FROM gate_contact WHERE key = ?`,
      )
      .get(key);
  }
}
