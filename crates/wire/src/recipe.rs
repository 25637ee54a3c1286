//! A training run's whole configuration: config + seed + commit replay it. Unknown keys are errors everywhere.

use crate::{Constitution, Domain, RewardConfig, Sampling};
use serde::{Deserialize, Serialize};

/// Everything that decides what a run does. Written as TOML in `recipes/`, as JSON over the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Short name, shown in lists.
    pub name: String,
    /// How weights are changed.
    pub algorithm: Algorithm,
    /// Starting weights: `builtin`, a checkpoint id, or a Hugging Face folder or GGUF file.
    #[serde(default = "builtin")]
    pub model: String,
    /// Root of all randomness of the run.
    #[serde(default)]
    pub seed: u64,
    /// Optimizer steps.
    pub steps: u32,
    /// What is asked.
    #[serde(default)]
    pub data: DataSpec,
    /// How answers are drawn (GRPO).
    #[serde(default)]
    pub rollout: RolloutSpec,
    /// What an answer is worth (GRPO).
    #[serde(default)]
    pub reward: RewardConfig,
    /// The principles behind the reward, which is then theirs. A recipe's file may name a file here instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constitution: Option<Constitution>,
    /// The objective (GRPO).
    #[serde(default)]
    pub grpo: GrpoSpec,
    /// Batch shape (SFT).
    #[serde(default)]
    pub sft: SftSpec,
    /// The optimizer.
    #[serde(default)]
    pub optim: OptimSpec,
    /// Held-out measurement while training.
    #[serde(default)]
    pub eval: EvalSpec,
    /// When weights are published.
    #[serde(default)]
    pub checkpoint: CheckpointSpec,
    /// What follows from the dry run before the first step (GRPO).
    #[serde(default, skip_serializing_if = "DryRunSpec::is_default")]
    pub dry_run: DryRunSpec,
}

fn builtin() -> String {
    "builtin".into()
}

/// How weights are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Supervised fine-tuning on demonstrations: cross-entropy on the assistant's tokens.
    Sft,
    /// Group relative policy optimisation (arXiv 2402.03300).
    Grpo,
}

/// Which questions a run trains on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSpec {
    /// Seed of the built-in world.
    pub world_seed: u64,
    /// Domains to draw from; empty means all.
    pub domains: Vec<Domain>,
}

impl Default for DataSpec {
    fn default() -> Self {
        Self { world_seed: 1, domains: Vec::new() }
    }
}

/// How the answers of a step are drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RolloutSpec {
    /// Prompts per step (P).
    pub prompts: u32,
    /// Answers per prompt (G), at least 2.
    pub group_size: u32,
    /// How tokens are drawn; its seed is ignored, the run's seed rules.
    pub sampling: Sampling,
}

impl Default for RolloutSpec {
    fn default() -> Self {
        Self { prompts: 16, group_size: 8, sampling: Sampling::default() }
    }
}

/// The GRPO objective. Names and defaults follow TRL where it has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GrpoSpec {
    /// Weight of the k3 KL to the reference model; 0 runs without a reference.
    pub beta: f64,
    /// The ratio is clipped below at 1 - epsilon.
    pub epsilon: f64,
    /// The ratio is clipped above at 1 + epsilon_high.
    pub epsilon_high: f64,
    /// Optimizer updates per batch of rollouts.
    pub num_iterations: u32,
    /// What group advantages are divided by.
    pub scale_rewards: AdvantageScale,
    /// How token losses become one number.
    pub loss_type: LossAggregation,
    /// What happens to groups whose rewards are all equal.
    pub zero_variance: ZeroVariance,
    /// Leave answers that hit the token limit out of the loss.
    pub mask_truncated: bool,
}

impl Default for GrpoSpec {
    fn default() -> Self {
        Self {
            beta: 0.04,
            epsilon: 0.2,
            epsilon_high: 0.2,
            num_iterations: 1,
            scale_rewards: AdvantageScale::Group,
            loss_type: LossAggregation::Dapo,
            zero_variance: ZeroVariance::Keep,
            mask_truncated: false,
        }
    }
}

/// What group advantages are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdvantageScale {
    /// The group's standard deviation (GRPO).
    Group,
    /// The batch's standard deviation.
    Batch,
    /// Nothing (Dr. GRPO).
    None,
}

/// How token losses become one number. M sequences, N active tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LossAggregation {
    /// Mean over each sequence's tokens, then over sequences.
    Grpo,
    /// Sum over tokens divided by all N active tokens of the step.
    Dapo,
    /// Sum over tokens divided by M times the token limit.
    DrGrpo,
}

/// What happens to groups whose rewards are all equal: they carry no signal, only (with beta > 0) the pull of the KL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZeroVariance {
    /// Advantage 0; the KL still acts on them (what TRL does).
    Keep,
    /// Left out of the loss and of its denominator, KL included.
    Skip,
}

/// Batch shape of supervised fine-tuning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SftSpec {
    /// Conversations per step.
    pub batch: u32,
}

impl Default for SftSpec {
    fn default() -> Self {
        Self { batch: 64 }
    }
}

/// AdamW with gradient clipping and warm-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OptimSpec {
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub adam_beta1: f64,
    /// Decay of the second moment.
    pub adam_beta2: f64,
    /// Added to the root of the second moment.
    pub adam_epsilon: f64,
    /// Decoupled weight decay; norms and embeddings are exempt.
    pub weight_decay: f64,
    /// Gradients are scaled down to this global norm; 0 switches clipping off.
    pub max_grad_norm: f64,
    /// Steps of linear warm-up.
    pub warmup_steps: u32,
    /// What follows the warm-up.
    pub schedule: Schedule,
}

impl Default for OptimSpec {
    fn default() -> Self {
        Self {
            learning_rate: 1e-4,
            adam_beta1: 0.9,
            adam_beta2: 0.99,
            adam_epsilon: 1e-8,
            weight_decay: 0.0,
            max_grad_norm: 1.0,
            warmup_steps: 5,
            schedule: Schedule::Constant,
        }
    }
}

/// The learning rate after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays at the peak.
    Constant,
    /// Falls linearly to 0 at the last step.
    Linear,
    /// Falls along half a cosine to a tenth of the peak at the last step.
    Cosine,
}

/// Held-out measurement while training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EvalSpec {
    /// Steps between measurements; 0 measures only before the first and after the last step.
    pub every: u32,
    /// At most this many held-out items per measurement, spread evenly over domains and classes; 0 means all.
    pub items: u32,
}

impl Default for EvalSpec {
    fn default() -> Self {
        Self { every: 20, items: 200 }
    }
}

/// When weights are published as a checkpoint (the state for resuming is saved after every step regardless).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointSpec {
    /// Steps between checkpoints; 0 publishes only the last.
    pub every: u32,
}

impl Default for CheckpointSpec {
    fn default() -> Self {
        Self { every: 20 }
    }
}

/// What follows from the dry run: the reward tried on the first step's answers. It is always made and always reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DryRunSpec {
    /// Why the run goes on even if the dry run says stop; empty: it does not. Lessons in reward hacking say so.
    pub start_anyway: String,
}

impl DryRunSpec {
    /// Whether a stop stops.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.start_anyway.is_empty()
    }
}
