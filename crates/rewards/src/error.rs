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
        /// The grader's name, or the part of the configuration.
        name: String,
        /// The field.
        field: &'static str,
        /// Its value.
        got: String,
        /// The range.
        expected: String,
    },
    /// A gate, constraint or domain weight of a grader that is not there.
    #[error("a {part} names the grader {name:?}, expected one of {known}; rename it or add the grader")]
    Unknown {
        /// What names it.
        part: &'static str,
        /// The name.
        name: String,
        /// The graders that there are.
        known: String,
    },
    /// A constitution without principles.
    #[error("the constitution has no principles, expected at least one; add a [[principles]] table")]
    NoPrinciples,
    /// A principle that cannot be enforced as it stands.
    #[error("principle {id:?}: {problem}")]
    Principle {
        /// Its id.
        id: String,
        /// What is the matter, and what to do.
        problem: String,
    },
    /// A grader of a constitution that nothing accounts for.
    #[error(
        "the grader {name:?} serves no principle, expected every grader in the `graders` of one; bind or remove it"
    )]
    ServesNothing {
        /// Its name.
        name: String,
    },
}
