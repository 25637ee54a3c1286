-- Runs and their place in the queue. `worker` and `lease_until_ms` are set while the status is 'running'.
CREATE TABLE runs (
    id             TEXT    PRIMARY KEY NOT NULL,
    recipe         TEXT    NOT NULL,
    status         TEXT    NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'succeeded', 'failed', 'stopped')),
    step           INTEGER NOT NULL DEFAULT 0,
    created_ms     INTEGER NOT NULL,
    started_ms     INTEGER,
    ended_ms       INTEGER,
    error          TEXT,
    checkpoint     TEXT,
    eta_s          REAL,
    wanted         TEXT    CHECK (wanted IN ('pause', 'stop')),
    worker         TEXT,
    lease_until_ms INTEGER,
    state_step     INTEGER,
    state_sha256   TEXT,
    CHECK ((status = 'running') = (worker IS NOT NULL)),
    CHECK ((worker IS NULL) = (lease_until_ms IS NULL)),
    CHECK ((state_step IS NULL) = (state_sha256 IS NULL))
) STRICT;

CREATE INDEX runs_by_status ON runs (status, created_ms);

-- What happened in a run, numbered from 1 without gaps.
CREATE TABLE events (
    run   TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq   INTEGER NOT NULL CHECK (seq >= 1),
    at_ms INTEGER NOT NULL,
    event TEXT    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT;

-- Published weights. Two runs can make the same bytes, so one content hash may have several rows.
CREATE TABLE checkpoints (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    run        TEXT    REFERENCES runs (id) ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    shape      TEXT    NOT NULL,
    files      TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX checkpoints_by_origin ON checkpoints (id, ifnull(run, ''), step);
CREATE INDEX checkpoints_by_run ON checkpoints (run, step);

-- Votes. `position` is the order of storing; `content` is the whole vote.
CREATE TABLE feedback (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    kind       TEXT    NOT NULL CHECK (kind IN ('pair', 'thumbs', 'correction', 'flag')),
    checkpoint TEXT    NOT NULL,
    stored_ms  INTEGER NOT NULL,
    content    TEXT    NOT NULL
) STRICT;

CREATE INDEX feedback_by_checkpoint ON feedback (checkpoint, position);
