-- People to whom iMessages went out as SMS or RCS: nothing more goes there unless the controller allows that (`service: any`), until they
-- are seen on iMessage again.
CREATE TABLE not_on_imessage (
  handle TEXT PRIMARY KEY,
  -- Unix ms.
  since  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
