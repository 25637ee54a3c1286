//! Where the training thread leaves its steps: objects first, then one transaction, then the old state is deleted.

use crate::queue::Queue;
use bytes::Bytes;
use clicker_rewards::votes::{self, Vote};
use clicker_store::{Claim, Digest, Key, StateRef, StepCommit, StoreError};
use clicker_train::{CheckpointBytes, Sink, StepRecord};
use clicker_wire::{CheckpointFile, CheckpointId, Event, FeedbackBody, FileKind, Manifest, Principle, RunId};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// Votes are read so many at a time.
const PAGE: u32 = 500;

/// Who said of which answer that it is good, or that it is not.
type Thumb = (String, String, bool);

/// The time left is estimated from so many last steps.
const WINDOW: usize = 10;

/// The sink of one claimed run; lives on the training thread.
pub(crate) struct RunSink {
    queue: Arc<Queue>,
    runtime: Handle,
    run: RunId,
    name: String,
    steps: u32,
    /// What its checkpoints are trained under.
    principles: Vec<Principle>,
    /// The state that is committed now.
    state: Option<StateRef>,
    /// Set after a commit that found something wanted of the run.
    asked: Arc<AtomicBool>,
    /// The last vote that was counted.
    heard: i64,
    pace: Pace,
}

impl RunSink {
    pub(crate) fn new(queue: Arc<Queue>, runtime: Handle, claim: Claim, asked: Arc<AtomicBool>) -> Self {
        Self {
            queue,
            runtime,
            steps: claim.run.recipe.steps,
            principles: claim.run.recipe.constitution.map(|c| c.principles).unwrap_or_default(),
            name: claim.run.recipe.name,
            run: claim.run.id,
            state: claim.state,
            asked,
            heard: 0,
            pace: Pace::default(),
        }
    }

    async fn store(&mut self, record: StepRecord) -> Result<(), StoreError> {
        let store = &self.queue.inner.store;
        // Checked before anything is written: a repeated step would overwrite the very state that is committed.
        if let Some(last) = self.state.filter(|state| state.step >= record.step) {
            return Err(StoreError::StepOrder { run: self.run.to_string(), last: last.step, given: record.step });
        }
        let bytes = Bytes::from(record.state);
        let state = StateRef { step: record.step, digest: Digest::of(&bytes) };
        store.objects.put(&Key::RunState(self.run.clone(), state.step), bytes).await?;
        let mut events = record.events;
        let manifest = match record.checkpoint {
            Some(checkpoint) => Some(self.publish(record.step, checkpoint).await?),
            None => None,
        };
        if let Some(manifest) = &manifest {
            events.push(Event::Checkpoint { step: record.step, manifest: manifest.clone() });
        }
        let commit = StepCommit {
            run: &self.run,
            worker: &self.queue.worker,
            events: &events,
            state,
            checkpoint: manifest.as_ref(),
            eta_s: self.pace.left(record.step, self.steps, Instant::now()),
            now_ms: self.queue.inner.now(),
        };
        let wanted = store.commit_step(&commit).await?;
        self.asked.store(wanted.is_some(), Ordering::Release);
        self.queue.inner.announce();
        if let Some(old) = self.state.replace(state)
            && let Err(e) = store.objects.delete(&Key::RunState(self.run.clone(), old.step)).await
        {
            // It costs space until the next sweep, nothing else.
            tracing::warn!(run = %self.run, step = old.step, "an old state could not be deleted: {e}");
        }
        Ok(())
    }

    /// Thumbs on answers of this run's checkpoints that were stored since the last call. A run that is resumed hears once more
    /// what it had heard before.
    async fn votes(&mut self) -> Result<Vec<Thumb>, StoreError> {
        let store = &self.queue.inner.store;
        let own: HashSet<CheckpointId> = store.run_checkpoints(&self.run).await?.into_iter().map(|m| m.id).collect();
        let mut thumbs = Vec::new();
        loop {
            let (page, last) = store.feedback_page(self.heard, PAGE).await?;
            if page.is_empty() {
                return Ok(thumbs);
            }
            self.heard = last;
            let votes = page.into_iter().map(|row| row.feedback).filter(|vote| own.contains(&vote.checkpoint));
            thumbs.extend(votes.filter_map(|vote| match vote.body {
                FeedbackBody::Thumbs { sample, up } => Some((vote.annotator, sample.text, up)),
                _ => None,
            }));
        }
    }

    /// Store the files of a checkpoint. Nothing points at them before the commit.
    async fn publish(&self, step: u32, checkpoint: CheckpointBytes) -> Result<Manifest, StoreError> {
        let mut files = Vec::with_capacity(2);
        let members = checkpoint.members.into_iter().map(|bytes| (FileKind::Member, bytes));
        let own = [(FileKind::Master, checkpoint.master), (FileKind::Browser, checkpoint.browser)];
        for (kind, bytes) in own.into_iter().chain(members) {
            let length = bytes.len() as u64;
            let sha256 = self.queue.inner.store.objects.put_content(bytes.into()).await?.to_string();
            files.push(CheckpointFile { kind, sha256, bytes: length });
        }
        Ok(Manifest {
            id: CheckpointId(files[0].sha256.clone()),
            name: format!("{}, step {step}", self.name),
            run: Some(self.run.clone()),
            step,
            created_ms: self.queue.inner.now(),
            shape: checkpoint.shape,
            files,
            principles: self.principles.clone(),
            ask_below: None,
        })
    }
}

impl Sink for RunSink {
    fn commit(&mut self, record: StepRecord) -> Result<(), String> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.store(record)).map_err(|e| e.to_string())
    }

    fn heard(&mut self) -> Result<BTreeMap<String, f64>, String> {
        let runtime = self.runtime.clone();
        let thumbs = runtime.block_on(self.votes()).map_err(|e| e.to_string())?;
        let votes: Vec<Vote> = thumbs.iter().map(|(rater, text, up)| Vote { rater, text, up: *up }).collect();
        Ok(votes::signals(&votes))
    }
}

/// How fast steps come.
#[derive(Default)]
struct Pace {
    last: Option<Instant>,
    steps: VecDeque<Duration>,
}

impl Pace {
    /// Seconds left after a step that ends now: the mean of the last steps times the steps to come. None before the second
    /// step, and until two commits of this process tell how long one takes.
    fn left(&mut self, step: u32, steps: u32, now: Instant) -> Option<f64> {
        if let Some(last) = self.last.replace(now) {
            self.steps.push_back(now.duration_since(last));
            if self.steps.len() > WINDOW {
                self.steps.pop_front();
            }
        }
        if step < 2 || self.steps.is_empty() {
            return None;
        }
        let mean = self.steps.iter().sum::<Duration>().as_secs_f64() / self.steps.len() as f64;
        Some(mean * f64::from(steps.saturating_sub(step)))
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn the_time_left_is_the_mean_of_the_last_steps_times_those_to_come() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.left(0, 5, at(0)), None);
        assert_eq!(pace.left(1, 5, at(9)), None, "too early to tell");
        assert_eq!(pace.left(2, 5, at(12)), Some(18.0));
        assert_eq!(pace.left(3, 5, at(15)), Some(10.0));
        let mut resumed = Pace::default();
        assert_eq!(resumed.left(3, 5, at(0)), None);
        assert_eq!(resumed.left(4, 5, at(2)), Some(2.0));
    }
}
