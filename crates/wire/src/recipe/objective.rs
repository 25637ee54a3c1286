//! The choices that make the members of the GRPO family: whose probabilities are compared, what is made of them, against
//! what an answer is measured, and where the KL goes. Each is free of the others; names follow TRL and verl.

use serde::{Deserialize, Serialize};

/// Against what an answer's reward is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvantageEstimator {
    /// The mean of its group, divided as `scale_rewards` says (GRPO, Dr. GRPO).
    #[default]
    Grpo,
    /// The mean of the others in its group (RLOO, arXiv 2402.14740).
    Rloo,
    /// Returns per token, whitened over the batch (REINFORCE++, arXiv 2501.03262).
    ReinforcePlusPlus,
    /// The mean of its group, then whitened over the batch (REINFORCE++-baseline).
    ReinforcePlusPlusBaseline,
    /// The answer that the model gives without drawing (ReMax, arXiv 2310.10505); one more answer per prompt is generated.
    Remax,
    /// The mean of its group, weighted by length (OPO, arXiv 2505.23585).
    Opo,
    /// What a value network guessed, token by token (PPO, arXiv 1707.06347, with GAE, arXiv 1506.02438).
    Gae,
}

/// Whose probabilities the ratio compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportanceSamplingLevel {
    /// Each token's (PPO, GRPO).
    #[default]
    Token,
    /// The whole answer's, per token on average (GSPO, arXiv 2507.18071).
    Sequence,
    /// The value of `sequence` with a gradient for each token of its own (GSPO-token).
    SequenceToken,
    /// The whole answer's, as a product (RLOO).
    SequenceSum,
}

/// What is made of ratio and advantage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyLoss {
    /// The clipped objective of PPO; with `delta` clipped on both sides.
    #[default]
    Clip,
    /// A capped weight on the log-probability (arXiv 2506.13585); `epsilon_high` is the absolute cap, 5 is advised.
    Cispo,
    /// A gradient that fades (arXiv 2511.20347).
    Sapo,
    /// No ratio at all (REINFORCE, GPG).
    Reinforce,
}

/// Which estimate of the KL to the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KlEstimator {
    /// `ln pi - ln ref`; as a loss it has no gradient on average.
    #[serde(rename = "k1")]
    K1,
    /// Half the square; as a loss it has the true gradient.
    #[serde(rename = "k2")]
    K2,
    /// `e^x - x - 1`, x = ln ref - ln pi; never negative.
    #[default]
    #[serde(rename = "k3")]
    K3,
    /// The value of k1 with the gradient of k2.
    #[serde(rename = "k1+")]
    K1Plus,
    /// The value of k3 with the gradient of k2.
    #[serde(rename = "k3+")]
    K3Plus,
}
