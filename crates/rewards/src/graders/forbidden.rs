//! Phrases that must not be said. It looks at words and at what they look like, never at meaning.
//!
//! Both sides are normalised, then letters that look alike become one letter (Cyrillic and Greek twins, digits inside
//! words), and letters written apart ("s e c r e t") become one word, so that a disguise readable to people is readable
//! here.

use super::{Graded, MAX_EVIDENCE, excerpt};
use crate::normalise::{Normalised, normalise_with_articles};
use clicker_wire::ForbiddenPhrase;
use std::collections::HashMap;
use std::ops::Range;

/// Most phrases.
pub(crate) const MAX_PHRASES: usize = 256;
/// Longest phrase and reason, bytes.
pub(crate) const MAX_PHRASE: usize = 200;
/// Fewest single letters in a row that are read as one word.
const SPELLED: usize = 3;

/// -1 if the answer says one of the phrases, else 0. The evidence is what was said, at most sixteen times.
pub(super) fn grade(text: &str, phrases: &[ForbiddenPhrase]) -> Graded {
    let normalised = normalise_with_articles(text);
    let words = folded(&normalised);
    let wanted: Vec<Vec<String>> = phrases.iter().map(|p| skeleton(&p.phrase)).collect();
    let mut by_first: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, phrase) in wanted.iter().enumerate() {
        if let Some(first) = phrase.first() {
            by_first.entry(first).or_default().push(index);
        }
    }
    let (mut spans, mut first_said) = (Vec::new(), None);
    for (at, (word, _)) in words.iter().enumerate() {
        for index in by_first.get(word.as_str()).into_iter().flatten() {
            let phrase = &wanted[*index];
            let says =
                words.get(at..at + phrase.len()).filter(|said| said.iter().zip(phrase).all(|((a, _), b)| a == b));
            if let Some([(_, start), ..]) = says {
                let end = words[at + phrase.len() - 1].1.end;
                first_said.get_or_insert(*index);
                if spans.len() < MAX_EVIDENCE {
                    spans.extend(normalised.span(start.start..end));
                }
            }
        }
    }
    match first_said.and_then(|index| phrases.get(index)) {
        Some(said) => Graded::scored(-1.0, format!("says “{}”: {}", excerpt(&said.phrase), said.reason), spans),
        None => Graded::scored(0.0, "says nothing that is forbidden", []),
    }
}

/// The words of a phrase as they are compared; empty if nothing of it can be compared.
pub(crate) fn skeleton(phrase: &str) -> Vec<String> {
    folded(&normalise_with_articles(phrase)).into_iter().map(|(word, _)| word).collect()
}

/// Each word as it is compared, and the normalised words that it was made from.
fn folded(text: &Normalised) -> Vec<(String, Range<usize>)> {
    let words: Vec<&str> = text.words().collect();
    let single = |word: &&str| word.chars().nth(1).is_none();
    let (mut out, mut at) = (Vec::with_capacity(words.len()), 0);
    while at < words.len() {
        let run = words[at..].iter().take_while(|w| single(w)).count();
        let taken = if run >= SPELLED { run } else { 1 };
        out.push((fold(&words[at..at + taken].concat()), at..at + taken));
        at += taken;
    }
    out
}

/// One letter for all that look like it. Digits and signs count as letters only beside one: 10 stays a number.
fn fold(word: &str) -> String {
    let disguised = word.chars().any(char::is_alphabetic);
    word.chars().map(|c| twin(c).or_else(|| digit_twin(c).filter(|_| disguised)).unwrap_or(c)).collect()
}

/// Lower-case twins, and the lower case of capitals that are twins.
fn twin(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ε' => 'e',
        'һ' | 'н' | 'η' => 'h',
        // i and l are twins of each other, and of 1.
        'і' | 'ι' | 'l' | 'ӏ' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'м' | 'μ' => 'm',
        'ο' | 'о' | 'օ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'υ' | 'γ' => 'y',
        'ζ' => 'z',
        _ => return None,
    })
}

fn digit_twin(c: char) -> Option<char> {
    Some(match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        _ => return None,
    })
}
