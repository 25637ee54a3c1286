//! What a run spends memory on.

use serde::{Deserialize, Serialize};

/// Choices that trade time or precision for memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemorySpec {
    /// Keep only what goes into each block and compute the rest again in the backward pass: the same gradients, about a third
    /// more time.
    pub gradient_checkpointing: bool,
    /// Texts (GRPO: questions with their answers; pairs) of each of a step's two shards whose activations are kept at a time;
    /// gradients add up over them. 0 keeps all at once.
    pub micro_batch: u32,
    /// How weights that are never trained are stored: the base beside an adapter, and the reference. Computed with in f32.
    pub frozen_dtype: Dtype,
    /// What trained weights are stored and computed in. Only `f32` runs.
    pub dtype: Dtype,
}

/// A type of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// Four bytes.
    #[default]
    F32,
    /// Two bytes: the range of f32, eight bits of precision.
    Bf16,
}
