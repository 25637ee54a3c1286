//! Which rows a cleaned copy would leave out, and why. Only rows that are certain to do harm; what needs a judgement is left to the
//! reader. Knows a report, not files.

use super::{ContradictionKind, Likeness, Report};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is repaired beyond the certain cases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixes {
    /// Leave out rows whose prompt is nearly that of an earlier row, or of a held-out one.
    pub near: bool,
}

/// A row that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Its line in the file that was read.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// The rows to leave out, in order, each with one reason.
#[must_use]
pub fn fix(report: &Report, fixes: Fixes) -> Vec<Removed> {
    let mut out: BTreeMap<usize, String> = BTreeMap::new();
    let mut remove = |line: usize, why: String| {
        out.entry(line).or_insert(why);
    };
    for leak in &report.leakage {
        let of = match &leak.held_out {
            super::HeldOut::Line(line) => format!("line {line} of the held-out file"),
            super::HeldOut::World(id) => format!("the held-out question {id}"),
        };
        match leak.likeness {
            Likeness::Same => remove(leak.line, format!("the same question as {of}")),
            Likeness::SameWords => remove(leak.line, format!("the same words as {of}")),
            Likeness::Near if fixes.near => {
                remove(leak.line, format!("nearly the same question as {of} ({:.2})", leak.similarity));
            }
            Likeness::Near => {}
        }
    }
    for line in &report.noise.identical_pairs {
        remove(*line, "chosen and rejected are the same".into());
    }
    for line in &report.noise.empty_answers {
        remove(*line, "a good answer without text".into());
    }
    for contradiction in &report.noise.contradictions {
        let why = match contradiction.kind {
            ContradictionKind::Preference => "the opposite preference stands in the file too",
            ContradictionKind::Thumb => "the same answer has the opposite thumb too",
            // Several answers to a question may be meant.
            ContradictionKind::Answers | ContradictionKind::Truth => continue,
        };
        for line in &contradiction.lines {
            let others: Vec<String> = contradiction.lines.iter().filter(|l| *l != line).map(usize::to_string).collect();
            remove(*line, format!("{why} (line {})", others.join(", ")));
        }
    }
    for copy in &report.duplicates.exact {
        remove(copy.line, format!("a copy of line {}", copy.of));
    }
    for copy in &report.duplicates.same_words {
        remove(copy.line, format!("the same words as line {}", copy.of));
    }
    if fixes.near {
        for near in &report.duplicates.near {
            remove(near.line, format!("nearly the question of line {} ({:.2})", near.of, near.similarity));
        }
    }
    out.into_iter().map(|(line, why)| Removed { line, why }).collect()
}
