-- Rewards that people keep. `hash` is the sha256 of `content`, the reward's canonical JSON; the same reward may be kept under
-- several names, and keeping it twice under one name and note is one row.
CREATE TABLE rewards (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    hash     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    note     TEXT    NOT NULL,
    saved_ms INTEGER NOT NULL,
    content  TEXT    NOT NULL,
    UNIQUE (hash, name, note)
) STRICT;
