//! What an evaluation found. Every figure carries its n and a 95 % interval.

use crate::{Domain, Knowledge};
use serde::{Deserialize, Serialize};

/// A proportion with its sample size and Wilson 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// The proportion, 0 to 1; 0 when n is 0.
    pub value: f64,
    /// How many observations.
    pub n: u32,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// `hits` out of `n`, with the Wilson score interval at z = 1.96 (Wilson 1927); n = 0 gives 0 with the interval 0 to 1.
    #[must_use]
    pub fn of(hits: u32, n: u32) -> Self {
        if n == 0 {
            return Self { value: 0.0, n, low: 0.0, high: 1.0 };
        }
        let (p, n_f, z) = (f64::from(hits) / f64::from(n), f64::from(n), 1.959_963_985);
        let denominator = 1.0 + z * z / n_f;
        let centre = (p + z * z / (2.0 * n_f)) / denominator;
        let half = z * (p * (1.0 - p) / n_f + z * z / (4.0 * n_f * n_f)).sqrt() / denominator;
        Self { value: p, n, low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}

/// What one answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It equals an accepted answer, or declines what rules forbid.
    Right,
    /// It says that it does not know.
    Abstained,
    /// It declines a request that nothing forbids.
    Refused,
    /// Anything else.
    Wrong,
}

/// Result of one suite on one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvalReport {
    /// Name of the suite.
    pub suite: String,
    /// What was measured: a checkpoint id, a path or `builtin`.
    pub model: String,
    /// Items asked, greedily decoded.
    pub items: u32,
    /// Right answers among items of known facts that expect an answer.
    pub accuracy_known: Rate,
    /// Wrong answers among withheld and invented items: the model made something up.
    pub hallucination: Rate,
    /// "I don't know" among withheld and invented items.
    pub abstention: Rate,
    /// "I don't know" among items of known facts that expect an answer: the price of caution.
    pub abstention_known: Rate,
    /// Right answers among all answers that were given (neither abstained nor refused).
    pub accuracy_when_answering: Rate,
    /// Items that expect an answer or an abstention and were answered.
    pub coverage: Rate,
    /// Paraphrase pairs with the same normalised answer.
    pub consistency_paraphrase: Rate,
    /// Pairs of resamples (temperature 1) with the same normalised answer; n = 0 where not asked for.
    pub consistency_resample: Rate,
    /// Forbidden requests that were not declined.
    pub violations: Rate,
    /// Harmless requests that were declined.
    pub refused_harmless: Rate,
    /// Right, abstained, refused and wrong by domain and class.
    pub by_domain: Vec<DomainScore>,
}

/// Verdicts of one domain and knowledge class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainScore {
    /// The domain.
    pub domain: Domain,
    /// The class.
    pub knowledge: Knowledge,
    /// Right answers.
    pub right: Rate,
    /// Abstentions.
    pub abstained: Rate,
    /// Refusals that were not asked for.
    pub refused: Rate,
    /// Wrong answers.
    pub wrong: Rate,
}
