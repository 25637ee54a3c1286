//! A reward as data: which graders look at an answer, with which weight, and what each of them said.

use crate::{Adaptive, Clamp, Combine, Constraint, DomainWeight, Gate, Grader};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A whole reward: its graders, and how their scores become one number. Its JSON is what is hashed, stored and compared,
/// so a field added later is left out of it while it says nothing: old configurations keep their bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardConfig {
    /// The graders, in the order in which receipts are shown. Names are unique.
    pub graders: Vec<WeightedGrader>,
    /// How scores become one number.
    #[serde(default, skip_serializing_if = "Combine::is_sum")]
    pub combine: Combine,
    /// Factors on a grader's weight in one domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domain_weights: Vec<DomainWeight>,
    /// Costs that must stay below a limit on average.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// The range of the total; none leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clamp: Option<Clamp>,
    /// What must hold before anything else counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Gate>,
    /// Weights that change while a run goes on.
    #[serde(default, skip_serializing_if = "Adaptive::is_empty")]
    pub adaptive: Adaptive,
}

impl RewardConfig {
    /// The models that OpenAI's graders in it ask, by the names they give them.
    #[must_use]
    pub fn judges(&self) -> BTreeSet<&str> {
        fn of(weighted: &WeightedGrader) -> BTreeSet<&str> {
            match &weighted.grader {
                Grader::Openai { grader } => crate::openai_grader::models_asked(grader),
                _ => BTreeSet::new(),
            }
        }
        self.graders.iter().flat_map(of).collect()
    }

    /// The weighted sum of these graders and nothing else.
    #[must_use]
    pub fn sum(graders: Vec<WeightedGrader>) -> Self {
        Self {
            graders,
            combine: Combine::Sum {},
            domain_weights: Vec::new(),
            constraints: Vec::new(),
            clamp: None,
            gates: Vec::new(),
            adaptive: Adaptive::default(),
        }
    }
}

impl Default for RewardConfig {
    /// Truthfulness with a small bonus for form: what the playground starts with.
    fn default() -> Self {
        Self::sum(vec![
            WeightedGrader {
                name: "truthful".into(),
                weight: 1.0,
                grader: Grader::Truthful { right: 1.0, abstain: 0.0, wrong: -1.0 },
            },
            WeightedGrader { name: "format".into(), weight: 0.1, grader: Grader::Format {} },
            WeightedGrader { name: "length".into(), weight: 0.1, grader: Grader::Length { free: 48, limit: 96 } },
        ])
    }
}

/// One grader and how much it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedGrader {
    /// Name on receipts and in metrics (`rewards/<name>/mean`): lower-case letters, digits, `_`.
    pub name: String,
    /// Factor in the sum; 0 switches the grader off but still shows its receipt.
    pub weight: f64,
    /// What is looked at.
    pub grader: Grader,
}

/// What the whole reward came to, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reward {
    /// Sum of weight times score over the graders that apply, unless `notes` say what became of it.
    pub total: f64,
    /// One receipt per grader, in the order of the config.
    pub receipts: Vec<Receipt>,
    /// Why the total is not that sum, in plain words: a constraint, a closed gate, a clamp, an order of precedence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What one grader said about one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The grader's name in the config.
    pub grader: String,
    /// Its score; none where it does not apply (then it is left out of sum and means).
    pub score: Option<f64>,
    /// Its weight in the sum, with the factor of the question's domain.
    pub weight: f64,
    /// Why, in plain words for the person who reads it.
    pub reason: String,
    /// The bytes of the answer that the score rests on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<Span>,
}

impl Receipt {
    /// What it adds to the total: weight times score, 0 where it does not apply.
    #[must_use]
    pub fn contribution(&self) -> f64 {
        self.weight * self.score.unwrap_or(0.0)
    }
}

/// A byte range of the answer, on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}
