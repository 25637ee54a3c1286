-- Answers that wait for a person. `content` is the whole entry as it came in; it never changes.
CREATE TABLE reviews (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL UNIQUE,
    checkpoint TEXT    NOT NULL,
    source     TEXT    NOT NULL CHECK (source IN ('scan', 'handed_in')),
    stored_ms  INTEGER NOT NULL,
    content    TEXT    NOT NULL
) STRICT;

CREATE INDEX reviews_by_checkpoint ON reviews (checkpoint, position);

-- What people decided. A person may decide again under a new id: the last row counts, the earlier ones stay.
CREATE TABLE review_decisions (
    position  INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT    NOT NULL UNIQUE,
    review    TEXT    NOT NULL REFERENCES reviews (id),
    reviewer  TEXT    NOT NULL,
    stored_ms INTEGER NOT NULL,
    content   TEXT    NOT NULL
) STRICT;

CREATE INDEX review_decisions_by_review ON review_decisions (review, position);
