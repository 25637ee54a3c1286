//! Tables `comparisons` and `comparison_runs`: what was asked, its runs, and what came out. A comparison is stored with its queued
//! runs in one transaction, so that a kill leaves all of it or nothing; later runs follow, a batch at a time in a transaction each.

use crate::codec::{json, parse};
use crate::{Store, StoreError, runs};
use clicker_wire::{Comparison, ComparisonPart, ComparisonRun, Experiment, Run, RunId, StoredComparison};
use sqlx::{FromRow, SqliteConnection};

/// A run to queue, and what it is for.
#[derive(Clone, Debug)]
pub struct QueuedPart {
    /// The arm.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// What it is for.
    pub part: ComparisonPart,
    /// The run.
    pub run: Run,
}

#[derive(FromRow)]
struct ComparisonRow {
    id: String,
    created_ms: i64,
    ended_ms: Option<i64>,
    experiment: String,
    error: Option<String>,
}

impl Store {
    /// Store a comparison and queue its first runs.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_comparison(
        &self,
        id: &str,
        experiment: &Experiment,
        queued: &[QueuedPart],
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let failed = || StoreError::sql("store a comparison");
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO comparisons (id, created_ms, experiment) VALUES (?1, ?2, ?3)")
            .bind(id)
            .bind(now_ms)
            .bind(json("comparisons", "experiment", experiment)?)
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        insert_parts(&mut tx, id, 0, queued).await?;
        tx.commit().await.map_err(failed())
    }

    /// Queue further runs of a comparison. A run that stands in for an arm, seed and part must be its only one: of two attempts to
    /// queue the same, the second fails as a whole.
    ///
    /// # Errors
    /// A database that fails; a part that has a run already.
    pub async fn extend_comparison(&self, id: &str, queued: &[QueuedPart]) -> Result<(), StoreError> {
        let failed = || StoreError::sql("queue runs of a comparison");
        let mut tx = self.begin().await?;
        let next: i64 =
            sqlx::query_scalar("SELECT COALESCE(MAX(position) + 1, 0) FROM comparison_runs WHERE comparison = ?1")
                .bind(id)
                .fetch_one(&mut *tx)
                .await
                .map_err(failed())?;
        insert_parts(&mut tx, id, next, queued).await?;
        tx.commit().await.map_err(failed())
    }

    /// The comparison that a run belongs to, and what it is for there; none for an ordinary run.
    ///
    /// # Errors
    /// A database that fails; what is stored cannot be read.
    pub async fn comparison_of(&self, run: &RunId) -> Result<Option<(Experiment, ComparisonPart)>, StoreError> {
        let row: Option<(String, String)> = sqlx::query_as(
            "SELECT c.experiment, r.part FROM comparison_runs r JOIN comparisons c ON c.id = r.comparison WHERE r.run = ?1",
        )
        .bind(run.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::sql("find a run's comparison"))?;
        row.map(|(experiment, part)| {
            Ok((parse("comparisons", "experiment", &experiment)?, parse("comparison_runs", "part", &part)?))
        })
        .transpose()
    }

    /// The newest comparisons, newest first.
    ///
    /// # Errors
    /// A database that fails; a stored experiment that cannot be read.
    pub async fn comparisons(&self, limit: u32) -> Result<Vec<StoredComparison>, StoreError> {
        let rows: Vec<ComparisonRow> =
            sqlx::query_as("SELECT * FROM comparisons ORDER BY created_ms DESC, id DESC LIMIT ?1")
                .bind(limit)
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("list comparisons"))?;
        self.with_runs(rows).await
    }

    /// Comparisons that have not ended, oldest first.
    ///
    /// # Errors
    /// As [`Self::comparisons`].
    pub async fn open_comparisons(&self) -> Result<Vec<StoredComparison>, StoreError> {
        let rows: Vec<ComparisonRow> =
            sqlx::query_as("SELECT * FROM comparisons WHERE ended_ms IS NULL ORDER BY created_ms, id")
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::sql("list comparisons"))?;
        self.with_runs(rows).await
    }

    /// One comparison.
    ///
    /// # Errors
    /// As [`Self::comparisons`].
    pub async fn comparison(&self, id: &str) -> Result<Option<StoredComparison>, StoreError> {
        let rows: Vec<ComparisonRow> = sqlx::query_as("SELECT * FROM comparisons WHERE id = ?1")
            .bind(id)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::sql("read a comparison"))?;
        Ok(self.with_runs(rows).await?.pop())
    }

    /// What came out of a comparison; none while it goes on, and where it failed.
    ///
    /// # Errors
    /// A database that fails; a stored result that cannot be read.
    pub async fn comparison_result(&self, id: &str) -> Result<Option<Comparison>, StoreError> {
        let text: Option<Option<String>> = sqlx::query_scalar("SELECT result FROM comparisons WHERE id = ?1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::sql("read a comparison's result"))?;
        text.flatten().map(|text| parse("comparisons", "result", &text)).transpose()
    }

    /// A comparison is over: what came out, or why nothing did. What is stored first stays.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn end_comparison(
        &self,
        id: &str,
        outcome: Result<&Comparison, &str>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let result = outcome.ok().map(|result| json("comparisons", "result", result)).transpose()?;
        sqlx::query("UPDATE comparisons SET ended_ms = ?2, result = ?3, error = ?4 WHERE id = ?1 AND ended_ms IS NULL")
            .bind(id)
            .bind(now_ms)
            .bind(result)
            .bind(outcome.err())
            .execute(&self.pool)
            .await
            .map_err(StoreError::sql("end a comparison"))?;
        Ok(())
    }

    async fn with_runs(&self, rows: Vec<ComparisonRow>) -> Result<Vec<StoredComparison>, StoreError> {
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            let runs: Vec<(String, i64, String, String)> = sqlx::query_as(
                "SELECT arm, seed, part, run FROM comparison_runs WHERE comparison = ?1 ORDER BY position",
            )
            .bind(&row.id)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::sql("list a comparison's runs"))?;
            let run = |(arm, seed, part, run): (String, i64, String, String)| {
                Ok::<_, StoreError>(ComparisonRun {
                    arm,
                    seed: u64::try_from(seed).unwrap_or_default(),
                    part: parse("comparison_runs", "part", &part)?,
                    run: RunId(run),
                })
            };
            out.push(StoredComparison {
                experiment: parse("comparisons", "experiment", &row.experiment)?,
                id: row.id,
                created_ms: row.created_ms,
                ended_ms: row.ended_ms,
                error: row.error,
                runs: runs.into_iter().map(run).collect::<Result<_, _>>()?,
            });
        }
        Ok(out)
    }
}

async fn insert_parts(
    connection: &mut SqliteConnection,
    id: &str,
    first: i64,
    queued: &[QueuedPart],
) -> Result<(), StoreError> {
    for (QueuedPart { arm, seed, part, run }, position) in queued.iter().zip(first..) {
        runs::insert(&mut *connection, run).await?;
        sqlx::query(
            "INSERT INTO comparison_runs (comparison, position, arm, seed, part, run) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .bind(id)
        .bind(position)
        .bind(arm)
        .bind(i64::try_from(*seed).unwrap_or(i64::MAX))
        .bind(json("comparison_runs", "part", part)?)
        .bind(run.id.as_str())
        .execute(&mut *connection)
        .await
        .map_err(StoreError::sql("queue a comparison's runs"))?;
    }
    Ok(())
}
