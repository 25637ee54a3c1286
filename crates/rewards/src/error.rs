//! What can be wrong with a reward configuration. Answers are never an error.

/// Names the grader, what was given and what is expected.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RewardError {
    /// No grader at all.
    #[error("the reward has no graders, expected at least one; add a grader")]
    Empty,
    /// A name that cannot stand in a metric's name.
    #[error(
        "grader name {name:?} is not allowed, expected 1 to 64 lower-case letters a-z, digits or _; rename the grader"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// Two graders of one name.
    #[error("two graders are named {name:?}, expected unique names; rename one of them")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A number outside its range.
    #[error("grader {name:?}: {field} is {got}, expected {expected}")]
    Value {
        /// The grader's name.
        name: String,
        /// The field.
        field: &'static str,
        /// Its value.
        got: String,
        /// The range.
        expected: String,
    },
}
