//! Table `checkpoints`: published weights, immutable, named by the hash of their master file.

use crate::codec::{json, parse, small};
use crate::{Store, StoreError};
use clicker_wire::{AskPerson, CheckpointId, ConfidenceSource, Manifest, RunId};
use sqlx::{FromRow, SqliteConnection};

#[derive(FromRow)]
struct CheckpointRow {
    id: String,
    name: String,
    run: Option<String>,
    step: i64,
    created_ms: i64,
    shape: String,
    files: String,
    principles: String,
    ask_person: Option<String>,
}

impl CheckpointRow {
    fn read(self) -> Result<Manifest, StoreError> {
        Ok(Manifest {
            id: CheckpointId(self.id),
            name: self.name,
            run: self.run.map(RunId),
            step: small("checkpoints", "step", self.step)?,
            created_ms: self.created_ms,
            shape: parse("checkpoints", "shape", &self.shape)?,
            files: parse("checkpoints", "files", &self.files)?,
            principles: parse("checkpoints", "principles", &self.principles)?,
            ask_below: self.ask_person.map(|ask| ask_below(&ask)).transpose()?.flatten(),
        })
    }
}

impl Store {
    /// Publish weights outside of a step (the built-in model). Publishing the same again changes nothing.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_checkpoint(&self, manifest: &Manifest) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert(&mut tx, manifest).await?;
        tx.commit().await.map_err(StoreError::sql("publish a checkpoint"))
    }

    /// One checkpoint; where several runs made the same bytes, the first of them.
    ///
    /// # Errors
    /// A database that fails; a stored manifest that cannot be read.
    pub async fn checkpoint(&self, id: &CheckpointId) -> Result<Option<Manifest>, StoreError> {
        let row: Option<CheckpointRow> =
            sqlx::query_as("SELECT * FROM checkpoints WHERE id = ?1 ORDER BY position LIMIT 1")
                .bind(id.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(StoreError::sql("read a checkpoint"))?;
        row.map(CheckpointRow::read).transpose()
    }

    /// The newest checkpoints, each content once, newest first.
    ///
    /// # Errors
    /// A database that fails; a stored manifest that cannot be read.
    pub async fn checkpoints(&self, limit: u32) -> Result<Vec<Manifest>, StoreError> {
        let rows: Vec<CheckpointRow> = sqlx::query_as(
            "SELECT * FROM checkpoints WHERE position IN (SELECT MIN(position) FROM checkpoints GROUP BY id)
             ORDER BY position DESC LIMIT ?1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::sql("list checkpoints"))?;
        rows.into_iter().map(CheckpointRow::read).collect()
    }

    /// Those of [`Self::checkpoints`] that answer questions: reward models only score.
    ///
    /// # Errors
    /// As [`Self::checkpoints`].
    pub async fn answering_checkpoints(&self, limit: u32) -> Result<Vec<Manifest>, StoreError> {
        let rows: Vec<CheckpointRow> = sqlx::query_as(
            "SELECT c.* FROM checkpoints c LEFT JOIN runs r ON r.id = c.run
             WHERE c.position IN (SELECT MIN(position) FROM checkpoints GROUP BY id)
             AND COALESCE(json_extract(r.recipe, '$.algorithm'), '') <> 'reward_model'
             ORDER BY c.position DESC LIMIT ?1",
        )
        .bind(limit)
        .fetch_all(&self.pool)
        .await
        .map_err(StoreError::sql("list checkpoints that answer"))?;
        rows.into_iter().map(CheckpointRow::read).collect()
    }

    /// What a run published, in the order of its steps.
    ///
    /// # Errors
    /// A database that fails; a stored manifest that cannot be read.
    pub async fn run_checkpoints(&self, run: &RunId) -> Result<Vec<Manifest>, StoreError> {
        let rows: Vec<CheckpointRow> =
            sqlx::query_as("SELECT * FROM checkpoints WHERE run = ?1 ORDER BY step, position")
                .bind(run.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("list a run's checkpoints"))?;
        rows.into_iter().map(CheckpointRow::read).collect()
    }
}

/// The threshold of a promise about the tokens' probability, which is the confidence that every answer has.
fn ask_below(promise: &str) -> Result<Option<f64>, StoreError> {
    let AskPerson { source, threshold, .. } = parse("checkpoints", "ask_person", promise)?;
    // Where no threshold keeps the promise, nothing is sure enough.
    Ok((source == ConfidenceSource::Tokens).then(|| threshold.unwrap_or(1.0)))
}

/// Insert within a transaction.
pub(crate) async fn insert(connection: &mut SqliteConnection, manifest: &Manifest) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO checkpoints (id, name, run, step, created_ms, shape, files, principles)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO NOTHING",
    )
    .bind(manifest.id.as_str())
    .bind(&manifest.name)
    .bind(manifest.run.as_ref().map(RunId::as_str))
    .bind(manifest.step)
    .bind(manifest.created_ms)
    .bind(json("checkpoints", "shape", &manifest.shape)?)
    .bind(json("checkpoints", "files", &manifest.files)?)
    .bind(json("checkpoints", "principles", &manifest.principles)?)
    .execute(connection)
    .await
    .map_err(StoreError::sql("publish a checkpoint"))?;
    Ok(())
}
