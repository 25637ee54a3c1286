//! The confidence that an answer states about itself.
//!
//! Accepted, in any case, `N` digits with an optional decimal point:
//! - the word confidence, then any of `:` `=` `>` is, of, at, level, then the value: "(confidence 7/10)",
//!   "Confidence: 70%", "my confidence is 0.7", `<confidence>0.7</confidence>`;
//! - a percentage, then sure, certain or confident: "I'm 70% sure".
//!
//! The value is `N%` up to 100%, `N/M` with N up to M, or a plain `N` from 0 to 1. "confidence 70" is not read: it could
//! mean either.

use crate::spans::span;
use clicker_wire::Span;
use std::borrow::Cow;

/// What an answer says about its own confidence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stated {
    /// Nothing.
    Never,
    /// One value.
    Once {
        /// From 0 to 1.
        value: f64,
        /// The bytes of the whole statement, brackets included.
        span: Span,
    },
    /// Several values: none of them can be relied on.
    Often,
}

/// The confidence that `text` states.
#[must_use]
pub fn stated(text: &str) -> Stated {
    // Same length as the text, so that places agree.
    let lower = text.to_ascii_lowercase();
    let mut found: Vec<(f64, usize, usize)> = Vec::new();
    let named = lower.match_indices("confidence").filter_map(|(at, word)| named(&lower, at, at + word.len()));
    let percent = lower.match_indices('%').filter_map(|(at, _)| percent_sure(&lower, at));
    for (value, start, end) in named.chain(percent) {
        // "confidence 70% sure" is one statement.
        if !found.iter().any(|(_, from, to)| start < *to && *from < end) {
            found.push((value, start, end));
        }
        if found.len() > 1 {
            return Stated::Often;
        }
    }
    let once =
        found.first().and_then(|(value, start, end)| Some(Stated::Once { value: *value, span: span(*start, *end)? }));
    once.unwrap_or(Stated::Never)
}

/// The text with blanks in place of the one confidence that it states, byte for byte: what is judged as an answer, with places
/// that stay where they are. The text itself where none or several are stated.
#[must_use]
pub fn aside(text: &str) -> Cow<'_, str> {
    // Most texts have neither sign of a statement.
    if !text.contains('%') && !contains_word(text) {
        return Cow::Borrowed(text);
    }
    let Stated::Once { span, .. } = stated(text) else { return Cow::Borrowed(text) };
    let (start, end) = (span.start as usize, span.end as usize);
    let (Some(before), Some(after)) = (text.get(..start), text.get(end..)) else { return Cow::Borrowed(text) };
    Cow::Owned(format!("{before}{:width$}{after}", "", width = end - start))
}

/// Whether "confidence" occurs, in any case.
fn contains_word(text: &str) -> bool {
    const WORD: &[u8] = b"confidence";
    text.as_bytes().windows(WORD.len()).any(|window| window.eq_ignore_ascii_case(WORD))
}

/// "confidence: 70%" with the word at `start..end`.
fn named(text: &str, start: usize, end: usize) -> Option<(f64, usize, usize)> {
    if text[..start].chars().next_back().is_some_and(char::is_alphanumeric) {
        return None;
    }
    let mut at = end;
    // As many connecting words as a person would write; more would make the scan quadratic.
    for _ in 0..6 {
        let rest = &text[at..];
        let connector = [" ", ":", "=", ">", "\t", "is ", "of ", "at ", "level"].iter().find(|c| rest.starts_with(**c));
        at += connector.map_or(0, |c| c.len());
    }
    let (value, after) = value(text, at)?;
    let from = without_words(text, start, &["my", "with", "a"]);
    Some(bracketed(text, value, from, after))
}

/// "70% sure" with the sign at `at`.
fn percent_sure(text: &str, at: usize) -> Option<(f64, usize, usize)> {
    let rest = text[at + 1..].trim_start_matches(' ');
    let word = ["sure", "certain", "confident"]
        .into_iter()
        .find(|word| rest.strip_prefix(word).is_some_and(|after| !after.starts_with(char::is_alphanumeric)))?;
    let end = text.len() - rest.len() + word.len();
    let digits = text[..at].bytes().rev().take(8).take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    let (value, after) = value(text, at - digits)?;
    let from = without_words(text, at - digits, &["i am", "i'm", "i’m", "about"]);
    (after == at + 1).then(|| bracketed(text, value, from, end))
}

/// The value that begins at `at`, and where it ends.
fn value(text: &str, at: usize) -> Option<(f64, usize)> {
    // "-0.5", or "10.5" read from its second half, is no confidence.
    if text[..at].ends_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '−' | '/')) {
        return None;
    }
    let (number, end) = plain_number(text, at)?;
    let rest = &text[end..];
    if rest.starts_with('%') {
        return (number <= 100.0).then_some((number / 100.0, end + 1));
    }
    if let Some((whole, end)) = rest.strip_prefix('/').and_then(|_| plain_number(text, end + 1)) {
        return (whole > 0.0 && number <= whole).then(|| (number / whole, end));
    }
    (number <= 1.0 && !rest.starts_with(char::is_alphanumeric)).then_some((number, end))
}

/// Up to six digits, perhaps a point and up to six more.
fn plain_number(text: &str, at: usize) -> Option<(f64, usize)> {
    let digits = |from: usize| {
        text.as_bytes().get(from..).map_or(0, |b| b.iter().take(7).take_while(|b| b.is_ascii_digit()).count())
    };
    let whole = digits(at);
    let mut end = at + whole;
    if text[end..].starts_with('.') {
        let decimals = digits(end + 1);
        end += if decimals > 0 { 1 + decimals } else { 0 };
    }
    (1..=6).contains(&whole).then(|| text[at..end].parse().ok()).flatten().map(|number| (number, end))
}

/// Where the statement begins when these words before it belong to it.
fn without_words(text: &str, start: usize, words: &[&str]) -> usize {
    let mut from = start;
    for _ in 0..2 {
        let before = text[..from].strip_suffix(' ').unwrap_or(&text[..from]);
        let cut = words.iter().find_map(|word| before.strip_suffix(word));
        from = cut.filter(|cut| !cut.ends_with(char::is_alphanumeric)).map_or(from, str::len);
    }
    from
}

/// With the brackets around it, or the tag.
fn bracketed(text: &str, value: f64, start: usize, end: usize) -> (f64, usize, usize) {
    let before = text[..start].trim_end_matches(' ');
    if before.ends_with('<')
        && let Some(rest) = text[end..].trim_start_matches(' ').strip_prefix("</confidence>")
    {
        return (value, before.len() - 1, text.len() - rest.len());
    }
    for (open, close) in [('(', ')'), ('[', ']')] {
        if before.ends_with(open) && text[end..].starts_with(close) {
            return (value, before.len() - 1, end + 1);
        }
    }
    (value, start, end)
}
