//! A fair comparison of ways to train: what was asked (an experiment), what one model said to each held-out question, and what
//! came out. Data only: the statistics are in the crate that measures.

use crate::{Better, Constitution, Domain, Expected, ItemId, Knowledge, Recipe, RewardConfig, RunId, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What is compared with what, under which rules. Written as TOML in `recipes/experiments/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Short name.
    pub name: String,
    /// What it is to find out, in a sentence or two; may be empty.
    #[serde(default)]
    pub about: String,
    /// The model that every arm starts from: `builtin`, a GGUF file or a Hugging Face folder.
    #[serde(default = "builtin")]
    pub model: String,
    /// Every trained arm is trained once with each.
    pub seeds: Vec<u64>,
    /// At most this many held-out questions at the end, spread over domains and classes; 0 asks all.
    #[serde(default)]
    pub items: u32,
    /// The arm that the others are held against first; none means the first trained one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// What is equal in all trained arms.
    pub budget: Budget,
    /// How learning rates are chosen.
    #[serde(default)]
    pub tuning: TuningSpec,
    /// What the machine is taken to draw while it trains, in watts, for the energy estimate.
    #[serde(default = "watts")]
    pub watts: f64,
    /// The arms.
    pub arms: Vec<ArmSpec>,
}

fn builtin() -> String {
    "builtin".into()
}

fn watts() -> f64 {
    15.0
}

/// What is equal in all trained arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// What is counted.
    pub kind: BudgetKind,
    /// How much of it every arm gets per seed.
    pub amount: u64,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    /// Training prompts seen, repetitions counted: steps are set so that prompts per step times steps is the amount.
    Prompts,
    /// Distinct labelled examples within reach: the amount first of the training list. Steps are the recipe's.
    Labels,
    /// Tokens that go through training passes (prompts included) and tokens that are generated for training, added up. Steps
    /// are set from what a few steps of the arm take.
    Tokens,
}

/// How learning rates are chosen: every arm tries the same factors around its recipe's rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TuningSpec {
    /// Factors of the recipe's learning rate; empty keeps the recipe's.
    pub factors: Vec<f64>,
    /// The share of the budget that each try gets, above 0 and at most 1.
    pub share: f64,
    /// The seed of the tries.
    pub seed: u64,
}

impl Default for TuningSpec {
    fn default() -> Self {
        Self { factors: Vec::new(), share: 0.25, seed: 0 }
    }
}

/// A way to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmSpec {
    /// Its name: letters, digits, `-` and `_`.
    pub name: String,
    /// A recipe: the name of a shipped one (`sft`, `family/ppo`) or a file beside the experiment's; none is the starting model as
    /// it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipe: Option<String>,
    /// Keys of the recipe that are set otherwise, in its own sections.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub set: Map<String, Value>,
    /// The recipe of a reward model that is trained first, with the same seed; its score takes the place of the graders of
    /// truth in the arm's reward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward_model: Option<String>,
}

/// A held-out question and what a model's greedy answer to it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnsweredItem {
    /// The question.
    pub id: ItemId,
    /// Questions that belong together (other words, another name) share this: they are drawn together when resampled.
    pub unit: String,
    /// Its subject.
    pub domain: Domain,
    /// Its class.
    pub knowledge: Knowledge,
    /// What a good model does.
    pub expected: Expected,
    /// What the answer was.
    pub verdict: Verdict,
    /// The answer, normalised.
    pub said: String,
    /// Whether the question has wordings that its answer is compared with.
    pub paraphrased: bool,
    /// The probability of the answer's tokens, all of them multiplied.
    pub confidence: f64,
}

/// What came out of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What was asked.
    pub experiment: Experiment,
    /// The arm that the others are held against first.
    pub against: String,
    /// Which program on which machine, and how to do it again.
    pub made: RunCard,
    /// The questions.
    pub data: DataCard,
    /// The arms, in the experiment's order.
    pub arms: Vec<ArmResult>,
    /// Figures of the whole suite, then of each domain and class.
    pub figures: Vec<FigureResult>,
    /// Resamples behind every interval over questions.
    pub resamples: u32,
    /// What this comparison cannot say, in plain words.
    pub limitations: Vec<String>,
}

/// Which program on which machine, and how to do it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunCard {
    /// The program's version.
    pub version: String,
    /// The source's commit, where it could be found.
    pub commit: Option<String>,
    /// Processor, cores and system.
    pub machine: String,
    /// Sha256 of the starting model's file.
    pub model_sha256: String,
    /// Commands that make this comparison, or parts of it, again.
    pub commands: Vec<String>,
    /// When it was finished, Unix milliseconds.
    pub ended_ms: i64,
}

/// The questions of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataCard {
    /// Where they come from.
    pub source: String,
    /// Seed of the built-in world.
    pub world_seed: u64,
    /// Demonstrations that there are.
    pub demonstrations: u32,
    /// Training questions that there are for rewards and pairs.
    pub questions: u32,
    /// Of those, how many were held back to choose learning rates on; 0 without tuning.
    pub validation: u32,
    /// Held-out questions that were asked.
    pub held_out: u32,
    /// Held-out questions by domain and class.
    pub classes: Vec<ClassCount>,
    /// Questions that training and held-out lists share; anything but 0 would be a mistake.
    pub shared: u32,
}

/// How many questions of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCount {
    /// The subject.
    pub domain: Domain,
    /// The class.
    pub knowledge: Knowledge,
    /// How many.
    pub n: u32,
}

/// An arm, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmResult {
    /// Its name.
    pub name: String,
    /// What was run, with the chosen learning rate and the budget's steps, under the first seed; none for the starting model.
    pub recipe: Option<Recipe>,
    /// How its learning rate was chosen; none where it was the recipe's.
    pub rate: Option<RateChoice>,
    /// The reward that it was trained on, if any.
    pub reward: Option<RewardCard>,
    /// What it saw, per seed.
    pub saw: Saw,
    /// What it cost, mean over seeds.
    pub cost: Cost,
    /// Its runs, one per seed.
    pub runs: Vec<SeedRun>,
}

/// The choice of a learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateChoice {
    /// The factor that won.
    pub factor: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// All tries.
    pub tried: Vec<RateTry>,
}

/// One try of a learning rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RateTry {
    /// Factor of the recipe's rate.
    pub factor: f64,
    /// The learning rate.
    pub learning_rate: f64,
    /// Steps it got.
    pub steps: u32,
    /// Right minus wrong answers over all validation questions, -1 to 1; none where the numbers diverged.
    pub score: Option<f64>,
}

/// The reward of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardCard {
    /// The sha256 of its canonical JSON.
    pub sha256: String,
    /// The reward.
    pub reward: RewardConfig,
    /// The principles behind it, if there are any.
    pub constitution: Option<Constitution>,
}

/// What an arm saw, per seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Saw {
    /// Training prompts, repetitions counted.
    pub prompts: u64,
    /// Distinct labelled examples: demonstrations, pairs, judgements or answer keys.
    pub labels: u64,
    /// Demonstrations, repetitions counted.
    pub demonstrations: u64,
    /// Comparisons, repetitions counted.
    pub pairs: u64,
    /// Answers judged good or bad, repetitions counted.
    pub judgements: u64,
    /// Own answers that were rewarded.
    pub rewarded: u64,
    /// In a sentence: what the labels told it.
    pub words: String,
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Wall-clock seconds of its steps, measurements left out.
    pub seconds: f64,
    /// Tokens generated for training.
    pub generated: f64,
    /// Tokens that went through training passes, prompts included.
    pub trained: f64,
    /// Estimate: the stated watts times the seconds, watt hours.
    pub watt_hours: f64,
}

/// One run of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeedRun {
    /// The seed.
    pub seed: u64,
    /// Where it lies: a folder below the experiment's, or a run's id.
    pub place: String,
    /// Steps done.
    pub steps: u32,
    /// What it cost.
    pub cost: Cost,
    /// Alarms that it raised, by name.
    pub alarms: Vec<String>,
    /// The suite's figures by id.
    pub figures: BTreeMap<String, f64>,
    /// Held-out figures while it trained, by step.
    pub curve: Vec<CurvePoint>,
}

/// A held-out measurement while training. Nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Steps done.
    pub step: u32,
    /// Training prompts seen until then.
    pub prompts: u64,
    /// Figures by id, 0 to 1.
    pub figures: BTreeMap<String, f64>,
}

/// A comparison as a server keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredComparison {
    /// Its id.
    pub id: String,
    /// When it was asked for, Unix milliseconds.
    pub created_ms: i64,
    /// When it ended, in whatever way.
    pub ended_ms: Option<i64>,
    /// What was asked.
    pub experiment: Experiment,
    /// Why nothing came out, if that is so.
    pub error: Option<String>,
    /// Its runs, seed by seed.
    pub runs: Vec<ComparisonRun>,
}

/// A run of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRun {
    /// The arm.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// What it is for.
    #[serde(default)]
    pub part: ComparisonPart,
    /// The run.
    pub run: RunId,
}

/// What a run is for within a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum ComparisonPart {
    /// A few steps, to learn how many tokens one takes.
    Pilot,
    /// The reward model behind pilot and tries, which all have the same seed.
    TuningRewardModel,
    /// A try of a learning rate.
    Rate {
        /// Factor of the recipe's rate.
        factor: f64,
    },
    /// The reward model of a seed.
    RewardModel,
    /// A seed of the arm: what is compared.
    #[default]
    Seed,
}

impl ComparisonPart {
    /// Whether it chooses settings: then it is measured on training questions held back, and knows no held-out one.
    #[must_use]
    pub fn tunes(self) -> bool {
        matches!(self, Self::Pilot | Self::TuningRewardModel | Self::Rate { .. })
    }

    /// What a run of this seed is called within its comparison.
    #[must_use]
    pub fn name(self, seed: u64) -> String {
        match self {
            Self::Pilot => "tokens per step".into(),
            Self::TuningRewardModel => "reward model for the tries".into(),
            Self::Rate { factor } => format!("rate times {factor}"),
            Self::RewardModel => format!("reward model of seed {seed}"),
            Self::Seed => format!("seed {seed}"),
        }
    }
}

/// One figure over all arms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FigureResult {
    /// Its name in this document, e.g. `hallucination` or `capitals/known/right`.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// What is divided by what, in words.
    pub meaning: String,
    /// Which way is better.
    pub better: Better,
    /// The domain and class that it is about; none for the whole suite.
    pub cell: Option<(Domain, Knowledge)>,
    /// Questions (or pairs of them) that it is about.
    pub n: u32,
    /// Per arm.
    pub arms: Vec<ArmFigure>,
    /// Differences between arms.
    pub differences: Vec<Difference>,
}

/// A figure of one arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmFigure {
    /// The arm.
    pub arm: String,
    /// Mean over seeds.
    pub mean: f64,
    /// 95 % interval over seeds (Student's t); none with fewer than two.
    pub over_seeds: Option<[f64; 2]>,
    /// 95 % interval over questions (percentile bootstrap of the mean over seeds).
    pub over_items: [f64; 2],
    /// Seeds behind it; 1 for the starting model, which has none.
    pub seeds: u32,
}

/// How two arms differ in a figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The arm.
    pub arm: String,
    /// What is taken off it.
    pub against: String,
    /// `arm` minus `against`.
    pub value: f64,
    /// 95 % interval: paired bootstrap over questions, percentile.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// Questions (or pairs of them) that it is about.
    pub n: u32,
}

impl Difference {
    /// Whether the interval leaves 0 out.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}
