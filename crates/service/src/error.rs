//! What can go wrong in a use case. Status codes are the server's business.

use clicker_wire::RunStatus;

/// Why a use case did not happen, in words for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no such thing.
    #[error("there is no {what} `{id}`; {hint}")]
    NotFound {
        /// Kind of thing, e.g. `run`.
        what: &'static str,
        /// What was asked for.
        id: String,
        /// Where to look instead.
        hint: &'static str,
    },
    /// What was given cannot be used.
    #[error("{field}: {problem}; expected {expected}")]
    Invalid {
        /// Which part of what was given, e.g. `recipe.steps`.
        field: String,
        /// What is the matter with it.
        problem: String,
        /// What would do.
        expected: String,
    },
    /// A recipe cannot be run.
    #[error("{reason}")]
    Recipe {
        /// Which value is wrong, and what would do.
        reason: String,
    },
    /// Something cannot be explained.
    #[error("{reason}")]
    Explain {
        /// Why, and what could be.
        reason: String,
    },
    /// The id of an answer for review, or of a decision, was used before for something else.
    #[error(
        "review `{id}` is stored already with other content; an id names one thing for good: send what has changed under a new id"
    )]
    ReviewConflict {
        /// The id.
        id: String,
    },
    /// Too much waits for people already.
    #[error("{open} answers wait for a decision already, which is the most; decide some of them first")]
    QueueFull {
        /// How many wait.
        open: u32,
    },
    /// A grader's JSON is wrong.
    #[error(transparent)]
    Grader(#[from] clicker_rewards::openai::GraderError),
    /// A grader broke while it ran, which is a mistake of this program.
    #[error("the grader could not be run: {reason}")]
    Grading {
        /// The last words of what broke.
        reason: String,
    },
    /// The id of a vote was used before for something else.
    #[error(
        "vote `{id}` is stored already with other content; an id names one vote for good: send the changed vote under a new id"
    )]
    FeedbackConflict {
        /// The id.
        id: String,
    },
    /// A run cannot be commanded so where it stands.
    #[error("the run is {status:?} and cannot {command}; {hint}")]
    RunState {
        /// Where it stands.
        status: RunStatus,
        /// What was asked.
        command: &'static str,
        /// What can be done instead.
        hint: &'static str,
    },
    /// This server was started without a built-in model.
    #[error("this server has no built-in model; start it with one, or name a checkpoint id as the recipe's `model`")]
    NoBuiltin,
    /// Another process works on the same data directory.
    #[error("another clicker server uses the data directory {path}; stop it, or give this one its own with --data-dir")]
    DataDirInUse {
        /// The directory.
        path: String,
    },
    /// The built-in model cannot be read.
    #[error("the built-in model cannot be used: {reason}")]
    Model {
        /// Why.
        reason: String,
    },
    /// The service is stopping and takes no more work.
    #[error("the server is shutting down; try again when it is back")]
    ShuttingDown,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes: {reason}")]
    Randomness {
        /// Why.
        reason: String,
    },
    /// Votes could not be written as training data.
    #[error(transparent)]
    Export(#[from] clicker_dataset::Error),
    /// The database or the object store failed.
    #[error(transparent)]
    Store(#[from] clicker_store::StoreError),
}

impl ServiceError {
    /// Something given cannot be used.
    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into(), expected: expected.into() }
    }
}
