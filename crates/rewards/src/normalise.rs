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
}

/// The one spelling of `text`, articles removed. Idempotent.
#[must_use]
pub fn normalise(text: &str) -> Normalised {
    let mut words = split(text);
    let last = words.len().saturating_sub(1);
    let mut index = 0;
    words.retain(|w| {
        index += 1;
        index - 1 == last || !is_article(&w.text)
    });
    join(words)
}

/// As [`normalise`], but the articles stay: for matching fixed phrases.
#[must_use]
pub fn normalise_with_articles(text: &str) -> Normalised {
    join(split(text))
}

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the")
}

/// One character of the decomposed text with the bytes of the original it comes from.
struct Piece {
    c: char,
    start: usize,
    end: usize,
}

struct Word {
    text: String,
    start: usize,
    end: usize,
}

fn join(words: Vec<Word>) -> Normalised {
    let mut out = Normalised { text: String::new(), words: Vec::with_capacity(words.len()) };
    for word in words {
        if !out.text.is_empty() {
            out.text.push(' ');
        }
        let start = out.text.len();
        out.text.push_str(&word.text);
        out.words.push((start..out.text.len(), word.start..word.end));
    }
    out
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
fn split(text: &str) -> Vec<Word> {
    let pieces = pieces(text);
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    for i in 0..pieces.len() {
        let Piece { c, start, end } = pieces[i];
        match part(&pieces, i) {
            Part::Keep if open => {
                if let Some(word) = words.last_mut() {
                    word.text.push(c);
                    word.end = word.end.max(end);
                }
            }
            Part::Keep => {
                words.push(Word { text: c.to_string(), start, end });
                open = true;
            }
            Part::Alone => {
                words.push(Word { text: c.to_string(), start, end });
                open = false;
            }
            Part::Drop => {}
            Part::Space => open = false,
        }
    }
    words
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

/// Soft hyphens, zero-width characters, byte order marks and variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
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
        fn spans_are_on_boundaries(text in any::<String>(), a in 0usize..6, b in 0usize..6) {
            if let Some(s) = normalise(&text).span(a.min(b)..a.max(b)) {
                prop_assert!(s.start < s.end);
                prop_assert!(text.get(s.start as usize..s.end as usize).is_some());
            }
        }
    }
}
