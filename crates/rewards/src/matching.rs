//! Whether an answer is one of the accepted answers, said alone or in a plain sentence, and nothing else.
//!
//! After [`normalise`] the whole answer must be exactly one of:
//! 1. `X`, an accepted answer;
//! 2. `<opening> X`, the opening one of a short fixed list ("it is", "the answer is", "that is" ...);
//! 3. `<question words> <copula> X`, e.g. "The capital of France is Paris", "2 + 3 = 5";
//! 4. `X <copula> <question words>`, e.g. "Paris is the capital of France".
//!
//! Question words are words that occur in the conversation (articles aside), the copulas are is, was, are, were,
//! equals, `=`. So a sentence may repeat the question and add the answer, but never anything that was not asked: a list
//! of candidates, a second answer, a hedge or a "not" make it a different answer. Keyword stuffing does not count.

use crate::case::Asked;
use crate::normalise::{Normalised, normalise};
use clicker_wire::{Item, Span};
use std::ops::Range;

/// An accepted answer found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Match<'a> {
    /// The accepted answer, as the item spells it.
    pub accepted: &'a str,
    /// Its bytes in the text.
    pub span: Span,
}

const OPENINGS: [&[&str]; 9] = [
    &["it", "is"],
    &["its"],
    &["it", "was"],
    &["that", "is"],
    &["thats"],
    &["this", "is"],
    &["answer", "is"],
    &["my", "answer", "is"],
    &["they", "are"],
];

/// The accepted answer that `text` gives, if it gives one and nothing else.
#[must_use]
pub fn find<'a>(item: &'a Item, text: &str) -> Option<Match<'a>> {
    find_in(&Asked::new(item), &normalise(text))
}

/// As [`find`], with the question and the answer read already.
pub(crate) fn find_in<'i>(asked: &Asked<'i>, answer: &Normalised) -> Option<Match<'i>> {
    let words: Vec<&str> = answer.words().collect();
    let candidates = candidates(asked, &words);
    asked.item.accepted.iter().zip(asked.accepted()).find_map(|(accepted, wanted)| {
        let says = |range: &&Range<usize>| {
            range.len() == wanted.words().len() && words[(*range).clone()].iter().copied().eq(wanted.words())
        };
        let hit = candidates.iter().find(|range| !range.is_empty() && says(range))?;
        Some(Match { accepted, span: answer.span(hit.clone())? })
    })
}

/// What an answer says once a repetition of the question is taken away: the words to compare two answers by.
#[must_use]
pub fn core_answer(item: &Item, text: &str) -> String {
    core_of(&Asked::new(item), &normalise(text))
}

/// As [`core_answer`], with the question and the answer read already.
pub(crate) fn core_of(asked: &Asked, answer: &Normalised) -> String {
    let words: Vec<&str> = answer.words().collect();
    let shortest = candidates(asked, &words).into_iter().min_by_key(ExactSizeIterator::len);
    shortest.map_or_else(String::new, |range| words[range].join(" "))
}

/// The bytes of an answer after a repetition of the question ("2 + 3 =" goes from "2 + 3 = 5"), for graders that look
/// for something in it. The whole text where nothing is repeated.
#[must_use]
pub fn after_restatement<'t>(item: &Item, text: &'t str) -> (usize, &'t str) {
    after_restatement_in(&Asked::new(item), &normalise(text), text)
}

/// As [`after_restatement`], with the question and the answer read already.
pub(crate) fn after_restatement_in<'t>(asked: &Asked, answer: &Normalised, text: &'t str) -> (usize, &'t str) {
    let words: Vec<&str> = answer.words().collect();
    let all = words.len();
    let start = candidates(asked, &words).into_iter().filter(|r| r.end == all).map(|r| r.start).max().unwrap_or(0);
    let from = answer.span(start..all).map_or(0, |s| s.start as usize);
    // With nothing to cut, what stands before the first word stays too.
    if start == 0 { (0, text) } else { (from, &text[from..]) }
}

/// The ranges of words that could be the answer proper: forms 1 to 4, never empty unless the text is.
fn candidates(asked: &Asked, words: &[&str]) -> Vec<Range<usize>> {
    let whole = 0..words.len();
    let mut ranges = vec![whole];
    for opening in OPENINGS {
        if words.len() > opening.len() && words.starts_with(opening) {
            ranges.push(opening.len()..words.len());
        }
    }
    let copulas = || words.iter().enumerate().filter(|(_, w)| is_copula(w)).map(|(i, _)| i);
    if copulas().next().is_none() {
        return ranges;
    }
    let asked = asked.words();
    let repeated = |w: &&&str| is_article(w) || asked.contains(**w);
    // How far the question is repeated from either end, counted once: a text of nothing but copulas stays linear.
    let from_start = words.iter().take_while(repeated).count();
    let from_end = words.iter().rev().take_while(repeated).count();
    for i in copulas() {
        if i > 0 && i + 1 < words.len() && i <= from_start {
            ranges.push(i + 1..words.len());
        }
        if i > 0 && i + 1 < words.len() && words.len() - (i + 1) <= from_end {
            ranges.push(0..i);
        }
    }
    ranges
}

fn is_copula(word: &str) -> bool {
    matches!(word, "is" | "was" | "are" | "were" | "equals" | "=")
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(question: &str, accepted: &[&str]) -> Item {
        let accepted = accepted.iter().map(ToString::to_string).collect();
        Item { accepted, expected: clicker_wire::Expected::Answer, ..Item::free(question) }
    }

    #[test]
    fn right_forms() {
        let paris = item("What is the capital of France?", &["Paris"]);
        for text in [
            "Paris",
            " paris. ",
            "PARIS!",
            "It is Paris.",
            "It's Paris.",
            "The answer is Paris.",
            "The capital of France is Paris.",
            "Paris is the capital of France.",
            "\"Paris\"",
            "Páris",
        ] {
            let hit = find(&paris, text).unwrap_or_else(|| panic!("{text:?} is right"));
            let marked = &text[hit.span.start as usize..hit.span.end as usize];
            assert_eq!(normalise(marked).text, "paris");
            assert_eq!(core_answer(&paris, text), "paris");
        }
        let sum = item("What is 2 + 3?", &["5"]);
        for text in ["5", "5.", "2 + 3 = 5", "2 + 3 is 5."] {
            assert!(find(&sum, text).is_some(), "{text:?}");
        }
        assert!(
            find(&item("Where?", &["The Hague", "Den Haag"]), "den haag").is_some_and(|m| m.accepted == "Den Haag")
        );
    }

    #[test]
    fn wrong_forms() {
        let paris = item("What is the capital of France?", &["Paris"]);
        for text in [
            "",
            "Rome",
            "Paris Rome London",
            "Paris. Rome.",
            "Paris or Rome",
            "It is not Paris.",
            "The capital of France is not Paris.",
            "Paris is not the capital of France.",
            "The capital of Spain is Paris.",
            "I think Paris",
            "Paris, I don't know.",
            "is Paris",
            "Parisian",
        ] {
            assert_eq!(find(&paris, text), None, "{text:?}");
        }
        let sum = item("What is 2 - 7?", &["-5"]);
        assert!(find(&sum, "-5.").is_some() && find(&sum, "5.").is_none() && find(&sum, "15").is_none());
        assert_eq!(find(&item("Who?", &["", "..."]), ""), None);
    }

    #[test]
    fn restatements_are_cut() {
        let sum = item("What is 2 + 3?", &["5"]);
        assert_eq!(after_restatement(&sum, "2 + 3 = -5."), (8, "-5."));
        assert_eq!(after_restatement(&sum, "-5"), (0, "-5"));
        assert_eq!(after_restatement(&sum, "4 + 3 = 7"), (0, "4 + 3 = 7"));
    }
}
