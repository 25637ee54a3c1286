//! How much rows differ from each other: distinct n-grams (Li et al. 2016), likeness of rows to one another, the commonest
//! beginning and the commonest answer. Knows texts.

use super::duplicates::spoken;
use super::shingles::{jaccard, shingles};
use crate::rows::Rows;
use crate::text::normalise;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Texts compared each with each for the self-similarity: enough for two digits, few enough to be done at once.
const COMPARED: usize = 200;
/// Words that a beginning is.
const OPENING: usize = 3;

/// How much the rows differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diversity {
    /// The prompts.
    pub prompts: Voice,
    /// The answers, better ones only; none where rows hold none.
    pub answers: Option<Voice>,
}

/// How much texts differ.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Voice {
    /// Different words, pairs and triples of words over all of them: 1 if none comes twice. Falls with the number of rows, so
    /// compare only files of about one size. None where no text is that long.
    pub distinct: [Option<f64>; 3],
    /// Mean Jaccard index of 3-word shingles over all pairs of up to 200 texts, taken evenly from the file.
    pub self_similarity: f64,
    /// The commonest first three words, and the share of texts that begin with them.
    pub opening: Option<(String, f64)>,
    /// The commonest whole text, and its share.
    pub commonest: Option<(String, f64)>,
}

pub(super) fn diversity(rows: &Rows) -> Diversity {
    let prompts: Vec<String> = rows.rows.iter().map(|row| spoken(&row.prompt)).collect();
    let answers: Vec<String> =
        rows.rows.iter().filter_map(|row| row.answers().first().map(|text| normalise(text))).collect();
    Diversity { prompts: voice(&prompts), answers: (!answers.is_empty()).then(|| voice(&answers)) }
}

fn voice(texts: &[String]) -> Voice {
    Voice {
        distinct: [1, 2, 3].map(|n| distinct(texts, n)),
        self_similarity: self_similarity(texts),
        opening: commonest(texts.iter().filter_map(|text| opening(text)), texts.len()),
        commonest: commonest(texts.iter().map(String::as_str), texts.len()),
    }
}

fn distinct(texts: &[String], n: usize) -> Option<f64> {
    let mut all = 0_usize;
    let mut seen = HashSet::new();
    for text in texts {
        let words: Vec<&str> = text.split(' ').collect();
        for gram in words.windows(n) {
            all += 1;
            seen.insert(gram.join(" "));
        }
    }
    (all > 0).then(|| seen.len() as f64 / all as f64)
}

fn self_similarity(texts: &[String]) -> f64 {
    let n = texts.len().min(COMPARED);
    let sets: Vec<_> = (0..n).map(|k| shingles(&texts[k * texts.len() / n])).collect();
    let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
    let (sum, count) =
        pairs.fold((0.0, 0_usize), |(sum, count), (a, b)| (sum + jaccard(&sets[a], &sets[b]), count + 1));
    sum / count.max(1) as f64
}

fn opening(text: &str) -> Option<&str> {
    let end = text.match_indices(' ').nth(OPENING - 1).map_or(text.len(), |(at, _)| at);
    (!text.is_empty()).then(|| &text[..end])
}

/// The most frequent, the first in the alphabet of several; none where all occur once.
fn commonest<'a>(texts: impl Iterator<Item = &'a str>, all: usize) -> Option<(String, f64)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let (text, count) = counts.into_iter().max_by(|(a, n), (b, m)| n.cmp(m).then(b.cmp(a)))?;
    (count > 1).then(|| (text.chars().take(80).collect(), count as f64 / all as f64))
}
