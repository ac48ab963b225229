-- One row per recipient and kind of sign: a recipient who fails many times counts once, and a delivery to them does not hide it.
CREATE TABLE gate_sign_new (
  id      INTEGER PRIMARY KEY,
  address TEXT    NOT NULL,
  sign    TEXT    NOT NULL,
  at      INTEGER NOT NULL,
  UNIQUE (address, sign)
) STRICT;
INSERT INTO gate_sign_new (id, address, sign, at) SELECT id, address, sign, at FROM gate_sign;
DROP TABLE gate_sign;
ALTER TABLE gate_sign_new RENAME TO gate_sign;

-- What is known of the delivery of each message to one person: sent, late, delivered, failed. `watched` counts only time in which a
-- receipt would have been seen.
CREATE TABLE gate_receipt (
  message TEXT    PRIMARY KEY,
  address TEXT    NOT NULL,
  state   TEXT    NOT NULL,
  watched INTEGER NOT NULL,
  at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gate_receipt_due ON gate_receipt (watched) WHERE state = 'sent';
CREATE INDEX gate_receipt_late ON gate_receipt (address) WHERE state = 'late';
CREATE INDEX gate_receipt_at ON gate_receipt (at);

CREATE INDEX gate_contact_delivered ON gate_contact (delivered_at) WHERE delivered_at IS NOT NULL;

-- Texts that are refused, as fingerprints. `until` in lived time (lived-time.ts).
CREATE TABLE gate_suspected (
  id          INTEGER PRIMARY KEY,
  fingerprint BLOB    NOT NULL,
  source      TEXT    NOT NULL,
  reason      TEXT    NOT NULL,
  at          INTEGER NOT NULL,
  until       INTEGER NOT NULL
) STRICT;

-- Messages of the last day that were not delivered, for what their texts have in common. `others`: another text got through since.
CREATE TABLE gate_text_failure (
  message     TEXT    PRIMARY KEY,
  address     TEXT    NOT NULL,
  fingerprint BLOB    NOT NULL,
  stranger    INTEGER NOT NULL,
  others      INTEGER NOT NULL,
  lived       INTEGER NOT NULL,
  at          INTEGER NOT NULL
) STRICT;
