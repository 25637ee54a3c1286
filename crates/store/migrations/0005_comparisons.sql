-- Comparisons of ways to train: what was asked (an experiment), and what came out once all runs had ended.
CREATE TABLE comparisons (
    id         TEXT    PRIMARY KEY NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    experiment TEXT    NOT NULL,
    error      TEXT,
    result     TEXT,
    CHECK (error IS NULL OR result IS NULL),
    CHECK ((ended_ms IS NULL) = (error IS NULL AND result IS NULL))
) STRICT;

-- Which run is which arm under which seed.
CREATE TABLE comparison_runs (
    comparison TEXT    NOT NULL REFERENCES comparisons (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    arm        TEXT    NOT NULL,
    seed       INTEGER NOT NULL,
    run        TEXT    NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (comparison, position)
) STRICT;
