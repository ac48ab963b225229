-- One row per try to hand one text to Messages. Written before osascript starts; `outcome` says how that ended, the columns after it
-- which row of chat.db was claimed and what was told of it. The text itself is kept only until the outcome is known.
CREATE TABLE attempt (
  ord         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT    NOT NULL UNIQUE,
  message     TEXT    NOT NULL,
  -- The handle, or the id of a group.
  address     TEXT    NOT NULL,
  is_group    INTEGER NOT NULL,
  service     TEXT    NOT NULL,
  -- The chat's guid as found in chat.db, or null: by participant (a handle), or there is no such group any more.
  chat_guid   TEXT,
  text        TEXT,
  -- SHA-256 of the text in comparable form (text-key.ts).
  text_key    TEXT    NOT NULL,
  -- MAX(ROWID) of chat.db when the attempt was stored; only a row above it can be ours.
  baseline    INTEGER NOT NULL,
  begun_at    INTEGER NOT NULL,
  -- Wall clock minus monotonic clock: another value means another boot (or a clock that was set).
  booted_at   INTEGER NOT NULL,
  pid         INTEGER,
  started_at  INTEGER,
  -- The whole outcome as JSON, and its kind; null while nobody knows.
  outcome     TEXT,
  kind        TEXT,
  ended_at    INTEGER,

  row_id      INTEGER,
  guid        TEXT,
  own_address TEXT,
  claimed_at  INTEGER,
  -- The row is the empty, unjoined one that macOS 26 leaves behind a failed send.
  ghost       INTEGER NOT NULL DEFAULT 0,
  -- The row's state as last looked at, as JSON.
  seen        TEXT,
  -- The state as last told, and whether a downgrade was told with it.
  told        TEXT,
  told_down   INTEGER NOT NULL DEFAULT 0,
  -- Since when (Unix ms) the row shows a failure that is not told yet.
  failing_at  INTEGER,
  -- The row may still change. A row that came before the outcome is watched once the outcome is known.
  watching    INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX attempt_message ON attempt (message, ord);
CREATE INDEX attempt_running ON attempt (ord) WHERE outcome IS NULL;
CREATE INDEX attempt_unclaimed ON attempt (address, text_key, ord) WHERE guid IS NULL;
CREATE INDEX attempt_watching ON attempt (claimed_at) WHERE watching = 1;
CREATE INDEX attempt_guid ON attempt (guid) WHERE guid IS NOT NULL;
CREATE INDEX attempt_begun ON attempt (begun_at);
