-- Messages may put a text with a link into several rows: the words, and the link with its preview. `rest` is what no row has shown yet, as
-- it is compared (text-key.ts); '' once all of it has. Kept as long as a row may come, for texts with a link only.
CREATE TABLE attempt_rest (
  attempt  TEXT PRIMARY KEY,
  address  TEXT    NOT NULL,
  text     TEXT    NOT NULL,
  rest     TEXT    NOT NULL,
  begun_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_rest_address ON attempt_rest (address);

-- The rows that showed a piece of such a text. `preview`: only a link once more, beside a row that has the whole text.
CREATE TABLE attempt_part (
  guid    TEXT PRIMARY KEY,
  attempt TEXT    NOT NULL,
  row_id  INTEGER NOT NULL,
  preview INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_part_attempt ON attempt_part (attempt);

-- Those that a row may still come for.
CREATE INDEX attempt_rowless ON attempt (begun_at) WHERE guid IS NULL;
-- What is looked at in the slow round, page by page; whose row shows a failure; and whom a row with this text may concern.
CREATE INDEX attempt_watched_row ON attempt (row_id) WHERE watching = 1;
CREATE INDEX attempt_failing ON attempt (ord) WHERE failing_at IS NOT NULL;
CREATE INDEX attempt_watched_text ON attempt (address, text_key, ord) WHERE watching = 1;
