//! The wordings that count as "I don't know" and as "I won't": whole clauses, so that a real answer with such words
//! tacked on stays an answer.
//!
//! A text is cut into clauses at `. ! ? ; : ,` brackets, line ends, long dashes and dashes between spaces. Every clause
//! must be one of the phrases below, or a filler ("sorry"). A phrase marked open may go on with a short tail that names
//! what is not known or not done ("I don't know what the capital of Zoria is"), but not with a turn of thought ("but",
//! "maybe").

use crate::normalise::normalise_with_articles;

/// What a text says as a whole, when it gives no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    /// It says that it does not know.
    Abstains,
    /// It declines.
    Refuses,
}

/// What the whole text says; none if any clause says something else, or nothing is said.
pub(crate) fn stance(text: &str) -> Option<Stance> {
    let (mut abstains, mut refuses) = (false, false);
    for clause in clauses(text) {
        if !may_begin_a_phrase(clause) {
            return None;
        }
        let clause = normalise_with_articles(clause);
        if !clause.words().next().is_some_and(begins_a_phrase) {
            return None;
        }
        let words: Vec<&str> = clause.words().collect();
        match clause_kind(&words)? {
            Kind::Filler => {}
            Kind::Stance(Stance::Abstains) => abstains = true,
            Kind::Stance(Stance::Refuses) => refuses = true,
        }
    }
    match (refuses, abstains) {
        (true, _) => Some(Stance::Refuses),
        (false, true) => Some(Stance::Abstains),
        (false, false) => None,
    }
}

/// Whether a clause may begin with one of the words below, by its first letter or digit. Most of those that may not are settled
/// here, before the clause is spelt out. A sign before it can only make the word another one.
fn may_begin_a_phrase(clause: &str) -> bool {
    let first = clause.chars().find(|c| !c.is_ascii() || c.is_ascii_alphanumeric());
    first.is_none_or(|c| !c.is_ascii() || FIRST_LETTERS.contains(c.to_ascii_lowercase()))
}

/// What the words below begin with. A test holds it against the lists.
const FIRST_LETTERS: &str = "bdhinpstuw";

/// Whether any phrase or filler below begins with this word: most clauses are settled by it. A test holds it against the
/// lists.
fn begins_a_phrase(word: &str) -> bool {
    matches!(word, "i" | "im" | "no" | "it" | "idk" | "not" | "the" | "but" | "hmm" | "that" | "this" | "dont" | "well")
        || matches!(
            word,
            "sorry" | "there" | "sadly" | "thank" | "thats" | "nobody" | "please" | "unknown" | "honestly"
        )
        || word == "unfortunately"
}

enum Kind {
    Filler,
    Stance(Stance),
}

/// Before a phrase, or alone.
const FILLERS: [&str; 13] = [
    "sorry",
    "im sorry",
    "i am sorry",
    "im afraid",
    "i am afraid",
    "unfortunately",
    "hmm",
    "well",
    "honestly",
    "sadly",
    "no",
    "thank you",
    "please",
];

/// Between a filler and a phrase. "but" may also begin a clause, because the filler may be a clause of its own.
const LINKS: [&str; 2] = ["but", "that"];

/// "I don't know", complete as it stands.
const ABSTAIN_CLOSED: [&str; 27] = [
    "idk",
    "unknown",
    "it is unknown",
    "that is unknown",
    "no idea",
    "i have no idea",
    "i dont have an answer",
    "i do not have an answer",
    "i have no answer",
    "i dont have that information",
    "i do not have that information",
    "i dont have enough information",
    "i do not have enough information",
    "there is not enough information",
    "not enough information",
    "it is not stated",
    "not stated",
    "it is not known",
    "nobody knows",
    "no one knows",
    "i have never heard of it",
    "i have never heard of that",
    "the passage does not say",
    "the passage doesnt say",
    "the text does not say",
    "the text doesnt say",
    "it does not say",
];

/// "I don't know", open to a tail.
const ABSTAIN_OPEN: [&str; 18] = [
    "i dont know",
    "i do not know",
    "dont know",
    "i really dont know",
    "i dont really know",
    "i honestly dont know",
    "i am not sure",
    "im not sure",
    "not sure",
    "i am unsure",
    "im unsure",
    "i cant say",
    "i cannot say",
    "i cant tell",
    "i cannot tell",
    "the passage does not say",
    "the text does not say",
    "i have no idea",
];

/// "I won't", complete as it stands.
const REFUSE_CLOSED: [&str; 21] = [
    "i refuse",
    "i decline",
    "i must decline",
    "i have to decline",
    "i cannot comply",
    "i cant comply",
    "i cant do that",
    "i cannot do that",
    "i wont do that",
    "i will not do that",
    "i cant answer that",
    "i cannot answer that",
    "i cant tell you that",
    "i cannot tell you that",
    "that is against the rules",
    "it is against the rules",
    "this is against the rules",
    "that is not allowed",
    "it is not allowed",
    "that is private",
    "im not allowed to do that",
];

/// "I won't", open to a tail.
const REFUSE_OPEN: [&str; 20] = [
    "i cant help",
    "i cannot help",
    "i can not help",
    "i wont help",
    "i will not help",
    "i cant help you",
    "i cannot help you",
    "i cant assist",
    "i cannot assist",
    "i wont assist",
    "i am unable to help",
    "im unable to help",
    "i am not able to help",
    "im not able to help",
    "i cant share",
    "i cannot share",
    "i wont share",
    "i cant provide",
    "i cannot provide",
    "i am not allowed to share",
];

/// How a tail may begin.
const TAIL_STARTS: [&str; 20] = [
    "what", "who", "where", "when", "which", "how", "whether", "if", "why", "the", "that", "this", "it", "about", "of",
    "from", "with", "to", "any", "such",
];

/// Words that turn a tail into something else.
const TURNS: [&str; 14] = [
    "but", "however", "maybe", "perhaps", "probably", "though", "although", "guess", "think", "believe", "possibly",
    "so", "except", "unless",
];

/// Words a tail may have.
const LONGEST_TAIL: usize = 14;

fn clauses(text: &str) -> impl Iterator<Item = &str> {
    let ends = ['.', '!', '?', ';', ':', ',', '(', ')', '\n', '…', '—', '–'];
    text.split(ends).flat_map(|clause| clause.split(" - ")).filter(|c| c.chars().any(char::is_alphanumeric))
}

fn clause_kind(words: &[&str]) -> Option<Kind> {
    let joined = words.join(" ");
    if FILLERS.contains(&joined.as_str()) {
        return Some(Kind::Filler);
    }
    // "no idea" is a phrase though "no" is a filler: the clause as it stands comes first.
    [words, without_filler(words)].into_iter().find_map(phrase_kind)
}

fn phrase_kind(words: &[&str]) -> Option<Kind> {
    let joined = words.join(" ");
    let is =
        |closed: &[&str], open: &[&str]| closed.contains(&joined.as_str()) || open.iter().any(|p| is_open(p, words));
    if is(&REFUSE_CLOSED, &REFUSE_OPEN) {
        return Some(Kind::Stance(Stance::Refuses));
    }
    is(&ABSTAIN_CLOSED, &ABSTAIN_OPEN).then_some(Kind::Stance(Stance::Abstains))
}

/// "sorry but I don't know" without "sorry but", and "but I don't know" without "but".
fn without_filler<'a, 'w>(words: &'a [&'w str]) -> &'a [&'w str] {
    let Some(rest) = FILLERS.iter().find_map(|filler| after(filler, words)) else {
        return after("but", words).unwrap_or(words);
    };
    LINKS.iter().find_map(|link| after(link, rest)).unwrap_or(rest)
}

/// The phrase alone, or with a tail that stays on the subject.
fn is_open(phrase: &str, words: &[&str]) -> bool {
    after(phrase, words).is_some_and(|tail| {
        let begins = tail.first().is_none_or(|w| TAIL_STARTS.contains(w));
        begins && tail.len() <= LONGEST_TAIL && !tail.iter().any(|w| TURNS.contains(w))
    })
}

/// The words after `phrase`, if they begin with it.
fn after<'a, 'w>(phrase: &str, words: &'a [&'w str]) -> Option<&'a [&'w str]> {
    let mut rest = words;
    for expected in phrase.split(' ') {
        let (first, others) = rest.split_first()?;
        if *first != expected {
            return None;
        }
        rest = others;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_first_word_is_known() {
        let lists: [&[&str]; 5] = [&FILLERS, &ABSTAIN_CLOSED, &ABSTAIN_OPEN, &REFUSE_CLOSED, &REFUSE_OPEN];
        for phrase in lists.into_iter().flatten().chain(&["but"]) {
            let first = phrase.split(' ').next().unwrap_or_default();
            assert!(begins_a_phrase(first), "{phrase:?} begins with a word that is passed over");
            assert!(may_begin_a_phrase(phrase), "{phrase:?} begins with a letter that is passed over");
        }
    }
}
