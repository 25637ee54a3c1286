//! What preference algorithms need beside the common parts of a recipe. Names and defaults follow TRL where it has them.

use serde::{Deserialize, Serialize};

/// Learning from pairs of a better and a worse answer against a frozen reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DpoSpec {
    /// Pairs per step.
    pub batch: u32,
    /// How strongly the policy is held to the reference; larger is closer.
    pub beta: f64,
    /// The loss.
    pub loss_type: DpoLoss,
    /// Share of labels expected to be wrong, 0 up to 0.5 (`sigmoid` and `robust`).
    pub label_smoothing: f64,
    /// Margin wanted between the two mean log-probabilities, times beta (`simpo`); none means 0.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// Weight of an additional cross-entropy on the better answer; 0 is none.
    pub sft_weight: f64,
}

impl Default for DpoSpec {
    fn default() -> Self {
        Self { batch: 32, beta: 0.1, loss_type: DpoLoss::Sigmoid, label_smoothing: 0.0, gamma: None, sft_weight: 0.0 }
    }
}

/// Losses on pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DpoLoss {
    /// DPO (arXiv 2305.18290); with `label_smoothing` cDPO.
    Sigmoid,
    /// DPO that is unbiased under swapped labels (arXiv 2403.00409).
    Robust,
    /// A goal for the margin (arXiv 2310.12036).
    Ipo,
    /// Nothing to learn beyond a margin of 1 (arXiv 2305.10425).
    Hinge,
    /// Better up, worse down, each on its own (arXiv 2408.06266).
    ApoZero,
    /// Mean log-probabilities, no reference (arXiv 2405.14734).
    Simpo,
}

/// Learning from single answers judged good or bad (arXiv 2402.01306).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KtoSpec {
    /// Answers per step, at least 2.
    pub batch: u32,
    /// How strongly the policy is held to the reference.
    pub beta: f64,
    /// Weight of good answers.
    pub desirable_weight: f64,
    /// Weight of bad answers.
    pub undesirable_weight: f64,
}

impl Default for KtoSpec {
    fn default() -> Self {
        Self { batch: 32, beta: 0.1, desirable_weight: 1.0, undesirable_weight: 1.0 }
    }
}

/// Cross-entropy on the better answer and its odds against the worse one (arXiv 2403.07691).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OrpoSpec {
    /// Pairs per step.
    pub batch: u32,
    /// Weight of the odds.
    pub beta: f64,
}

impl Default for OrpoSpec {
    fn default() -> Self {
        Self { batch: 32, beta: 0.1 }
    }
}

/// Supervised fine-tuning on the best of a group of own answers (arXiv 2304.06767).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RaftSpec {
    /// The best answer of a group is learnt from if its reward is above this.
    pub accept_above: f64,
}

/// A network that scores answers (Bradley-Terry).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RewardModelSpec {
    /// Pairs per step.
    pub batch: u32,
    /// Weight of the squared sum of both scores, which keeps them around 0; 0 is none, 0.01 is advised.
    pub center_rewards_coefficient: f64,
    /// Members that are trained side by side, each on pairs of its own drawing and in its own order; 1 is a model alone.
    #[serde(skip_serializing_if = "is_alone")]
    pub ensemble: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_alone(members: &u32) -> bool {
    *members == 1
}

impl Default for RewardModelSpec {
    fn default() -> Self {
        Self { batch: 32, center_rewards_coefficient: 0.0, ensemble: 1 }
    }
}
