//! Phrases that must not be said. It looks at words and at what they look like, never at meaning.
//!
//! Answer and phrases are cut into pieces: runs of letters and digits, and signs that may stand for a letter. Invisible
//! characters, accents, case and full width are gone by then, and look-alikes are one letter. A phrase is said where
//! pieces that follow each other spell it from the beginning of a word to the end of one. What stands between two pieces:
//! - white space, where the phrase has a space or a sign too, or between letters that are written apart ("s e c r e t", at
//!   least three of them);
//! - any other sign, anywhere ("p-a-s-s", "pass.word"): it hides nothing.
//!
//! A sign that looks like the next letter of the phrase is read as it ("p@ss", "$ecret"), one star between two letters as
//! any letter ("s*cret"), and every other sign is passed over.

mod twins;

use super::{Graded, MAX_EVIDENCE, excerpt};
use crate::normalise::{each_character, normalise};
use crate::spans::span;
use clicker_wire::{ForbiddenPhrase, Span};
use std::ops::Range;
use unicode_normalization::char::is_combining_mark;

/// Most phrases.
pub(crate) const MAX_PHRASES: usize = 256;
/// Longest phrase and reason, bytes.
pub(crate) const MAX_PHRASE: usize = 200;
/// Fewest single letters that are read as one word.
const SPELLED: usize = 3;
/// Most signs that are passed over between two letters.
const PASSED_OVER: usize = 8;

/// Phrases ready to be looked for.
pub(crate) struct List<'g> {
    phrases: &'g [ForbiddenPhrase],
    wanted: Vec<Wanted>,
    /// The wanted ones by their first letter, where that is a plain one; the rest under the last place.
    by_first: [Vec<usize>; 27],
}

/// A phrase as it is compared.
struct Wanted {
    letters: Vec<char>,
    /// Places before which a word of the phrase begins, and whether a word of the answer may run across: it may not
    /// where there is white space, nor between digits.
    bounds: Vec<(usize, bool)>,
}

impl<'g> List<'g> {
    pub(crate) fn of(phrases: &'g [ForbiddenPhrase]) -> Self {
        let wanted: Vec<Wanted> = phrases.iter().map(|p| Wanted::of(&p.phrase)).collect();
        let mut by_first: [Vec<usize>; 27] = Default::default();
        for (index, phrase) in wanted.iter().enumerate() {
            if let Some(first) = phrase.letters.first() {
                by_first[bucket(*first)].push(index);
            }
        }
        Self { phrases, wanted, by_first }
    }
}

fn bucket(letter: char) -> usize {
    (letter as usize).checked_sub('a' as usize).filter(|index| *index < 26).unwrap_or(26)
}

/// -1 if the answer says one of the phrases, else 0. The evidence is what was said, at most sixteen times.
pub(super) fn grade(text: &str, list: &List) -> Graded {
    let pieces = Pieces::of(text);
    let (mut spans, mut first_said): (Vec<Span>, Option<(usize, Span)>) = (Vec::new(), None);
    for (at, piece) in pieces.list.iter().enumerate().filter(|(_, piece)| piece.begins) {
        let first = pieces.letters[piece.letters.start];
        // A digit may be the letter that it looks like.
        let twin = match twins::digit(first) {
            Some(letter) => &list.by_first[bucket(letter)][..],
            None => &[],
        };
        for index in list.by_first[bucket(first)].iter().chain(twin) {
            let Some(end) = pieces.says(at, &list.wanted[*index]) else { continue };
            let Some(said) = span(piece.bytes.start, end) else { continue };
            first_said.get_or_insert((*index, said));
            if spans.len() < MAX_EVIDENCE && spans.last() != Some(&said) {
                spans.push(said);
            }
        }
    }
    let Some((said, place)) = first_said.and_then(|(index, place)| Some((list.phrases.get(index)?, place))) else {
        return Graded::scored(0.0, "says nothing that is forbidden", []);
    };
    let written = text.get(place.start as usize..place.end as usize).unwrap_or_default();
    let disguise = if normalise(written).text == normalise(&said.phrase).text {
        String::new()
    } else {
        format!(", written “{}”", excerpt(written))
    };
    Graded::scored(-1.0, format!("says “{}”{disguise}: {}", excerpt(&said.phrase), said.reason), spans)
}

/// Whether a phrase has neither a letter nor a digit.
pub(crate) fn is_empty(phrase: &str) -> bool {
    Pieces::of(phrase).list.iter().all(|piece| piece.sign)
}

/// What lies between a piece and the one before.
#[derive(Clone, Copy, PartialEq)]
enum Gap {
    None,
    Sign,
    Space,
}

/// A run of letters and digits, or one sign.
struct Piece {
    /// Its letters as they are compared.
    letters: Range<usize>,
    bytes: Range<usize>,
    before: Gap,
    /// Whether it is a sign that may be passed over.
    sign: bool,
    /// Whether something that is said may begin here.
    begins: bool,
}

struct Pieces {
    letters: Vec<char>,
    list: Vec<Piece>,
}

impl Pieces {
    fn of(text: &str) -> Self {
        let mut out = Self { letters: Vec::with_capacity(text.len()), list: Vec::with_capacity(text.len() / 4) };
        let (mut gap, mut open, mut inside) = (Gap::Space, false, false);
        each_character(text, |c, bytes| {
            if c.is_alphanumeric() || is_combining_mark(c) {
                match out.list.last_mut().filter(|_| open) {
                    Some(piece) => {
                        piece.letters.end += 1;
                        piece.bytes.end = bytes.end;
                    }
                    None => out.push(bytes, gap, false, !inside),
                }
                out.letters.push(twins::letter(c));
                (gap, open, inside) = (Gap::None, true, true);
            } else if let Some(letter) = twins::sign(c).or((c == '*').then_some('*')) {
                out.push(bytes, gap, true, !inside && c != '*');
                out.letters.push(letter);
                (gap, open) = (Gap::None, false);
            } else {
                gap = if c.is_whitespace() {
                    Gap::Space
                } else if gap == Gap::Space {
                    gap
                } else {
                    Gap::Sign
                };
                (open, inside) = (false, false);
            }
        });
        out.disguised_digits();
        out
    }

    fn push(&mut self, bytes: Range<usize>, before: Gap, sign: bool, begins: bool) {
        let at = self.letters.len();
        self.list.push(Piece { letters: at..at + 1, bytes, before, sign, begins });
    }

    /// Digits beside letters of one run stand for letters.
    fn disguised_digits(&mut self) {
        for piece in self.list.iter().filter(|piece| !piece.sign && piece.letters.len() > 1) {
            let letters = &mut self.letters[piece.letters.clone()];
            if letters.iter().any(|c| c.is_alphabetic()) {
                letters.iter_mut().for_each(|c| *c = twins::digit(*c).unwrap_or(*c));
            }
        }
    }

    /// Where the phrase ends that is said from this piece on; none if it is not.
    fn says(&self, first: usize, wanted: &Wanted) -> Option<usize> {
        // Letters matched, letters written apart, whether white space was closed up, signs passed over.
        let (mut done, mut singles, mut closed, mut passed) = (0, 0, false, 0);
        let (mut space, mut last_single) = (false, false);
        for (index, piece) in self.list.iter().enumerate().skip(first) {
            space |= index > first && piece.before == Gap::Space;
            let letters = &self.letters[piece.letters.clone()];
            let single = letters.len() == 1 && !piece.sign;
            if space && done > 0 && !wanted.begins_word(done) {
                if !(single && last_single) {
                    return None;
                }
                closed = true;
            }
            // Numbers are as they are written: 1.0 is not 10, whatever stands between.
            let digits = letters[0].is_ascii_digit() && done > 0 && wanted.letters[done - 1].is_ascii_digit();
            if digits && (passed > 0 || piece.before != Gap::None) && !wanted.begins_word(done) {
                return None;
            }
            if !self.spells(index, &wanted.letters[done..]) || wanted.is_crossed(done, letters.len()) {
                passed += 1;
                if !piece.sign || index == first || passed > PASSED_OVER {
                    return None;
                }
                continue;
            }
            done += letters.len();
            singles += usize::from(single);
            (space, last_single, passed) = (false, single, 0);
            if done == wanted.letters.len() {
                return (!closed || singles >= SPELLED).then_some(piece.bytes.end);
            }
        }
        None
    }

    /// Whether the piece is how the wanted letters go on.
    fn spells(&self, index: usize, wanted: &[char]) -> bool {
        let piece = &self.list[index];
        let letters = &self.letters[piece.letters.clone()];
        let Some(wanted) = wanted.get(..letters.len()) else { return false };
        match letters {
            ['*'] if piece.sign => wanted == ['*'] || self.is_between_letters(index),
            [c] => *c == wanted[0] || (!piece.sign && twins::digit(*c) == Some(wanted[0])),
            _ => letters == wanted,
        }
    }

    fn is_between_letters(&self, index: usize) -> bool {
        let touches = |i: usize, piece: &Piece| self.list.get(i).is_some_and(|p| !p.sign) && piece.before == Gap::None;
        let next = self.list.get(index + 1);
        index > 0 && touches(index - 1, &self.list[index]) && next.is_some_and(|next| touches(index + 1, next))
    }
}

impl Wanted {
    fn of(phrase: &str) -> Self {
        let pieces = Pieces::of(phrase);
        let digit = |at: usize| pieces.letters.get(at).is_some_and(char::is_ascii_digit);
        let bound = |piece: &Piece| {
            let at = piece.letters.start;
            let fixed = piece.before == Gap::Space || (digit(at) && at.checked_sub(1).is_some_and(digit));
            (at, !fixed)
        };
        let bounds = pieces.list.iter().skip(1).map(bound).collect();
        Self { letters: pieces.letters, bounds }
    }

    fn begins_word(&self, at: usize) -> bool {
        self.bounds.iter().any(|(bound, _)| *bound == at)
    }

    /// Whether a piece of this length would run across the end of a word.
    fn is_crossed(&self, at: usize, length: usize) -> bool {
        self.bounds.iter().any(|(bound, may_cross)| !may_cross && at < *bound && *bound < at + length)
    }
}
