//! Words as numbers, and runs of words counted: what the n-gram measures share. Knows sequences, not scores.

use std::collections::BTreeMap;

/// The words between white space. Python's `split` also splits at the four separators U+001C to U+001F.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)).filter(|word| !word.is_empty())
}

/// Both lists with each distinct word replaced by a number of its own, so that comparing is cheap.
pub(super) fn numbered<'a>(
    first: impl IntoIterator<Item = &'a str>,
    second: impl IntoIterator<Item = &'a str>,
) -> (Vec<u32>, Vec<u32>) {
    let mut known: BTreeMap<&'a str, u32> = BTreeMap::new();
    let mut number = |word: &'a str| {
        // Texts have at most 2^20 bytes, so the count fits.
        let next = known.len() as u32;
        *known.entry(word).or_insert(next)
    };
    let first = first.into_iter().map(&mut number).collect();
    let second = second.into_iter().map(&mut number).collect();
    (first, second)
}

/// Runs of `n` words: how many the first list has, how many the second, and how many they share, counted as often as
/// both have them.
pub(super) struct Overlap {
    /// Runs of the first list.
    pub(super) first: usize,
    /// Runs of the second list.
    pub(super) second: usize,
    /// Runs of both.
    pub(super) shared: usize,
}

/// Counts runs of `n` words, `n` at least 1.
pub(super) fn overlap(first: &[u32], second: &[u32], n: usize) -> Overlap {
    let (mut a, mut b): (Vec<&[u32]>, Vec<&[u32]>) = (first.windows(n).collect(), second.windows(n).collect());
    a.sort_unstable();
    b.sort_unstable();
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(b[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                (i, j, shared) = (i + 1, j + 1, shared + 1);
            }
        }
    }
    Overlap { first: a.len(), second: b.len(), shared }
}
