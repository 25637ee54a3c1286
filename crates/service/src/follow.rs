//! Following a run: first what the database holds after a number, then what comes, without a gap and without a timer.

use crate::open::Inner;
use crate::runs::EVENT_BATCH;
use crate::{Service, ServiceError};
use clicker_wire::{Event, RunEvent, RunId};
use futures::stream::{BoxStream, StreamExt};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::watch;

/// The events of a run as they come. Ends after a final status, when the service ends, and after an error.
pub type RunEvents = BoxStream<'static, Result<RunEvent, ServiceError>>;

impl Service {
    /// The events of a run after a number: those that are stored, then new ones as they are.
    ///
    /// # Errors
    /// There is no such run; a store that fails.
    pub async fn follow(&self, id: &RunId, after: u64) -> Result<RunEvents, ServiceError> {
        self.run(id).await?;
        let follower = Follower {
            run: id.clone(),
            last: after,
            ready: VecDeque::new(),
            ended: false,
            changed: self.inner.changed.subscribe(),
            closing: self.inner.closing.subscribe(),
            inner: Arc::clone(&self.inner),
        };
        let events = futures::stream::unfold(follower, async |mut follower| {
            let event = follower.next().await?;
            Some((event, follower))
        });
        Ok(events.boxed())
    }
}

struct Follower {
    inner: Arc<Inner>,
    run: RunId,
    /// Number of the last event that was handed on or is ready.
    last: u64,
    ready: VecDeque<RunEvent>,
    ended: bool,
    changed: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
}

impl Follower {
    async fn next(&mut self) -> Option<Result<RunEvent, ServiceError>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.ended |= matches!(event.event, Event::Status { status, .. } if status.is_final());
                return Some(Ok(event));
            }
            if self.ended || *self.closing.borrow() {
                return None;
            }
            if let Err(error) = self.read().await {
                self.ended = true;
                return Some(Err(error));
            }
        }
    }

    /// Fill `ready`; where there is nothing, find out that nothing will come or wait for a change.
    async fn read(&mut self) -> Result<(), ServiceError> {
        // Marked as seen before reading: a write during the read moves the counter again and cannot be missed.
        self.changed.borrow_and_update();
        // The status is read before the events. Both change in one transaction, so if the status is final, all events
        // are there.
        let run = self.inner.store.run(&self.run).await?;
        let batch = self.inner.store.events(&self.run, self.last, EVENT_BATCH).await?;
        if let Some(event) = batch.last() {
            self.last = event.seq;
            self.ready.extend(batch);
            return Ok(());
        }
        if run.is_none_or(|run| run.status.is_final()) {
            self.ended = true;
            return Ok(());
        }
        // Either sender is gone only with the service itself.
        tokio::select! {
            result = self.changed.changed() => self.ended |= result.is_err(),
            result = self.closing.changed() => self.ended |= result.is_err(),
        }
        Ok(())
    }
}
