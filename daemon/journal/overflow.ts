/**
 * What happens when the controller stays away too long: the oldest *status* events go, and a `gap` stands in their place.
 *
 *   4 5s 6s 7s 8 9s 10   ─▶   4 gap(5..7)@7 8 gap(9..9)@9 10   and behind the end: the present state of each touched message
 *
 * A gap carries the last number that it stands for, so the numbers on the wire go on without an unexplained hole.
 * Inbound messages, opt-outs, command results and all else are never dropped.
 */
import { randomBytes } from 'node:crypto';
import type { Db } from '../host/db.ts';

/** A quarter of what is allowed goes at once, so that this is not done for every new event. */
const SHARE = 4;

interface Victim {
  seq: number;
  message: string;
  bytes: number;
}

/** In a transaction. Returns the messages whose newest status was dropped: their present state must be appended. */
export function dropOldestStatuses(
  db: Db,
  o: { afterSeq: number; limits: { events: number; bytes: number; ageMs: number }; now: number },
): string[] {
  const most = Math.max(1, Math.floor(o.limits.events / SHARE));
  const victims = db
    .sql<Victim>(
      'SELECT seq, message, bytes FROM journal_event WHERE seq > ? AND message IS NOT NULL ORDER BY seq LIMIT ?',
    )
    .all(o.afterSeq, most);
  const first = victims[0];
  if (!first) return [];
  const touched = new Set<string>();
  let from = first.seq;
  for (const [index, victim] of victims.entries()) {
    db.sql('DELETE FROM journal_event WHERE seq = ?').run(victim.seq);
    touched.add(victim.message);
    const next = victims[index + 1];
    if (next && next.seq === victim.seq + 1) continue;
    storeGap(db, from, victim.seq, o.now);
    if (next) from = next.seq;
  }
  const stillTold = db.sql<{ one: number }>('SELECT 1 AS one FROM journal_event WHERE message = ? LIMIT 1');
  return [...touched].filter((message) => stillTold.get(message) === undefined);
}

function storeGap(db: Db, from: number, to: number, now: number): void {
  const data = JSON.stringify({
    from,
    to,
    dropped: to - from + 1,
    reason: 'the controller was away longer than the journal holds',
  });
  db.sql('INSERT INTO journal_event (seq, id, name, version, at, data, bytes) VALUES (?, ?, ?, 1, ?, ?, ?)').run(
    to,
    `gap_${randomBytes(9).toString('base64url')}`,
    'gap',
    now,
    data,
    data.length + 160,
  );
}
