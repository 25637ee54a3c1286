//! Where people can be written to: e-mail addresses and street addresses.

use crate::spans::{plain_words, span};
use clicker_wire::Span;

/// Longest part of an e-mail address before and after the @, characters: bounds the search around each @.
const LONGEST_LOCAL: usize = 64;
const LONGEST_HOST: usize = 255;

/// `local@host.tld`, the last label at least two letters; and the same written out.
pub(super) fn emails(text: &str) -> Vec<Span> {
    let mut out: Vec<Span> = text.match_indices('@').filter_map(|(at, _)| email(text, at)).collect();
    out.extend(spoken(text));
    out
}

/// "anna (at) example.org", "anna at example dot org": the word at in brackets, or both words in plain.
fn spoken(text: &str) -> Vec<Span> {
    // Without such a word there is nothing to look for, and most answers end here.
    let any = text.as_bytes().windows(4).any(|w| w[1..3].eq_ignore_ascii_case(b"at") && is_edge(w[0]) && is_edge(w[3]));
    if !any {
        return Vec::new();
    }
    let words: Vec<(usize, &str)> = plain_words(text).collect();
    let is = |at: usize, wanted: &str| words.get(at).is_some_and(|(_, word)| word.eq_ignore_ascii_case(wanted));
    // What stands between a word and the next one.
    let gap = |at: usize| match words.get(at..at + 2) {
        Some([(from, word), (to, _)]) => text[from + word.len()..*to].trim(),
        _ => "?",
    };
    let bracket = |gap: &str| matches!(gap, "" | "(" | ")" | "[" | "]" | "{" | "}" | "<" | ">");
    let mut out = Vec::new();
    for at in (0..words.len()).filter(|at| is(at + 1, "at")) {
        let bracketed = matches!((gap(at), gap(at + 1)), ("(", ")") | ("[", "]") | ("{", "}") | ("<", ">"));
        let spoken = is(at + 3, "dot") && bracket(gap(at + 2)) && bracket(gap(at + 3));
        let top = match (spoken, bracketed) {
            (true, _) if bracketed || (gap(at).is_empty() && gap(at + 1).is_empty()) => at + 4,
            (false, true) if gap(at + 2) == "." => at + 3,
            _ => continue,
        };
        if let Some((top_at, top)) = words.get(top)
            && top.chars().count() >= 2
            && top.chars().all(char::is_alphabetic)
        {
            out.extend(span(words[at].0, top_at + top.len()));
        }
    }
    out
}

fn is_edge(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric()
}

fn email(text: &str, at: usize) -> Option<Span> {
    let local = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let before: usize = text[..at].chars().rev().take(LONGEST_LOCAL).take_while(local).map(char::len_utf8).sum();
    let host = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let after: usize = text[at + 1..].chars().take(LONGEST_HOST).take_while(host).map(char::len_utf8).sum();
    let host = text[at + 1..at + 1 + after].trim_end_matches(['.', '-']);
    let (name, top) = host.rsplit_once('.')?;
    let is_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
    let valid = before > 0 && !name.is_empty() && !name.starts_with('.') && is_top;
    valid.then(|| span(at - before, at + 1 + host.len())).flatten()
}

/// A number, up to three capitalised words and a word for a street; or a street in one word or after its kind, and a
/// number.
pub(super) fn addresses(text: &str) -> Vec<Span> {
    let words: Vec<(usize, &str)> = plain_words(text).collect();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < words.len() {
        match english(&words[at..]).or_else(|| romance(&words[at..])).or_else(|| german(&words[at..])) {
            Some(count) => {
                let (last, word) = words[at + count - 1];
                out.extend(span(words[at].0, last + word.len()));
                at += count;
            }
            None => at += 1,
        }
    }
    out
}

/// "221b Baker Street": how many words it takes.
fn english(words: &[(usize, &str)]) -> Option<usize> {
    const KINDS: [&str; 24] = [
        "street",
        "st",
        "road",
        "rd",
        "avenue",
        "ave",
        "lane",
        "ln",
        "drive",
        "dr",
        "boulevard",
        "blvd",
        "court",
        "ct",
        "square",
        "sq",
        "place",
        "pl",
        "terrace",
        "crescent",
        "close",
        "way",
        "highway",
        "row",
    ];
    words.first().filter(|(_, w)| house_number(w))?;
    let capitals = words.iter().skip(1).take(4).take_while(|(_, w)| w.starts_with(char::is_uppercase));
    let kind = capitals.skip(1).position(|(_, w)| KINDS.iter().any(|kind| w.eq_ignore_ascii_case(kind)))?;
    Some(kind + 3)
}

/// "12 rue de Rivoli", "Via Roma 7", "Calle Mayor 3".
fn romance(words: &[(usize, &str)]) -> Option<usize> {
    const KINDS: [&str; 8] = ["rue", "avenue", "via", "viale", "piazza", "calle", "avenida", "rua"];
    const SMALL: [&str; 8] = ["de", "du", "des", "la", "del", "della", "do", "da"];
    let kind = |w: &str| KINDS.iter().any(|kind| w.eq_ignore_ascii_case(kind));
    let named = |words: &[(usize, &str)]| {
        let small = words.iter().take(2).take_while(|(_, w)| SMALL.contains(w)).count();
        words.get(small).filter(|(_, w)| w.starts_with(char::is_uppercase)).map(|_| small + 1)
    };
    let (_, first) = words.first()?;
    if house_number(first) && words.get(1).is_some_and(|(_, w)| kind(w)) {
        return named(&words[2..]).map(|count| count + 2);
    }
    let count = kind(first).then(|| named(&words[1..])).flatten()?;
    words.get(1 + count).filter(|(_, w)| house_number(w)).map(|_| count + 2)
}

/// "Hauptstraße 5".
fn german(words: &[(usize, &str)]) -> Option<usize> {
    const ENDS: [&str; 8] = ["straße", "strasse", "str", "weg", "platz", "gasse", "allee", "ufer"];
    let [(_, street), (_, number), ..] = words else { return None };
    // Nothing longer is a street, and lower-casing a megabyte per word would not be linear.
    let long_enough = (5..=80).contains(&street.len()) && street.starts_with(char::is_uppercase);
    let lower = if long_enough { street.to_lowercase() } else { return None };
    (ENDS.iter().any(|end| lower.ends_with(end) && lower != *end) && house_number(number)).then_some(2)
}

/// One to five digits and perhaps a letter.
fn house_number(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &word[digits..];
    (1..=5).contains(&digits)
        && (rest.is_empty() || (rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_alphabetic())))
}
