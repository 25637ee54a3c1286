//! ROUGE-N and ROUGE-L: the F-measure `2 P R / (P + R)` of runs of n words, or of the longest common subsequence.
//!
//! Words are runs of a-z and 0-9 after lower-casing; every other character, accented letters included, separates. No
//! stemming. 0 where nothing is shared.

use super::lcs::words_lcs;
use super::tokens::{numbered, overlap};

/// ROUGE over runs of `n` words.
pub(super) fn rouge_n(input: &str, reference: &str, n: usize) -> f64 {
    let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
    let (input, reference) = numbered(words(&input), words(&reference));
    let runs = overlap(&input, &reference, n);
    f_measure(runs.shared, runs.first, runs.second)
}

/// ROUGE over the longest common subsequence of words; none where the texts are too long to compare.
pub(super) fn rouge_l(input: &str, reference: &str) -> Option<f64> {
    let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
    let (input, reference): (Vec<&str>, Vec<&str>) = (words(&input).collect(), words(&reference).collect());
    Some(f_measure(words_lcs(&input, &reference)?, input.len(), reference.len()))
}

fn words(lower: &str) -> impl Iterator<Item = &str> {
    lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|word| !word.is_empty())
}

fn f_measure(shared: usize, first: usize, second: usize) -> f64 {
    if shared == 0 {
        return 0.0;
    }
    let (precision, recall) = (shared as f64 / first as f64, shared as f64 / second as f64);
    2.0 * precision * recall / (precision + recall)
}
