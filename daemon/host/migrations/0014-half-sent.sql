-- Messages of which nobody knows whether they went, and those of which a part may be so though the whole was not delivered: looked for before each
-- send.
CREATE INDEX message_doubtful ON message (changed_at) WHERE state IN ('unknown', 'not_delivered');
