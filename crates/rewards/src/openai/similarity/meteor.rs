//! METEOR of one text against one reference, over lower-cased white-space words: equal words, then equal stems. Synonyms
//! would need WordNet, which is megabytes of data, so nltk's third stage finds nothing here.
//!
//! With m matched words of h in the input and r in the reference, P = m/h, R = m/r, and c the chunks (longest stretches
//! that are matched in the same order without a gap on either side):
//! `METEOR = (1 - 0.5 (c/m)^3) * P R / (0.9 P + 0.1 R)`, 0 where m is 0.

use super::porter::stem;
use super::tokens::words;
use std::collections::BTreeMap;

/// METEOR without synonyms.
pub(super) fn meteor(input: &str, reference: &str) -> f64 {
    let lower = |text: &str| words(text).map(str::to_lowercase).enumerate().collect::<Vec<_>>();
    let (mut input, mut reference) = (lower(input), lower(reference));
    let (h, r) = (input.len() as f64, reference.len() as f64);
    let mut pairs = align(&mut input, &mut reference);
    for word in input.iter_mut().chain(&mut reference) {
        word.1 = stem(&word.1);
    }
    pairs.append(&mut align(&mut input, &mut reference));
    if pairs.is_empty() {
        return 0.0;
    }
    pairs.sort_unstable();
    let follows = |pair: &[(usize, usize)]| pair[1] == (pair[0].0 + 1, pair[0].1 + 1);
    let chunks = 1 + pairs.windows(2).filter(|pair| !follows(pair)).count();
    let m = pairs.len() as f64;
    let (precision, recall) = (m / h, m / r);
    let mean = precision * recall / (0.9 * precision + 0.1 * recall);
    let broken = chunks as f64 / m;
    (1.0 - 0.5 * broken * broken * broken) * mean
}

/// Pairs equal words, from the last of the input backwards, each with the last equal word of the reference that is still
/// free. Takes what it pairs out of both lists.
fn align(input: &mut Vec<(usize, String)>, reference: &mut Vec<(usize, String)>) -> Vec<(usize, usize)> {
    let mut free: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, word) in reference.iter() {
        free.entry(word).or_default().push(*place);
    }
    let pair = |(place, word): &(usize, String)| Some((*place, free.get_mut(word.as_str())?.pop()?));
    let pairs: Vec<(usize, usize)> = input.iter().rev().filter_map(pair).collect();
    // `pairs` runs backwards through the input; the reference's places are sorted to be found.
    let mut left = pairs.iter().rev().peekable();
    input.retain(|(place, _)| left.next_if(|pair| pair.0 == *place).is_none());
    let mut taken: Vec<usize> = pairs.iter().map(|pair| pair.1).collect();
    taken.sort_unstable();
    reference.retain(|(place, _)| taken.binary_search(place).is_err());
    pairs
}
