//! Questions of the rows that are also measured: what is learnt by heart there would look like progress. Knows two lists.

use super::duplicates::spoken;
use super::shingles::{Shingles, between, shingles};
use super::{Against, NEAR};
use crate::rows::Rows;
use crate::text::{exact_key, normalised_key};
use clicker_wire::Message;
use serde::Serialize;
use std::collections::HashMap;

/// A row whose question is held out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leaked {
    /// The row's line.
    pub line: usize,
    /// Where the question is held out.
    pub held_out: HeldOut,
    /// How alike the two are.
    pub likeness: Likeness,
    /// Jaccard index of their 3-word shingles; 1 for the same words.
    pub similarity: f64,
}

/// A held-out question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldOut {
    /// A line of the file that was named.
    Line(usize),
    /// A question of the built-in world, by its id.
    World(String),
}

/// How alike two questions are, the plainest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// Byte for byte.
    Same,
    /// But for case, punctuation and spaces.
    SameWords,
    /// Nearly.
    Near,
}

/// Every leak, at most one per row: the plainest.
pub(super) fn leakage(rows: &Rows, against: Against<'_>) -> Vec<Leaked> {
    let lines = against.rows.into_iter().flat_map(|held| &held.rows);
    let held: Vec<(HeldOut, &[Message])> = lines
        .map(|row| (HeldOut::Line(row.line), row.prompt.as_slice()))
        .chain(against.questions.iter().map(|item| (HeldOut::World(item.id.0.clone()), item.messages.as_slice())))
        .collect();
    if held.is_empty() {
        return Vec::new();
    }
    let index = |key: fn(&[Message]) -> String| -> HashMap<String, usize> {
        // The first of several is named, so later ones must not replace it.
        held.iter().enumerate().rev().map(|(place, (_, messages))| (key(messages), place)).collect()
    };
    let (same, words) = (index(exact_key), index(normalised_key));
    let sets = |all: Vec<String>| -> Vec<Shingles> { all.iter().map(|text| shingles(text)).collect() };
    let near = between(
        &sets(held.iter().map(|(_, messages)| spoken(messages)).collect()),
        &sets(rows.rows.iter().map(|row| spoken(&row.prompt)).collect()),
        NEAR,
    );
    let near: HashMap<usize, (usize, f64)> = near.pairs.into_iter().map(|p| (p.b, (p.a, p.similarity))).collect();
    let found = |(place, row): (usize, &crate::rows::Row)| {
        let (likeness, of, similarity) = if let Some(of) = same.get(&exact_key(&row.prompt)) {
            (Likeness::Same, *of, 1.0)
        } else if let Some(of) = words.get(&normalised_key(&row.prompt)) {
            (Likeness::SameWords, *of, 1.0)
        } else {
            let (of, similarity) = near.get(&place)?;
            (Likeness::Near, *of, *similarity)
        };
        Some(Leaked { line: row.line, held_out: held[of].0.clone(), likeness, similarity })
    };
    rows.rows.iter().enumerate().filter_map(found).collect()
}
