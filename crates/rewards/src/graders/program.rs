//! A script of the person who writes the reward, in the language Rhai. It looks at whatever the script looks at.
//!
//! The script sees `item` (question, messages, accepted, expected, domain), `answer` and `verdict` (right, abstained,
//! refused, wrong), and ends with its score: a number, true or false, `()` where it does not apply, or a map
//! `#{score, reason, spans}` with spans as `[from, to]` in characters. There is no file, clock, chance, module or `eval`
//! to reach for; operations, calls, nesting and sizes are bounded; functions whose last digit depends on the platform
//! are replaced by ones that have the same bits everywhere.

#[cfg(feature = "programs")]
mod engine;
#[cfg(feature = "programs")]
mod outcome;

#[cfg(feature = "programs")]
pub(super) use engine::{compile, grade};

#[cfg(not(feature = "programs"))]
pub(super) use absent::{compile, grade};

/// What is wrong with a script, if anything: what was found, in words that end a sentence "expected ...".
pub(crate) fn complaint(source: &str) -> Option<String> {
    compile(source).err()
}

#[cfg(not(feature = "programs"))]
mod absent {
    use crate::case::Case;
    use crate::graders::Graded;

    /// There is none in this build.
    pub(in crate::graders) enum Program {}

    pub(in crate::graders) fn compile(_source: &str) -> Result<Program, String> {
        Err("no program grader: this build has no script engine (it would make the page heavier); use the other graders, \
             or build with the feature `programs`"
            .into())
    }

    /// Without the feature nothing can run, and validation refuses the grader.
    pub(in crate::graders) fn grade(_case: &Case, program: &Result<Program, String>) -> Graded {
        let why = program.as_ref().err().map_or("", String::as_str);
        Graded::scored(0.0, format!("expected {why}"), [])
    }
}
