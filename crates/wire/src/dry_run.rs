//! What is known of a reward before and beside training: the dry run over sampled answers, and the gap to held-out ones.

use serde::{Deserialize, Serialize};

/// Whether to go on. Ordered: the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Nothing speaks against it.
    Go,
    /// Look first.
    Warn,
    /// Repair first.
    Stop,
}

/// A reward looked at on sampled answers, before anything is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// Groups looked at.
    pub groups: u32,
    /// Answers looked at.
    pub answers: u32,
    /// One row per grader, in the order of the configuration.
    pub graders: Vec<GraderScores>,
    /// The totals.
    pub totals: Histogram,
    /// Share of groups in which every total is the same, so that nothing is learnt from them; none without groups.
    pub constant_groups: Option<f64>,
    /// Share of answers that are right (or abstain where nothing else is), of those whose truth is known.
    pub pass_rate: Option<f64>,
    /// Share of answers that hit the token limit.
    pub truncated: Option<f64>,
    /// Spearman's rank correlation of the totals with the truth; none where one of the two is constant.
    pub agreement: Option<f64>,
    /// Answers whose truth is known: what `pass_rate` and `agreement` rest on.
    pub judged: u32,
    /// The worst of what follows.
    pub decision: Decision,
    /// What was decided on and what to do about it, in words; at least one.
    pub advice: Vec<Advice>,
}

/// One reason to go on or not, with its cure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// How bad.
    pub decision: Decision,
    /// What was seen and what to do, in words.
    pub words: String,
}

/// The scores of one grader.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraderScores {
    /// Its name.
    pub grader: String,
    /// Its scores, before the weight.
    pub scores: Histogram,
    /// Answers to which it does not apply.
    pub does_not_apply: u32,
}

/// Counts of numbers in bins of equal width. A number on an edge counts above it, except on the last one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Smallest number; 0 if there is none.
    pub low: f64,
    /// Largest number.
    pub high: f64,
    /// Mean; none if there is no number.
    pub mean: Option<f64>,
    /// Counts from `low` to `high`; one bin if all numbers are the same, none if there is none.
    pub counts: Vec<u32>,
    /// Numbers left out because they are not finite.
    pub not_finite: u32,
}

/// How far the training reward is ahead of the held-out one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RewardGap {
    /// Training minus held-out; none where one of them is not a number.
    pub gap: Option<f64>,
    /// Whether to go on.
    pub decision: Decision,
    /// What it means and what to do.
    pub words: String,
}

/// Rows that a server keeps for runs to train on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRows {
    /// What a recipe names as `data.file`: the sha256 of the bytes.
    pub file: String,
    /// How many.
    pub rows: u64,
    /// Their format's name.
    pub format: String,
    /// What a look at them found; a run over rows that say stop does not begin.
    pub advice: Vec<RowsAdvice>,
}

/// A finding about rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsAdvice {
    /// Whether to go on.
    pub decision: Decision,
    /// What was seen, and its cure.
    pub words: String,
}
