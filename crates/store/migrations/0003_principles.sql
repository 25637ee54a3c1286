-- What a checkpoint was trained under, where its reward was made from a constitution: a JSON list, shown on its card.
ALTER TABLE checkpoints ADD COLUMN principles TEXT NOT NULL DEFAULT '[]';
