//! Rollouts, one thin loop per algorithm, optimizer, schedule, evaluation, recipes, events.
//!
//! Never knows SQL, HTTP, the object store or the user interface: it emits events and bytes through [`Sink`].
#![warn(missing_docs)]

mod sink;

pub use sink::{CheckpointBytes, Control, Outcome, Sink, StepRecord};

use clicker_wire::Recipe;

/// What went wrong in training, in words for the person who runs it.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The sink could not store a step.
    #[error("step {step} could not be stored: {reason}")]
    Sink {
        /// The step.
        step: u32,
        /// Why.
        reason: String,
    },
}

/// What a run starts from.
pub struct Start {
    /// GGUF bytes of the starting model (a checkpoint's master file).
    pub model: Vec<u8>,
    /// State of the last committed step, to go on from there.
    pub state: Option<Vec<u8>>,
}

/// Run a recipe from its start (or its last committed step) to its end, blocking the calling thread.
///
/// # Errors
/// An impossible recipe, unreadable weights or state, or a sink that fails.
pub fn run(_recipe: &Recipe, _start: Start, _sink: &mut dyn Sink, _control: &dyn Fn() -> Control) -> Result<Outcome, TrainError> {
    Ok(Outcome::Finished)
}
