//! A script of the person who writes the reward. It looks at whatever the script looks at.

use super::Graded;
use clicker_wire::Item;

/// Without the feature nothing can run, and validation refuses the grader.
pub(super) fn grade(_item: &Item, _text: &str, _source: &str) -> Graded {
    Graded::scored(0.0, NO_PROGRAMS, [])
}

/// What is wrong with a script, if anything: what was found, in words that end a sentence "expected ...".
pub(crate) fn complaint(_source: &str) -> Option<String> {
    Some(NO_PROGRAMS.into())
}

const NO_PROGRAMS: &str = "no program grader: this build has no script engine (it would make the page heavier); use the \
    other graders, or build with the feature `programs`";
