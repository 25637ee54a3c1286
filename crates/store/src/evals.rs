//! Table `evals`: evaluations that were asked for, from the queue to the report. A report and the threshold that goes with its
//! checkpoint are stored in one transaction.

use crate::codec::{json, parse, parse_name, small};
use crate::{Store, StoreError};
use clicker_wire::{AskPerson, CheckpointId, Evaluation, EvaluationOrder, SuiteReport};
use sqlx::FromRow;

/// Everything but the report.
const COLUMNS: &str =
    "id, content, status, attempts, created_ms, started_ms, ended_ms, error, ask_person, NULL AS report";

#[derive(FromRow)]
struct EvalRow {
    id: i64,
    content: String,
    status: String,
    attempts: i64,
    created_ms: i64,
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
    error: Option<String>,
    report: Option<String>,
    ask_person: Option<String>,
}

impl EvalRow {
    fn read(self) -> Result<Evaluation, StoreError> {
        Ok(Evaluation {
            id: self.id,
            order: parse("evals", "content", &self.content)?,
            status: parse_name("evals", "status", self.status)?,
            created_ms: self.created_ms,
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            attempts: small("evals", "attempts", self.attempts)?,
            error: self.error,
            report: self.report.map(|report| parse("evals", "report", &report)).transpose()?,
            ask_person: self.ask_person.map(|ask| parse("evals", "ask_person", &ask)).transpose()?,
        })
    }
}

/// What an attempt ends with: its report, and the threshold that its checkpoint gets; or why there is none.
pub(crate) type Ended<'a> = Result<(&'a SuiteReport, Option<(&'a CheckpointId, AskPerson)>), &'a str>;

impl Store {
    /// Queue an evaluation.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_eval(&self, order: &EvaluationOrder, now_ms: i64) -> Result<Evaluation, StoreError> {
        let query =
            format!("INSERT INTO evals (content, status, created_ms) VALUES (?1, 'queued', ?2) RETURNING {COLUMNS}");
        let row: EvalRow = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(json("evals", "content", order)?)
            .bind(now_ms)
            .fetch_one(&self.pool)
            .await
            .map_err(StoreError::sql("queue an evaluation"))?;
        row.read()
    }

    /// The newest evaluations without their reports, newest first.
    ///
    /// # Errors
    /// A database that fails; a row that cannot be read.
    pub async fn evals(&self, limit: u32) -> Result<Vec<Evaluation>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM evals ORDER BY id DESC LIMIT ?1");
        let rows: Vec<EvalRow> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::sql("list evaluations"))?;
        rows.into_iter().map(EvalRow::read).collect()
    }

    /// One evaluation with its report.
    ///
    /// # Errors
    /// A database that fails; a row that cannot be read.
    pub async fn eval(&self, id: i64) -> Result<Option<Evaluation>, StoreError> {
        let row: Option<EvalRow> = sqlx::query_as("SELECT * FROM evals WHERE id = ?1")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::sql("read an evaluation"))?;
        row.map(EvalRow::read).transpose()
    }

    /// Take the oldest evaluation from the queue, if there is one.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn claim_eval(&self, now_ms: i64) -> Result<Option<Evaluation>, StoreError> {
        let query = format!(
            "UPDATE evals SET status = 'running', started_ms = ?1, attempts = attempts + 1
             WHERE id = (SELECT MIN(id) FROM evals WHERE status = 'queued') RETURNING {COLUMNS}"
        );
        let row: Option<EvalRow> = sqlx::query_as(sqlx::AssertSqlSafe(query))
            .bind(now_ms)
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::sql("claim an evaluation"))?;
        row.map(EvalRow::read).transpose()
    }

    /// End an attempt with its report, which also gives its checkpoint the threshold, or with the reason why there is none. False where
    /// the attempt is no longer the current one: then nothing is changed.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn finish_eval(&self, claimed: &Evaluation, result: Ended<'_>, now_ms: i64) -> Result<bool, StoreError> {
        let (report, ask, error) = match result {
            Ok((report, ask)) => (Some(json("evals", "report", report)?), ask, None),
            Err(error) => (None, None, Some(error)),
        };
        let ask_person = ask.map(|(_, ask)| json("evals", "ask_person", &ask)).transpose()?;
        let status = if error.is_some() { "failed" } else { "succeeded" };
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE evals SET status = ?1, ended_ms = ?2, error = ?3, report = ?4, ask_person = ?5
             WHERE id = ?6 AND status = 'running' AND attempts = ?7",
        )
        .bind(status)
        .bind(now_ms)
        .bind(error)
        .bind(report)
        .bind(&ask_person)
        .bind(claimed.id)
        .bind(claimed.attempts)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::sql("end an evaluation"))?;
        let current = done.rows_affected() == 1;
        if let (true, Some((checkpoint, _)), Some(ask)) = (current, ask, &ask_person) {
            sqlx::query("UPDATE checkpoints SET ask_person = ?1 WHERE id = ?2")
                .bind(ask)
                .bind(checkpoint.as_str())
                .execute(&mut *tx)
                .await
                .map_err(StoreError::sql("give a checkpoint its threshold"))?;
        }
        tx.commit().await.map_err(StoreError::sql("end an evaluation"))?;
        Ok(current)
    }

    /// At the start of the process that evaluates: put back what an earlier one left in the midst, and give up what was begun `most`
    /// times already. Gives the number of both.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn recover_evals(&self, most: u32, now_ms: i64) -> Result<(u64, u64), StoreError> {
        let mut tx = self.begin().await?;
        let given_up = sqlx::query(
            "UPDATE evals SET status = 'failed', ended_ms = ?1,
             error = 'the server ended in the midst of it ' || attempts || ' times; ask for fewer questions, or look at its log'
             WHERE status = 'running' AND attempts >= ?2",
        )
        .bind(now_ms)
        .bind(most)
        .execute(&mut *tx)
        .await
        .map_err(StoreError::sql("give up evaluations"))?;
        let again = sqlx::query("UPDATE evals SET status = 'queued' WHERE status = 'running'")
            .execute(&mut *tx)
            .await
            .map_err(StoreError::sql("put evaluations back"))?;
        tx.commit().await.map_err(StoreError::sql("put evaluations back"))?;
        Ok((again.rows_affected(), given_up.rows_affected()))
    }
}
