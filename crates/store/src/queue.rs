//! The lease on a run: a worker claims it, keeps it by heartbeats, and ends or returns it. Every write of a worker names
//! the worker, so that one whose lease was taken over can store nothing more.

use crate::runs::{RunRow, announce, status_name};
use crate::{StateRef, Store, StoreError};
use clicker_wire::{Run, RunId, RunStatus};

/// A run that now belongs to a worker.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The run, its status running.
    pub run: Run,
    /// The last committed state, to go on from.
    pub state: Option<StateRef>,
}

/// What a person wants of a running run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Stop after the current step and keep the place.
    Pause,
    /// Stop after the current step for good.
    Stop,
}

impl Wanted {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Stop => "stop",
        }
    }

    pub(crate) fn read(name: Option<&str>) -> Option<Self> {
        match name {
            Some("pause") => Some(Self::Pause),
            Some("stop") => Some(Self::Stop),
            _ => None,
        }
    }
}

/// How a worker lets go of a run.
#[derive(Clone, Debug)]
pub enum Finish {
    /// All steps are done.
    Succeeded,
    /// An error ended it.
    Failed {
        /// What went wrong and what to do.
        error: String,
    },
    /// It stopped after a step because it was asked to: paused or stopped where a person wanted that, back in the
    /// queue otherwise.
    Yielded {
        /// Why, for the case that it goes back to the queue.
        reason: &'static str,
    },
}

impl Store {
    /// Claim the oldest queued run. It never starts before it was asked for, nor ends before it started, even if the clock was set
    /// back meanwhile.
    ///
    /// # Errors
    /// A database that fails; a stored run that cannot be read.
    pub async fn claim(&self, worker: &str, now_ms: i64, lease_ms: i64) -> Result<Option<Claim>, StoreError> {
        let mut tx = self.begin().await?;
        let row: Option<RunRow> = sqlx::query_as(
            "UPDATE runs SET status = 'running', worker = ?1, lease_until_ms = ?2, wanted = NULL,
                    started_ms = COALESCE(started_ms, MAX(?3, created_ms))
             WHERE id = (SELECT id FROM runs WHERE status = 'queued' ORDER BY created_ms, id LIMIT 1)
             RETURNING *",
        )
        .bind(worker)
        .bind(now_ms + lease_ms)
        .bind(now_ms)
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::sql("claim a run"))?;
        let Some(row) = row else { return Ok(None) };
        let (run, state) = row.read()?;
        announce(&mut tx, &run.id, RunStatus::Running, None, now_ms).await?;
        tx.commit().await.map_err(StoreError::sql("claim a run"))?;
        Ok(Some(Claim { run, state }))
    }

    /// Prolong a lease; tells what is wanted of the run.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the run is no longer this worker's; a database that fails.
    pub async fn heartbeat(
        &self,
        run: &RunId,
        worker: &str,
        now_ms: i64,
        lease_ms: i64,
    ) -> Result<Option<Wanted>, StoreError> {
        let wanted: Option<Option<String>> = sqlx::query_scalar(
            "UPDATE runs SET lease_until_ms = ?3 WHERE id = ?1 AND worker = ?2 AND status = 'running' RETURNING wanted",
        )
        .bind(run.as_str())
        .bind(worker)
        .bind(now_ms + lease_ms)
        .fetch_optional(&self.pool)
        .await
        .map_err(StoreError::sql("prolong a lease"))?;
        let wanted = wanted.ok_or_else(|| lost(run, worker))?;
        Ok(Wanted::read(wanted.as_deref()))
    }

    /// Ask something of a run while a worker holds it (or take the question back). False if no worker holds it.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn want(&self, run: &RunId, wanted: Option<Wanted>) -> Result<bool, StoreError> {
        let done = sqlx::query("UPDATE runs SET wanted = ?2 WHERE id = ?1 AND status = 'running'")
            .bind(run.as_str())
            .bind(wanted.map(Wanted::name))
            .execute(&self.pool)
            .await
            .map_err(StoreError::sql("ask something of a run"))?;
        Ok(done.rows_affected() == 1)
    }

    /// Let go of a run. Returns where it stands now.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the run is no longer this worker's; a database that fails.
    pub async fn finish(
        &self,
        run: &RunId,
        worker: &str,
        finish: &Finish,
        now_ms: i64,
    ) -> Result<RunStatus, StoreError> {
        let mut tx = self.begin().await?;
        let wanted: Option<Option<String>> =
            sqlx::query_scalar("SELECT wanted FROM runs WHERE id = ?1 AND worker = ?2 AND status = 'running'")
                .bind(run.as_str())
                .bind(worker)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::sql("end a run"))?;
        let wanted = Wanted::read(wanted.ok_or_else(|| lost(run, worker))?.as_deref());
        let (status, message) = match finish {
            Finish::Succeeded => (RunStatus::Succeeded, None),
            Finish::Failed { error } => (RunStatus::Failed, Some(error.clone())),
            Finish::Yielded { reason } => match wanted {
                Some(Wanted::Pause) => (RunStatus::Paused, None),
                Some(Wanted::Stop) => (RunStatus::Stopped, None),
                None => (RunStatus::Queued, Some((*reason).to_owned())),
            },
        };
        let error = if status == RunStatus::Failed { message.clone() } else { None };
        sqlx::query(
            "UPDATE runs SET status = ?2, worker = NULL, lease_until_ms = NULL, wanted = NULL, eta_s = NULL, error = ?3,
                    ended_ms = CASE WHEN ?5 THEN MAX(?4, COALESCE(started_ms, created_ms)) END
             WHERE id = ?1",
        )
        .bind(run.as_str())
        .bind(status_name(status))
        .bind(error)
        .bind(now_ms)
        .bind(status.is_final())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::sql("end a run"))?;
        announce(&mut tx, run, status, message, now_ms).await?;
        tx.commit().await.map_err(StoreError::sql("end a run"))?;
        Ok(status)
    }

    /// Put runs back into the queue whose worker is gone: its lease has run out, or its name begins with `dead`, the
    /// prefix of workers that the caller knows to be dead. What was wanted of them is done on the way.
    ///
    /// # Errors
    /// A database that fails.
    pub async fn take_back(&self, dead: Option<&str>, now_ms: i64) -> Result<Vec<RunId>, StoreError> {
        let mut tx = self.begin().await?;
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT id, wanted FROM runs
             WHERE status = 'running' AND (lease_until_ms < ?1 OR substr(worker, 1, length(?2)) = ?2)",
        )
        .bind(now_ms)
        .bind(dead)
        .fetch_all(&mut *tx)
        .await
        .map_err(StoreError::sql("look for abandoned runs"))?;
        let mut taken = Vec::with_capacity(rows.len());
        for (id, wanted) in rows {
            let status = match Wanted::read(wanted.as_deref()) {
                Some(Wanted::Pause) => RunStatus::Paused,
                Some(Wanted::Stop) => RunStatus::Stopped,
                None => RunStatus::Queued,
            };
            let run = RunId(id);
            sqlx::query(
                "UPDATE runs SET status = ?2, worker = NULL, lease_until_ms = NULL, wanted = NULL, eta_s = NULL,
                        ended_ms = CASE WHEN ?4 THEN MAX(?3, COALESCE(started_ms, created_ms)) END
                 WHERE id = ?1",
            )
            .bind(run.as_str())
            .bind(status_name(status))
            .bind(now_ms)
            .bind(status.is_final())
            .execute(&mut *tx)
            .await
            .map_err(StoreError::sql("take back a run"))?;
            let message = Some("its worker was lost; it goes on from its last committed step".to_owned());
            announce(&mut tx, &run, status, message.filter(|_| status == RunStatus::Queued), now_ms).await?;
            taken.push(run);
        }
        tx.commit().await.map_err(StoreError::sql("take back runs"))?;
        Ok(taken)
    }
}

pub(crate) fn lost(run: &RunId, worker: &str) -> StoreError {
    StoreError::LeaseLost { run: run.to_string(), worker: worker.to_owned() }
}
