-- Facts about this store itself: when it was made, and its random tag, which is part of the ids that it makes.
CREATE TABLE store_fact (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

-- Every command ever answered and still remembered: the idempotency memory. Refusals are remembered like successes.
-- With a ROWID: ids are random, and rows in the order of their ids would touch a page each.
CREATE TABLE command (
  id          TEXT    NOT NULL UNIQUE,
  digest      TEXT    NOT NULL,
  name        TEXT    NOT NULL,
  result      TEXT    NOT NULL,
  received_at INTEGER NOT NULL,
  forget_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX command_forget ON command (forget_at);

-- One row per recipient. `ord` is the order of acceptance. `status` is the newest message.status as told.
CREATE TABLE message (
  ord         INTEGER PRIMARY KEY AUTOINCREMENT,
  id          TEXT    NOT NULL UNIQUE,
  command     TEXT    NOT NULL,
  recipient   TEXT    NOT NULL,
  text        TEXT    NOT NULL,
  variables   TEXT    NOT NULL,
  category    TEXT    NOT NULL,
  service     TEXT    NOT NULL,
  reply       INTEGER NOT NULL,
  accepted_at INTEGER NOT NULL,
  not_before  INTEGER,
  expires_at  INTEGER NOT NULL,
  time_zone   TEXT,
  passthrough TEXT,
  state       TEXT    NOT NULL,
  n           INTEGER NOT NULL,
  status      TEXT    NOT NULL,
  tries       INTEGER NOT NULL DEFAULT 0,
  changed_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX message_waiting ON message (state, ord) WHERE state IN ('accepted', 'held', 'dispatching', 'unknown');
CREATE INDEX message_expires ON message (expires_at) WHERE state IN ('accepted', 'held');
CREATE INDEX message_changed ON message (changed_at);
