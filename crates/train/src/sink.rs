//! The seam between a training loop and whoever runs it: what a step leaves behind, and what the loop is asked to do next.
//!
//! This file never knows where records go: a database and an object store under the service, a folder under the CLI.

use clicker_wire::{Event, ModelShape};
use std::collections::BTreeMap;

/// Where a run's output goes. Called from the training thread, in order, once before the first step and once per step.
pub trait Sink {
    /// Make one step durable. When this returns, a kill at any moment afterwards must lose nothing of the step; when it
    /// fails, the run stops with that error and nothing of the step may be visible.
    ///
    /// # Errors
    /// Whatever kept the record from becoming durable, in words for the person who runs it.
    fn commit(&mut self, record: StepRecord) -> Result<(), String>;

    /// What people said since the last time that they were asked for, as `votes/...`: asked at each measurement, where a
    /// rule of the reward watches them. Whoever has no people says nothing.
    ///
    /// # Errors
    /// Whatever kept the votes from being read, in words for the person who runs it.
    fn heard(&mut self) -> Result<BTreeMap<String, f64>, String> {
        Ok(BTreeMap::new())
    }
}

/// Everything one step leaves behind. Step 0 is the state before the first update.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// Optimizer steps done.
    pub step: u32,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// Full state for going on from here (weights, optimizer, cursor); replaces the previous step's.
    pub state: Vec<u8>,
    /// Weights to publish, if this step does.
    pub checkpoint: Option<CheckpointBytes>,
}

/// Weights to publish.
#[derive(Clone, Debug)]
pub struct CheckpointBytes {
    /// GGUF with full weights and tokenizer. Its sha256 is the checkpoint's id.
    pub master: Vec<u8>,
    /// GGUF, Q8_0, with tokenizer.
    pub browser: Vec<u8>,
    /// PEFT's files of the adapter that both have taken in, by plain name; empty where all weights were trained.
    pub adapter: Vec<(String, Vec<u8>)>,
    /// Masters of the further members, where it is an ensemble of reward models.
    pub members: Vec<Vec<u8>>,
    /// Shape of the model.
    pub shape: ModelShape,
}

/// What the loop is asked to do after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Go on.
    Continue,
    /// Return now; the last committed state is the place to go on from.
    Pause,
}

/// How a call of [`crate::run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All steps are done.
    Finished,
    /// [`Control::Pause`] was asked for.
    Paused,
}
