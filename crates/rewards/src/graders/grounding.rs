//! Whether the answer rests on the passage it was given. It compares words, never meaning: it can tell that a word was
//! not given, not that a given word was put in the wrong place.
//!
//! The question is the last sentence of the last user turn that ends with a question mark, or else that whole turn; the
//! passage is everything before it in the conversation. Words of the question prove nothing, so only the words that the
//! answer adds are looked for.

use super::{Graded, MAX_EVIDENCE, excerpt};
use crate::case::{Case, Words};
use crate::normalise::{Normalised, normalise};
use crate::spans::trimmed;
use clicker_wire::{Item, Role};

/// Share of the content words that the answer adds to the question and the passage holds; 0 if it adds none. Does not
/// apply without a passage, and to an answer that only declines or says that it does not know. The evidence is the
/// words that are not in the passage, or the whole answer if all are.
pub(super) fn grade(case: &Case) -> Graded {
    let passage = case.asked.passage();
    if passage.given.is_empty() {
        return Graded::does_not_apply("the conversation holds no passage before the question");
    }
    if case.stance().is_some() {
        return Graded::does_not_apply("the answer claims nothing");
    }
    let answer = case.normalised();
    let added: Vec<(usize, &str)> =
        answer.words().enumerate().filter(|(_, w)| is_content(w) && !passage.asked.contains(*w)).collect();
    if added.is_empty() {
        let reason = "adds nothing to the question that the passage could support";
        return Graded::scored(0.0, reason, trimmed(case.text));
    }
    let missing: Vec<(usize, &str)> = added.iter().filter(|(_, w)| !passage.given.contains(*w)).copied().collect();
    let score = (added.len() - missing.len()) as f64 / added.len() as f64;
    let support = passage.best(&added).map_or_else(String::new, |s| format!(" (the passage: “{}”)", excerpt(s)));
    match missing.first() {
        Some((_, word)) => {
            let (count, all, word) = (missing.len(), added.len(), excerpt(word));
            let reason = format!("{count} of {all} words are not in the passage, first “{word}”{support}");
            let spans = missing.iter().take(MAX_EVIDENCE).filter_map(|(at, _)| answer.span(*at..at + 1));
            Graded::scored(score, reason, spans)
        }
        None => Graded::scored(score, format!("every word it adds is in the passage{support}"), trimmed(case.text)),
    }
}

/// What an answer may rest on.
pub(crate) struct Passage<'i> {
    sentences: Vec<(&'i str, Normalised)>,
    /// Content words of the passage.
    given: Words,
    /// Words of the question.
    asked: Words,
}

impl<'i> Passage<'i> {
    pub(crate) fn of(item: &'i Item) -> Self {
        let (passage, question) = passage_and_question(item);
        let sentences: Vec<(&str, Normalised)> =
            passage.iter().flat_map(|turn| sentences(turn)).map(|s| (s, normalise(s))).collect();
        let given = sentences.iter().flat_map(|(_, n)| n.words()).filter(|w| is_content(w)).map(str::to_string);
        let (given, asked) = (given.collect(), normalise(question).words().map(str::to_string).collect());
        Self { sentences, given, asked }
    }

    /// The sentence that holds most of the added words, the first of equals; none if none holds any.
    fn best(&self, added: &[(usize, &str)]) -> Option<&'i str> {
        let added: Words<&str> = added.iter().map(|(_, w)| *w).collect();
        let held = |n: &Normalised| n.words().filter(|w| added.contains(w)).count();
        let mut best = (0, None);
        for (sentence, normalised) in &self.sentences {
            let count = held(normalised);
            if count > best.0 {
                best = (count, Some(*sentence));
            }
        }
        best.1
    }
}

/// The turns of the passage, the last one up to the question, and the question.
fn passage_and_question(item: &Item) -> (Vec<&str>, &str) {
    let last = item.messages.iter().rposition(|m| m.role == Role::User);
    let mut passage: Vec<&str> = Vec::new();
    let mut question = "";
    for (i, message) in item.messages.iter().enumerate() {
        let content = message.content.as_str();
        if Some(i) != last {
            passage.push(content);
            continue;
        }
        let asking = sentences(content).filter(|s| s.trim_end().ends_with('?')).last();
        question = asking.unwrap_or(content);
        passage.extend(asking.and_then(|asking| content.rsplit_once(asking)).map(|(before, _)| before));
    }
    (passage, question)
}

/// Sentences with the sign that ends them.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?', '\n', ':']).map(str::trim).filter(|s| !s.is_empty())
}

/// Whether a word says something of its own. The list is English, by length so that most words are settled at once.
fn is_content(word: &str) -> bool {
    !match word.len() {
        1 => matches!(word, "a" | "i" | "="),
        2 => matches!(
            word,
            "an" | "or"
                | "so"
                | "if"
                | "of"
                | "in"
                | "on"
                | "at"
                | "to"
                | "by"
                | "as"
                | "is"
                | "be"
                | "am"
                | "it"
                | "he"
                | "we"
                | "my"
                | "me"
                | "us"
                | "do"
        ),
        3 => matches!(
            word,
            "the"
                | "and"
                | "but"
                | "for"
                | "are"
                | "was"
                | "its"
                | "she"
                | "you"
                | "his"
                | "her"
                | "our"
                | "him"
                | "did"
                | "has"
                | "had"
                | "can"
        ),
        4 => matches!(
            word,
            "here"
                | "then"
                | "from"
                | "with"
                | "were"
                | "been"
                | "this"
                | "that"
                | "they"
                | "your"
                | "them"
                | "does"
                | "have"
                | "will"
                | "text"
        ),
        5 => matches!(word, "these" | "those" | "their" | "would" | "could" | "there"),
        6 => word == "answer",
        7 => word == "passage",
        _ => false,
    }
}
