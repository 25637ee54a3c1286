//! Rows that say what an earlier row says. Knows rows, not what is done about copies.

use super::NEAR;
use super::shingles::{shingles, within};
use crate::rows::{Body, Row, Rows};
use crate::text::{exact_key, normalise, normalised_key};
use clicker_wire::Message;
use serde::Serialize;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

/// Copies, each told once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Duplicates {
    /// Prompt, answers and label are those of an earlier row, byte for byte.
    pub exact: Vec<Copy>,
    /// They are but for case, punctuation and spaces.
    pub same_words: Vec<Copy>,
    /// The prompt is nearly that of an earlier row: Jaccard index of 3-word shingles at least 0.8, exact.
    pub near: Vec<Near>,
    /// Whether the search for near copies looked at all pairs; on very large files of one template it stops.
    pub near_complete: bool,
    /// Rows whose prompt has occurred before, with another answer.
    pub repeated_prompts: usize,
}

/// A row and the earlier one that it copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Copy {
    /// The copy's line.
    pub line: usize,
    /// The line of the first such row.
    pub of: usize,
}

/// A row whose prompt is nearly another's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Near {
    /// The later line.
    pub line: usize,
    /// The earlier one.
    pub of: usize,
    /// Jaccard index.
    pub similarity: f64,
}

pub(super) fn duplicates(rows: &Rows) -> Duplicates {
    let mut out = Duplicates::default();
    let (mut exact, mut same): (HashMap<String, usize>, HashMap<String, usize>) = Default::default();
    let mut prompts: HashSet<String> = HashSet::new();
    // One row per distinct prompt takes part in the search for near copies.
    let mut distinct: Vec<(usize, String)> = Vec::new();
    for row in &rows.rows {
        let prompt = normalised_key(&row.prompt);
        let (bytes, words) = (key(row, exact_key(&row.prompt), str::to_owned), key(row, prompt.clone(), normalise));
        let copied = *same.entry(words).or_insert(row.line);
        match exact.entry(bytes) {
            Entry::Occupied(first) => out.exact.push(Copy { line: row.line, of: *first.get() }),
            Entry::Vacant(none) => {
                none.insert(row.line);
                if copied != row.line {
                    out.same_words.push(Copy { line: row.line, of: copied });
                }
            }
        }
        if prompts.insert(prompt) {
            distinct.push((row.line, spoken(&row.prompt)));
        } else {
            out.repeated_prompts += usize::from(copied == row.line);
        }
    }
    let sets: Vec<_> = distinct.iter().map(|(_, words)| shingles(words)).collect();
    let found = within(&sets, NEAR);
    out.near_complete = found.complete;
    out.near = found
        .pairs
        .into_iter()
        .map(|pair| Near { line: distinct[pair.b].0, of: distinct[pair.a].0, similarity: pair.similarity })
        .collect();
    out
}

/// Prompt, answers and label in one text.
fn key(row: &Row, prompt: String, spell: impl Fn(&str) -> String) -> String {
    let mut key = prompt;
    for answer in row.answers() {
        key.push('\u{1e}');
        key.push_str(&spell(answer));
    }
    if let Body::Unpaired { label, .. } = row.body {
        key.push_str(if label { "\u{1e}+" } else { "\u{1e}-" });
    }
    key
}

/// The words of a conversation.
pub(super) fn spoken(messages: &[Message]) -> String {
    messages.iter().map(|message| normalise(&message.content)).collect::<Vec<_>>().join(" ")
}
