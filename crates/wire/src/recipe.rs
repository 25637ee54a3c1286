//! A training run's whole configuration: config + seed + commit replay it. Unknown keys are errors everywhere.

mod cold_start;
mod curriculum;
mod environment;
mod lora;
mod memory;
mod objective;
mod preference;

pub use cold_start::{ColdStartSpec, StatedConfidence};
pub use curriculum::CurriculumSpec;
pub use environment::{EnvironmentSpec, Push};
pub use lora::{LORA_TARGETS, LoraSpec};
pub use memory::{Dtype, MemorySpec};
pub use objective::{AdvantageEstimator, ImportanceSamplingLevel, KlEstimator, PolicyLoss};
pub use preference::{DpoLoss, DpoSpec, KtoSpec, OrpoSpec, RaftSpec, RewardModelSpec};

use crate::{Constitution, Domain, RewardConfig, Sampling};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    /// Demonstrations before the first answer is drawn (GRPO, RAFT); none draws from the starting weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold_start: Option<ColdStartSpec>,
    /// Questions that are too easy or too hard rest (GRPO); none asks each as often as any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curriculum: Option<CurriculumSpec>,
    /// Dialogues instead of single answers (GRPO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentSpec>,
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
    /// Pairs against a reference (DPO). Sections added later than a run are left out of its JSON while they say nothing, so
    /// that its state still belongs to it.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub dpo: DpoSpec,
    /// Thumbs (KTO).
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub kto: KtoSpec,
    /// Pairs without a reference (ORPO).
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub orpo: OrpoSpec,
    /// What is worth imitating (RAFT).
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub raft: RaftSpec,
    /// The scoring network (reward model).
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub reward_model: RewardModelSpec,
    /// The optimizer.
    #[serde(default)]
    pub optim: OptimSpec,
    /// Train an adapter beside frozen weights; none trains all weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraSpec>,
    /// What the run spends memory on.
    #[serde(default, skip_serializing_if = "says_nothing")]
    pub memory: MemorySpec,
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

fn says_nothing<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    /// Group relative policy optimisation (arXiv 2402.03300) and its family.
    Grpo,
    /// Pairs of a better and a worse answer against a reference (arXiv 2305.18290 and relatives).
    Dpo,
    /// Single answers judged good or bad (arXiv 2402.01306).
    Kto,
    /// Pairs without a reference (arXiv 2403.07691).
    Orpo,
    /// Supervised fine-tuning on the best own answers (arXiv 2304.06767).
    Raft,
    /// A model that scores answers, for the reward of another run.
    RewardModel,
}

impl Algorithm {
    /// Whether it draws answers and rewards them.
    #[must_use]
    pub fn samples(self) -> bool {
        matches!(self, Self::Grpo | Self::Raft)
    }
}

/// Which questions a run trains on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataSpec {
    /// Seed of the built-in world.
    pub world_seed: u64,
    /// Domains to draw from; empty means all.
    pub domains: Vec<Domain>,
    /// Comparisons or judgements to learn from instead of ones made from the world: a JSONL file, `feedback` for what
    /// people said, or `reviews` for what they decided about answers that were brought before them (DPO, KTO, ORPO, reward model).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferences: Option<String>,
    /// Rows to train on instead of the world: a JSONL file in a format of TRL or OpenAI that fits the algorithm. The world's
    /// held-out questions are still measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The hash of that file. `clicker train` writes it down, so that a run never goes on with other rows; a recipe that names
    /// it accepts no other file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why the run starts even if the look at the file says stop; none: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_anyway: Option<String>,
    /// Further questions beside the world's list, by domain: `reading` and `rules`, whose texts the world can make without end.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<Domain, u32>,
    /// So many of the questions are asked a second time in another form, beside themselves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub retold: BTreeMap<Retelling, u32>,
}

/// The same question in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retelling {
    /// Asked before and answered rightly, then something irrelevant, then asked again.
    Again,
    /// The sentences of its passage in another order.
    Reorder,
    /// A sum that is asked for with its steps, and demonstrated with them.
    Steps,
}

impl Default for DataSpec {
    fn default() -> Self {
        Self {
            world_seed: 1,
            domains: Vec::new(),
            preferences: None,
            file: None,
            sha256: None,
            start_anyway: None,
            more: BTreeMap::new(),
            retold: BTreeMap::new(),
        }
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
    /// Against what an answer is measured.
    #[serde(skip_serializing_if = "says_nothing")]
    pub advantage: AdvantageEstimator,
    /// Discount per token of the returns (`reinforce_plus_plus`, `gae`); none means 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// How far advantages look beyond the next guess (`gae`); none means 0.95.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lambda: Option<f64>,
    /// How far a guess may move per batch (`gae`); none means 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cliprange_value: Option<f64>,
    /// Peak learning rate of the value network (`gae`); none means the policy's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub critic_learning_rate: Option<f64>,
    /// Whose probabilities the ratio compares.
    #[serde(skip_serializing_if = "says_nothing")]
    pub importance_sampling_level: ImportanceSamplingLevel,
    /// What is made of ratio and advantage.
    #[serde(skip_serializing_if = "says_nothing")]
    pub policy_loss: PolicyLoss,
    /// Cap on the ratio of punished tokens (`clip`), above 1 + epsilon_high; none leaves it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// How fast the gradient of rewarded tokens fades (`sapo`); none means 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sapo_temperature_pos: Option<f64>,
    /// The same for punished tokens; none means 1.05.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sapo_temperature_neg: Option<f64>,
    /// Only this share of the tokens, those where the model hesitated most, is learnt from; none means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_entropy_quantile: Option<f64>,
    /// Weight of the mean entropy per token, which is added to what is maximised; with a target its starting value.
    #[serde(skip_serializing_if = "says_nothing")]
    pub entropy_coef: f64,
    /// The weight goes up while the entropy per token is at or below this, down while it is above, and acts only at or below
    /// it (arXiv 2505.22312), nats; none keeps the weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy_target: Option<f64>,
    /// Change of the weight per step; none means 0.005.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy_coef_delta: Option<f64>,
    /// The weight's largest value; none means 0.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entropy_coef_max: Option<f64>,
    /// Punished answers that the policy has left behind by more than this many nats per token are left out; none keeps all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_policy_mask_threshold: Option<f64>,
    /// Groups without signal are replaced by further prompts, in at most so many draws per step; 0 and 1 draw once.
    #[serde(skip_serializing_if = "says_nothing")]
    pub max_num_gen_batches: u32,
    /// Which estimate of the KL.
    #[serde(skip_serializing_if = "says_nothing")]
    pub kl_estimator: KlEstimator,
    /// The KL is taken off the reward, without a gradient, instead of added to the loss.
    #[serde(skip_serializing_if = "says_nothing")]
    pub kl_in_reward: bool,
    /// The KL in the loss is weighed by the ratio (arXiv 2512.02556).
    #[serde(skip_serializing_if = "says_nothing")]
    pub use_bias_correction_kl: bool,
    /// `beta` follows the measured KL per token towards this (arXiv 1909.08593); none keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl_target: Option<f64>,
    /// Answers over which `beta` adapts; none means 10000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl_horizon: Option<f64>,
    /// Steps between refreshes of the reference (arXiv 2404.09656); 0 keeps the starting model.
    #[serde(skip_serializing_if = "says_nothing")]
    pub ref_model_sync_steps: u32,
    /// Share of the policy in a refreshed reference; none means 0.6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_model_mixup_alpha: Option<f64>,
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
            advantage: AdvantageEstimator::Grpo,
            gamma: None,
            lambda: None,
            cliprange_value: None,
            critic_learning_rate: None,
            importance_sampling_level: ImportanceSamplingLevel::Token,
            policy_loss: PolicyLoss::Clip,
            delta: None,
            sapo_temperature_pos: None,
            sapo_temperature_neg: None,
            top_entropy_quantile: None,
            entropy_coef: 0.0,
            entropy_target: None,
            entropy_coef_delta: None,
            entropy_coef_max: None,
            off_policy_mask_threshold: None,
            max_num_gen_batches: 0,
            kl_estimator: KlEstimator::K3,
            kl_in_reward: false,
            use_bias_correction_kl: false,
            kl_target: None,
            kl_horizon: None,
            ref_model_sync_steps: 0,
            ref_model_mixup_alpha: None,
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
    /// As `dapo`, but over each part of the batch by itself: the result depends on how the batch is cut.
    Bnpo,
    /// Sum over each sequence's tokens, then mean over sequences; with `importance_sampling_level = "sequence"` LUSPO.
    SequenceSum,
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
    /// Demonstrations that give an answer also state a confidence in tenths ("Paris (confidence 70%)."); none states none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated_confidence: Option<StatedConfidence>,
}

impl Default for SftSpec {
    fn default() -> Self {
        Self { batch: 64, stated_confidence: None }
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
