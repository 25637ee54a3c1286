//! One suite on one model.

use super::{HeadlessError, Result, load};
use clicker_dataset::World;
use clicker_train::eval::{EvalOptions, spread};
use clicker_train::rollout::Language;
use clicker_wire::{Measured, Split};
use std::path::PathBuf;

/// What to measure.
#[derive(Clone, Debug)]
pub struct EvalRequest {
    /// A GGUF file or a Hugging Face folder.
    pub model: PathBuf,
    /// The suite: `world`, the held-out questions of the built-in world.
    pub suite: String,
    /// Seed of the world.
    pub world_seed: u64,
    /// At most this many items; 0 means all.
    pub items: usize,
    /// Answers drawn per item to see whether they agree; 0 skips this.
    pub resamples: u32,
    /// Seed of those.
    pub seed: u64,
    /// The share of wrong answers that a threshold on the confidence should promise, above 0 and below 1.
    pub alpha: f64,
}

/// Measure.
///
/// # Errors
/// A model that cannot be loaded or has no tokenizer; an unknown suite.
pub fn evaluate(request: &EvalRequest) -> Result<Measured> {
    if request.suite != "world" {
        return Err(HeadlessError::Request(format!("suite `{}` is unknown; this version has `world`", request.suite)));
    }
    if !(request.alpha > 0.0 && request.alpha < 1.0) {
        let given = request.alpha;
        return Err(HeadlessError::Request(format!(
            "alpha is {given}; it is a share, above 0 and below 1, such as 0.1"
        )));
    }
    let model = load(&request.model)?;
    let items = spread(World::new(request.world_seed).items(Split::Eval), request.items);
    let options = EvalOptions {
        suite: request.suite.clone(),
        model: request.model.display().to_string(),
        resamples: request.resamples,
        seed: request.seed,
        ..EvalOptions::quick("world")
    };
    Ok(clicker_train::eval::measure(&model.snapshot, &Language::of(&model)?, &items, &options, request.alpha)?)
}
