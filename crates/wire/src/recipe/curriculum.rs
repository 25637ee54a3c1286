//! Which questions a run asks more often than others.

use serde::{Deserialize, Serialize};

/// A question rests after a group in which nearly all or nearly no answers were what was wanted: such a group teaches little.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CurriculumSpec {
    /// Pass rate from which a question is too easy.
    pub too_easy: f64,
    /// Pass rate up to which it is too hard.
    pub too_hard: f64,
    /// How many of its turns a resting question lets pass; 0 only measures.
    pub rest: u32,
}

impl Default for CurriculumSpec {
    fn default() -> Self {
        Self { too_easy: 1.0, too_hard: 0.0, rest: 2 }
    }
}
