//! Form: one non-empty sentence that starts like one and ends with a full stop. It never looks at meaning.

use super::Graded;
use crate::spans::{span, trimmed};
use clicker_wire::Span;

/// 1 if the answer is one sentence that starts with a capital (or a letter of a script without case), a digit, a minus
/// before a digit, or a quote, and ends with exactly one full stop; else 0. Outer white space is not looked at.
///
/// A second sentence begins after `.`, `!` or `?` and white space, or on a new line; the dots of single capitals ("D.C.
/// is") and of a few titles ("St.", "Dr.") end no sentence.
pub(super) fn grade(text: &str) -> Graded {
    let body = text.trim();
    let offset = text.len() - text.trim_start().len();
    let wrong =
        |at: usize, length: usize, reason: &str| Graded::scored(0.0, reason, span(offset + at, offset + at + length));
    let Some(first) = body.chars().next() else {
        return Graded::scored(0.0, "empty", []);
    };
    if !starts_well(body, first) {
        return wrong(0, first.len_utf8(), "does not start with a capital, a digit or a quote");
    }
    let last = body.chars().next_back().unwrap_or(first);
    if last != '.' || body.ends_with("..") || body.ends_with("!.") || body.ends_with("?.") {
        return wrong(body.len() - last.len_utf8(), last.len_utf8(), "does not end with one full stop");
    }
    match second_sentence(body) {
        Some(Span { start, end }) => wrong(start as usize, (end - start) as usize, "more than one sentence"),
        None => Graded::scored(1.0, "one sentence that starts and ends as it should", trimmed(text)),
    }
}

fn starts_well(body: &str, first: char) -> bool {
    match first {
        '"' | '\'' | '“' | '‘' | '«' | '„' => true,
        '-' | '−' => body.chars().nth(1).is_some_and(|c| c.is_ascii_digit()),
        c => c.is_numeric() || (c.is_alphabetic() && !c.is_lowercase()),
    }
}

/// The bytes from where a second sentence begins to the end.
fn second_sentence(body: &str) -> Option<Span> {
    let mut chars = body.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, n)| *n);
        let ends = match c {
            '\n' | '\r' => true,
            '!' | '?' => next.is_some_and(char::is_whitespace),
            '.' => next.is_some_and(char::is_whitespace) && !is_abbreviation(&body[..at]),
            _ => false,
        };
        if ends {
            let rest = body[at + c.len_utf8()..].trim_start();
            return span(body.len() - rest.len(), body.len());
        }
    }
    None
}

/// Whether the word before a dot is a single capital or a title.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
    let mut chars = word.chars();
    let single = chars.next().is_some_and(char::is_uppercase) && chars.next().is_none();
    single || matches!(word, "St" | "Mr" | "Mrs" | "Ms" | "Dr" | "Prof" | "Mt" | "Ft")
}
