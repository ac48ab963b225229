/**
 * What happens when the controller stays away too long: the oldest *superseded* status events go, and a `gap` stands in their place.
 *
 *   4 5s 6s 7s 8 9s 10   ─▶   4 gap(5..7)@7 8 gap(9..9)@9 10
 *
 * A gap carries the last number that it stands for, so the numbers on the wire go on without an unexplained hole. Only a status that
 * a newer one of the same message follows is dropped, so the present state of each touched message still comes behind the gap.
 * Inbound messages, opt-outs, command results and all else are never dropped.
 */
import { randomBytes } from 'node:crypto';
import type { Db } from '../host/db.ts';

/** A quarter of what is allowed goes at once, so that this is not done for every new event. */
const SHARE = 4;

/** In a transaction. Returns how many events went; 0 if all that is held must be told. */
export function dropSupersededStatuses(db: Db, o: { afterSeq: number; most: number; now: number }): number {
  const victims = db
    .sql<{ seq: number }>(
      `WITH newest AS (SELECT message, max(seq) AS seq FROM journal_event WHERE seq > ?1 AND message IS NOT NULL GROUP BY message)
       SELECT old.seq FROM journal_event AS old JOIN newest USING (message) WHERE old.seq > ?1 AND old.seq < newest.seq
       ORDER BY old.seq LIMIT ?2`,
    )
    .all(o.afterSeq, Math.max(1, Math.floor(o.most / SHARE)));
  let from = victims[0]?.seq ?? 0;
  for (const [index, victim] of victims.entries()) {
    db.sql('DELETE FROM journal_event WHERE seq = ?').run(victim.seq);
    const next = victims[index + 1];
    if (next && next.seq === victim.seq + 1) continue;
    storeGap(db, from, victim.seq, o.now);
    if (next) from = next.seq;
  }
  return victims.length;
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
