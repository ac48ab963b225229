-- What has been told, by guid: iCloud inserts old rows anew, and a new generation is read again. A row for all that were told together, in their
-- order, a line each; an index of guids, which are random, would be touched all over by each of them (told-guids.ts).
ALTER TABLE chat_told RENAME TO chat_told_before;
CREATE TABLE chat_told (
  -- How many guids were told before these.
  n     INTEGER PRIMARY KEY,
  guids TEXT    NOT NULL
) STRICT;
INSERT INTO chat_told (n, guids) SELECT row_number() OVER (ORDER BY n) - 1, guid FROM chat_told_before;
DROP TABLE chat_told_before;

-- Rows of chat.db are told once by `chat_told`, results by `command`; their ids are random too, and need no second look.
DROP INDEX journal_event_id;
CREATE UNIQUE INDEX journal_event_id ON journal_event (id)
  WHERE message IS NULL AND name NOT IN ('message.inbound', 'message.observed', 'message.reaction', 'command.result');
