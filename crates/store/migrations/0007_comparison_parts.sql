-- What a run is for within its comparison, as JSON: runs that choose a learning rate, reward models, seeds.
ALTER TABLE comparison_runs ADD COLUMN part TEXT NOT NULL DEFAULT '{"part":"seed"}';
CREATE UNIQUE INDEX comparison_runs_parts ON comparison_runs (comparison, arm, seed, part);
CREATE INDEX comparison_runs_by_run ON comparison_runs (run);
