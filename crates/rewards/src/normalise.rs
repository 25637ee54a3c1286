//! One spelling for texts that say the same, with a way back to the original bytes.
//!
//! In this order: characters are decomposed (Unicode NFKD), combining accents go, case is folded, a few letters without
//! a decomposition get their base letter (o with stroke, ae, eszett ...); everything except letters, digits, the signs
//! `+ % $ € £ ° # ^ =` and the marks of numbers (a minus before a number, a decimal point) becomes one space; thousands
//! separators and apostrophes inside words go without a space; the articles a, an, the go unless they are the last
//! word.
//!
//! Departures from the usual question-answering normalisation: numbers keep sign and decimals (so "-5" is not "5"), a
//! superscript becomes `^` and the digit (so "10²" is not "102"), a last article stays ("vitamin A"), and vowel signs
//! of scripts that need them to tell words apart stay.

mod ascii;
mod plain;

pub(crate) use plain::Plain;

use crate::spans::span;
use clicker_wire::Span;
use std::ops::Range;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// A text in its one spelling, and where each of its bytes comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Normalised {
    /// Words separated by single spaces.
    pub text: String,
    /// For each word: its bytes in `text`, and the bytes of the original it was made from.
    words: Vec<(Range<usize>, Range<usize>)>,
}

impl Normalised {
    /// The words in order.
    pub fn words(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.words.iter().map(|(here, _)| &self.text[here.clone()])
    }

    /// The bytes of the original from the first to the last of these words; none for an empty or impossible range.
    #[must_use]
    pub fn span(&self, words: Range<usize>) -> Option<Span> {
        let words = self.words.get(words)?;
        span(words.first()?.1.start, words.last()?.1.end)
    }

    /// Without articles, except as the last word.
    pub(crate) fn without_articles(&self) -> Self {
        let last = self.words.len().saturating_sub(1);
        if !self.words().take(last).any(is_article) {
            return self.clone();
        }
        let mut out = Self { text: String::with_capacity(self.text.len()), words: Vec::with_capacity(last) };
        for (index, (here, origin)) in self.words.iter().enumerate() {
            let word = &self.text[here.clone()];
            if index == last || !is_article(word) {
                if !out.text.is_empty() {
                    out.text.push(' ');
                }
                let start = out.text.len();
                out.text.push_str(word);
                out.words.push((start..out.text.len(), origin.clone()));
            }
        }
        out
    }
}

/// The one spelling of `text`, articles removed. Idempotent.
#[must_use]
pub fn normalise(text: &str) -> Normalised {
    normalise_with_articles(text).without_articles()
}

/// As [`normalise`], but the articles stay: for matching fixed phrases.
#[must_use]
pub fn normalise_with_articles(text: &str) -> Normalised {
    if text.is_ascii() { ascii::words(text.as_bytes()) } else { words(text) }
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the")
}

/// Calls `each` with every character of the decomposed text, folded and without accents, and the bytes it comes from.
pub(crate) fn each_character(text: &str, mut each: impl FnMut(char, Range<usize>)) {
    if text.is_ascii() {
        text.bytes().enumerate().for_each(|(at, byte)| each(char::from(byte.to_ascii_lowercase()), at..at + 1));
    } else {
        pieces(text).into_iter().for_each(|Piece { c, start, end }| each(c, start..end));
    }
}

/// One character of the decomposed text with the bytes of the original it comes from.
struct Piece {
    c: char,
    start: usize,
    end: usize,
}

/// Words as they are found, from left to right.
struct Words {
    out: Normalised,
    open: bool,
}

impl Words {
    fn of_length(bytes: usize) -> Self {
        let words = Vec::with_capacity(bytes / 4);
        Self { out: Normalised { text: String::with_capacity(bytes), words }, open: false }
    }

    /// A character of the word that is open, or the first of a new one.
    fn keep(&mut self, c: char, start: usize, end: usize) {
        match self.out.words.last_mut().filter(|_| self.open) {
            Some((here, origin)) => {
                self.out.text.push(c);
                here.end = self.out.text.len();
                origin.end = origin.end.max(end);
            }
            None => {
                self.alone(c, start, end);
                self.open = true;
            }
        }
    }

    /// A word of one character.
    fn alone(&mut self, c: char, start: usize, end: usize) {
        if !self.out.text.is_empty() {
            self.out.text.push(' ');
        }
        let here = self.out.text.len();
        self.out.text.push(c);
        self.out.words.push((here..self.out.text.len(), start..end));
        self.open = false;
    }
}

/// Decomposed, folded, without accents and invisible characters.
fn pieces(text: &str) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::with_capacity(text.len());
    for (start, original) in text.char_indices() {
        let end = start + original.len_utf8();
        if is_superscript(original) {
            out.push(Piece { c: '^', start, end });
        }
        decompose_compatible(original, |c| {
            if is_accent(c) || is_invisible(c) {
                // The evidence should cover the accent that follows its letter as a character of its own.
                if let Some(last) = out.last_mut() {
                    last.end = end;
                }
                return;
            }
            for lower in c.to_lowercase() {
                match fold(lower) {
                    Some(folded) => out.extend(folded.chars().map(|c| Piece { c, start, end })),
                    None => out.push(Piece { c: lower, start, end }),
                }
            }
        });
    }
    out
}

/// Words of the text, each with its origin.
fn words(text: &str) -> Normalised {
    let pieces = pieces(text);
    let mut words = Words::of_length(text.len());
    for (i, Piece { c, start, end }) in pieces.iter().enumerate() {
        match part(&pieces, i) {
            Part::Keep => words.keep(*c, *start, *end),
            Part::Alone => words.alone(*c, *start, *end),
            Part::Drop => {}
            Part::Space => words.open = false,
        }
    }
    words.out
}

/// What becomes of one character.
enum Part {
    /// Part of a word.
    Keep,
    /// A word by itself.
    Alone,
    /// Goes without a trace.
    Drop,
    /// Ends a word.
    Space,
}

fn part(pieces: &[Piece], i: usize) -> Part {
    let at = |offset: isize| i.checked_add_signed(offset).and_then(|i| pieces.get(i)).map(|p| p.c);
    let digit = |offset: isize| at(offset).is_some_and(|c| c.is_ascii_digit());
    let in_word = |offset: isize| at(offset).is_some_and(is_word);
    let c = pieces[i].c;
    match c {
        '=' => Part::Alone,
        '+' | '%' | '$' | '€' | '£' | '°' | '#' | '^' => Part::Keep,
        '\'' if in_word(-1) && in_word(1) => Part::Drop,
        '.' if digit(1) && (digit(-1) || !(in_word(-1) || at(-1) == Some('.'))) => Part::Keep,
        '-' if !in_word(-1) && (digit(1) || (at(1) == Some('.') && digit(2))) => Part::Keep,
        ',' if digit(-1) && digit(1) && digit(2) && digit(3) && !digit(4) => Part::Drop,
        _ if is_word(c) => Part::Keep,
        _ => Part::Space,
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Accents of European scripts and their like; other combining marks tell words apart and stay.
fn is_accent(c: char) -> bool {
    // Combining diacritics, their extensions and supplement, marks for symbols, half marks: five Unicode blocks.
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
        || matches!(c, '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Soft hyphens, zero-width characters, marks of direction, fillers, byte order marks, variation selectors and tags.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180e}' | '\u{200b}'..='\u{200f}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{ffa0}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}

fn is_superscript(c: char) -> bool {
    matches!(c, '²' | '³' | '¹' | '⁰' | '⁴'..='⁹')
}

/// Letters, dashes and apostrophes that no decomposition unifies.
fn fold(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'ħ' => "h",
        'ı' => "i",
        'þ' => "th",
        'ς' => "σ",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        '‘' | '’' | 'ʼ' | '`' | '´' | 'ʻ' => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn table() {
        let rows = [
            ("Paris.", "paris"),
            ("  The   Hague! ", "hague"),
            ("São Tomé", "sao tome"),
            ("Sa\u{303}o Tome\u{301}", "sao tome"),
            ("N'Djamena", "ndjamena"),
            ("N’Djamena", "ndjamena"),
            ("‘Paris’", "paris"),
            ("Washington, D.C.", "washington d c"),
            ("Straße", "strasse"),
            ("ÆRØ Łódź", "aero lodz"),
            ("-5", "-5"),
            ("−5", "-5"),
            ("3-5", "3 5"),
            ("Guinea-Bissau", "guinea bissau"),
            ("1,234,567.50 km", "1234567.50 km"),
            ("1,23", "1 23"),
            ("2+3=5", "2+3 = 5"),
            ("H₂O", "h2o"),
            ("10²", "10^2"),
            ("Vitamin A", "vitamin a"),
            ("A", "a"),
            ("an answer", "answer"),
            ("Ｆｕｌｌ", "full"),
            ("Pa\u{ad}ris", "paris"),
            ("", ""),
            ("?!", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(normalise(text).text, expected, "{text:?}");
        }
        assert_eq!(normalise_with_articles("The Hague").text, "the hague");
    }

    #[test]
    fn spans_point_into_the_original() {
        let text = "  It is «São Tomé»!";
        let n = normalise(text);
        assert_eq!(n.words().collect::<Vec<_>>(), ["it", "is", "sao", "tome"]);
        let s = n.span(2..4).unwrap();
        assert_eq!(&text[s.start as usize..s.end as usize], "São Tomé");
        // An accent that is a character of its own belongs to its letter.
        let text = "Tome\u{301}.";
        let s = normalise(text).span(0..1).unwrap();
        assert_eq!(&text[s.start as usize..s.end as usize], "Tome\u{301}");
        assert!(n.span(2..2).is_none() && n.span(3..9).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn idempotent(text in "(\\PC|[-.,'=0-9 aAthe²éß]){0,24}") {
            let once = normalise(&text).text;
            prop_assert_eq!(&normalise(&once).text, &once);
            let once = normalise_with_articles(&text).text;
            prop_assert_eq!(normalise_with_articles(&once).text, once);
        }

        #[test]
        fn ascii_has_a_short_way_to_the_same(text in "[ -~\t\n]{0,40}|[-.,'`=0-9 aAthe^+%]{0,24}") {
            prop_assert_eq!(normalise_with_articles(&text), words(&text));
        }

        #[test]
        fn spans_are_on_boundaries(text in any::<String>(), a in 0usize..6, b in 0usize..6) {
            if let Some(s) = normalise(&text).span(a.min(b)..a.max(b)) {
                prop_assert!(s.start < s.end);
                prop_assert!(text.get(s.start as usize..s.end as usize).is_some());
            }
        }
    }
}
