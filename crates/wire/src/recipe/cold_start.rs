//! What a run learns by imitation before it draws answers.

use serde::{Deserialize, Serialize};

/// Steps on the world's demonstrations before the first answer is drawn: a form of answer that is never sampled is never
/// learnt. The run's reference is the model after them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColdStartSpec {
    /// Updates.
    pub steps: u32,
    /// Demonstrations per update.
    pub batch: u32,
    /// Their learning rate, after five steps of warm-up.
    pub learning_rate: f64,
    /// As in `sft`.
    pub stated_confidence: bool,
}

impl Default for ColdStartSpec {
    fn default() -> Self {
        Self { steps: 40, batch: 64, learning_rate: 3e-4, stated_confidence: true }
    }
}
