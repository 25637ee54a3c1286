//! How scores become one number when a weighted sum is not enough: precedence, gates, a clamp, factors by domain, and
//! safety constraints with their multipliers.

use crate::Domain;
use serde::{Deserialize, Serialize};

/// How the scores become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Combine {
    /// Sum of weight times score.
    Sum {},
    /// Earlier graders decide, later ones only break ties. Each score is clamped to -1..1 and rounded to one of `levels`
    /// steps; of the weights only the sign counts.
    Lexicographic {
        /// Steps that a score can take; answers whose scores fall on one step are tied.
        levels: u32,
    },
    /// Each grader's scores are normalised within the group before they are summed by weight, and the sums over the batch
    /// (GDPO, arXiv 2601.05242). This is about advantages: the total on a receipt stays the weighted sum, and gates and a
    /// clamp, which act on totals, are refused beside it.
    NormaliseThenSum {},
}

impl Default for Combine {
    fn default() -> Self {
        Self::Sum {}
    }
}

impl Combine {
    /// Whether it is the plain sum.
    #[must_use]
    pub fn is_sum(&self) -> bool {
        *self == Self::Sum {}
    }
}

/// A factor on one grader's weight in one domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DomainWeight {
    /// Where it holds.
    pub domain: Domain,
    /// The grader's name.
    pub grader: String,
    /// What the weight is multiplied by; 0 switches the grader off there.
    pub factor: f64,
}

/// The range of the total.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clamp {
    /// Smallest total.
    pub low: f64,
    /// Largest total; above `low`.
    pub high: f64,
}

/// A grader that must be content before anything else counts. It is open where the grader does not apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The grader's name.
    pub grader: String,
    /// The score that opens it.
    pub at_least: f64,
    /// The total while it is closed.
    pub otherwise: f64,
}

/// A cost that must stay at or below a limit on average (Safe RLHF, arXiv 2310.12773). An answer's cost is minus the
/// score of the grader, 0 where it does not apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// The name of the grader whose negative score is the cost. Its weight is usually 0, or the cost counts twice.
    pub grader: String,
    /// Largest mean cost that is allowed.
    pub limit: f64,
    /// The multiplier before the first update; above 0.
    pub start: f64,
    /// Step size of the update of its logarithm; 0 keeps the multiplier as it is, 0.05 is advised: while the mean cost is too high by
    /// v, the multiplier reaches its upper bound within about 1 / (rate * multiplier * v) steps.
    pub rate: f64,
}

/// One update of one multiplier: the history that a run keeps and a page draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiplierStep {
    /// The training step after which it happened.
    pub step: u32,
    /// The constraint's grader.
    pub grader: String,
    /// Mean cost over the step's answers.
    pub mean_cost: f64,
    /// The constraint's limit.
    pub limit: f64,
    /// The multiplier that the step used.
    pub before: f64,
    /// The multiplier of the next step.
    pub after: f64,
}
