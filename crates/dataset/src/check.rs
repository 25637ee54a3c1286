//! A look at rows before anything is trained on them: copies, leaks into what is measured, balance, diversity, rows that contradict
//! each other, and what to do about each. Every figure is a pure function of the rows; nothing is changed here, and what
//! [`fix`] would leave out is said line by line.
//!
//! Never knows files, models or algorithms. How hard the rows are for a model is measured elsewhere and counted in
//! [`difficulty`].

mod advice;
mod balance;
pub mod difficulty;
mod diversity;
mod duplicates;
mod fix;
mod leakage;
mod noise;
pub mod shingles;

pub use balance::{Balance, Spread};
pub use difficulty::Difficulty;
pub use diversity::{Diversity, Voice};
pub use duplicates::{Copy, Duplicates, Near};
pub use fix::{Fixes, Removed, fix};
pub use leakage::{HeldOut, Leaked, Likeness};
pub use noise::{Contradiction, ContradictionKind, Noise};

use crate::rows::{Format, Rows};
use clicker_wire::{Decision, Item};
use serde::Serialize;

/// Prompts whose 3-word shingles overlap at least so much (Jaccard) count as nearly the same.
pub const NEAR: f64 = 0.8;

/// What rows are held against.
#[derive(Clone, Copy, Default)]
pub struct Against<'a> {
    /// Held-out rows.
    pub rows: Option<&'a Rows>,
    /// Questions that runs are measured on.
    pub questions: &'a [Item],
}

/// Everything that was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What the rows are; none of an empty file.
    pub format: Option<Format>,
    /// How many.
    pub rows: usize,
    /// Lines with nothing on them.
    pub blank_lines: usize,
    /// Rows that say what an earlier one says.
    pub duplicates: Duplicates,
    /// Rows whose question is also one that is measured.
    pub leakage: Vec<Leaked>,
    /// Lengths, subjects, labels.
    pub balance: Balance,
    /// How much the rows differ.
    pub diversity: Diversity,
    /// Rows that cannot all be right.
    pub noise: Noise,
    /// How often a model answers rightly already, where one was asked.
    pub difficulty: Option<Difficulty>,
    /// The worst of what follows.
    pub decision: Decision,
    /// What was seen and what to do, the worst first.
    pub advice: Vec<Finding>,
}

/// One thing that was seen, with its cure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad.
    pub decision: Decision,
    /// Short name, e.g. `leakage`.
    pub name: &'static str,
    /// The observation with its numbers, and what to do.
    pub words: String,
    /// The lines it is about, where it is about lines.
    pub lines: Vec<usize>,
}

/// Look at rows.
#[must_use]
pub fn check(rows: &Rows, against: Against<'_>) -> Report {
    let report = Report {
        format: rows.format(),
        rows: rows.rows.len(),
        blank_lines: rows.blank_lines,
        duplicates: duplicates::duplicates(rows),
        leakage: leakage::leakage(rows, against),
        balance: balance::balance(rows),
        diversity: diversity::diversity(rows),
        noise: noise::noise(rows),
        difficulty: None,
        decision: Decision::Go,
        advice: Vec::new(),
    };
    report.advised()
}

impl Report {
    /// The same with how hard the rows are for a model.
    #[must_use]
    pub fn with_difficulty(self, difficulty: Difficulty) -> Self {
        Self { difficulty: Some(difficulty), ..self }.advised()
    }

    fn advised(mut self) -> Self {
        self.advice = advice::advice(&self);
        self.advice.sort_by_key(|finding| std::cmp::Reverse(finding.decision));
        self.decision = self.advice.iter().map(|finding| finding.decision).max().unwrap_or(Decision::Go);
        self
    }
}

#[cfg(test)]
mod tests;
