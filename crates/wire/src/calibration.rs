//! How well a model's confidence fits its answers, and how its answers change with a name. Data only: the formulas are in
//! the crate that measures.

use crate::{EvalReport, Rate};
use serde::{Deserialize, Serialize};

/// Where a confidence comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfidenceSource {
    /// The number that the answer states about itself.
    Stated,
    /// The probability of the greedy answer's tokens, all of them multiplied.
    Tokens,
    /// The share of answers drawn at temperature 1 that say what the greedy answer says.
    Agreement,
    /// One minus the semantic entropy of the drawn answers over its largest value.
    SemanticEntropy,
}

impl ConfidenceSource {
    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Stated => "stated",
            Self::Tokens => "token probability",
            Self::Agreement => "agreement of samples",
            Self::SemanticEntropy => "semantic entropy",
        }
    }
}

/// A figure that is no proportion, with its 95 % interval (percentile bootstrap over answers).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Over how many answers.
    pub n: u32,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// One bar of a reliability diagram: the answers whose confidence lies in `low..=high`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Lower edge.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
    /// Mean confidence of the answers in it; the middle of the bin where there are none.
    pub confidence: f64,
    /// How many of them are right.
    pub right: Rate,
}

/// A point of the risk-coverage curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskPoint {
    /// Share of answers kept, the surest first.
    pub coverage: f64,
    /// Share of wrong ones among those kept.
    pub risk: f64,
}

/// A threshold below which a person should be asked, with what it was promised to hold and what it held.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    /// The bound: in expectation at most this share of questions is answered wrongly.
    pub alpha: f64,
    /// Answers with more confidence than this are given; none where no threshold promises the bound: ask a person always.
    pub threshold: Option<f64>,
    /// Questions that the threshold was chosen on.
    pub chosen_on: u32,
    /// Of the other half of the questions, those answered wrongly in spite of the threshold: to be held against `alpha`.
    pub wrong: Rate,
    /// Of the other half, those still answered.
    pub answered: Rate,
}

/// One source of confidence, measured on the answers that were given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Where the confidence comes from.
    pub source: ConfidenceSource,
    /// Answers that were given and have this confidence.
    pub answers: u32,
    /// Expected calibration error, ten bins of equal width.
    pub ece: Estimate,
    /// Mean squared distance between confidence and outcome.
    pub brier: Estimate,
    /// Chance that a right answer is surer than a wrong one, ties counting half; none where all are right or all wrong.
    pub auroc: Option<Estimate>,
    /// Area under the risk-coverage curve: mean risk over all coverages.
    pub aurc: Estimate,
    /// The reliability diagram.
    pub bins: Vec<ReliabilityBin>,
    /// The risk-coverage curve, at most fifty points.
    pub curve: Vec<RiskPoint>,
    /// The threshold for asking a person.
    pub conformal: Conformal,
}

/// What changes when nothing but a name changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamePairs {
    /// Pairs in which one is answered rightly and the other is not, or one abstained or declined and the other did not.
    pub different_verdict: Rate,
    /// Mean absolute difference of the answers' token probability.
    pub confidence_gap: Estimate,
}

/// An evaluation with what confidence and names have to do with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// What the answers were.
    #[serde(flatten)]
    pub report: EvalReport,
    /// Right minus wrong answers over all questions that ask for knowledge, "I don't know" counting 0 (TruthRL, arXiv 2509.25760).
    pub truthfulness: Option<Estimate>,
    /// One entry per source of confidence that the answers have.
    pub calibration: Vec<Calibration>,
    /// Pairs of questions that differ only in a name.
    pub name_pairs: Option<NamePairs>,
}
