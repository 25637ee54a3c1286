//! A training run as lists and pages show it.

use crate::{CheckpointId, Recipe, RunId};
use serde::{Deserialize, Serialize};

/// A run and where it stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run<R = Recipe> {
    /// Its id.
    pub id: RunId,
    /// What it does; a page has a [`Sketch`](crate::Sketch) of it.
    pub recipe: R,
    /// Where it stands.
    pub status: RunStatus,
    /// Optimizer steps done.
    pub step: u32,
    /// When it was asked for, Unix milliseconds.
    pub created_ms: i64,
    /// When its first step began.
    pub started_ms: Option<i64>,
    /// When it ended, in whatever way.
    pub ended_ms: Option<i64>,
    /// What went wrong and what to do, if it failed.
    pub error: Option<String>,
    /// The newest checkpoint.
    pub checkpoint: Option<CheckpointId>,
    /// Seconds left, estimated from the last steps; none before the second step.
    pub eta_s: Option<f64>,
}

impl<R> Run<R> {
    /// A run as it is asked for: nothing is done yet.
    pub fn queued(id: RunId, recipe: R, created_ms: i64) -> Self {
        Self {
            id,
            recipe,
            status: RunStatus::Queued,
            step: 0,
            created_ms,
            started_ms: None,
            ended_ms: None,
            error: None,
            checkpoint: None,
            eta_s: None,
        }
    }

    /// The same run, its recipe told in another way.
    pub fn told<S>(self, tell: impl FnOnce(R) -> S) -> Run<S> {
        let Self { id, recipe, status, step, created_ms, started_ms, ended_ms, error, checkpoint, eta_s } = self;
        let recipe = tell(recipe);
        Run { id, recipe, status, step, created_ms, started_ms, ended_ms, error, checkpoint, eta_s }
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Waits for a worker.
    Queued,
    /// A worker holds its lease.
    Running,
    /// Stopped on request; can be resumed.
    Paused,
    /// Did all its steps.
    Succeeded,
    /// Stopped by an error.
    Failed,
    /// Stopped for good on request; what it had is kept.
    Stopped,
}

impl RunStatus {
    /// Whether nothing more will happen by itself or on request.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Stopped)
    }
}

/// What a person can ask of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunCommand {
    /// Stop after the current step and keep the place.
    Pause,
    /// Go on from where it paused.
    Resume,
    /// Stop after the current step for good.
    Stop,
}
