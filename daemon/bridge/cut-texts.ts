/**
 * Texts that Messages may put into several rows (split-text.ts), in our store: what no row has shown yet, and the rows that showed a piece.
 *
 *   expect ─▶ shown, shown, … ─▶ rest is '' : the attempt claims the last row, the others stay its pieces
 *
 * All methods that write must be called inside a transaction.
 */
import type { Db } from '../host/db.ts';

/** What is still to be shown of an attempt's text; all texts in comparable form. */
export interface Rest {
  attempt: string;
  text: string;
  rest: string;
}

export interface Piece {
  attempt: string;
  rowid: number;
  guid: string;
}

export class CutTexts {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  expect(o: { attempt: string; address: string; text: string; begunAt: number }): void {
    this.#db
      .sql('INSERT INTO attempt_rest (attempt, address, text, rest, begun_at) VALUES (?, ?, ?, ?, ?)')
      .run(o.attempt, o.address, o.text, o.text, o.begunAt);
  }

  /** Texts with a link that went to this address. */
  to(address: string): Rest[] {
    return this.#db.sql<Rest & object>('SELECT attempt, text, rest FROM attempt_rest WHERE address = ?').all(address);
  }

  /** This row showed a piece; `rest` is left. */
  shown(piece: Piece, rest: string): void {
    this.#db.sql('UPDATE attempt_rest SET rest = ? WHERE attempt = ?').run(rest, piece.attempt);
    this.#db
      .sql('INSERT OR IGNORE INTO attempt_part (guid, attempt, row_id) VALUES (?, ?, ?)')
      .run(piece.guid, piece.attempt, piece.rowid);
  }

  /** This row shows a link of a whole text once more. False, and nothing is stored, if one has done so before. */
  previewed({ guid, attempt, rowid }: Piece): boolean {
    const done = this.#db
      .sql(
        `INSERT INTO attempt_part (guid, attempt, row_id, preview) SELECT ?, ?, ?, 1
         WHERE NOT EXISTS (SELECT 1 FROM attempt_part WHERE attempt = ? AND preview = 1)`,
      )
      .run(guid, attempt, rowid, attempt);
    return done.changes > 0;
  }

  has(guid: string): boolean {
    return this.#db.sql('SELECT 1 AS found FROM attempt_part WHERE guid = ?').get(guid) !== undefined;
  }

  of(attempt: string): Piece[] {
    return this.#db
      .sql<Piece & object>('SELECT attempt, row_id AS rowid, guid FROM attempt_part WHERE attempt = ? AND preview = 0')
      .all(attempt);
  }

  /** Of all attempts that are watched. There are few: only of texts that were cut. */
  watched(): Piece[] {
    return this.#db
      .sql<Piece & object>(
        `SELECT p.attempt, p.row_id AS rowid, p.guid FROM attempt_part p CROSS JOIN attempt a ON a.id = p.attempt
         WHERE a.watching = 1 AND p.preview = 0`,
      )
      .all();
  }

  /** Nothing can be shown any more. */
  expire(begunBefore: number): void {
    this.#db.sql('DELETE FROM attempt_rest WHERE begun_at < ?').run(begunBefore);
    this.#db.sql('DELETE FROM attempt_part WHERE NOT EXISTS (SELECT 1 FROM attempt a WHERE a.id = attempt)').run();
  }
}
