-- What was told of a row of chat.db beyond its first telling. Only rows that were edited or taken back have one, for as long as they are
-- looked at (7 days and a margin).
CREATE TABLE chat_change (
  guid    TEXT    PRIMARY KEY,
  -- Unix ms: the row's own date.
  row_at  INTEGER NOT NULL,
  -- Columns that change with every edit, as last looked at.
  print   TEXT    NOT NULL,
  -- JSON: how many versions are told by part, and which parts are told as taken back.
  told    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_change_age ON chat_change (row_at);

-- Messages whose files are awaited.
CREATE TABLE chat_file_wait (
  guid    TEXT    PRIMARY KEY,
  row_id  INTEGER NOT NULL,
  -- Unix ms: when it was first seen here.
  since   INTEGER NOT NULL,
  -- JSON: guids of the files that are told as ready.
  told    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX chat_file_wait_age ON chat_file_wait (since);

-- How Messages sets a conversation apart (unknown sender, junk), as last told.
CREATE TABLE chat_flag (
  guid     TEXT    PRIMARY KEY,
  filtered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
