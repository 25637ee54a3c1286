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
