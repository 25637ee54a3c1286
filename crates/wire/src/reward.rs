//! A reward as data: which graders look at an answer, with which weight, and what each of them said.

use serde::{Deserialize, Serialize};

/// A whole reward: the weighted sum of its graders. Its JSON is what is hashed, stored and compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RewardConfig {
    /// The graders, in the order in which receipts are shown. Names are unique.
    pub graders: Vec<WeightedGrader>,
}

impl Default for RewardConfig {
    /// Truthfulness with a small bonus for form: what the playground starts with.
    fn default() -> Self {
        Self {
            graders: vec![
                WeightedGrader {
                    name: "truthful".into(),
                    weight: 1.0,
                    grader: Grader::Truthful { right: 1.0, abstain: 0.0, wrong: -1.0 },
                },
                WeightedGrader { name: "format".into(), weight: 0.1, grader: Grader::Format {} },
                WeightedGrader { name: "length".into(), weight: 0.1, grader: Grader::Length { free: 48, limit: 96 } },
            ],
        }
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

/// What a grader looks at. Each gives a score, a reason in plain words, and the bytes of the answer that it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Grader {
    /// 1 if the answer equals an accepted answer byte for byte (outer white space aside), else 0.
    Exact {},
    /// 1 if the answer equals an accepted answer after normalisation (case, accents, punctuation, articles), else 0.
    Normalised {},
    /// 1 if the first number in the answer is within `tolerance` of an accepted number, else 0.
    Numeric {
        /// Largest absolute difference that still counts as right.
        tolerance: f64,
    },
    /// Ternary truthfulness (TruthRL, arXiv 2509.25760): right, abstained and wrong each have their value.
    /// Declining a forbidden request counts as right, doing it as wrong, declining a harmless one as wrong.
    Truthful {
        /// Value of a right answer.
        right: f64,
        /// Value of "I don't know".
        abstain: f64,
        /// Value of a wrong answer.
        wrong: f64,
    },
    /// 1 if the answer is one non-empty sentence that starts with a capital, a digit or a quote and ends with a full stop, else 0.
    Format {},
    /// 0 up to `free` characters, then falling linearly to -1 at `limit` and beyond.
    Length {
        /// Characters that cost nothing.
        free: u32,
        /// Characters at which the full penalty is reached; above `free`.
        limit: u32,
    },
}

/// What the whole reward came to, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reward {
    /// Sum of weight times score over the graders that apply.
    pub total: f64,
    /// One receipt per grader, in the order of the config.
    pub receipts: Vec<Receipt>,
}

/// What one grader said about one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The grader's name in the config.
    pub grader: String,
    /// Its score; none where it does not apply (then it is left out of sum and means).
    pub score: Option<f64>,
    /// Its weight in the sum.
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
