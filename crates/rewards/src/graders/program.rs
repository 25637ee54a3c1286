//! A script of the person who writes the reward, in the language Rhai. It looks at whatever the script looks at.
//!
//! The script sees `item` (question, messages, accepted, expected, domain), `answer` and `verdict` (right, abstained,
//! refused, wrong), and ends with its score: a number, true or false, `()` where it does not apply, or a map
//! `#{score, reason, spans}` with spans as `[from, to]` in characters. There is no file, clock, chance, module or `eval`
//! to reach for; operations, calls, nesting and sizes are bounded; functions whose last digit depends on the platform
//! are replaced by ones that have the same bits everywhere.
//!
//! Without the feature `programs` (in the browser: the engine would make the page heavier) a script does not apply, and its
//! receipt says who will score it.

#[cfg(feature = "programs")]
mod engine;
#[cfg(feature = "programs")]
mod outcome;

#[cfg(feature = "programs")]
pub(super) use engine::{compile, grade};

#[cfg(not(feature = "programs"))]
pub(super) use absent::{compile, grade};

/// What is wrong with a script, if anything, in words that end a sentence "expected ...". Nothing where no script runs.
#[must_use]
pub fn complaint(source: &str) -> Option<String> {
    compile(source).err()
}

#[cfg(not(feature = "programs"))]
mod absent {
    use crate::case::Case;
    use crate::graders::Graded;

    /// There is none in this build.
    pub(in crate::graders) struct Program;

    /// Nothing can be said against a script here.
    pub(in crate::graders) fn compile(_source: &str) -> Result<Program, String> {
        Ok(Program)
    }

    /// Never a score that nobody computed.
    pub(in crate::graders) fn grade(_case: &Case, _program: &Result<Program, String>) -> Graded {
        Graded::does_not_apply(
            "scored by the server when you attack, compare or train: there is no script engine in this tab",
        )
    }
}
