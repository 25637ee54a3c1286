//! Lengths, subjects and labels of rows, in numbers. Knows rows, no judgement.

use crate::rows::{Body, Rows};
use clicker_wire::Rate;
use serde::Serialize;
use std::collections::BTreeMap;

/// How the rows spread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Balance {
    /// Words of the prompts.
    pub prompt_words: Option<Spread>,
    /// Words of the answers, better and worse ones alike.
    pub answer_words: Option<Spread>,
    /// Rows by the subject that they name (`domain`, `category`, `topic` or `subject`).
    pub topics: BTreeMap<String, usize>,
    /// Entropy of the subjects over that of equal shares, 0 (one holds all) to 1 (all equal); none below two subjects.
    pub evenness: Option<f64>,
    /// Thumbs that are up.
    pub good: Option<Rate>,
    /// Pairs, of those with answers of different lengths, in which the better answer is the longer one.
    pub chosen_longer: Option<Rate>,
    /// Questions (prompt-only) for which a right answer is known.
    pub with_truth: Option<Rate>,
}

/// Order statistics of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub n: usize,
    /// Smallest.
    pub min: usize,
    /// A tenth lies at or below.
    pub p10: usize,
    /// Half lies at or below.
    pub median: usize,
    /// Nine tenths lie at or below.
    pub p90: usize,
    /// Largest.
    pub max: usize,
    /// Mean.
    pub mean: f64,
}

impl Spread {
    /// Of these numbers; none of none. A percentile is the smallest number with at least that share at or below it.
    #[must_use]
    pub fn of(mut numbers: Vec<usize>) -> Option<Self> {
        numbers.sort_unstable();
        let (n, min, max) = (numbers.len(), *numbers.first()?, *numbers.last()?);
        let at = |tenths: usize| numbers[(n * tenths).div_ceil(10).max(1) - 1];
        let mean = numbers.iter().sum::<usize>() as f64 / n as f64;
        Some(Self { n, min, p10: at(1), median: at(5), p90: at(9), max, mean })
    }
}

pub(super) fn balance(rows: &Rows) -> Balance {
    let rows = &rows.rows;
    let words = |text: &str| text.split_whitespace().count();
    let mut topics: BTreeMap<String, usize> = BTreeMap::new();
    for topic in rows.iter().filter_map(|row| row.topic()) {
        *topics.entry(topic.to_owned()).or_default() += 1;
    }
    let thumbs: Vec<bool> = rows
        .iter()
        .filter_map(|row| match row.body {
            Body::Unpaired { label, .. } => Some(label),
            _ => None,
        })
        .collect();
    let longer: Vec<bool> = rows
        .iter()
        .filter_map(|row| match &row.body {
            Body::Preference { chosen, rejected, .. } => Some((words(chosen), words(rejected))),
            _ => None,
        })
        .filter(|(chosen, rejected)| chosen != rejected)
        .map(|(chosen, rejected)| chosen > rejected)
        .collect();
    let truths: Vec<bool> =
        rows.iter().filter(|row| row.body == Body::Prompt).map(crate::rows::Row::has_truth).collect();
    Balance {
        prompt_words: Spread::of(
            rows.iter().map(|row| row.prompt.iter().map(|turn| words(&turn.content)).sum()).collect(),
        ),
        answer_words: Spread::of(rows.iter().flat_map(|row| row.answers()).map(words).collect()),
        evenness: evenness(&topics),
        topics,
        good: share(&thumbs),
        chosen_longer: share(&longer),
        with_truth: share(&truths),
    }
}

/// How many are true; none of none.
fn share(all: &[bool]) -> Option<Rate> {
    (!all.is_empty()).then(|| Rate::of(all.iter().filter(|yes| **yes).count() as u32, all.len() as u32))
}

fn evenness(topics: &BTreeMap<String, usize>) -> Option<f64> {
    if topics.len() < 2 {
        return None;
    }
    let all = topics.values().sum::<usize>() as f64;
    let entropy: f64 = topics.values().map(|n| *n as f64 / all).map(|p| -p * p.ln()).sum();
    Some(entropy / (topics.len() as f64).ln())
}
