//! The one transaction that makes a training step durable. Objects are written before it and old ones deleted after it, so
//! a kill at any moment leaves either the step before or this one, whole.

use crate::queue::lost;
use crate::{Digest, Store, StoreError, Wanted, checkpoints, events};
use clicker_wire::{Event, Manifest, RunId};

/// A state object: after which step, and the hash of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateRef {
    /// Optimizer steps done.
    pub step: u32,
    /// Hash of the bytes.
    pub digest: Digest,
}

impl StateRef {
    pub(crate) fn read(step: i64, sha256: &str) -> Result<Self, StoreError> {
        let corrupt = |column, reason| StoreError::Corrupt { table: "runs", column, reason };
        let step = u32::try_from(step).map_err(|e| corrupt("state_step", e.to_string()))?;
        let digest =
            Digest::parse(sha256).ok_or_else(|| corrupt("state_sha256", format!("`{sha256}` is no sha256")))?;
        Ok(Self { step, digest })
    }
}

/// Everything a step changes in the database. Its objects are stored already.
#[derive(Clone, Debug)]
pub struct StepCommit<'a> {
    /// The run.
    pub run: &'a RunId,
    /// Who claims to hold it.
    pub worker: &'a str,
    /// What happened, in order, the checkpoint's event included.
    pub events: &'a [Event],
    /// The new state.
    pub state: StateRef,
    /// What was published.
    pub checkpoint: Option<&'a Manifest>,
    /// Seconds left.
    pub eta_s: Option<f64>,
    /// Unix milliseconds.
    pub now_ms: i64,
}

impl Store {
    /// Make a step visible: its events, its state, its checkpoint, all or nothing. Tells what is wanted of the run.
    ///
    /// # Errors
    /// [`StoreError::LeaseLost`] where the run is no longer this worker's, [`StoreError::StepOrder`] for a step that is done
    /// already, a database that fails; nothing is stored then.
    pub async fn commit_step(&self, commit: &StepCommit<'_>) -> Result<Option<Wanted>, StoreError> {
        let mut tx = self.begin().await?;
        let row: Option<(Option<i64>, Option<String>)> =
            sqlx::query_as("SELECT state_step, wanted FROM runs WHERE id = ?1 AND worker = ?2 AND status = 'running'")
                .bind(commit.run.as_str())
                .bind(commit.worker)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::sql("commit a step"))?;
        let (last, wanted) = row.ok_or_else(|| lost(commit.run, commit.worker))?;
        if let Some(last) = last.filter(|last| *last >= i64::from(commit.state.step)) {
            let last = u32::try_from(last).unwrap_or(u32::MAX);
            return Err(StoreError::StepOrder { run: commit.run.to_string(), last, given: commit.state.step });
        }
        if let Some(manifest) = commit.checkpoint {
            checkpoints::insert(&mut tx, manifest).await?;
        }
        events::append(&mut tx, commit.run, commit.now_ms, commit.events).await?;
        sqlx::query(
            "UPDATE runs SET step = ?2, state_step = ?2, state_sha256 = ?3, eta_s = ?4, checkpoint = COALESCE(?5, checkpoint)
             WHERE id = ?1",
        )
        .bind(commit.run.as_str())
        .bind(commit.state.step)
        .bind(commit.state.digest.to_string())
        .bind(commit.eta_s)
        .bind(commit.checkpoint.map(|manifest| manifest.id.as_str()))
        .execute(&mut *tx)
        .await
        .map_err(StoreError::sql("commit a step"))?;
        tx.commit().await.map_err(StoreError::sql("commit a step"))?;
        Ok(Wanted::read(wanted.as_deref()))
    }
}
