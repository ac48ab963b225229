-- What a person wants to look back at: the way of each message, and how each text kept its distance.

-- [[state, Unix ms], …] in the order of change; a state that is told again is not repeated. Empty for messages from before.
ALTER TABLE message ADD COLUMN steps TEXT NOT NULL DEFAULT '[]';

-- As decided when the text went: the distance that it had to keep, and the one that it kept from the near text before it (null: there was
-- none in the window). Both in ms on the monotonic clock, null for replies and for what the owner's own hand sent.
ALTER TABLE gate_send ADD COLUMN interval_ms INTEGER;
ALTER TABLE gate_send ADD COLUMN gap_ms INTEGER;
-- Names of earlier near texts, the newest first, one of each family that was apart until then; line breaks between. Null: none.
ALTER TABLE gate_send ADD COLUMN kin TEXT;
