-- What the controller must still hear. `seq` is the number on the wire; AUTOINCREMENT so that a pruned number never comes again.
CREATE TABLE journal_event (
  seq     INTEGER PRIMARY KEY AUTOINCREMENT,
  id      TEXT    NOT NULL,
  name    TEXT    NOT NULL,
  version INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  data    TEXT    NOT NULL,
  bytes   INTEGER NOT NULL,
  -- The message that a status event tells of: these may be dropped, and told anew, when the journal is over its limits.
  message TEXT
) STRICT;
-- What may be told again after a loss must not be added twice. Ids of status events never come again (they carry the number of the change and a
-- tag of the process), and are random, so that an index of them would be touched all over.
CREATE UNIQUE INDEX journal_event_id ON journal_event (id) WHERE message IS NULL;

-- One row. `floor` is the newest event that was pruned after its ack: a controller that stopped exactly there can still resume.
CREATE TABLE journal_state (
  one       INTEGER PRIMARY KEY CHECK (one = 1),
  stream    TEXT    NOT NULL,
  acked_seq INTEGER NOT NULL DEFAULT 0,
  floor_seq INTEGER NOT NULL DEFAULT 0,
  floor_id  TEXT
) STRICT;
