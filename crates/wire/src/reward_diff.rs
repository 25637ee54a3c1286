//! Two versions of a reward: what changed between them, and what that does to the same answers.

use crate::ItemId;
use serde::{Deserialize, Serialize};

/// One difference between two versions of a reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardChange {
    /// Where it is.
    pub part: RewardPart,
    /// The grader that it is about (with the domain or signal, where several of a grader are told apart by one); empty
    /// where it is about the whole.
    pub name: String,
    /// What the first version has there, as its JSON; null where it has nothing.
    pub before: serde_json::Value,
    /// What the second version has there; null where it has nothing.
    pub after: serde_json::Value,
    /// The difference in plain words.
    pub words: String,
}

/// A part of a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardPart {
    /// A grader: there or not, or with other values.
    Grader,
    /// The weight of a grader that both have.
    Weight,
    /// The order of the graders that both have.
    Order,
    /// How scores become one number.
    Combine,
    /// A factor on a weight in one domain.
    DomainWeight,
    /// A constraint.
    Constraint,
    /// The range of the total.
    Clamp,
    /// A gate.
    Gate,
    /// A scheduled weight.
    Schedule,
    /// A rule on a weight.
    Rule,
}

/// Two versions of a reward on the same answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardComparison {
    /// Every answer, in the order of the questions.
    pub samples: Vec<ComparedSample>,
    /// Spearman's rank correlation of all totals, 1 where both order all answers alike; none where one version is
    /// constant.
    pub agreement: Option<f64>,
    /// Pairs of answers to one question that both versions order.
    pub ordered_pairs: u64,
    /// Those that they order differently: training on the other version pushes the other way.
    pub flipped_pairs: u64,
    /// Pairs that only one version tells apart.
    pub tied_pairs: u64,
    /// The flips with the largest change first, at most 64.
    pub flips: Vec<Flip>,
}

/// One answer under two versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparedSample {
    /// The question.
    pub item: ItemId,
    /// Index of the answer within the question's answers.
    pub sample: u32,
    /// The answer.
    pub text: String,
    /// Total under the first version.
    pub before: f64,
    /// Total under the second.
    pub after: f64,
    /// Rank among the question's answers under the first version: 1 is best, equals share the mean of theirs.
    pub rank_before: f64,
    /// Rank under the second.
    pub rank_after: f64,
}

/// Two answers to one question that changed places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flip {
    /// Position in `samples` of the answer that was better.
    pub was_better: u32,
    /// Position of the answer that is better now.
    pub is_better: u32,
    /// How far the first was ahead.
    pub lead_before: f64,
    /// How far the second is ahead.
    pub lead_after: f64,
}
