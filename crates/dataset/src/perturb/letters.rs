//! Attacks on single letters. Words that must stay, short words and numbers are never touched.

use crate::world::dice::Dice;
use std::collections::HashSet;

/// Latin letters and the Cyrillic ones that look like them (a part of Unicode's table of confusables, UTS 39).
const LOOK_ALIKES: [(char, char); 24] = [
    ('a', 'а'),
    ('c', 'с'),
    ('e', 'е'),
    ('i', 'і'),
    ('j', 'ј'),
    ('o', 'о'),
    ('p', 'р'),
    ('s', 'ѕ'),
    ('x', 'х'),
    ('y', 'у'),
    ('A', 'А'),
    ('B', 'В'),
    ('C', 'С'),
    ('E', 'Е'),
    ('H', 'Н'),
    ('I', 'І'),
    ('J', 'Ј'),
    ('K', 'К'),
    ('M', 'М'),
    ('O', 'О'),
    ('P', 'Р'),
    ('S', 'Ѕ'),
    ('T', 'Т'),
    ('X', 'Х'),
];

/// The text with look-alike letters back in Latin.
#[must_use]
pub fn plain(text: &str) -> String {
    let latin = |c: char| LOOK_ALIKES.iter().find(|(_, other)| *other == c).map_or(c, |(latin, _)| *latin);
    text.chars().map(latin).collect()
}

/// `edits` words with one typing mistake each, or as many as there are.
pub(super) fn typos(text: &str, guarded: &HashSet<String>, edits: usize, dice: &mut Dice) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    let mut places = open_words(&chars, guarded, 4);
    dice.shuffle(&mut places);
    places.truncate(edits);
    // From the end, so that a longer or shorter word moves none that is still to come.
    places.sort_unstable_by_key(|place| std::cmp::Reverse(place.0));
    let mut changed = false;
    for (start, length) in places {
        // Never the first or the last letter: that is how words stay readable.
        let inner = start + 1 + dice.below(length - 3);
        match dice.below(3) {
            0 if chars[inner] != chars[inner + 1] => chars.swap(inner, inner + 1),
            1 => {
                chars.remove(inner);
            }
            _ => chars.insert(inner, chars[inner]),
        }
        changed = true;
    }
    changed.then(|| chars.into_iter().collect())
}

/// `edits` letters replaced by others that look the same, or as many as there are.
pub(super) fn look_alike(text: &str, guarded: &HashSet<String>, edits: usize, dice: &mut Dice) -> Option<String> {
    let mut chars: Vec<char> = text.chars().collect();
    let other = |c: char| LOOK_ALIKES.iter().find(|(latin, _)| *latin == c).map(|(_, other)| *other);
    let open = open_words(&chars, guarded, 3);
    let mut places: Vec<usize> = open.into_iter().flat_map(|(start, length)| start..start + length).collect();
    places.retain(|at| other(chars[*at]).is_some());
    dice.shuffle(&mut places);
    places.truncate(edits);
    for at in &places {
        chars[*at] = other(chars[*at])?;
    }
    (!places.is_empty()).then(|| chars.into_iter().collect())
}

/// Start and length of the words that may be changed: ASCII letters only, at least `shortest` of them.
fn open_words(chars: &[char], guarded: &HashSet<String>, shortest: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let length = chars[at..].iter().take_while(|c| c.is_alphanumeric()).count();
        let word = &chars[at..at + length];
        if length >= shortest && word.iter().all(char::is_ascii_alphabetic) {
            let small: String = word.iter().flat_map(|c| c.to_lowercase()).collect();
            if !guarded.contains(&small) {
                out.push((at, length));
            }
        }
        at += length.max(1);
    }
    out
}
