-- A message with attachments goes in parts, the text and each file by an attempt of its own.

-- JSON array of parts in their order (outbox/parts.ts); null for a text alone.
ALTER TABLE message ADD COLUMN parts TEXT;
-- What the controller asked for: asked again of the gate once the files, and so their hashes, are here.
ALTER TABLE message ADD COLUMN pacing TEXT NOT NULL DEFAULT 'queue';

-- The files of a command, all its recipients get the same. A row lives as long as somebody waits for the file, or may still need it.
CREATE TABLE command_file (
  command  TEXT    NOT NULL,
  number   INTEGER NOT NULL,
  url      TEXT    NOT NULL,
  -- As the controller gave them.
  wanted   TEXT,
  filename TEXT,
  mime     TEXT,
  -- 'wanted' or 'here'.
  state    TEXT    NOT NULL,
  -- Once it is here: its own folder and name within it, size, SHA-256 of the bytes, whether it is a vCard.
  folder   TEXT,
  name     TEXT,
  bytes    INTEGER,
  sha256   TEXT,
  vcard    INTEGER,
  PRIMARY KEY (command, number)
) STRICT, WITHOUT ROWID;

-- The path of the file that an attempt hands over; null for a text.
ALTER TABLE attempt ADD COLUMN file TEXT;
