//! Table `runs`: what was asked for and where it stands. The lease on a run is in `queue`.

use crate::codec::{json, parse, parse_name, small};
use crate::{StateRef, Store, StoreError, events};
use clicker_wire::{Event, Run, RunId, RunStatus};
use sqlx::{FromRow, SqliteConnection};

/// A row, as far as it is read outside of SQL.
#[derive(FromRow)]
pub(crate) struct RunRow {
    id: String,
    recipe: String,
    status: String,
    step: i64,
    created_ms: i64,
    started_ms: Option<i64>,
    ended_ms: Option<i64>,
    error: Option<String>,
    checkpoint: Option<String>,
    eta_s: Option<f64>,
    state_step: Option<i64>,
    state_sha256: Option<String>,
}

impl RunRow {
    /// The run and the place to go on from.
    pub(crate) fn read(self) -> Result<(Run, Option<StateRef>), StoreError> {
        let state = match (self.state_step, self.state_sha256) {
            (Some(step), Some(sha256)) => Some(StateRef::read(step, &sha256)?),
            _ => None,
        };
        let run = Run {
            id: RunId(self.id),
            recipe: parse("runs", "recipe", &self.recipe)?,
            status: parse_name("runs", "status", self.status)?,
            step: small("runs", "step", self.step)?,
            created_ms: self.created_ms,
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            error: self.error,
            checkpoint: self.checkpoint.map(Into::into),
            eta_s: self.eta_s,
        };
        Ok((run, state))
    }
}

impl Store {
    /// Store a new run and the event that it is queued.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn insert_run(&self, run: &Run) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        insert(&mut tx, run).await?;
        tx.commit().await.map_err(StoreError::sql("store a run"))
    }

    /// One run.
    ///
    /// # Errors
    /// A database that fails; a stored run that cannot be read.
    pub async fn run(&self, id: &RunId) -> Result<Option<Run>, StoreError> {
        let row: Option<RunRow> = sqlx::query_as("SELECT * FROM runs WHERE id = ?1")
            .bind(id.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::sql("read a run"))?;
        row.map(|row| row.read().map(|(run, _)| run)).transpose()
    }

    /// The newest runs, newest first.
    ///
    /// # Errors
    /// A database that fails; a stored run that cannot be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<Run>, StoreError> {
        let rows: Vec<RunRow> = sqlx::query_as("SELECT * FROM runs ORDER BY created_ms DESC, id DESC LIMIT ?1")
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(StoreError::sql("list runs"))?;
        rows.into_iter().map(|row| row.read().map(|(run, _)| run)).collect()
    }

    /// Change a status that nobody holds a lease on, if it still is what it was. False if it has changed meanwhile.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn change_status(
        &self,
        id: &RunId,
        from: RunStatus,
        to: RunStatus,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE runs SET status = ?3, wanted = NULL, eta_s = NULL,
                    ended_ms = CASE WHEN ?5 THEN MAX(?4, COALESCE(started_ms, created_ms)) END
             WHERE id = ?1 AND status = ?2 AND worker IS NULL",
        )
        .bind(id.as_str())
        .bind(status_name(from))
        .bind(status_name(to))
        .bind(now_ms)
        .bind(to.is_final())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::sql("change a run's status"))?
        .rows_affected()
            == 1;
        if done {
            announce(&mut tx, id, to, None, now_ms).await?;
        }
        tx.commit().await.map_err(StoreError::sql("change a run's status"))?;
        Ok(done)
    }
}

/// Within a transaction: a new run and the event that it is queued.
pub(crate) async fn insert(connection: &mut SqliteConnection, run: &Run) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO runs (id, recipe, status, created_ms) VALUES (?1, ?2, ?3, ?4)")
        .bind(run.id.as_str())
        .bind(json("runs", "recipe", &run.recipe)?)
        .bind(status_name(run.status))
        .bind(run.created_ms)
        .execute(&mut *connection)
        .await
        .map_err(StoreError::sql("store a run"))?;
    let event = Event::Status { status: run.status, message: None };
    events::append(connection, &run.id, run.created_ms, &[event]).await
}

/// Append the event of a changed status.
pub(crate) async fn announce(
    connection: &mut SqliteConnection,
    run: &RunId,
    status: RunStatus,
    message: Option<String>,
    now_ms: i64,
) -> Result<(), StoreError> {
    events::append(connection, run, now_ms, &[Event::Status { status, message }]).await
}

/// A status as the column spells it (serde's spelling; a test holds the two together).
pub(crate) fn status_name(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::Stopped => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::status_name;
    use crate::codec::parse_name;
    use clicker_wire::RunStatus;

    #[test]
    fn status_names_are_those_of_serde() {
        use RunStatus::{Failed, Paused, Queued, Running, Stopped, Succeeded};
        for status in [Queued, Running, Paused, Succeeded, Failed, Stopped] {
            let read: RunStatus = parse_name("runs", "status", status_name(status).to_owned()).expect("a status");
            assert_eq!(read, status);
        }
    }
}
