-- How many went to them since their last word, and which row of the 1:1 conversation is the oldest known: theirs (no opt-out word), or not.
ALTER TABLE gate_contact ADD COLUMN unanswered INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate_contact ADD COLUMN first_at INTEGER;
ALTER TABLE gate_contact ADD COLUMN first_wrote INTEGER;
UPDATE gate_contact SET first_at = coalesce(min(last_in_at, last_out_at), last_in_at, last_out_at),
  first_wrote = last_in_at IS NOT NULL AND last_out_at IS NULL AND stop_at IS NULL;
-- The one text that said to them that nothing more will come, and when they were told so last.
ALTER TABLE gate_contact ADD COLUMN confirm_message TEXT;
ALTER TABLE gate_contact ADD COLUMN confirm_at INTEGER;
CREATE INDEX gate_contact_unanswered ON gate_contact (unanswered) WHERE unanswered > 0;

-- What each dispatch of the last day drew from the caps. The two last columns undo it if it turns out that nothing left.
CREATE TABLE gate_draw (
  name        TEXT PRIMARY KEY,
  key         TEXT    NOT NULL,
  -- There was no talk either way within 30 days.
  fresh       INTEGER NOT NULL,
  reply       INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  mono        REAL    NOT NULL,
  last_in_at  INTEGER,
  last_out_at INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO gate_draw (name, key, fresh, reply, at, mono) SELECT name, address, 0, reply, at, mono FROM gate_send;

-- What people agreed to or withdrew elsewhere, as the controller recorded it.
CREATE TABLE gate_consent (
  handle       TEXT PRIMARY KEY,
  given_at     INTEGER,
  withdrawn_at INTEGER,
  source       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
