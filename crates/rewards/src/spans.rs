//! Byte ranges of an answer, always on character boundaries.

use clicker_wire::Span;

/// The bytes from `start` to `end`; none when empty or beyond what a span can hold.
pub(crate) fn span(start: usize, end: usize) -> Option<Span> {
    if start >= end {
        return None;
    }
    Some(Span { start: u32::try_from(start).ok()?, end: u32::try_from(end).ok()? })
}

/// The answer without its outer white space; no span when nothing is left.
pub(crate) fn trimmed(text: &str) -> Vec<Span> {
    let start = text.len() - text.trim_start().len();
    span(start, start + text.trim().len()).into_iter().collect()
}

/// Where each run of anything but white space begins.
pub(crate) fn word_starts(text: &str) -> impl Iterator<Item = usize> {
    let mut after_space = true;
    text.char_indices().filter_map(move |(at, c)| {
        let begins = after_space && !c.is_whitespace();
        after_space = c.is_whitespace();
        begins.then_some(at)
    })
}

/// The words as they stand: runs of letters and digits, with where they begin.
pub(crate) fn plain_words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split(|c: char| !c.is_alphanumeric()).filter_map(move |word| {
        let start = at;
        // Past the word and the separator, whatever its length.
        at += word.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((start, word))
    })
}

/// The bytes from `start` to `end`, moved outwards to character boundaries.
#[cfg(feature = "patterns")]
pub(crate) fn widened(text: &str, start: usize, end: usize) -> Option<Span> {
    let from = (0..=start.min(text.len())).rev().find(|at| text.is_char_boundary(*at))?;
    let to = (end.min(text.len())..=text.len()).find(|at| text.is_char_boundary(*at))?;
    span(from, to)
}
