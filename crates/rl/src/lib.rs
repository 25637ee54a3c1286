//! The mathematics of reinforcement fine-tuning as pure functions of candle tensors and slices.
//!
//! A training step reads, in this order: rewards become [`advantage`]s; logits become log-probabilities ([`logprob`]);
//! [`loss`] turns both into one number per token, [`kl`] adds the distance to a reference, [`aggregate`] makes a
//! scalar; [`groups`] and [`metrics`] say what happened. [`select`] decides what is learnt from, [`control`] moves
//! coefficients from step to step. Learning from comparisons instead of samples is [`preference`].
//!
//! Shapes in the docs: P prompts, G answers per prompt (the group), B sequences, T tokens, N = rows of logits, V
//! vocabulary. Masks hold 1 for tokens that count and 0 for all others; every function works in f32 and in f64.
//!
//! This crate never knows models, text, rollouts, optimizers, configuration files, clocks or random numbers.
#![warn(missing_docs)]

pub mod advantage;
pub mod aggregate;
pub mod control;
mod error;
pub mod groups;
pub mod kl;
mod logistic;
pub mod logprob;
pub mod loss;
pub mod mask;
pub mod metrics;
pub mod preference;
pub mod select;
mod shape;
#[cfg(test)]
mod testing;

pub use advantage::Scale;
pub use aggregate::{Aggregation, aggregate};
pub use error::{Result, RlError};
pub use loss::{ClipConfig, LossOut};

/// Log-ratios are clamped to plus or minus this before `exp`, so that one absurd token cannot overflow a whole batch.
pub const LOG_RATIO_LIMIT: f64 = 20.0;

/// Rewards of a group that differ by no more than this are equal: the group carries no signal.
pub const ZERO_VARIANCE_TOLERANCE: f64 = 1e-6;
