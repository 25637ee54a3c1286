-- Evaluations that were asked for on the server, in that order. `content` is the order; `report` is there once it has succeeded.
-- `attempts` counts how often it was begun, and names the attempt that may still end it.
CREATE TABLE evals (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    content    TEXT    NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('queued', 'running', 'succeeded', 'failed')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    ended_ms   INTEGER,
    error      TEXT,
    report     TEXT,
    ask_person TEXT,
    CHECK ((status = 'succeeded') = (report IS NOT NULL)),
    CHECK ((status = 'failed') = (error IS NOT NULL))
) STRICT;

CREATE INDEX evals_by_status ON evals (status, id);

-- The confidence below which a person should be asked, as the last evaluation of the checkpoint chose it: JSON.
ALTER TABLE checkpoints ADD COLUMN ask_person TEXT;
