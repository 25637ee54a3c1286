//! Tables `comparisons` and `comparison_runs`: what was asked, its runs, and what came out. A comparison is stored with its queued
//! runs in one transaction, so that a kill leaves all of it or nothing.

use crate::codec::{json, parse};
use crate::{Store, StoreError, runs};
use clicker_wire::{Comparison, ComparisonRun, Experiment, Run, RunId, StoredComparison};
use sqlx::FromRow;

#[derive(FromRow)]
struct ComparisonRow {
    id: String,
    created_ms: i64,
    ended_ms: Option<i64>,
    experiment: String,
    error: Option<String>,
}

impl Store {
    /// Store a comparison and queue its runs, given as (arm, seed, run).
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_comparison(
        &self,
        id: &str,
        experiment: &Experiment,
        queued: &[(String, u64, Run)],
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
        for (position, (arm, seed, run)) in queued.iter().enumerate() {
            runs::insert(&mut tx, run).await?;
            sqlx::query(
                "INSERT INTO comparison_runs (comparison, position, arm, seed, run) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .bind(id)
            .bind(position as i64)
            .bind(arm)
            .bind(i64::try_from(*seed).unwrap_or(i64::MAX))
            .bind(run.id.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed())?;
        }
        tx.commit().await.map_err(failed())
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
            let runs: Vec<(String, i64, String)> =
                sqlx::query_as("SELECT arm, seed, run FROM comparison_runs WHERE comparison = ?1 ORDER BY position")
                    .bind(&row.id)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(StoreError::sql("list a comparison's runs"))?;
            let run = |(arm, seed, run): (String, i64, String)| ComparisonRun {
                arm,
                seed: u64::try_from(seed).unwrap_or_default(),
                run: RunId(run),
            };
            out.push(StoredComparison {
                experiment: parse("comparisons", "experiment", &row.experiment)?,
                id: row.id,
                created_ms: row.created_ms,
                ended_ms: row.ended_ms,
                error: row.error,
                runs: runs.into_iter().map(run).collect(),
            });
        }
        Ok(out)
    }
}
