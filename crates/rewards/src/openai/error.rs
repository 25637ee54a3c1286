//! What can be wrong with a grader's JSON. Samples and items are never an error: what they break is a flag of the receipt.

use super::formula::FormulaError;
use super::template::TemplateError;

/// Names the place in the JSON, what stands there and what is expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraderError {
    /// Not JSON at all.
    #[error("the grader is not JSON: {problem}")]
    Json {
        /// What the parser says.
        problem: String,
    },
    /// A field that this object does not have.
    #[error("{at} has no field {field:?}{}; its fields are {}", hint(.nearest), .known.join(", "))]
    UnknownField {
        /// Where, such as `grader.graders.close`.
        at: String,
        /// The field.
        field: String,
        /// A field that is spelled nearly so.
        nearest: Option<&'static str>,
        /// All it has.
        known: Vec<&'static str>,
    },
    /// A field that is required.
    #[error("{at} lacks the field {field:?}; add it")]
    MissingField {
        /// Where.
        at: String,
        /// The field.
        field: &'static str,
    },
    /// A value of the wrong kind or outside its range.
    #[error("{at} is {got}, expected {expected}{}", hint(.nearest))]
    Value {
        /// Where.
        at: String,
        /// What stands there, shortened.
        got: String,
        /// What should.
        expected: String,
        /// A word that is spelled nearly so.
        nearest: Option<&'static str>,
    },
    /// A template that cannot be filled by any sample.
    #[error("{at}: {problem}")]
    Template {
        /// Where.
        at: String,
        /// What is wrong with it.
        problem: TemplateError,
    },
    /// A formula that cannot be calculated.
    #[error("{at}: {problem}")]
    Formula {
        /// Where.
        at: String,
        /// What is wrong with it.
        problem: FormulaError,
    },
    /// A `multi` inside a `multi`.
    #[error(
        "{at} is a multi inside a multi, which the schema does not have; put its parts into the outer one and its formula, in parentheses, into the outer formula"
    )]
    NestedMulti {
        /// Where.
        at: String,
    },
}

impl GraderError {
    /// Which part of the JSON is wrong, such as `grader.graders.close.operation`.
    #[must_use]
    pub fn at(&self) -> &str {
        match self {
            Self::Json { .. } => "grader",
            Self::UnknownField { at, .. }
            | Self::MissingField { at, .. }
            | Self::Value { at, .. }
            | Self::Template { at, .. }
            | Self::Formula { at, .. }
            | Self::NestedMulti { at } => at,
        }
    }
}

fn hint(nearest: &Option<&'static str>) -> String {
    nearest.map(|word| format!(" (did you mean {word:?}?)")).unwrap_or_default()
}
