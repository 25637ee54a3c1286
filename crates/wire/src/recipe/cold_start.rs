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
    /// As in `sft`; none shows answers alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_confidence: Option<StatedConfidence>,
}

impl Default for ColdStartSpec {
    fn default() -> Self {
        Self { steps: 40, batch: 64, learning_rate: 3e-4, stated_confidence: None }
    }
}

/// Which confidence a demonstration states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatedConfidence {
    /// Any, drawn by chance: the form without a meaning.
    Chance,
    /// The share of ten answers drawn from the starting model that are right, smoothed by Laplace's rule: what it knows of this very question. Its own answers
    /// to the questions that reward trains on are shown as well, right or wrong, with theirs.
    Measured,
}
