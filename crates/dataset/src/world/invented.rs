//! Names of countries and elements that do not exist: pronounceable, and not close to anything that does.

use super::dice::Dice;
use super::facts::{CAPITALS, ELEMENTS, NAMES, REAL_NAMES};
use std::collections::BTreeSet;

const STARTS: &[&str] = &[
    "b", "br", "d", "dr", "f", "fl", "g", "gl", "h", "k", "kr", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "tr",
    "v", "w", "y", "z",
];
const VOWELS: &[&str] = &["a", "a", "e", "e", "i", "o", "o", "u"];
const MIDDLES: &[&str] = &[
    "b", "d", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "ld", "lm", "lv", "mb", "nd", "nt", "rd", "rk",
    "rm", "rn", "rt", "rv", "sk", "st",
];
const COUNTRY_ENDINGS: &[&str] =
    &["ia", "ia", "ania", "land", "stan", "ora", "ovia", "mar", "una", "esia", "ea", "ano"];
const ELEMENT_ENDINGS: &[&str] = &["ium", "ium", "ium", "on", "ine", "ium"];

/// Draws names that differ from every real name, and from each other, in more than their vowels.
pub(crate) struct Inventor {
    dice: Dice,
    taken: BTreeSet<String>,
}

impl Inventor {
    /// The names of world `seed`, in a fixed order.
    pub(crate) fn new(seed: u64) -> Self {
        let real = CAPITALS.iter().flat_map(|c| std::iter::once(c.name).chain(c.capitals.iter().copied()));
        let real =
            real.chain(ELEMENTS.iter().map(|e| e.name)).chain(NAMES.iter().copied()).chain(REAL_NAMES.iter().copied());
        Self { dice: Dice::new(seed, "invented", 0), taken: real.map(skeleton).collect() }
    }

    /// `n` new countries, with a capital letter.
    pub(crate) fn countries(&mut self, n: usize) -> Vec<String> {
        let names = self.names(n, COUNTRY_ENDINGS);
        names.into_iter().map(|name| name[..1].to_uppercase() + &name[1..]).collect()
    }

    /// `n` new elements, in small letters.
    pub(crate) fn elements(&mut self, n: usize) -> Vec<String> {
        self.names(n, ELEMENT_ENDINGS)
    }

    /// The space of names is many times larger than what a world takes, so the search ends.
    fn names(&mut self, n: usize, endings: &[&str]) -> Vec<String> {
        let mut names = Vec::with_capacity(n);
        while names.len() < n {
            let middles = if self.dice.chance(0.6) { 2 } else { 1 };
            let mut name = format!("{}{}", self.dice.pick(STARTS), self.dice.pick(VOWELS));
            for middle in 0..middles {
                if middle > 0 {
                    name.push_str(self.dice.word(VOWELS));
                }
                name.push_str(self.dice.word(MIDDLES));
            }
            let ending = *self.dice.pick(endings);
            // An ending in a consonant needs a vowel before it.
            if !ending.starts_with(|c| "aeiou".contains(c)) {
                name.push_str(self.dice.word(VOWELS));
            }
            name.push_str(ending);
            if name.len() <= 12 && self.taken.insert(skeleton(&name)) {
                names.push(name);
            }
        }
        names
    }
}

/// The first letter and the consonants: names that share them are too easy to confuse.
fn skeleton(name: &str) -> String {
    let name = name.strip_prefix("the ").unwrap_or(name);
    name.chars()
        .filter(|c| c.is_alphabetic())
        .flat_map(char::to_lowercase)
        .enumerate()
        .filter(|(i, c)| *i == 0 || !"aeiou".contains(*c))
        .map(|(_, c)| c)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skeleton_ignores_vowels_case_and_article() {
        assert_eq!(skeleton("the Gambia"), "gmb");
        assert_eq!(skeleton("Albania"), skeleton("alboni"));
        assert_ne!(skeleton("Angola"), skeleton("Ongola"));
    }

    #[test]
    fn names_are_new_and_all_different() {
        let mut inventor = Inventor::new(7);
        let mut names = inventor.countries(500);
        names.extend(inventor.elements(500));
        let real: BTreeSet<_> =
            CAPITALS.iter().map(|c| skeleton(c.name)).chain(ELEMENTS.iter().map(|e| skeleton(e.name))).collect();
        assert!(names.iter().all(|n| !real.contains(&skeleton(n))));
        assert_eq!(names.iter().map(|n| skeleton(n)).collect::<BTreeSet<_>>().len(), 1000);
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_alphabetic())));
    }
}
