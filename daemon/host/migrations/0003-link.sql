-- One row: what this relay has committed of the controller's command stream, and the highest epoch that it accepted.
CREATE TABLE command_stream (
  one    INTEGER PRIMARY KEY CHECK (one = 1),
  stream TEXT,
  seq    INTEGER NOT NULL DEFAULT 0,
  id     TEXT,
  epoch  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO command_stream (one) VALUES (1);
