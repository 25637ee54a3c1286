//! How hard rows are for a model, from how often its drawn answers are right. Knows counts, not models.

use clicker_wire::Rate;
use serde::Serialize;

/// Pass rates of rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difficulty {
    /// Which model was asked.
    pub model: String,
    /// Answers drawn per row.
    pub samples: u32,
    /// Rows whose truth is not known, or that were not asked.
    pub left_out: usize,
    /// Right answers among all drawn ones. The interval takes answers as independent; those of one row are not quite.
    pub pass: Rate,
    /// Rows that were never answered rightly: a group without a signal.
    pub never: Rate,
    /// Rows that were always answered rightly: likewise.
    pub always: Rate,
    /// Rows by how many of their answers were right, 0 to `samples`.
    pub histogram: Vec<u32>,
    /// Row by row.
    pub rows: Vec<Pass>,
}

/// How one row was answered.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pass {
    /// Its line.
    pub line: usize,
    /// Right answers of the `samples`, with the interval.
    pub rate: Rate,
}

impl Difficulty {
    /// From the number of right answers of each row, by line. `left_out` were not asked.
    #[must_use]
    pub fn of(model: &str, samples: u32, right: &[(usize, u32)], left_out: usize) -> Self {
        let rows = right.len() as u32;
        let count = |wanted: u32| right.iter().filter(|(_, n)| *n == wanted).count() as u32;
        Self {
            model: model.to_owned(),
            samples,
            left_out,
            pass: Rate::of(right.iter().map(|(_, n)| n).sum(), rows * samples),
            never: Rate::of(count(0), rows),
            always: Rate::of(count(samples), rows),
            histogram: (0..=samples).map(count).collect(),
            rows: right.iter().map(|(line, n)| Pass { line: *line, rate: Rate::of(*n, samples) }).collect(),
        }
    }
}
