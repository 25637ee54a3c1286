//! Who may work on which run: claims with a lease, heartbeats, and taking back what a dead worker held.

use crate::ids::random_hex;
use crate::open::Inner;
use crate::{ServiceError, worker::Reason};
use clicker_store::{Claim, Finish, StoreError, Wanted};
use clicker_wire::{RunId, RunStatus};
use std::sync::Arc;
use std::time::Duration;

/// Workers inside a server's process have names that begin so. The lock on the data directory admits one of them at a time;
/// whoever holds it knows all others to be dead.
const EMBEDDED: &str = "embedded-";

/// The queue as one worker sees it.
pub(crate) struct Queue {
    pub(crate) inner: Arc<Inner>,
    /// Unique to this worker's life, so that a restarted one cannot be taken for the one before.
    pub(crate) worker: String,
}

impl Queue {
    /// For the worker inside this process, which holds the lock on the data directory.
    pub(crate) fn embedded(inner: Arc<Inner>) -> Result<Self, ServiceError> {
        let worker = format!("{EMBEDDED}{}-{}", std::process::id(), random_hex::<8>()?);
        Ok(Self { inner, worker })
    }

    /// At start: put back what earlier embedded workers held when they were killed, and sweep up behind them.
    pub(crate) async fn recover(&self) -> Result<(), ServiceError> {
        let taken = self.inner.store.take_back(Some(EMBEDDED), self.inner.now()).await?;
        for run in &taken {
            tracing::info!(%run, "run was cut off by the end of its worker and goes on from its last committed step");
        }
        self.inner.store.objects.sweep_staging().await;
        Ok(())
    }

    /// The next run to work on, if there is one.
    pub(crate) async fn claim(&self) -> Result<Option<Claim>, StoreError> {
        let now = self.inner.now();
        if !self.inner.store.take_back(None, now).await?.is_empty() {
            self.inner.announce();
        }
        let claim = self.inner.store.claim(&self.worker, now, self.lease_ms()).await?;
        if claim.is_some() {
            self.inner.announce();
        }
        Ok(claim)
    }

    /// Keep a run.
    pub(crate) async fn heartbeat(&self, run: &RunId) -> Result<Option<Wanted>, StoreError> {
        self.inner.store.heartbeat(run, &self.worker, self.inner.now(), self.lease_ms()).await
    }

    /// Let go of a run, and of its state where it will not be needed again.
    pub(crate) async fn finish(&self, run: &RunId, reason: Reason) -> Result<RunStatus, StoreError> {
        let finish = match reason {
            Reason::Finished => Finish::Succeeded,
            Reason::Failed(error) => Finish::Failed { error },
            Reason::Yielded if *self.inner.closing.borrow() => {
                Finish::Yielded { reason: "the server stopped; the run goes on when it is back" }
            }
            Reason::Yielded => Finish::Yielded { reason: "resumed before it had paused" },
        };
        let status = self.inner.store.finish(run, &self.worker, &finish, self.inner.now()).await?;
        self.inner.announce();
        // A failed run keeps its state: with a full disk or a broken file mended, somebody may want to look at it.
        if matches!(status, RunStatus::Succeeded | RunStatus::Stopped)
            && let Err(e) = self.inner.store.objects.sweep_states(run, None).await
        {
            tracing::warn!(%run, "the state of an ended run could not be deleted: {e}");
        }
        Ok(status)
    }

    /// How often a lease is prolonged: twice within it, even if one beat is late.
    pub(crate) fn beat(&self) -> Duration {
        self.inner.config.lease / 3
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.inner.config.lease.as_millis()).unwrap_or(i64::MAX)
    }
}
