-- Small facts of the gate: the key of its fingerprints, the sender's state.
CREATE TABLE gate_fact (
  name  TEXT PRIMARY KEY,
  value ANY NOT NULL
) STRICT;

-- Each text that counts, or may still come to count. `name` is the message, or row:<guid> for what the owner's own hand sent.
-- Fingerprint and no text. Both clocks, since neither alone can be believed after a restart.
CREATE TABLE gate_send (
  id           INTEGER PRIMARY KEY,
  name         TEXT    NOT NULL UNIQUE,
  address      TEXT    NOT NULL,
  people       TEXT    NOT NULL,
  reply        INTEGER NOT NULL,
  fingerprint  BLOB    NOT NULL,
  -- When it was handed to Messages, then when its row showed that it was sent or in error.
  at           INTEGER NOT NULL,
  mono         REAL    NOT NULL,
  in_flight    INTEGER NOT NULL
) STRICT;
CREATE INDEX gate_send_at ON gate_send (at);

-- What is known of a person (key: handle) or a group (key: the chat's stable name).
CREATE TABLE gate_contact (
  key            TEXT PRIMARY KEY,
  last_in_at     INTEGER,
  last_out_at    INTEGER,
  delivered_at   INTEGER,
  -- The newest STOP of their own (or a person's at the Mac), the newest START, and what the controller put.
  stop_at        INTEGER,
  stop_source    TEXT,
  start_at       INTEGER,
  command_out_at INTEGER,
  -- The window for replies that the newest inbound row opened, by both clocks, and how many have used it.
  reply_at       INTEGER,
  reply_mono     REAL,
  replies        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_contact_out ON gate_contact (key) WHERE stop_at IS NOT NULL OR command_out_at IS NOT NULL;
CREATE INDEX gate_contact_talk ON gate_contact (last_in_at, last_out_at);

-- What became of the newest messages, one row per recipient, for the sender's health.
CREATE TABLE gate_sign (
  id      INTEGER PRIMARY KEY,
  address TEXT    NOT NULL UNIQUE,
  sign    TEXT    NOT NULL,
  at      INTEGER NOT NULL
) STRICT;
