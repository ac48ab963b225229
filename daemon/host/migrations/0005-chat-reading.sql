-- How far chat.db has been read. One row, or none before the first reading.
CREATE TABLE chat_cursor (
  id             INTEGER PRIMARY KEY CHECK (id = 1),
  -- All rows up to this ROWID are told; the cursor moves in the transaction of what they caused.
  rowid_read     INTEGER NOT NULL,
  -- Which file it belongs to. Text: inode numbers may be beyond 2^53.
  dev            TEXT    NOT NULL,
  ino            TEXT    NOT NULL,
  generation     INTEGER NOT NULL,
  -- Unix ms. Rows dated before `began_at` are from before this store's memory; `read_at` is when the cursor last moved.
  began_at       INTEGER NOT NULL,
  read_at        INTEGER NOT NULL,
  -- Rows up to `recover_until` are told as recovering; of those, history is passed over (see cursor.ts).
  recover_until  INTEGER NOT NULL,
  horizon_at     INTEGER NOT NULL,
  history_until  INTEGER NOT NULL
) STRICT;

-- Guids of the last rows at the cursor: other guids there mean another chat.db.
CREATE TABLE chat_cursor_row (
  rowid_read INTEGER PRIMARY KEY,
  guid       TEXT NOT NULL
) STRICT;

-- What has been told, by guid: iCloud inserts old rows anew, and a new generation is read again.
CREATE TABLE chat_told (
  n    INTEGER PRIMARY KEY AUTOINCREMENT,
  guid TEXT NOT NULL UNIQUE
) STRICT;
